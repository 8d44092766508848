/** A repository served on loopback, by a server that can be made to fail in chosen ways. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { RepositoryFiles } from "./signed-repository.ts";

/** Answers in place of the file; false leaves it to the server after all. */
export type Misbehaviour = (
  response: ServerResponse,
  file: Buffer,
  request: IncomingMessage,
) => boolean | void;

export interface PackageServer {
  readonly url: string;
  readonly port: number;
  /** Paths as they were asked for, in order. */
  readonly requests: readonly string[];
  /** The headers of the same requests. */
  readonly headers: readonly IncomingMessage["headers"][];
  readonly files: RepositoryFiles;
  /** From now on, every request whose path ends so is answered by this. */
  misbehave(ending: string, how: Misbehaviour): void;
  /** Serves these files, and serves them well. */
  heal(files: RepositoryFiles): void;
  /** Resolves when a path with this ending is asked for. */
  asked(ending: string): Promise<void>;
}

export async function servePackages(
  context: TestContext,
  repository: RepositoryFiles,
): Promise<PackageServer> {
  const files: RepositoryFiles = new Map(repository);
  const requests: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const misbehaviours = new Map<string, Misbehaviour>();
  const waiting = new Map<string, (() => void)[]>();
  const server = createServer((request, response) => {
    // A proxy is asked for a whole URL.
    const path = new URL(request.url ?? "/", "http://proxied").pathname;
    requests.push(request.url ?? "");
    headers.push(request.headers);
    for (const [ending, resolves] of waiting)
      if (path.endsWith(ending)) for (const resolve of resolves) resolve();
    const file = files.get(path.replace(/^\//, ""));
    for (const [ending, how] of misbehaviours)
      if (path.endsWith(ending) && how(response, file ?? Buffer.alloc(0), request) !== false)
        return;
    if (file === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { "content-length": file.byteLength }).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    headers,
    files,
    misbehave: (ending, how) => void misbehaviours.set(ending, how),
    heal: (well) => {
      misbehaviours.clear();
      for (const [path, bytes] of well) files.set(path, bytes);
    },
    asked: (ending) =>
      new Promise((resolve) => {
        waiting.set(ending, [...(waiting.get(ending) ?? []), resolve]);
      }),
  };
}
