/** The registry of this process, tested by requests of the tests' own and by skopeo: what it takes, what it refuses. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { request as secureRequest } from "node:https";
import { promisify } from "node:util";
import { execFile } from "node:child_process";
import { assertFolderHolds, assertRegistryHolds } from "./image-integrity.ts";
import {
  artifact,
  rawImages,
  seed,
  sha256,
  writeRawLayout,
  type RawImage,
} from "./registry-images.ts";
import {
  startRegistry,
  type RegistryServer,
  type RegistryServerOptions,
} from "./registry-server.ts";
import { damaged, generatedBlob, repositoryOf } from "./registry-server/contents.ts";
import * as faults from "./registry-server/faults.ts";
import { needs } from "./requirements.ts";
import { openWorkspace } from "./run-bivy.ts";

const run = promisify(execFile);
const octets = { "content-type": "application/octet-stream" };
const blob = Buffer.from("a blob of a few bytes");
const digest = sha256(blob);

async function ask(
  registry: RegistryServer,
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: Buffer } = {},
) {
  const answer = await fetch(new URL(path, registry.url), {
    method,
    redirect: "manual",
    headers: options.headers ?? {},
    ...(options.body === undefined ? {} : { body: options.body as Buffer<ArrayBuffer> }),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const isJson = answer.headers.get("content-type")?.includes("json") === true && bytes.length > 0;
  return {
    status: answer.status,
    headers: answer.headers,
    bytes,
    code: isJson ? JSON.parse(bytes.toString()).errors?.[0]?.code : undefined,
  };
}

async function begin(registry: RegistryServer): Promise<string> {
  const { status, headers } = await ask(registry, "POST", "/v2/a/b/blobs/uploads/");
  assert.equal(status, 202);
  return headers.get("location")!;
}

test("uploads: in chunks, out of order, at an old Location, with a wrong digest", async (context) => {
  const registry = await startRegistry(context);
  let place = await begin(registry);
  const send = (range: string, body: Buffer, at = place) =>
    ask(registry, "PATCH", at, { headers: { ...octets, "content-range": range }, body });
  const first = await send("0-4", blob.subarray(0, 5));
  assert.deepEqual([first.status, first.headers.get("range")], [202, "0-4"]);
  assert.equal((await send("5-9", blob.subarray(5, 10))).code, "BLOB_UPLOAD_INVALID");
  place = first.headers.get("location")!;
  assert.equal((await send("5-9", blob.subarray(5, 9))).code, "SIZE_INVALID");
  for (const range of ["0-4", "6-10", "nonsense"]) {
    const refused = await send(range, blob.subarray(5, 10));
    assert.deepEqual([refused.status, refused.headers.get("range")], [416, "0-4"]);
    place = refused.headers.get("location")!;
  }
  assert.equal((await ask(registry, "PATCH", place.split("?")[0]!)).code, "BLOB_UPLOAD_UNKNOWN");
  const state = await ask(registry, "GET", place);
  assert.deepEqual([state.status, state.headers.get("range")], [204, "0-4"]);
  place = state.headers.get("location")!;
  const end = await ask(registry, "PUT", `${place}&digest=${digest}`, {
    headers: octets,
    body: blob.subarray(5),
  });
  assert.deepEqual([end.status, end.headers.get("docker-content-digest")], [201, digest]);
  assert.equal((await ask(registry, "GET", place)).status, 404);

  const wrong = await ask(
    registry,
    "PUT",
    `${await begin(registry)}&digest=${sha256(octetsOf(1))}`,
    {
      headers: octets,
      body: blob,
    },
  );
  assert.deepEqual([wrong.status, wrong.code], [400, "DIGEST_INVALID"]);
  place = await begin(registry);
  assert.equal((await ask(registry, "DELETE", place)).status, 204);
  assert.equal((await ask(registry, "GET", place)).code, "BLOB_UPLOAD_UNKNOWN");
  assert.equal(registry.contents.repositories.get("a/b")!.blobs.size, 1);
});

function octetsOf(size: number): Buffer {
  return Buffer.alloc(size, 7);
}

test("parts of blobs, and ranges that there are not", async (context) => {
  const registry = await startRegistry(context);
  repositoryOf(registry.contents, "a/b").blobs.set(digest, {
    size: blob.byteLength,
    chunks: (from) => [blob.subarray(from)],
  });
  const get = (range: string, more: Record<string, string> = {}) =>
    ask(registry, "GET", `/v2/a/b/blobs/${digest}`, { headers: { range, ...more } });
  const expected: readonly [string, number, string][] = [
    ["bytes=0-3", 206, blob.toString().slice(0, 4)],
    ["bytes=5-", 206, blob.toString().slice(5)],
    ["bytes=-3", 206, blob.toString().slice(-3)],
    ["bytes=20-99", 206, blob.toString().slice(20)],
    ["lines=1-2", 200, blob.toString()],
  ];
  for (const [range, status, text] of expected) {
    const answer = await get(range);
    assert.deepEqual([answer.status, answer.bytes.toString()], [status, text], range);
  }
  const beyond = await get("bytes=21-");
  assert.deepEqual([beyond.status, beyond.headers.get("content-range")], [416, "bytes */21"]);
  assert.equal((await get("bytes=5-", { "if-range": '"other"' })).status, 200);
  assert.equal((await ask(registry, "GET", `/v2/c/d/blobs/${digest}`)).code, "BLOB_UNKNOWN");
});

