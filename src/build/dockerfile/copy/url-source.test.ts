/** ADD of URLs, against a server on this machine. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { gzipBytes, tarHeader, writeTar } from "../../../archive/index.ts";
import { type Access } from "../../../apk/index.ts";
import { collectBytes, defaultLimits, digestOf, encodeText } from "../../../base/index.ts";
import { createHttpClient, openCache } from "../../../http/index.ts";
import { TreeRoot } from "../../../tree/index.ts";
import { applyCopy } from "./apply.ts";
import { resolveRemotes } from "./resolve-remotes.ts";
import {
  copyStep,
  listTree,
  sampleTree,
  scratchFolder,
  type SampleTree,
} from "./sample-copy.test.ts";
import { selectSources } from "./selection.ts";

interface Served {
  readonly bytes: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server that holds files by their paths, and tells what it was asked for. */
async function serve(context: TestContext, files: Readonly<Record<string, Served>>) {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    asked.push(request.url!);
    const file = files[request.url!];
    if (file === undefined) return void response.writeHead(404).end();
    response.writeHead(file.headers?.["location"] === undefined ? 200 : 302, file.headers);
    response.end(file.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked };
}

function openAccess(context: TestContext, folder: string, offline = false): Access {
  const client = createHttpClient({ environment: {}, retries: 1, offline });
  context.after(() => client.close());
  return { client, cache: openCache(folder), limits: defaultLimits };
}

/** What a step leaves in an empty root. */
async function add(context: TestContext, line: string, access: Access): Promise<TreeRoot> {
  const step = copyStep(line);
  const scratch = scratchFolder(context);
  const remotes = await resolveRemotes(step, { access, scratch });
  const root = new TreeRoot();
  const sources = selectSources(step, sampleTree({ local: "local" }), { remotes, time: 1 });
  await applyCopy(root, step, sources, { limits: defaultLimits, time: 1, scratch });
  return root;
}

const list = async (root: TreeRoot): Promise<SampleTree> => listTree(root.snapshot());
const text: Served = { bytes: encodeText("text") };

test("a file is called as its URL or as the destination says, and private", async (context) => {
  const { url } = await serve(context, {
    "/a/b.txt?x=/y": text,
    "/a%20b": text,
    "/": text,
    "/%2e%2e%2f": text,
    "/moved": { bytes: encodeText(""), headers: { location: "/a%20b" } },
  });
  const access = openAccess(context, scratchFolder(context));
  const cases: readonly (readonly [string, SampleTree])[] = [
    ["/a/b.txt?x=/y /x/", { "x/": "", "x/b.txt": "600 text" }],
    ["/a/b.txt?x=/y /x", { x: "600 text" }],
    ["/a%20b /x/", { "x/": "", "x/a b": "600 text" }],
    ["/ /x/", { "x/": "", "x/__unnamed__": "600 text" }],
    ["/%2e%2e%2f /x/", { "x/": "", "x/__unnamed__": "600 text" }],
    ["/moved /x/", { "x/": "", "x/moved": "600 text" }],
    ["/moved local /x/", { "x/": "", "x/local": "local", "x/moved": "600 text" }],
  ];
  for (const [line, after] of cases)
    assert.deepEqual(await list(await add(context, `ADD ${url}${line}`, access)), after, line);
  const owned = await add(context, `ADD --chown=5:6 --chmod=755 ${url}/moved /x/`, access);
  assert.deepEqual(await list(owned), { "x/": "5:6", "x/moved": "755 5:6 text" });
});

test("a file is dated as the server says, or 1970", async (context) => {
  const headers = { "last-modified": "Wed, 01 Jan 2020 00:00:00 GMT" };
  const { url } = await serve(context, { "/dated": { ...text, headers }, "/other": text });
  const access = openAccess(context, scratchFolder(context));
  const root = await add(context, `ADD ${url}/dated ${url}/other /`, access);
  assert.equal(root.lookup("dated")!.mtime, 1_577_836_800);
  assert.equal(root.lookup("other")!.mtime, 0);
});

test("an archive is unpacked only where that is asked for", async (context) => {
  const items = [{ header: tarHeader({ path: "a", type: "file", uid: 5 }) }];
  const tar = await collectBytes(writeTar(items), 1 << 20, () => new Error("too large"));
  const { url } = await serve(context, { "/a.tar.gz": { bytes: gzipBytes(tar) }, "/b": text });
  const access = openAccess(context, scratchFolder(context));
  const kept = await add(context, `ADD ${url}/a.tar.gz /x/`, access);
  assert.deepEqual(kept.list("x"), ["a.tar.gz"]);
  const unpacked = await add(context, `ADD --unpack=true ${url}/a.tar.gz ${url}/b /x/`, access);
  assert.deepEqual(await list(unpacked), { "x/": "", "x/a": "5:0 ", "x/b": "600 text" });
});

test("a checksum is compared, and saves asking for what is there already", async (context) => {
  const { url, asked } = await serve(context, { "/a": text });
  const folder = scratchFolder(context);
  const access = openAccess(context, folder);
  const digest = digestOf(text.bytes);
  const line = `ADD --checksum=${digest} ${url}/a /x`;
  const step = copyStep(line);
  const remotes = await resolveRemotes(step, { access, scratch: folder });
  assert.equal(remotes.get(`${url}/a`)!.identity, digest);
  assert.deepEqual(asked, []);
  assert.deepEqual(await list(await add(context, line, access)), { x: "600 text" });
  assert.deepEqual(await list(await add(context, line, access)), { x: "600 text" });
  const offline = openAccess(context, folder, true);
  assert.deepEqual(await list(await add(context, line, offline)), { x: "600 text" });
  assert.deepEqual(asked, ["/a"]);
  const wrong = `sha256:${"0".repeat(64)}`;
  await assert.rejects(add(context, `ADD --checksum=${wrong} ${url}/a /x`, access), {
    code: "digest-mismatch",
    message: `ADD ${url}/a: expected the checksum ${wrong}, found ${digest}`,
  });
  await assert.rejects(add(context, `ADD --checksum=md5:1 ${url}/a /x`, access), {
    code: "dockerfile-invalid",
    message: /--checksum=md5:1: expected sha256:/,
  });
});

test("nothing is fetched twice for one step, or offline", async (context) => {
  const { url, asked } = await serve(context, { "/a": text });
  const access = openAccess(context, scratchFolder(context));
  const root = await add(context, `ADD ${url}/a ${url}/a /x/`, access);
  assert.deepEqual(await list(root), { "x/": "", "x/a": "600 text" });
  assert.deepEqual(asked, ["/a"]);
  const offline = openAccess(context, scratchFolder(context), true);
  const step = copyStep(`ADD ${url}/a /x`);
  await assert.rejects(resolveRemotes(step, { access: offline, scratch: "/nonexistent" }), {
    code: "offline",
  });
  await assert.rejects(add(context, `ADD ${url}/gone /x`, access), { code: "http-not-found" });
});
