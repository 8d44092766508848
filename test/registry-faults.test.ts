/**
 * Faults while an image is pulled: each is overcome by the right retry, or ends in the right error;
 * whatever happens, the store holds nothing damaged, and no secret gets about.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "../src/base/index.ts";
import { openStore, parseReference } from "../src/oci/index.ts";
import { assertFolderHolds, assertFolderIntact } from "./image-integrity.ts";
import { failure } from "./refusals.ts";
import { observeRegistries } from "./registry-client.ts";
import {
  always,
  assertOutcome,
  config,
  image,
  impatient,
  layer,
  manifest,
  proxyError,
  startFaulty,
  type FaultCase,
} from "./registry-fault-case.ts";
import { seed } from "./registry-images.ts";
import { startRegistry, type RegistryServer } from "./registry-server.ts";
import * as faults from "./registry-server/faults.ts";
import type { Fault, FaultRule } from "./registry-server/faults.ts";
import { openWorkspace } from "./run-bivy.ts";

const MiB = 1024 * 1024;

function get(path: RegExp, fault: Fault, more: FaultRule = {}): readonly [FaultRule, Fault] {
  return [{ method: "GET", path, ...more }, fault];
}

/** Ranges that were asked for, of what was answered at all. */
function rangesOf({ requests }: RegistryServer): (string | undefined)[] {
  return requests
    .filter(
      ({ path, method, server }) => layer.test(path) && method === "GET" && server === "registry",
    )
    .map(({ headers }) => headers.range);
}

function resumes(registry: RegistryServer): void {
  const [first, second] = rangesOf(registry);
  assert.equal(first, undefined);
  assert.match(String(second), /^bytes=[1-9]\d*-$/);
}

