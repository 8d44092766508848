/**
 * Faults while an image is pushed: each is overcome by the right retry, or ends in the right error;
 * whatever happens, the registry holds nothing damaged, no upload is left open, and no secret gets about.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertRegistryHolds } from "./image-integrity.ts";
import { failure } from "./refusals.ts";
import { observeRegistries } from "./registry-client.ts";
import {
  always,
  assertOutcome,
  image,
  impatient,
  manifest,
  proxyError,
  startFaulty,
  type FaultCase,
} from "./registry-fault-case.ts";
import { imageOfSize, openRaw } from "./registry-images.ts";
import { startRegistry, type RegistryServer } from "./registry-server.ts";
import { damaged } from "./registry-server/contents.ts";
import * as faults from "./registry-server/faults.ts";
import type { Fault, FaultRule } from "./registry-server/faults.ts";
import { openWorkspace } from "./run-bivy.ts";

const MiB = 1024 * 1024;
const uploads = /uploads/;

function on(method: string, fault: Fault, more: FaultRule = {}): readonly [FaultRule, Fault] {
  return [{ method, path: uploads, ...more }, fault];
}

function putManifest(fault: Fault, more: FaultRule = {}): readonly [FaultRule, Fault] {
  return [{ method: "PUT", path: manifest, ...more }, fault];
}

const loseSession = faults.meanwhile(({ path }, { contents }) => {
  contents.sessions.delete(path.slice(path.lastIndexOf("/") + 1));
});
const storedOther = faults.withHeaders({ "docker-content-digest": `sha256:${"0".repeat(64)}` });

/** Where the chunks of the layer began. */
function chunkStarts({ requests }: RegistryServer): number[] {
  return requests
    .filter(({ method }) => method === "PATCH")
    .map(({ headers }) => Number(/^(\d+)-/.exec(headers["content-range"] ?? "0-")![1]));
}

/** Nobody but the registry knows of that session. */
const orphaned = "the beginning of a session gets lost";

const pushes: Readonly<Record<string, FaultCase>> = {
  "the connection breaks at once": { faults: [on("PATCH", faults.breakRequest(0))], waits: 1 },
  "the connection breaks after a byte": { faults: [on("PATCH", faults.breakRequest(1))], waits: 1 },
  "the connection breaks after a million bytes": {
    faults: [on("PATCH", faults.breakRequest(1_000_000))],
    waits: 1,
    check: (registry) => assert.deepEqual(chunkStarts(registry), [0, 1_000_000]),
  },
  "the connection breaks twice": {
    faults: [
      on("PATCH", faults.breakRequest(1_000_000)),
      on("PATCH", faults.breakRequest(2_000_000), { nth: 2 }),
    ],
    waits: 2,
    check: (registry) => assert.deepEqual(chunkStarts(registry), [0, 1_000_000, 3_000_000]),
  },
  "the connection breaks, and what came is forgotten": {
    faults: [on("PATCH", faults.breakRequest(1_000_000))],
    server: { keepsBrokenChunks: false },
    waits: 1,
    check: (registry) => assert.deepEqual(chunkStarts(registry), [0, 0]),
  },
  "the connection breaks, and the session is lost": {
    faults: [on("PATCH", faults.breakRequest(1_000_000)), on("GET", loseSession)],
    waits: 1,
    check: (registry) => assert.deepEqual(chunkStarts(registry), [0, 0]),
  },
  "the connection breaks over and over": {
    faults: [on("PATCH", faults.breakRequest(1000), always)],
    code: "http-unreachable",
    waits: 2,
  },
  "a chunk arrives, and its answer does not": {
    faults: [on("PATCH", faults.loseAnswer)],
    waits: 1,
    check: (registry) => assert.deepEqual(chunkStarts(registry), [0]),
  },
  "the session is lost before a chunk": { faults: [on("PATCH", loseSession)], waits: 1 },
  "the session is lost before the end": { faults: [on("PUT", loseSession)], waits: 1 },
  "the session is lost each time": {
    faults: [on("PATCH", loseSession, always)],
    code: "registry-refused",
    waits: 2,
  },
  [orphaned]: { faults: [on("POST", faults.loseAnswer)] },
  "the end of a session gets lost": { faults: [on("PUT", faults.loseAnswer)] },
  "a chunk is refused with 416": { faults: [on("PATCH", faults.status(416))], waits: 1 },
  "a chunk is refused with 416 over and over": {
    faults: [on("PATCH", faults.status(416), always)],
    code: "registry-refused",
    waits: 2,
  },
  "a chunk is too large for a proxy": {
    faults: [
      [
        { method: "PATCH", ...always },
        {
          instead: ({ headers }) =>
            Number(headers["content-length"]) > 2 * MiB ? { status: 413 } : undefined,
        },
      ],
    ],
    waits: 0,
    check: (registry) => assert.ok(chunkStarts(registry).length > 3),
  },
  "a chunk is too large for a proxy, however small": {
    faults: [on("PATCH", faults.status(413), always)],
    code: "registry-refused",
  },
  "the token ends before a chunk is read": {
    faults: [
      on(
        "PATCH",
        faults.meanwhile((_, registry) => registry.expireTokens()),
      ),
    ],
    waits: 0,
  },
  "429 with Retry-After for a chunk": {
    faults: [on("PATCH", faults.status(429, { "retry-after": "9" }))],
    check: (_, waits) => assert.deepEqual(waits, [9000]),
  },
  "429 with Retry-After for the end": {
    faults: [on("PUT", faults.status(429, { "retry-after": "9" }))],
    check: (_, waits) => assert.deepEqual(waits, [9000]),
  },
  "429 for the beginning, without end": {
    faults: [on("POST", faults.status(429), always)],
    code: "http-throttled",
    check: (_, waits) => assert.ok(waits.length >= 2),
  },
  "500 for a chunk": { faults: [on("PATCH", proxyError(500))], waits: 1 },
  "502 for the beginning": { faults: [on("POST", proxyError(502))], waits: 1 },
  "503 for the end": { faults: [on("PUT", faults.status(503))], waits: 1 },
  "503 for chunks, without end": {
    faults: [on("PATCH", faults.status(503), always)],
    code: "http-status",
    waits: 2,
  },
  "504 for the manifest": { faults: [putManifest(faults.status(504))], waits: 1 },
  "500 for the manifest, without end": {
    faults: [putManifest(proxyError(500), always)],
    code: "http-status",
    waits: 2,
  },
  "the answer to the manifest gets lost": { faults: [putManifest(faults.loseAnswer)] },
  "the manifest is refused": {
    faults: [putManifest(faults.status(400), always)],
    code: "registry-refused",
    waits: 0,
  },
  "another blob is said to be stored": {
    faults: [on("PUT", storedOther, always)],
    code: "digest-mismatch",
  },
  "another manifest is said to be stored": {
    faults: [putManifest(storedOther, always)],
    code: "digest-mismatch",
  },
  "a chunk stalls": {
    faults: [on("PATCH", faults.stallAnswer(-1))],
    client: impatient,
    waits: 1,
    check: (registry) => assert.deepEqual(chunkStarts(registry), [0]),
  },
  "HEAD is not supported": {
    faults: [[{ method: "HEAD", ...always }, faults.status(405)]],
    waits: 0,
  },
  "500 for HEAD": { faults: [[{ method: "HEAD" }, faults.status(500)]], waits: 1 },
  "a session without a Location": {
    faults: [on("POST", faults.withoutHeader("location"), always)],
    code: "http-invalid",
  },
  "a chunk without a Location and a Range": {
    faults: [
      on("PATCH", {
        change: (answer) => ({ ...answer, headers: { location: answer.headers!["location"]! } }),
      }),
    ],
    waits: 0,
  },
  "a Range that says that less arrived": {
    faults: [
      [
        { method: "PATCH" },
        { breaksRequestAfter: Infinity, change: faults.withHeaders({ range: "0-99" }).change! },
      ],
    ],
  },
  "a chunk that is sent on to another place": {
    faults: [
      on(
        "PATCH",
        faults.redirect(({ path, query }) => `${path}?${query}`),
      ),
    ],
    waits: 0,
  },
  "a chunk that is sent on to itself": {
    faults: [
      on(
        "PATCH",
        faults.redirect(({ path, query }) => `${path}?${query}`),
        always,
      ),
    ],
    code: "http-redirects",
  },
  "another host for uploads that breaks": {
    server: { uploadsElsewhere: true },
    faults: [on("PATCH", faults.breakRequest(1_000_000), { server: "storage" })],
    waits: 1,
    check: (registry) => assert.deepEqual(chunkStarts(registry), [0, 1_000_000]),
  },
};

