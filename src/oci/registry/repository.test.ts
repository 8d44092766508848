/** Tests of repositories: what a tag is, images opened and put, and what registries say no to. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { observeRegistries, type ObservedOptions } from "../../../test/registry-client.ts";
import { startRegistry, type RegistryServerOptions } from "../../../test/registry-server.ts";
import { damaged, repositoryOf } from "../../../test/registry-server/contents.ts";
import * as faults from "../../../test/registry-server/faults.ts";
import { defaultLimits, digestOf } from "../../base/index.ts";
import { makeIndex } from "../assemble.ts";
import { memoryBlobs } from "../blobs.ts";
import { blobSink, copyImage } from "../copy.ts";
import { dockerMediaTypes, mediaTypes } from "../media-type.ts";
import { sampleImage, sampleIndex } from "../sample-images.test.ts";
import { failsWith } from "./sample-blobs.test.ts";

async function open(
  context: TestContext,
  options: RegistryServerOptions = {},
  client: ObservedOptions = {},
) {
  const server = await startRegistry(context, options);
  const registries = observeRegistries(context, client);
  return { server, registries, repository: registries.at(server.host, "a/b") };
}

const manifests = { path: /manifests/, times: 99 };

test("an index with all that is in it goes there and comes back", async (context) => {
  const { server, registries, repository } = await open(context);
  const index = await sampleIndex("linux/amd64", "linux/arm64");
  assert.equal(await repository.put(index, { tag: "1" }), index.digest);
  const puts = server.story().filter((line) => /^PUT.*manifests/.test(line));
  assert.equal(puts.at(-1), "PUT /v2/a/b/manifests/1");
  assert.ok(puts.slice(0, -1).every((line) => line.includes("sha256:")));
  assert.deepEqual(damaged(server.contents), []);
  const back = await repository.open({ tag: "1" });
  assert.ok(back.kind === "index" && back.digest === index.digest);
  const [child] = await back.children();
  const image = await child!.open();
  assert.ok(image.kind === "image");
  const [layer] = await image.layers();
  assert.deepEqual(layer!.repository, { registry: server.host, repository: "a/b" });
  server.heal();
  await registries.at(server.host, "c/d").put(back, { tag: "2" });
  assert.deepEqual(damaged(server.contents), []);
  assert.doesNotMatch(server.story().join("\n"), /PATCH|GET \S+blobs/);
});

test("pulling asks for nothing twice, and for no heads", async (context) => {
  const { server, repository } = await open(context);
  await repository.put(await sampleIndex("linux/amd64", "linux/arm64"), { tag: "1" });
  server.heal();
  const registries = observeRegistries(context);
  const image = await registries.at(server.host, "a/b").open({ tag: "1" });
  await copyImage(image, blobSink(memoryBlobs()));
  await copyImage(image, blobSink(memoryBlobs()));
  const asked = server.story().filter((line) => line.includes("manifests"));
  assert.equal(new Set(asked).size, asked.length);
  assert.ok(server.story().every((line) => line.startsWith("GET")));
});

test("an image under a digest and a tag, and under another digest", async (context) => {
  const { repository } = await open(context);
  const image = await sampleImage();
  await repository.put(image, { digest: image.digest });
  assert.equal(await repository.resolve({ tag: "latest" }), undefined);
  assert.equal((await repository.resolve({ digest: image.digest }))!.size, image.size);
  await repository.put(image, {});
  assert.equal((await repository.resolve({ tag: "latest" }))!.digest, image.digest);
  await failsWith(repository.put(image, { digest: digestOf(Buffer.from("x")) }), "digest-mismatch");
});

for (const [name, fault] of [
  ["HEAD is answered", undefined],
  ["HEAD is not answered", faults.status(405)],
  ["HEAD says no digest", faults.withoutHeader("docker-content-digest")],
  ["HEAD says no type", faults.withoutHeader("content-type")],
  ["HEAD says no size", faults.withHeaders({ "content-length": "" })],
  [
    "HEAD says another digest",
    faults.withHeaders({ "docker-content-digest": `sha256:${"0".repeat(64)}` }),
  ],
] as const)
  test(`resolved: ${name}`, async (context) => {
    const { server, repository } = await open(context);
    const image = await sampleImage();
    await repository.put(image, { tag: "1" });
    if (fault !== undefined) server.fault({ method: "HEAD", path: /manifests/ }, fault);
    const { mediaType, digest, size } = image;
    assert.deepEqual(await repository.resolve({ digest }), { mediaType, digest, size });
    assert.equal(await repository.resolve({ tag: "2" }), undefined);
  });

test("a manifest is what its digest and the registry say, or it is refused", async (context) => {
  const { server, repository } = await open(context);
  const image = await sampleImage();
  await repository.put(image, { tag: "1" });
  server.fault({ ...manifests, method: "GET" }, faults.corrupt(20));
  await failsWith(repository.open({ tag: "1" }), "digest-mismatch");
  await failsWith(repository.open({ digest: image.digest }), "digest-mismatch");
  server.heal();
  server.fault({ ...manifests, times: 1 }, faults.breakAnswer(100));
  assert.equal((await repository.open({ tag: "1" })).digest, image.digest);
});

test("a manifest without a digest or a type is read all the same", async (context) => {
  const { server, repository } = await open(context);
  const image = await sampleImage();
  await repository.put(image, { tag: "1" });
  for (const change of [
    { "docker-content-digest": "", "content-type": "" },
    { "content-type": "application/json" },
    { "content-type": `${mediaTypes.manifest}; charset=utf-8` },
  ]) {
    server.fault({ ...manifests, times: 1 }, faults.withHeaders(change));
    assert.equal((await repository.open({ tag: "1" })).mediaType, mediaTypes.manifest);
    server.heal();
  }
  server.fault(
    { ...manifests, times: 1 },
    faults.withHeaders({ "content-type": dockerMediaTypes.index }),
  );
  await failsWith(repository.open({ tag: "1" }), "image-invalid");
});

test("schema 1 and documents without end are refused by name", async (context) => {
  const { server, repository } = await open(
    context,
    {},
    { limits: { ...defaultLimits, "document-size": 10_000 } },
  );
  for (const type of ["prettyjws", "json"]) {
    server.fault(
      { ...manifests, times: 1 },
      faults.answerWith({
        status: 200,
        headers: {
          "content-type": `application/vnd.docker.distribution.manifest.v1+${type}`,
          "docker-content-digest": `sha256:${"0".repeat(64)}`,
        },
        body: Buffer.from('{"schemaVersion":1}'),
      }),
    );
    const error = await failsWith(repository.open({ tag: "1" }), "image-invalid");
    assert.match(error.message, /schema version 2, found 1/);
    server.heal();
  }
  await repository.put(await sampleImage(), { tag: "1" });
  server.fault(manifests, faults.endless);
  const error = await failsWith(repository.open({ tag: "1" }), "limit-exceeded");
  assert.match(error.message, /a\/b:1: exceeds the limit document-size/);
});

test("a tag that there is not: the nearest is named", async (context) => {
  const { repository } = await open(context);
  const image = await sampleImage();
  for (const tag of ["3.19", "3.20", "edge"]) await repository.put(image, { tag });
  const error = await failsWith(repository.open({ tag: "3.2O" }), "image-not-found");
  assert.match(error.message, /a\/b:3\.2O: there is no such image/);
  assert.equal(error.hint, "Did you mean 3.20?");
  const none = await failsWith(
    repository.open({ digest: digestOf(Buffer.from("")) }),
    "image-not-found",
  );
  assert.match(none.hint!, /Check the name/);
});

test("removing: a tag, a digest, what is not there, and what must not go", async (context) => {
  const { repository } = await open(context);
  const image = await sampleImage();
  await repository.put(image, { tag: "1" });
  assert.equal(await repository.remove({ tag: "1" }), true);
  assert.equal(await repository.remove({ tag: "1" }), false);
  assert.equal(await repository.remove({ digest: image.digest }), true);
  assert.equal(await repository.remove({ digest: image.digest }), false);
  const firm = await open(context, { deletes: false });
  await firm.repository.put(image, { tag: "1" });
  assert.equal(await firm.repository.remove({ tag: "2" }), false);
  const tag = await failsWith(firm.repository.remove({ tag: "1" }), "registry-refused");
  assert.match(`${tag.message} ${tag.hint}`, new RegExp(`removes no single tags.*${image.digest}`));
  const digest = await failsWith(
    firm.repository.remove({ digest: image.digest }),
    "registry-refused",
  );
  assert.match(digest.message, /HTTP 405/);
  assert.match(digest.hint!, /does not allow it/);
});

test("an index without its children is refused in the registry's words", async (context) => {
  const { repository } = await open(context);
  const index = await makeIndex([{ image: await sampleImage() }]);
  const put = repository.put(index, { tag: "1" }, { includes: () => false });
  const error = await failsWith(put, "registry-refused");
  assert.match(error.message, /a\/b:1: the registry answers HTTP 400: manifest sha256:/);
});

test("too many requests: waits as it is told, then says who may ask more", async (context) => {
  const { server, registries, repository } = await open(context);
  const image = await sampleImage();
  await repository.put(image, { tag: "1" });
  server.fault({ ...manifests, times: 1 }, faults.status(429, { "retry-after": "3" }));
  assert.equal((await repository.open({ tag: "1" })).digest, image.digest);
  assert.deepEqual(registries.waits, [3000]);
  server.heal();
  server.fault(manifests, faults.status(429));
  const error = await failsWith(repository.open({ tag: "1" }), "http-throttled");
  assert.match(error.message, /a\/b:1: HTTP 429 Too Many Requests: toomanyrequests/);
  assert.match(error.hint!, /log in with docker login 127/);
});

test("a registry that changes what it is sent is found out", async (context) => {
  const { server, repository } = await open(context);
  server.fault(
    { method: "PUT", path: /manifests/ },
    faults.withHeaders({ "docker-content-digest": `sha256:${"0".repeat(64)}` }),
  );
  await failsWith(repository.put(await sampleImage(), { tag: "1" }), "digest-mismatch");
});

test("Docker Hub is where it is, over https alone", async (context) => {
  const asked: string[] = [];
  const proxy = createServer().on("connect", ({ url }, socket: Socket) => {
    asked.push(url!);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  context.after(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const registries = observeRegistries(context, {
    http: { environment: { https_proxy: `http://127.0.0.1:${port}` }, retries: 1 },
  });
  await assert.rejects(registries.at("docker.io", "library/alpine").resolve({ tag: "3.20" }));
  assert.deepEqual([...new Set(asked)], ["registry-1.docker.io:443"]);
});

test("nothing is asked offline", async (context) => {
  const { server } = await open(context);
  const registries = observeRegistries(context, { http: { offline: true } });
  await failsWith(registries.at(server.host, "a/b").open({ tag: "1" }), "offline");
  assert.equal(repositoryOf(server.contents, "a/b").tags.size + server.requests.length, 0);
});