const pulls: Readonly<Record<string, FaultCase>> = {
  "the connection breaks before an answer": { faults: [get(layer, faults.loseAnswer)] },
  "the connection breaks after the headers": {
    faults: [get(layer, faults.breakAnswer(0))],
    waits: 1,
  },
  "the connection breaks after a million bytes": {
    faults: [get(layer, faults.breakAnswer(1_000_000))],
    waits: 1,
    check: resumes,
  },
  "the connection breaks over and over, after good progress": {
    faults: [get(layer, faults.breakAnswer(2 * MiB), always)],
    waits: 2,
    check: resumes,
  },
  "the connection breaks over and over, at the same place": {
    faults: [get(layer, faults.breakAnswer(0), always)],
    code: "http-truncated",
    waits: 2,
  },
  "the connection breaks, and the registry ignores Range": {
    faults: [get(layer, faults.breakAnswer(1_000_000))],
    server: { ranges: false },
    waits: 1,
  },
  "the connection breaks, and the rest is refused with 416": {
    faults: [get(layer, faults.breakAnswer(1_000_000)), get(layer, faults.status(416), { nth: 2 })],
  },
  "the connection breaks, and the rest is another part than was asked for": {
    faults: [
      get(layer, faults.breakAnswer(1_000_000)),
      get(layer, faults.withHeaders({ "content-range": "bytes 2000000-5243391/5243392" }), {
        nth: 2,
      }),
    ],
  },
  "the connection breaks, and the rest is not what it should be": {
    faults: [get(layer, faults.breakAnswer(1_000_000)), get(layer, faults.corrupt(7), { nth: 2 })],
    code: "digest-mismatch",
  },
  "a manifest breaks": { faults: [get(manifest, faults.breakAnswer(100))], waits: 1 },
  "a config breaks": { faults: [get(config, faults.breakAnswer(100))], waits: 1 },
  "429 with Retry-After": {
    faults: [get(layer, faults.status(429, { "retry-after": "7" }))],
    check: (_, waits) => assert.deepEqual(waits, [7000]),
  },
  "429 with Retry-After in an hour": {
    faults: [get(manifest, faults.status(429, { "retry-after": "3600" }))],
    check: (_, waits) => assert.deepEqual(waits, [60_000]),
  },
  "429 without end": {
    faults: [get(layer, faults.status(429), always)],
    code: "http-throttled",
    waits: 2,
  },
  "500 with a page for browsers": { faults: [get(layer, proxyError(500))], waits: 1 },
  "502 with a page for browsers, without end": {
    faults: [get(manifest, proxyError(502), always)],
    code: "http-status",
    waits: 2,
  },
  "503": { faults: [get(manifest, faults.status(503))], waits: 1 },
  "504 without end": {
    faults: [get(config, faults.status(504), always)],
    code: "http-status",
    waits: 2,
  },
  "408": { faults: [get(config, faults.status(408))], waits: 1 },
  "a layer with a wrong digest": {
    faults: [get(layer, faults.corrupt(1_000_000), always)],
    code: "digest-mismatch",
  },
  "a config with a wrong digest": {
    faults: [get(config, faults.corrupt(3), always)],
    code: "digest-mismatch",
  },
  "a manifest with a wrong digest": {
    faults: [get(manifest, faults.corrupt(3), always)],
    code: "digest-mismatch",
  },
  "a layer that is too short": {
    faults: [get(layer, faults.shorten(10), always)],
    code: "digest-mismatch",
  },
  "a layer that is too long": {
    faults: [get(layer, faults.lengthen(10), always)],
    code: "digest-mismatch",
  },
  "a length that promises more than comes": {
    faults: [get(layer, faults.overstate(10))],
    waits: 1,
  },
  "a layer without end": { faults: [get(layer, faults.endless, always)], code: "digest-mismatch" },
  "a config without end": {
    faults: [get(config, faults.endless, always)],
    code: "digest-mismatch",
  },
  "a manifest without end": {
    faults: [get(manifest, faults.endless, always)],
    code: "limit-exceeded",
  },
  "a layer that stalls": {
    faults: [get(layer, faults.stallAnswer(1_000_000))],
    client: impatient,
    waits: 1,
    check: resumes,
  },
  "a manifest that stalls without end": {
    faults: [get(manifest, faults.stallAnswer(10), always)],
    client: impatient,
    code: "http-stalled",
    waits: 2,
  },
  "a layer that drips": {
    faults: [get(layer, faults.drip(64 * 1024, 1))],
    client: impatient,
    waits: 0,
  },
  "a layer that is not there": {
    faults: [get(layer, faults.status(404), always)],
    code: "image-invalid",
  },
  "a manifest that is not there": {
    faults: [get(manifest, faults.status(404), always)],
    code: "image-not-found",
  },
  "a redirect to itself": {
    faults: [
      get(
        layer,
        faults.redirect(({ path }) => path),
        always,
      ),
    ],
    code: "http-redirects",
  },
  "a redirect to a place that is no URL": {
    faults: [
      get(
        layer,
        faults.redirect(() => "http://[oh no"),
        always,
      ),
    ],
    code: "http-redirects",
  },
  "a redirect by a relative path": {
    faults: [
      get(
        layer,
        faults.redirect(({ path }) => `./${path.slice(path.lastIndexOf("/") + 1)}`),
      ),
    ],
    waits: 0,
  },
  "a redirect without Location": {
    faults: [get(layer, faults.answerWith({ status: 307 }), always)],
    code: "http-redirects",
  },
  "a storage server that breaks": {
    server: { storesElsewhere: true },
    faults: [get(layer, faults.breakAnswer(1_000_000), { server: "storage" })],
    waits: 1,
    check: resumes,
  },
  "a storage server that refuses": {
    server: { storesElsewhere: true },
    faults: [get(layer, faults.status(403), { server: "storage", ...always })],
    code: "registry-refused",
  },
  "a token that ends between the parts of a layer": {
    faults: [
      get(layer, faults.breakAnswer(1_000_000)),
      [
        { method: "GET", path: layer, nth: 2 },
        faults.meanwhile((_, registry) => registry.expireTokens()),
      ],
    ],
    check: resumes,
  },
  "no Docker-Content-Digest": {
    faults: [[always, faults.withoutHeader("docker-content-digest")]],
    waits: 0,
  },
  "a Docker-Content-Digest of something else": {
    faults: [
      get(
        manifest,
        faults.withHeaders({ "docker-content-digest": `sha256:${"0".repeat(64)}` }),
        always,
      ),
    ],
    code: "digest-mismatch",
  },
  "a manifest that is no JSON": {
    faults: [
      get(manifest, faults.answerWith({ status: 200, body: Buffer.from("<html>") }), always),
    ],
    code: "image-invalid",
  },
};

