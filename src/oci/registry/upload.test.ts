/** Tests of uploads: whole, in pieces, broken, lost, mounted. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { observeRegistries } from "../../../test/registry-client.ts";
import { startRegistry, type RegistryServerOptions } from "../../../test/registry-server.ts";
import { repositoryOf } from "../../../test/registry-server/contents.ts";
import {
  answerWith,
  breakRequest,
  loseAnswer,
  status,
  withHeaders,
  type Fault,
  type FaultRule,
} from "../../../test/registry-server/faults.ts";
import { BivyError } from "../../base/index.ts";
import { type BlobContent } from "../blobs.ts";
import { failsWith, sampleBlob } from "./sample-blobs.test.ts";

const large = sampleBlob(6_000_000);
const small = sampleBlob(10_000);

async function open(context: TestContext, options: RegistryServerOptions = {}) {
  const server = await startRegistry(context, options);
  const registries = observeRegistries(context);
  const repository = registries.at(server.host, "a/b");
  return {
    server,
    registries,
    repository,
    sink: repository.sink(),
    stored: (digest: string) => {
      const blob = repositoryOf(server.contents, "a/b").blobs.get(digest);
      return blob === undefined ? undefined : Buffer.concat([...blob.chunks(0)]);
    },
    /** Methods alone, without the look whether it is there. */
    methods: () =>
      server
        .story()
        .map((line) => line.split(" ")[0])
        .slice(2)
        .join(" "),
  };
}

test("what is small goes with the PUT, what is large as one PATCH, what is there not at all", async (context) => {
  const { sink, stored, methods, server } = await open(context);
  await sink.putBlob(small);
  assert.equal(methods(), "POST PUT");
  server.heal();
  await sink.putBlob(large);
  assert.deepEqual(
    server.requests.map(({ method, status: code, received }) => [method, code, received]),
    [
      ["HEAD", 404, 0],
      ["POST", 202, 0],
      ["PATCH", 202, 6_000_000],
      ["PUT", 201, 0],
    ],
  );
  assert.deepEqual(stored(small.descriptor.digest), small.bytes);
  assert.deepEqual(stored(large.descriptor.digest), large.bytes);
  server.heal();
  await sink.putBlob(large);
  assert.equal(server.story().length, 1);
  assert.equal(server.contents.sessions.size, 0);
});

/** What goes wrong, and the methods that follow the POST. */
const troubles: readonly [string, RegistryServerOptions, FaultRule, Fault, RegExp][] = [
  [
    "a connection that breaks: the session says where it is",
    {},
    { method: "PATCH" },
    breakRequest(2_000_000),
    /^POST PATCH GET PATCH PUT$/,
  ],
  [
    "a session that forgets what broke: another one",
    { keepsBrokenChunks: false },
    { method: "PATCH" },
    breakRequest(2_000_000),
    /^POST PATCH GET DELETE POST PATCH PUT$/,
  ],
  [
    "503: after some time",
    {},
    { method: "PATCH" },
    status(503),
    /^POST PATCH GET DELETE POST PATCH PUT$/,
  ],
  [
    "a session that is lost",
    {},
    { method: "PATCH" },
    status(404),
    /^POST PATCH DELETE POST PATCH PUT$/,
  ],
  ["a lost answer to PATCH", {}, { method: "PATCH" }, loseAnswer, /^POST PATCH GET PUT$/],
  ["a lost answer to PUT", {}, { method: "PUT" }, loseAnswer, /^POST PATCH PUT (PUT )?HEAD$/],
  ["PUT that fails at first", {}, { method: "PUT" }, status(500), /^POST PATCH PUT PUT$/],
  [
    "PUT to a lost session",
    {},
    { method: "PUT" },
    status(404),
    /^POST PATCH PUT HEAD DELETE POST PATCH PUT$/,
  ],
  [
    "a Range that makes no sense",
    {},
    { method: "PATCH" },
    withHeaders({ range: "0-99999999" }),
    /^POST PATCH DELETE POST PATCH PUT$/,
  ],
  [
    "a request that is too large: smaller pieces",
    {},
    { method: "PATCH" },
    answerWith({ status: 413 }),
    /^POST PATCH GET DELETE POST( PATCH){4,5} PUT$/,
  ],
];

for (const [name, options, rule, fault, expected] of troubles)
  test(`mended: ${name}`, async (context) => {
    const { server, sink, stored, methods } = await open(context, options);
    server.fault(rule, fault);
    await sink.putBlob(large);
    assert.match(methods(), expected);
    assert.deepEqual(stored(large.descriptor.digest), large.bytes);
    assert.equal(server.contents.sessions.size, 0);
  });

test("416 leads to where the session is", async (context) => {
  const { server, sink, stored, methods } = await open(context);
  server.fault({ method: "PATCH" }, breakRequest(1_000_000));
  server.fault({ method: "GET", path: /uploads/ }, withHeaders({ range: "0-1500000" }));
  await sink.putBlob(large);
  assert.equal(methods(), "POST PATCH GET PATCH GET PATCH PUT");
  assert.deepEqual(stored(large.descriptor.digest), large.bytes);
});