test("a blob that takes no memory is the same from every place", async () => {
  const made = generatedBlob(200_000, 3);
  const whole = Buffer.concat([...made.chunks(0)]);
  assert.equal(sha256(whole), made.digest);
  for (const from of [1, 65_535, 65_536, 65_537, 199_999])
    assert.ok(Buffer.concat([...made.chunks(from)]).equals(whole.subarray(from)), String(from));
  assert.notEqual(generatedBlob(200_000, 4).digest, made.digest);
});

test("a manifest needs all that it names, a digest of its own, and a type that is asked for", async (context) => {
  const registry = await startRegistry(context);
  const image = await rawImages["several platforms with attestations"]!();
  const [child] = image.manifests.values();
  const root = image.manifests.get(image.root.digest)!;
  const put = (name: string, { mediaType, bytes }: typeof root) =>
    ask(registry, "PUT", `/v2/a/b/manifests/${name}`, {
      headers: { "content-type": mediaType },
      body: bytes,
    });
  assert.equal((await put("1", child!)).code, "MANIFEST_BLOB_UNKNOWN");
  assert.equal((await put("1", root)).code, "MANIFEST_BLOB_UNKNOWN");
  seed(registry.contents, "a/b", "seeded", image);
  const taken = await put("1", root);
  assert.deepEqual(
    [taken.status, taken.headers.get("docker-content-digest")],
    [201, image.root.digest],
  );
  assert.equal((await put(digest, root)).code, "DIGEST_INVALID");
  assert.equal((await put("-no", root)).code, "MANIFEST_INVALID");
  assert.equal((await put("1", { ...root, mediaType: child!.mediaType })).code, "MANIFEST_INVALID");
  const path = "/v2/a/b/manifests/1";
  const accept = { accept: `text/plain, ${root.mediaType}` };
  assert.ok((await ask(registry, "GET", path, { headers: accept })).bytes.equals(root.bytes));
  const other = { accept: child!.mediaType };
  assert.equal((await ask(registry, "HEAD", path, { headers: other })).status, 404);
  assert.equal((await ask(registry, "DELETE", path)).status, 202);
  assert.equal((await ask(registry, "GET", path, { headers: accept })).status, 404);
});

