/**
 * A server on loopback that misbehaves by script, for the tests of this folder. It has no tests of its
 * own; the name keeps it out of the published package.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { execFileSync } from "node:child_process";
import assert from "node:assert/strict";
import { isBivyError, type BivyError, type BivyEvent, type ErrorCode } from "../base/index.ts";
import { createHttpClient, type HttpClient, type HttpClientOptions } from "./index.ts";

export interface Recorded {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type Script = (response: ServerResponse, request: Recorded) => void | Promise<void>;

export interface ScriptedServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly requests: readonly Recorded[];
}

/** Answers the nth request by the nth script, and all further ones by the last. */
export async function scriptedServer(...scripts: Script[]): Promise<ScriptedServer> {
  return listen(undefined, scripts);
}

export async function secureServer(
  identity: { key: string; cert: string },
  ...scripts: Script[]
): Promise<ScriptedServer> {
  return listen(identity, scripts);
}

async function listen(
  identity: { key: string; cert: string } | undefined,
  scripts: Script[],
): Promise<ScriptedServer> {
  const requests: Recorded[] = [];
  const listener: RequestListener = async (incoming, response) => {
    const script = scripts[Math.min(requests.length, scripts.length - 1)]!;
    const parts: Buffer[] = [];
    const recorded = {
      method: incoming.method!,
      url: incoming.url!,
      headers: incoming.headers,
      get body() {
        return Buffer.concat(parts);
      },
    };
    requests.push(recorded);
    try {
      for await (const part of incoming) parts.push(part as Buffer);
      await script(response, recorded);
    } catch {
      response.destroy();
    }
  };
  const server =
    identity === undefined ? createServer(listener) : createSecureServer(identity, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${identity === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function answer(
  status: number,
  body: string | Uint8Array = "",
  headers: Record<string, string> = {},
): Script {
  const length = { "content-length": String(Buffer.byteLength(body)) };
  return (response) =>
    void response.writeHead(status, status === 304 ? headers : { ...length, ...headers }).end(body);
}

/** Announces all of the body, sends the first bytes, and breaks the connection. */
export function dropAfter(
  bytes: number,
  body: Uint8Array,
  headers: Record<string, string> = {},
): Script {
  return (response) => {
    response.writeHead(200, { "content-length": String(body.byteLength), ...headers });
    response.write(body.subarray(0, bytes), () => setImmediate(() => response.destroy()));
  };
}

/** Sends the first bytes, then nothing. */
export function stallAfter(bytes: number, body: Uint8Array): Script {
  return (response) => {
    response.writeHead(200, { "content-length": String(body.byteLength) });
    response.write(body.subarray(0, bytes));
  };
}

/** A file server with a strong ETag that knows `Range`, `If-Range` and `If-None-Match`. */
export function serveFile(body: () => Uint8Array, etag: () => string): Script {
  return (response, recorded) => {
    const { headers } = recorded;
    const bytes = body();
    const common = { etag: etag(), "accept-ranges": "bytes" };
    if (headers["if-none-match"] === etag()) return void response.writeHead(304, common).end();
    const start = /^bytes=(\d+)-$/.exec(headers["range"] ?? "")?.[1];
    if (start === undefined || (headers["if-range"] ?? etag()) !== etag())
      return answer(200, bytes, common)(response, recorded);
    const from = Number(start);
    if (from >= bytes.byteLength) return void response.writeHead(416, common).end();
    response.writeHead(206, {
      ...common,
      "content-range": `bytes ${from}-${bytes.byteLength - 1}/${bytes.byteLength}`,
    });
    response.end(bytes.subarray(from));
  };
}

export interface Observed extends AsyncDisposable {
  readonly client: HttpClient;
  readonly events: BivyEvent[];
  /** Milliseconds that the client would have waited. */
  readonly waits: number[];
}

/** A client that never really waits, draws no jitter, and does not see the environment. */
export function observedClient(options: HttpClientOptions = {}): Observed {
  const events: BivyEvent[] = [];
  const waits: number[] = [];
  const client = createHttpClient({
    environment: {},
    random: () => 0,
    wait: async (milliseconds) => void waits.push(milliseconds),
    events: (event) => events.push(event),
    ...options,
  });
  return { client, events, waits, [Symbol.asyncDispose]: () => client.close() };
}

export async function textOf(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

/** Bytes that are never the same at two places, so that a misplaced piece shows. */
export function patternBytes(size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}

/** Asserts the code, and gives the error for a closer look. */
export async function failsWith(work: Promise<unknown>, code: ErrorCode): Promise<BivyError> {
  try {
    await work;
  } catch (error) {
    assert.ok(isBivyError(error, code), `expected ${code}, found ${String(error)}`);
    return error;
  }
  throw new assert.AssertionError({ message: `expected ${code}, found success` });
}

/** Mounts something for one test; undefined without the right to. */
export function tryMount(folder: string, ...options: string[]): Disposable | undefined {
  try {
    execFileSync("mount", [...options, folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  return { [Symbol.dispose]: () => void execFileSync("umount", ["-l", folder]) };
}
