/** Tests of fetching through the cache: freshness, offline, damage, and caches that cannot be used. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openCache, type Cache } from "./cache.ts";
import { fetchCached, type FetchCachedOptions } from "./fetch-cached.ts";
import { HeldContent } from "./held-content.ts";
import {
  answer,
  dropAfter,
  failsWith,
  observedClient,
  patternBytes,
  scriptedServer,
  serveFile,
  stallAfter,
  textOf,
  tryMount,
  type ScriptedServer,
} from "./scripted-server.test.ts";

interface Scene {
  server: ScriptedServer;
  cache: Cache;
  folder: string;
  body: string;
  etag: string;
}

async function scene(context: TestContext): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "bivy-test-"));
  const made = { folder, cache: openCache(folder), body: "one", etag: '"v1"' } as Scene;
  made.server = await scriptedServer(
    serveFile(
      () => Buffer.from(made.body),
      () => made.etag,
    ),
  );
  context.after(async () => {
    await made.server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  return made;
}

async function fetchText(options: FetchCachedOptions): Promise<string> {
  const content = await fetchCached(options);
  const text = await textOf(content.chunks());
  assert.equal(content.size, Buffer.byteLength(text));
  return `${text} ${content.fromCache ? "cached" : "fetched"}`;
}

test("always: asks each time, with the validators of the copy", async (context) => {
  const at = await scene(context);
  await using observed = observedClient();
  const options = {
    client: observed.client,
    cache: at.cache,
    url: `${at.server.url}/f`,
    revalidate: "always",
  } as const;
  assert.equal(await fetchText(options), "one fetched");
  assert.equal(await fetchText(options), "one cached");
  assert.equal(at.server.requests[1]!.headers["if-none-match"], '"v1"');
  Object.assign(at, { body: "two", etag: '"v2"' });
  assert.equal(await fetchText(options), "two fetched");
  assert.equal(await fetchText(options), "two cached");
  assert.equal(at.server.requests.length, 4);
});

test("never: asks once, and credentials are no part of the key", async (context) => {
  const at = await scene(context);
  await using observed = observedClient();
  const options = { client: observed.client, cache: at.cache, revalidate: "never" } as const;
  const url = `${at.server.url}/f`;
  assert.equal(await fetchText({ ...options, url: url.replace("//", "//u:p@") }), "one fetched");
  assert.equal(await fetchText({ ...options, url }), "one cached");
  assert.equal(at.server.requests.length, 1);
});

test("an age: asks when the copy was last checked too long ago, or in the future", async (context) => {
  const at = await scene(context);
  await using observed = observedClient();
  const fetchAt = (now: number) =>
    fetchText({
      client: observed.client,
      cache: at.cache,
      url: at.server.url,
      revalidate: { maxAgeSeconds: 100, now },
    });
  const asked: number[] = [];
  for (const now of [1000, 1100, 1101, 1201, 1202, 900]) {
    await fetchAt(now);
    asked.push(at.server.requests.length);
  }
  assert.deepEqual(asked, [1, 1, 2, 2, 3, 4]);
});

test("offline: the copy, or an error that names the URL", async (context) => {
  const at = await scene(context);
  await using online = observedClient();
  await using observed = observedClient({ offline: true });
  const url = `${at.server.url}/f`;
  const options = { client: observed.client, cache: at.cache, url, revalidate: "always" } as const;
  const error = await failsWith(fetchCached(options), "offline");
  assert.ok(error.message.startsWith(url));
  await fetchCached({ ...options, client: online.client });
  assert.equal(await fetchText(options), "one cached");
  assert.equal(at.server.requests.length, 1);
});

function damage(path: string): void {
  const bytes = readFileSync(path);
  bytes[0] = bytes[0]! ^ 1;
  writeFileSync(path, bytes);
}

test("a damaged copy is fetched anew with a warning; offline it is an error", async (context) => {
  const at = await scene(context);
  await using observed = observedClient();
  await using offline = observedClient({ offline: true });
  const options = {
    client: observed.client,
    cache: at.cache,
    url: at.server.url,
    revalidate: "never",
  } as const;
  damage((await fetchCached(options)).path!);
  assert.equal(await fetchText(options), "one fetched");
  assert.equal(at.server.requests[1]!.headers["if-none-match"], undefined);
  const warning = observed.events.find(({ type }) => type === "warning");
  assert.match(JSON.stringify(warning), /the cached copy is damaged: expected sha256/);
  damage((await fetchCached(options)).path!);
  const error = await failsWith(
    fetchCached({ ...options, client: offline.client }),
    "cache-corrupt",
  );
  assert.match(error.hint!, /without --offline/);
});

test("a copy of another size than expected is fetched anew", async (context) => {
  const at = await scene(context);
  await using observed = observedClient();
  const options = {
    client: observed.client,
    cache: at.cache,
    url: at.server.url,
    revalidate: "never",
  } as const;
  await fetchCached(options);
  at.body = "three";
  assert.equal(await fetchText({ ...options, expectedSize: 5 }), "three fetched");
});

test("callers of one thing share one download, and each may leave", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "bivy-test-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await using server = await scriptedServer(async (response) => {
    await gate;
    response.end("shared");
  });
  await using observed = observedClient();
  const cache = openCache(folder);
  const options = { client: observed.client, cache, url: server.url, revalidate: "never" } as const;
  const leaver = new AbortController();
  const leaving = failsWith(fetchCached({ ...options, signal: leaver.signal }), "aborted");
  const staying = [fetchText(options), fetchText(options)];
  leaver.abort();
  await leaving;
  release();
  assert.deepEqual(await Promise.all(staying), ["shared fetched", "shared fetched"]);
  assert.equal(server.requests.length, 1);
});

test("when the only caller leaves, the download ends and nothing is left", async (context) => {
  const at = await scene(context);
  await using server = await scriptedServer(stallAfter(10, patternBytes(100)), answer(200, "now"));
  await using observed = observedClient();
  const controller = new AbortController();
  const options = {
    client: observed.client,
    cache: at.cache,
    url: server.url,
    revalidate: "never",
  } as const;
  const work = failsWith(fetchCached({ ...options, signal: controller.signal }), "aborted");
  while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  await work;
  assert.equal(await at.cache.read(new URL(server.url).href), undefined);
  assert.equal(await fetchText(options), "now fetched");
});

test("a broken download leaves the old copy in the cache", async (context) => {
  const at = await scene(context);
  await using server = await scriptedServer(answer(200, "old"), dropAfter(5, patternBytes(100)));
  await using observed = observedClient();
  await using offline = observedClient({ offline: true });
  const options = {
    client: observed.client,
    cache: at.cache,
    url: server.url,
    revalidate: "always",
  } as const;
  await fetchCached(options);
  await failsWith(fetchCached(options), "http-truncated");
  assert.equal(await fetchText({ ...options, client: offline.client }), "old cached");
});

test("a cache that cannot be written costs one warning", async (context) => {
  const at = await scene(context);
  const file = join(at.folder, "file");
  writeFileSync(file, "");
  await using observed = observedClient();
  const cache = openCache(join(file, "below"));
  const options = {
    client: observed.client,
    cache,
    url: at.server.url,
    revalidate: "always",
  } as const;
  assert.equal(await fetchText(options), "one fetched");
  assert.equal(await fetchText({ ...options, url: `${at.server.url}/other` }), "one fetched");
  assert.equal(at.server.requests.length, 2);
  const warnings = observed.events.filter(({ type }) => type === "warning");
  assert.equal(warnings.length, 1);
  assert.match(JSON.stringify(warnings), /the cache cannot be written, and is left out/);
});

test("a read-only cache is read, and its copies are still revalidated", async (context) => {
  const at = await scene(context);
  await using observed = observedClient();
  const options = {
    client: observed.client,
    cache: at.cache,
    url: at.server.url,
    revalidate: "always",
  } as const;
  await fetchCached(options);
  using mounted = tryMount(at.folder, "--bind", "-o", "ro", at.folder);
  if (mounted === undefined || !isReadOnly(at.folder))
    return context.skip("needs the right to mount");
  assert.equal(await fetchText(options), "one cached");
  Object.assign(at, { body: "two", etag: '"v2"' });
  assert.equal(await fetchText(options), "two fetched");
  assert.equal(observed.events.filter(({ type }) => type === "warning").length, 1);
});

function isReadOnly(folder: string): boolean {
  try {
    writeFileSync(join(folder, "probe"), "");
    return false;
  } catch {
    return true;
  }
}

test("a disk that fills up costs a warning, and a second download", async (context) => {
  const at = await scene(context);
  const body = patternBytes(3_000_000);
  await using server = await scriptedServer(answer(200, body));
  using mounted = tryMount(at.folder, "-t", "tmpfs", "-o", "size=1m", "tmpfs");
  if (mounted === undefined) return context.skip("needs the right to mount");
  await using observed = observedClient();
  const cache = openCache(at.folder);
  const content = await fetchCached({
    client: observed.client,
    cache,
    url: server.url,
    revalidate: "never",
  });
  const parts: Uint8Array[] = [];
  for await (const part of content.chunks()) parts.push(part);
  assert.ok(Buffer.concat(parts).equals(body));
  assert.equal(content.path, undefined);
  assert.equal(server.requests.length, 2);
  assert.match(JSON.stringify(observed.events), /no space left/);
});

test("held content spills to a file, starts over, and is read again and again", async () => {
  const held = new HeldContent(tmpdir(), 1000);
  const body = patternBytes(700_000);
  await held.write(patternBytes(5000));
  held.restart();
  for (let at = 0; at < body.byteLength; at += 900) await held.write(body.subarray(at, at + 900));
  const content = held.finish("x");
  for (let pass = 0; pass < 2; pass++) {
    const parts: Uint8Array[] = [];
    for await (const part of content.chunks()) parts.push(part);
    assert.ok(Buffer.concat(parts).equals(body));
  }
});