test("tags and referrers come in pages, and referrers by type", async (context) => {
  const registry = await startRegistry(context, { pageSize: 2 });
  const { contents } = registry;
  const image = await rawImages["a single image"]!();
  for (const tag of ["b", "a", "c"]) seed(contents, "a/b", tag, image);
  const page = await ask(registry, "GET", "/v2/a/b/tags/list?n=5");
  assert.deepEqual(JSON.parse(page.bytes.toString()), { name: "a/b", tags: ["a", "b"] });
  assert.equal(page.headers.get("link"), '</v2/a/b/tags/list?n=2&last=b>; rel="next"');
  const none = await ask(registry, "GET", "/v2/a/b/tags/list?n=0");
  assert.deepEqual([JSON.parse(none.bytes.toString()).tags, none.headers.get("link")], [[], null]);
  for (const [tag, type] of [
    ["s1", "test/a"],
    ["s2", "test/b"],
    ["s3", "test/a"],
    ["s4", "test/a"],
  ])
    seed(contents, "a/b", tag!, artifact(type!, tag!, { subject: image.root }));
  const path = `/v2/a/b/referrers/${image.root.digest}`;
  const first = await ask(registry, "GET", `${path}?artifactType=test%2Fa`);
  assert.equal(first.headers.get("oci-filters-applied"), "artifactType");
  const next = /^<(.*)>; rel="next"$/.exec(first.headers.get("link")!)![1]!;
  const second = await ask(registry, "GET", next);
  assert.equal(second.headers.get("link"), null);
  const types = [first, second].flatMap(({ bytes }) =>
    JSON.parse(bytes.toString()).manifests.map(
      (each: { artifactType: string }) => each.artifactType,
    ),
  );
  assert.deepEqual(types, ["test/a", "test/a", "test/a"]);
  const without = await startRegistry(context, { referrers: false });
  assert.equal((await ask(without, "GET", path)).status, 404);
});

const bearer = { kind: "bearer", user: "climber", password: "correct horse" } as const;

