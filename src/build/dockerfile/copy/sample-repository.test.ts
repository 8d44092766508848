/**
 * Repositories, and servers that give them, for the tests of this folder. It has no tests of its own; the
 * name keeps it out of the published package.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext } from "node:test";
import { defaultLimits } from "../../../base/index.ts";
import { createHttpClient, openCache } from "../../../http/index.ts";
import { TreeRoot } from "../../../tree/index.ts";
import { applyCopy } from "./apply.ts";
import { type RemoteSource } from "./remote.ts";
import { resolveRemotes } from "./resolve-remotes.ts";
import { copyStep, sampleTree, scratchFolder } from "./sample-copy.test.ts";
import { selectSources } from "./selection.ts";

const isThere = spawnSync("git", ["--version"], { stdio: "ignore" }).error === undefined;
export const skip = isThere || process.env["CI"] !== undefined ? false : "git is not installed";

export const commitTime = 1_600_000_000;

export function git(folder: string, ...words: string[]): string {
  return execFileSync("git", ["-c", "init.defaultBranch=main", ...words], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "A",
      GIT_AUTHOR_EMAIL: "a@example.org",
      GIT_AUTHOR_DATE: `${commitTime} +0000`,
      GIT_COMMITTER_NAME: "A",
      GIT_COMMITTER_EMAIL: "a@example.org",
      GIT_COMMITTER_DATE: `${commitTime} +0000`,
    },
  }).trim();
}

async function listen(context: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Gives a repository at `/x.git` as plain files; `asked` are the paths that were asked for. */
export async function serveFiles(
  context: TestContext,
  folder: string,
): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const url = await listen(context, (request, response) => {
    const path = new URL(request.url!, "http://x").pathname;
    asked.push(path);
    try {
      response.end(readFileSync(join(folder, path.replace(/^\/x\.git/, ".git"))));
    } catch {
      response.writeHead(404).end();
    }
  });
  return { url, asked };
}

/** Gives the repositories in a folder by git's own program for servers (git-http-backend(1), a CGI). */
export function serveBackend(context: TestContext, folder: string): Promise<string> {
  return listen(context, (request, response) => {
    const { pathname, search } = new URL(request.url!, "http://x");
    const { headers } = request;
    const child = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: folder,
        GIT_HTTP_EXPORT_ALL: "1",
        PATH_INFO: pathname.replace(/^(\/\w+\.git)/, "$1/.git"),
        QUERY_STRING: search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
        GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
      },
    });
    request.pipe(child.stdin);
    const parts: Buffer[] = [];
    child.stdout.on("data", (part: Buffer) => parts.push(part));
    child.stdout.on("end", () => {
      const bytes = Buffer.concat(parts);
      const end = bytes.indexOf("\r\n\r\n");
      const lines = bytes.subarray(0, end).toString().split("\r\n");
      const fields = new Map(lines.map((line) => line.split(": ", 2) as [string, string]));
      const status = Number.parseInt(fields.get("Status") ?? "200", 10);
      fields.delete("Status");
      response.writeHead(status, Object.fromEntries(fields)).end(bytes.subarray(end + 4));
    });
  });
}

export async function resolveLine(
  context: TestContext,
  line: string,
  scratch: string,
  offline = false,
): Promise<ReadonlyMap<string, RemoteSource>> {
  const client = createHttpClient({ environment: {}, offline });
  context.after(() => client.close());
  const access = { client, cache: openCache(scratch), limits: defaultLimits };
  return resolveRemotes(copyStep(line), { access, scratch });
}

export async function addRepository(context: TestContext, line: string): Promise<TreeRoot> {
  const scratch = scratchFolder(context);
  const remotes = await resolveLine(context, line, scratch);
  const step = copyStep(line);
  const root = new TreeRoot();
  const sources = selectSources(step, sampleTree({}), { remotes, time: 1 });
  await applyCopy(root, step, sources, { limits: defaultLimits, time: 1, scratch });
  return root;
}
