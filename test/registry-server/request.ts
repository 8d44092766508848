/** Requests that reach a registry or one of the servers beside it, as they are logged and handled. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** The registry, the server that gives tokens, or the one that keeps blobs for the registry. */
export type ServerName = "registry" | "token" | "storage";

export interface RegistryRequest {
  readonly server: ServerName;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body as it comes; breaks where the connection does. */
  body(): AsyncIterable<Uint8Array>;
}

/** A request as the log keeps it. */
export interface LoggedRequest {
  readonly server: ServerName;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body of a request to the token server; of others only its size is kept. */
  readonly form?: string;
  /** Bytes of the body that were read. */
  received: number;
  /** Undefined while there is no answer, or when the connection broke before it. */
  status?: number;
}

export interface OpenedRequest {
  readonly request: RegistryRequest;
  readonly logged: LoggedRequest;
  /** From now on the connection breaks once so many bytes of the body were read. */
  breakBodyAfter(bytes: number): void;
}

const logsBodiesUpTo = 16 * 1024;

export function openRequest(server: ServerName, incoming: IncomingMessage): OpenedRequest {
  const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://registry.invalid");
  const method = incoming.method ?? "GET";
  const { headers } = incoming;
  const kept: Uint8Array[] = [];
  const logged: LoggedRequest = {
    server,
    method,
    path: pathname,
    query: searchParams,
    headers,
    get form() {
      return Buffer.concat(kept).toString("latin1");
    },
    received: 0,
  };
  let breaksAfter = Infinity;
  async function* body(): AsyncGenerator<Uint8Array> {
    if (breaksAfter === 0) incoming.destroy();
    for await (const chunk of incoming) {
      const bytes = (chunk as Buffer).subarray(0, breaksAfter - logged.received);
      logged.received += bytes.byteLength;
      if (server === "token" && logged.received <= logsBodiesUpTo) kept.push(bytes);
      yield bytes;
      if (logged.received >= breaksAfter) break;
    }
    // `break` above has destroyed the stream, and the connection with it.
    if (logged.received >= breaksAfter) throw new Error("the connection was broken on purpose");
  }
  return {
    request: { server, method, path: pathname, query: searchParams, headers, body },
    logged,
    breakBodyAfter(bytes) {
      breaksAfter = bytes;
    },
  };
}

export async function readBody(request: RegistryRequest): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of request.body()) parts.push(part);
  return Buffer.concat(parts);
}