test("a token is good for what it was given for, and as often as it may be used", async (context) => {
  const registry = await startRegistry(context, {
    authorization: {
      ...bearer,
      usesPerToken: 2,
      grants: (user, name, action) => user !== undefined || (name === "open" && action === "pull"),
    },
  });
  seed(registry.contents, "open", "1", await rawImages["a single image"]!());
  const refused = await ask(registry, "GET", "/v2/open/tags/list");
  const challenge = refused.headers.get("www-authenticate")!;
  assert.equal(refused.status, 401);
  assert.match(challenge, /^Bearer realm="http:\/\/localhost:\d+\/token",service="registry.test",/);
  assert.match(challenge, /scope="repository:open:pull"$/);
  const token = async (query: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${registry.tokenUrl}/token?service=registry.test&${query}`, {
      headers,
    });
    return { status: answer.status, token: ((await answer.json()) as { token: string }).token };
  };
  const anonymous = await token("scope=repository:open:pull,push");
  const headers = { authorization: `Bearer ${anonymous.token}` };
  const list = () => ask(registry, "GET", "/v2/open/tags/list", { headers });
  const push = await ask(registry, "POST", "/v2/open/blobs/uploads/", { headers });
  assert.match(push.headers.get("www-authenticate")!, /error="insufficient_scope"/);
  assert.deepEqual(
    [(await list()).status, (await list()).status, (await list()).status],
    [200, 200, 401],
  );
  const authorization = `Basic ${Buffer.from("climber:correct horse").toString("base64")}`;
  assert.equal((await token("scope=", { authorization })).status, 200);
  assert.equal((await token("scope=", { authorization: "Basic wrong" })).status, 401);
  assert.ok(registry.secrets().includes(anonymous.token));
});

test("faults strike the request that they are meant for", async (context) => {
  const registry = await startRegistry(context);
  seed(registry.contents, "a/b", "1", await rawImages["a single image"]!());
  const [name, bytes] = [...registry.contents.repositories.get("a/b")!.blobs].at(-1)!;
  const whole = Buffer.concat([...bytes.chunks(0)]);
  const get = () => ask(registry, "GET", `/v2/a/b/blobs/${name}`);
  const rule = { method: "GET", path: /blobs/ };
  registry.fault({ ...rule, nth: 2 }, faults.status(503));
  assert.deepEqual(
    [(await get()).status, (await get()).status, (await get()).status],
    [200, 503, 200],
  );
  for (const [fault, expected] of [
    [faults.corrupt(3), whole.map((byte, at) => (at === 3 ? byte ^ 1 : byte))],
    [faults.shorten(2), whole.subarray(0, -2)],
    [faults.lengthen(1), Buffer.concat([whole, Buffer.alloc(1)])],
    [faults.drip(100, 0), whole],
  ] as const) {
    registry.heal();
    registry.fault(rule, fault);
    assert.deepEqual((await get()).bytes, expected);
  }
  for (const fault of [faults.breakAnswer(10), faults.loseAnswer, faults.overstate(1)]) {
    registry.heal();
    registry.fault(rule, fault);
    await assert.rejects(get, TypeError);
  }
  registry.fault({ method: "PATCH" }, faults.breakRequest(4));
  const place = await begin(registry);
  const broken = ask(registry, "PATCH", place, { headers: octets, body: octetsOf(100_000) });
  await assert.rejects(broken, TypeError);
  assert.equal((await ask(registry, "GET", place)).headers.get("range"), "0-3");
});

test(
  "TLS under the certificate of an authority of the tests' own",
  needs({ tools: ["openssl"] }),
  async (context) => {
    const registry = await startRegistry(context, { secure: true });
    for (const url of [registry.url, registry.tokenUrl, registry.storageUrl]) {
      const status = (options: object) =>
        new Promise((resolve, reject) => {
          const asked = secureRequest(`${url}/v2/`, options, (answer) =>
            resolve(answer.statusCode),
          );
          asked.on("error", reject).end();
        });
      assert.ok(Number(await status({ ca: registry.ca })) >= 200);
      await assert.rejects(() => status({}), /unable to|self.signed/i);
    }
  },
);

const kinds: Readonly<Record<string, RegistryServerOptions>> = {
  plainly: {},
  "with whole URLs": { locations: "absolute" },
  "with blobs and uploads on another host": { storesElsewhere: true, uploadsElsewhere: true },
  "with basic authentication": { authorization: { ...bearer, kind: "basic" } },
  "with bearer tokens": { authorization: { ...bearer, fields: ["access_token"] } },
};

for (const [kind, options] of Object.entries(kinds))
  test(`skopeo pushes and pulls ${kind}`, needs({ tools: ["skopeo"] }), (context) =>
    skopeoBothWays(context, options),
  );

async function skopeoBothWays(context: TestContext, options: RegistryServerOptions): Promise<void> {
  const registry = await startRegistry(context, options);
  const workspace = openWorkspace(context);
  const image: RawImage = await rawImages["several platforms with attestations"]!();
  writeRawLayout(workspace.path("from"), { it: image });
  const copy = (...words: readonly string[]) =>
    run("skopeo", ["copy", "--all", "--quiet", ...words]);
  const who = options.authorization === undefined ? [] : ["climber:correct horse"];
  const there = `docker://${registry.host}/a/b:1`;
  const to = ["--dest-tls-verify=false", ...who.flatMap((word) => ["--dest-creds", word])];
  const from = ["--src-tls-verify=false", ...who.flatMap((word) => ["--src-creds", word])];
  await copy(...to, `oci:${workspace.path("from")}:it`, there);
  assertRegistryHolds(registry.contents, "a/b", "1", image);
  assert.deepEqual(damaged(registry.contents), []);
  await copy(...from, there, `oci:${workspace.path("to")}:it`);
  assertFolderHolds(workspace.path("to"), image);
}