test("pieces are as large as the registry wants them at least", async (context) => {
  const { server, sink } = await open(context, { minimumChunk: 2_500_000 });
  server.fault({ method: "PATCH" }, answerWith({ status: 413 }));
  await sink.putBlob(large);
  const sent = server.requests.filter(({ method }) => method === "PATCH").slice(1);
  assert.deepEqual(
    sent.map(({ received }) => received),
    [2_500_000, 2_500_000, 1_000_000],
  );
});

test("a registry that keeps failing is given up, and the session cancelled", async (context) => {
  const { server, sink, registries } = await open(context);
  server.fault({ method: "PATCH", times: 99 }, status(503, { "retry-after": "7" }));
  const error = await failsWith(sink.putBlob(large), "http-status");
  assert.match(error.message, /blob sha256:.*HTTP 503/);
  assert.deepEqual(registries.waits, [7000, 7000]);
  assert.equal(server.contents.sessions.size, 0);
});

test("progress makes up for failures, but not for ever", async (context) => {
  const blob = sampleBlob(12_000_000);
  const { server, sink, stored } = await open(context);
  server.fault({ method: "PATCH", times: 5 }, breakRequest(2_000_000));
  await sink.putBlob(blob);
  assert.deepEqual(stored(blob.descriptor.digest), blob.bytes);
  const forgetful = await open(context, { keepsBrokenChunks: false });
  forgetful.server.fault({ method: "PATCH", times: 99 }, breakRequest(2_000_000));
  await failsWith(forgetful.sink.putBlob(blob), "http-unreachable");
});

test("a content that is not what it should be is never committed", async (context) => {
  const { server, sink } = await open(context);
  for (const blob of [small, large]) {
    const content = {
      size: blob.content.size,
      async *chunks() {
        yield* blob.content.chunks();
        throw new BivyError("digest-mismatch", "on purpose");
      },
    };
    await failsWith(sink.putBlob({ ...blob, content }), "digest-mismatch");
  }
  assert.doesNotMatch(server.story().join("\n"), /PUT/);
  assert.equal(server.contents.sessions.size, 0);
});

test("a registry that stored something else is found out", async (context) => {
  const { server, sink } = await open(context);
  server.fault(
    { method: "PUT" },
    withHeaders({ "docker-content-digest": sampleBlob(4).descriptor.digest }),
  );
  await failsWith(sink.putBlob(small), "digest-mismatch");
});

test("an abort cancels the session", async (context) => {
  const server = await startRegistry(context);
  const stop = new AbortController();
  const registries = observeRegistries(context, { signal: stop.signal });
  const content = {
    size: large.content.size,
    async *chunks() {
      yield large.bytes.subarray(0, 1_000_000);
      stop.abort();
      yield large.bytes.subarray(1_000_000);
    },
  };
  const sink = registries.at(server.host, "a/b").sink();
  await failsWith(sink.putBlob({ ...large, content }), "aborted");
  assert.match(server.story().join("\n"), /^DELETE/m);
  assert.equal(server.contents.sessions.size, 0);
});

const neighbour = (registry: string, repository = "c/d"): BlobContent => ({
  ...large.content,
  repository: { registry, repository },
});

test("a blob of a neighbour is mounted, or else uploaded in the same session", async (context) => {
  const { server, sink, registries, methods } = await open(context);
  await registries.at(server.host, "c/d").sink().putBlob(large);
  server.heal();
  await sink.putBlob({ ...large, content: neighbour(server.host) });
  assert.equal(server.requests.at(-1)!.status, 201);
  assert.equal(server.requests.length, 2);
  const without = await open(context, { mounts: false });
  await without.sink.putBlob({ ...large, content: neighbour(without.server.host) });
  assert.equal(without.methods(), "POST PATCH PUT");
  assert.equal(methods(), "");
});

test("nothing is mounted from the same repository, or from another registry", async (context) => {
  for (const place of ["same", "other"]) {
    const { server, sink } = await open(context);
    const content =
      place === "same" ? neighbour(server.host, "a/b") : neighbour("registry.example.com");
    await sink.putBlob({ ...large, content });
    assert.ok(server.requests.every(({ query }) => !query.has("mount")));
  }
});

test("a mount that is not allowed is an upload", async (context) => {
  const { server, sink, stored } = await open(context);
  server.fault({ method: "POST" }, status(403));
  await sink.putBlob({ ...large, content: neighbour(server.host) });
  assert.deepEqual(stored(large.descriptor.digest), large.bytes);
});

test("uploads go where the registry says, and a query that is there stays", async (context) => {
  for (const options of [{ locations: "absolute" }, { uploadsElsewhere: true }] as const) {
    const { server, sink, stored } = await open(context, options);
    await sink.putBlob(large);
    assert.deepEqual(stored(large.descriptor.digest), large.bytes);
    const put = server.requests.find(({ method }) => method === "PUT")!;
    assert.ok(put.query.has("_state") && put.query.has("digest"));
    assert.equal(put.server, "uploadsElsewhere" in options ? "storage" : "registry");
  }
});

test("a registry that has all of it before the end is believed", async (context) => {
  const { server, sink } = await open(context);
  const { digest } = large.descriptor;
  server.fault(
    { method: "PATCH" },
    answerWith({ status: 201, headers: { "docker-content-digest": digest } }),
  );
  await sink.putBlob(large);
  assert.doesNotMatch(server.story().join("\n"), /PUT|DELETE/);
});