for (const [name, each] of Object.entries(pulls))
  test(`pull: ${name}`, async (context) => {
    const pair = await startFaulty(context, each);
    const { registry, client } = pair;
    seed(registry.contents, "a/b", "1", image);
    const store = openStore({ path: openWorkspace(context).path("store") });
    const reference = parseReference(`${registry.host}/a/b:1`);
    const pull = async () =>
      store.put(await client.at(registry.host, "a/b").open(reference), reference);
    await assertOutcome(each, pair, pull);
    assertFolderIntact(store.path);
    if (each.code === undefined) assertFolderHolds(store.path, image);
    else assert.equal(await store.tryGet(reference), undefined);
    // Nothing is in the way of another try.
    registry.heal();
    await pull();
    assertFolderHolds(store.path, image);
  });

test("pull: an abort leaves nothing unfinished", async (context) => {
  const registry = await startRegistry(context);
  seed(registry.contents, "a/b", "1", image);
  const stop = new AbortController();
  const client = observeRegistries(context, { signal: stop.signal });
  const store = openStore({ path: openWorkspace(context).path("store") });
  const reference = parseReference(`${registry.host}/a/b:1`);
  const opened = await client.at(registry.host, "a/b").open(reference);
  const abortSoon = faults.meanwhile(() => void setTimeout(() => stop.abort(), 50));
  registry.fault(
    { method: "GET", path: layer },
    { ...faults.stallAnswer(1_000_000), ...abortSoon },
  );
  assert.equal((await failure(() => store.put(opened, reference))).code, "aborted");
  assertFolderIntact(store.path);
  assert.equal(await store.tryGet(reference), undefined);
});

test("pull: a registry that is not there, and one that is none", async (context) => {
  const client = observeRegistries(context);
  const gone = await failure(() => client.at("127.0.0.1:1", "a/b").open({ tag: "1" }));
  assert.equal(gone.code, "http-unreachable");
  const registry = await startRegistry(context);
  registry.fault(always, proxyError(200));
  const none = await failure(() => client.at(registry.host, "a/b").open({ tag: "1" }));
  assert.equal(none.code, "image-invalid");
});

test("pull: lists that are damaged or hostile", async (context) => {
  const registry = await startRegistry(context);
  seed(registry.contents, "a/b", "1", image);
  const repository = observeRegistries(context).at(registry.host, "a/b");
  const tags = async () => {
    const found: string[] = [];
    for await (const tag of repository.tags()) found.push(tag);
    return found;
  };
  const referrers = () => repository.referrers(image.root.digest as Digest);
  const itself = (link: string) => faults.withHeaders({ link: `<${link}>; rel="next"` });
  const text = (body: string) =>
    faults.answerWith({
      status: 200,
      headers: { "content-type": "application/vnd.oci.image.index.v1+json" },
      body: Buffer.from(body),
    });
  for (const [fault, code] of [
    [itself("?last=1"), "http-invalid"],
    [itself("http://[no"), "http-invalid"],
    [text("<html>"), "image-invalid"],
    [text("[]"), "image-invalid"],
    [faults.endless, "limit-exceeded"],
  ] as const)
    for (const list of [tags, referrers]) {
      registry.fault({ path: /tags|referrers/, ...always }, fault);
      assert.equal((await failure(list)).code, code);
      registry.heal();
    }
  registry.fault({ path: /tags/ }, text('{"tags":["1","\\u001b[2J",5,null,"../x",""]}'));
  assert.deepEqual(await tags(), ["1"]);
  registry.fault({ path: /tags/ }, text('{"tags":null}'));
  assert.deepEqual(await tags(), []);
});
