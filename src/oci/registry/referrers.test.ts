/** Tests of referrers: kept by the registry, or by its clients under a tag. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { observeRegistries } from "../../../test/registry-client.ts";
import { startRegistry, type RegistryServerOptions } from "../../../test/registry-server.ts";
import { repositoryOf } from "../../../test/registry-server/contents.ts";
import * as faults from "../../../test/registry-server/faults.ts";
import { digestOf, type Digest } from "../../base/index.ts";
import { memoryBlobs, putBlob } from "../blobs.ts";
import { type Descriptor } from "../descriptor.ts";
import { imageOf, type ImageOrIndex } from "../image.ts";
import { encodeManifest, type Manifest } from "../manifest.ts";
import { mediaTypes } from "../media-type.ts";
import { sampleImage } from "../sample-images.test.ts";
import { failsWith } from "./sample-blobs.test.ts";

const emptyConfig = Buffer.from("{}");

/** Something attached to a subject. */
async function artifact(
  subject: Descriptor,
  text: string,
  more: Partial<Manifest> = {},
): Promise<ImageOrIndex> {
  const blobs = memoryBlobs();
  const descriptors: Descriptor[] = [];
  for (const [mediaType, bytes] of [
    ["application/vnd.example.config+json", emptyConfig],
    ["text/plain", Buffer.from(text)],
  ] as const) {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
    await putBlob(blobs, descriptor, () => [bytes]);
    descriptors.push(descriptor);
  }
  const [config, ...layers] = descriptors as [Descriptor, Descriptor];
  const { manifest: mediaType } = mediaTypes;
  const manifest = { schemaVersion: 2 as const, mediaType, config, layers, subject, ...more };
  return imageOf(encodeManifest(manifest), blobs);
}

async function open(context: TestContext, options: RegistryServerOptions = {}) {
  const server = await startRegistry(context, options);
  const registries = observeRegistries(context);
  const repository = registries.at(server.host, "a/b");
  const image = await sampleImage();
  await repository.put(image, { tag: "1" });
  const { mediaType, digest, size } = image;
  const subject = { mediaType, digest, size };
  const tag = digest.replace(":", "-");
  const listed = () => {
    const { tags, manifests } = repositoryOf(server.contents, "a/b");
    const list = manifests.get(tags.get(tag) ?? "");
    return list === undefined
      ? undefined
      : (JSON.parse(Buffer.from(list.bytes).toString()) as { manifests: Descriptor[] }).manifests;
  };
  const attach = async (text: string, more: Partial<Manifest> = {}): Promise<Digest> => {
    const attached = await artifact(subject, text, more);
    return repository.put(attached, { digest: attached.digest });
  };
  return { server, registries, repository, subject, digest, tag, listed, attach };
}

const types = (list: readonly Descriptor[]) => list.map(({ artifactType }) => artifactType);

for (const [name, options] of [
  ["with the API", {}],
  ["with the API, page by page, which does not filter", { pageSize: 1, filters: false }],
  ["by the tag that clients keep", { referrers: false }],
] as [string, RegistryServerOptions][])
  test(`referrers ${name}`, async (context) => {
    const { repository, digest, listed, attach } = await open(context, options);
    assert.deepEqual(await repository.referrers(digest), []);
    const annotations = { "org.example.note": "n" };
    const typed = await attach("a", { artifactType: "application/vnd.example.sbom", annotations });
    const plain = await attach("b");
    const all = await repository.referrers(digest);
    assert.deepEqual(new Set(all.map((each) => each.digest)), new Set([typed, plain]));
    assert.deepEqual(
      new Set(types(all)),
      new Set(["application/vnd.example.sbom", "application/vnd.example.config+json"]),
    );
    const [found, ...others] = await repository.referrers(digest, "application/vnd.example.sbom");
    assert.deepEqual([found!.digest, found!.annotations, others], [typed, annotations, []]);
    assert.equal(listed() === undefined, options.referrers !== false);
    assert.equal(await repository.remove({ digest: typed }), true);
    assert.deepEqual(types(await repository.referrers(digest)), [
      "application/vnd.example.config+json",
    ]);
    assert.equal(await repository.remove({ digest: plain }), true);
    assert.deepEqual(await repository.referrers(digest), []);
    assert.equal(listed(), undefined);
  });

test("the same referrer stands in the list once", async (context) => {
  const { attach, listed } = await open(context, { referrers: false });
  await attach("a");
  await attach("a");
  assert.equal(listed()!.length, 1);
});

test("referrers that are put at the same time are all listed", async (context) => {
  const { attach, listed } = await open(context, { referrers: false });
  await Promise.all(["a", "b", "c", "d"].map((text) => attach(text)));
  assert.equal(listed()!.length, 4);
});

test("a list that another client writes over is changed again", async (context) => {
  const { server, attach, listed, tag, registries } = await open(context, { referrers: false });
  const first = await attach("first");
  const { tags, manifests } = repositoryOf(server.contents, "a/b");
  const before = tags.get(tag)!;
  // Between the change and the look at it, somebody puts back what was there.
  server.fault(
    { method: "GET", path: new RegExp(`manifests/${tag}`), nth: 2 },
    faults.meanwhile(() => tags.set(tag, before)),
  );
  const second = await attach("second");
  assert.deepEqual(new Set(listed()!.map((each) => each.digest)), new Set([first, second]));
  assert.ok(registries.events.some((event) => event.type === "retry"));
  assert.ok(manifests.has(before));
  server.fault(
    { method: "GET", path: new RegExp(`manifests/${tag}`), times: 99 },
    faults.meanwhile(() => tags.set(tag, before)),
  );
  await failsWith(attach("third"), "registry-refused");
});

test("a registry that knows conditions is not written over", async (context) => {
  const { server, attach, listed, tag } = await open(context, { referrers: false });
  await attach("first");
  server.fault({ method: "PUT", path: new RegExp(`manifests/${tag}`) }, faults.status(412));
  await attach("second");
  assert.equal(listed()!.length, 2);
  const puts = server.requests.filter(({ method, path }) => method === "PUT" && path.endsWith(tag));
  assert.match(puts.at(-1)!.headers["if-match"]!, /^"sha256:/);
});

test("a page for browsers is no list of referrers, and a tag of that name may be no list", async (context) => {
  const { server, repository, digest, tag } = await open(context);
  server.fault(
    { path: /referrers/, times: 99 },
    faults.answerWith({
      status: 200,
      headers: { "content-type": "text/html" },
      body: Buffer.from("<html>"),
    }),
  );
  assert.deepEqual(await repository.referrers(digest), []);
  await repository.put(await sampleImage(), { tag });
  assert.deepEqual(await repository.referrers(digest), []);
});