for (const [name, each] of Object.entries(pushes))
  test(`push: ${name}`, async (context) => {
    const pair = await startFaulty(context, each);
    const { registry, client } = pair;
    const raw = await openRaw(openWorkspace(context), image);
    const push = () => client.at(registry.host, "a/b").put(raw, { tag: "1" });
    await assertOutcome(each, pair, push);
    assert.deepEqual(damaged(registry.contents), []);
    if (each.code === undefined) assertRegistryHolds(registry.contents, "a/b", "1", image);
    if (each.code === undefined && name !== orphaned)
      assert.equal(registry.contents.sessions.size, 0, "no upload is left open");
    // Where the registry says that it stored something else, it may have stored what it was sent.
    if (each.code !== undefined && each.code !== "digest-mismatch")
      assert.equal(registry.contents.repositories.get("a/b")?.tags.size ?? 0, 0);
    registry.heal();
    await push();
    assertRegistryHolds(registry.contents, "a/b", "1", image);
  });

test("push: an abort ends the upload", async (context) => {
  const registry = await startRegistry(context);
  const stop = new AbortController();
  const client = observeRegistries(context, { signal: stop.signal });
  const raw = await openRaw(openWorkspace(context), image);
  const abortSoon = faults.meanwhile(() => void setTimeout(() => stop.abort(), 50));
  registry.fault({ method: "PATCH" }, { ...faults.stallAnswer(-1), ...abortSoon });
  const push = () => client.at(registry.host, "a/b").put(raw, { tag: "1" });
  assert.equal((await failure(push)).code, "aborted");
  assert.equal(registry.contents.sessions.size, 0, "the registry was told");
  assert.equal(registry.contents.repositories.get("a/b")?.tags.size ?? 0, 0);
});

test("push: a source that is damaged is not pushed, and does not try the registry's patience", async (context) => {
  const registry = await startRegistry(context);
  const client = observeRegistries(context);
  for (const size of [100, 5 * MiB]) {
    const whole = await imageOfSize(size);
    const blobs = new Map(whole.blobs);
    const largest = [...blobs].sort(([, a], [, b]) => b.byteLength - a.byteLength)[0]!;
    const changed = Buffer.from(largest[1]);
    changed[changed.byteLength - 1]! ^= 1;
    blobs.set(largest[0], changed);
    const raw = await openRaw(openWorkspace(context), { ...whole, blobs });
    const push = () => client.at(registry.host, "a/b").put(raw, { tag: "1" });
    assert.equal((await failure(push)).code, "digest-mismatch");
    assert.deepEqual(client.waits, [], JSON.stringify(client.events));
    assert.deepEqual(damaged(registry.contents), []);
    assert.equal(registry.contents.sessions.size, 0);
  }
});
