/** A case on disk: its context, Dockerfile, secrets and web files, as a builder is given them. */
import { createServer } from "node:net";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DockerfileCase } from "./cases.ts";
import { writeFiles, type FileTable } from "./files.ts";

/** Where the test's servers are. */
export interface Servers {
  /** Host and port. */
  readonly registry: string;
  /** The URL of the case's files. */
  readonly web: string;
}

export interface PlacedCase {
  readonly name: string;
  readonly context: string;
  /** The words of `buildah build` and `bivy build`, but for the destination and the context. */
  readonly words: readonly string[];
}

/** Puts a case into a folder, which is made; `file` is an agent's socket where the case wants one. */
export async function placeCase(
  folder: string,
  each: DockerfileCase,
  servers: Servers,
  socket: string | undefined,
): Promise<PlacedCase> {
  const context = join(folder, "context");
  const write = (path: string, table: FileTable) => writeFiles(path, inTable(table, servers));
  await write(context, each.context ?? {});
  const file = join(context, each.file ?? "Dockerfile");
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, inText(wholeText(each), servers));
  const words = ["-f", file];
  for (const [name, value] of Object.entries(each.contexts ?? {})) {
    const place = join(folder, "contexts", name);
    if (typeof value !== "string") await write(place, value);
    const source = typeof value === "string" ? inText(value, servers) : place;
    words.push("--build-context", `${name}=${source}`);
  }
  for (const [name, value] of Object.entries(each.arguments ?? {}))
    words.push("--build-arg", `${name}=${inText(value, servers)}`);
  for (const [id, text] of Object.entries(each.secrets ?? {})) {
    const source = join(folder, "secrets", id);
    mkdirSync(join(source, ".."), { recursive: true });
    writeFileSync(source, text);
    words.push("--secret", `id=${id},src=${source}`);
  }
  if (each.target !== undefined) words.push("--target", each.target);
  if (socket !== undefined) words.push("--ssh", `default=${socket}`);
  return { name: each.name, context, words };
}

function wholeText({ dockerfile, repeat }: DockerfileCase): string {
  if (repeat === undefined) return dockerfile;
  const lines = Array.from({ length: repeat.times }, (_, index) =>
    repeat.line.replaceAll("{n}", String(index + 1)),
  );
  return `${dockerfile}${lines.join("\n")}\n`;
}

function inText(text: string, { registry, web }: Servers): string {
  return text.replaceAll("http://web.test", web).replaceAll("registry.test", registry);
}

/** Other Dockerfiles may stand in a context. */
function inTable(table: FileTable, servers: Servers): FileTable {
  return Object.fromEntries(
    Object.entries(table).map(([path, entry]) => [
      path,
      typeof entry === "string" ? inText(entry, servers) : entry,
    ]),
  );
}

/** A socket at which an agent listens that knows no key. */
export async function listenAsAgent(path: string): Promise<{ close(): void }> {
  const server = createServer((connection) => connection.destroy());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}
