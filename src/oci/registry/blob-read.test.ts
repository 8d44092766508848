/** Tests of reading blobs: broken, resumed, redirected, and never silently wrong. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { observeRegistries } from "../../../test/registry-client.ts";
import { startRegistry, type RegistryServerOptions } from "../../../test/registry-server.ts";
import { blobOf, repositoryOf } from "../../../test/registry-server/contents.ts";
import * as faults from "../../../test/registry-server/faults.ts";
import { concatBytes, type Chunks } from "../../base/index.ts";
import { failsWith, sampleBlob } from "./sample-blobs.test.ts";

const blob = sampleBlob(3_000_000);
const { digest } = blob.descriptor;

async function open(context: TestContext, options: RegistryServerOptions = {}) {
  const server = await startRegistry(context, options);
  repositoryOf(server.contents, "a/b").blobs.set(digest, blobOf([blob.bytes]));
  const registries = observeRegistries(context, { http: { stallMilliseconds: 300 } });
  const read = async () =>
    collect(registries.at(server.host, "a/b").blob(blob.descriptor).chunks());
  const gets = () =>
    server.requests.filter(({ method, path }) => method === "GET" && path !== "/v2/");
  return { server, registries, read, gets };
}

async function collect(chunks: Chunks): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return concatBytes(parts);
}

const range = { method: "GET", path: /blobs/ };

/** What goes wrong with the first answers, and the ranges that are asked for. */
const broken: readonly [string, RegistryServerOptions, readonly faults.Fault[], RegExp][] = [
  ["nothing", {}, [], /^all$/],
  ["it breaks", {}, [faults.breakAnswer(1_000_000)], /^all bytes=\d+-$/],
  ["it stalls", {}, [faults.stallAnswer(1_000_000)], /^all bytes=\d+-$/],
  [
    "it breaks twice",
    {},
    [faults.breakAnswer(500_000), faults.breakAnswer(500_000)],
    /^all bytes=\d+- bytes=\d+-$/,
  ],
  ["no ranges", { ranges: false }, [faults.breakAnswer(1_000_000)], /^all bytes=\d+-$/],
  ["416", {}, [faults.breakAnswer(1_000_000), faults.status(416)], /^all bytes=\d+- all$/],
  [
    "another range",
    {},
    [
      faults.breakAnswer(1_000_000),
      faults.withHeaders({ "content-range": "bytes 2999990-2999999/3000000" }),
    ],
    /^all bytes=\d+- all$/,
  ],
  ["503", {}, [faults.status(503)], /^all all$/],
  ["the answer is lost", {}, [faults.loseAnswer], /^all all$/],
];

for (const [name, options, list, expected] of broken)
  test(`read whole: ${name}`, async (context) => {
    const { server, read, gets } = await open(context, options);
    for (const [index, fault] of list.entries()) server.fault({ ...range, nth: index + 1 }, fault);
    assert.deepEqual(await read(), Buffer.from(blob.bytes));
    assert.match(
      gets()
        .map(({ headers }) => headers.range ?? "all")
        .join(" "),
      expected,
    );
  });

test("a registry that breaks again and again is given up", async (context) => {
  const { server, read, registries } = await open(context);
  server.fault({ ...range, times: 99 }, faults.breakAnswer(100_000));
  const error = await failsWith(read(), "http-truncated");
  assert.match(error.message, /a\/b: blob sha256:/);
  assert.equal(registries.waits.length, 2);
});

for (const [name, fault] of [
  ["one byte is another", faults.corrupt(1_234_567)],
  ["too short", faults.shorten(10)],
  ["too long", faults.lengthen(10)],
  ["without an end", faults.endless],
] as const)
  test(`refused: ${name}`, async (context) => {
    const { server, read } = await open(context);
    server.fault({ ...range, times: 99 }, fault);
    await failsWith(read(), "digest-mismatch");
  });

test("a blob that is not there is named", async (context) => {
  const { server, read } = await open(context);
  repositoryOf(server.contents, "a/b").blobs.clear();
  assert.match((await failsWith(read(), "image-invalid")).message, /blob sha256:.* is missing/);
});

test("storage elsewhere is asked anew when it breaks, and sees no credentials", async (context) => {
  const { server, gets } = await open(context, {
    storesElsewhere: true,
    authorization: { kind: "basic", user: "u", password: "secret word" },
  });
  const registries = observeRegistries(context, {
    users: { [server.host]: { user: "u", password: "secret word" } },
  });
  server.fault({ server: "storage" }, faults.breakAnswer(1_000_000));
  const content = registries.at(server.host, "a/b").blob(blob.descriptor);
  assert.deepEqual(await collect(content.chunks()), Buffer.from(blob.bytes));
  const stored = gets().filter((request) => request.server === "storage");
  assert.equal(stored.length, 2);
  assert.match(stored[1]!.headers.range!, /^bytes=/);
  assert.ok(stored.every(({ headers }) => headers.authorization === undefined));
});

test("who asks for credentials behind a redirect gets none", async (context) => {
  const { server, gets } = await open(context, {
    storesElsewhere: true,
    authorization: { kind: "bearer", user: "u", password: "secret word" },
  });
  const registries = observeRegistries(context, {
    users: { [server.host]: { user: "u", password: "secret word" } },
  });
  const realm = `${server.storageUrl}/token`;
  server.fault(
    { server: "storage", times: 99 },
    faults.answerWith({
      status: 401,
      headers: { "www-authenticate": `Bearer realm="${realm}",service="x"` },
    }),
  );
  const content = registries.at(server.host, "a/b").blob(blob.descriptor);
  const error = await failsWith(collect(content.chunks()), "registry-refused");
  assert.match(error.message, /127\.0\.0\.2:\d+ answers HTTP 401/);
  const asked = gets().filter((request) => request.server === "storage");
  assert.equal(asked.length, 1);
  assert.equal(asked[0]!.headers.authorization, undefined);
});
