import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { decodeName, encodeText } from "../base/index.ts";
import {
  createLayout,
  layoutPlace,
  openStore,
  parseReference,
  storePlace,
  type ImageOrIndex,
  type ImagePlace,
} from "../oci/index.ts";
import { memoryPlace, sampleImage, sampleKey, verdictsOf } from "./sample-place.test.ts";
import { attestImage, signImage, type Signing } from "./sign.ts";
import { attestationTag, signatureTag } from "./signature-image.ts";
import { verifyImageSignatures } from "./verify.ts";

const image = sampleImage();
const key = sampleKey();
const second = sampleKey("second.key");
const policy = { keys: [key.publicKey, second.publicKey] };
const predicate = {
  type: "https://cyclonedx.org/bom",
  bytes: encodeText('{"bomFormat":"CycloneDX"}'),
};
const tagSigning: Signing = { kind: "key", key, form: "tag" };
const bundleSigning: Signing = { kind: "key", key, form: "bundle" };

async function manifestOf(opened: ImageOrIndex | undefined) {
  assert.equal(opened?.kind, "image");
  if (opened?.kind !== "image") throw new TypeError("unreachable");
  return opened.manifest();
}

async function readBlobs(opened: ImageOrIndex): Promise<string[]> {
  if (opened.kind !== "image") throw new TypeError("unreachable");
  const { config, layers } = await opened.manifest();
  const texts: string[] = [];
  for (const descriptor of [config, ...layers]) {
    const parts: Uint8Array[] = [];
    for await (const chunk of opened.blob(descriptor).chunks()) parts.push(chunk);
    texts.push(decodeName(Buffer.concat(parts)));
  }
  return texts;
}

test("a signature has the form that cosign gives it", async () => {
  const place = memoryPlace();
  await signImage(image, place, tagSigning, { reference: "example.com/a" });
  const tagged = place.tags.get(`sha256-${image.digest.slice(7)}.sig`)!;
  const { layers, config, mediaType } = await manifestOf(tagged);
  assert.equal(mediaType, "application/vnd.oci.image.manifest.v1+json");
  assert.equal(config.mediaType, "application/vnd.oci.image.config.v1+json");
  assert.deepEqual(Object.keys(layers[0]!.annotations!), ["dev.cosignproject.cosign/signature"]);
  const [rawConfig, payload] = await readBlobs(tagged);
  const { rootfs } = JSON.parse(rawConfig!) as { rootfs: { diff_ids: string[] } };
  assert.deepEqual(rootfs.diff_ids, [layers[0]!.digest]);
  assert.match(payload!, new RegExp(`"docker-manifest-digest":"${image.digest}"`));
});

test("an attestation has the form that cosign gives it", async () => {
  const place = memoryPlace();
  await attestImage(image, place, tagSigning, predicate, { reference: "example.com/a" });
  const tagged = place.tags.get(`sha256-${image.digest.slice(7)}.att`)!;
  const { layers } = await manifestOf(tagged);
  assert.equal(layers[0]!.mediaType, "application/vnd.dsse.envelope.v1+json");
  assert.deepEqual(layers[0]!.annotations, {
    "dev.cosignproject.cosign/signature": "",
    predicateType: predicate.type,
  });
});

test("a bundle is an artifact about the image", async () => {
  const place = memoryPlace();
  const options = { created: 1_700_000_000, annotations: { team: "blue" } };
  const { source } = await signImage(image, place, bundleSigning, options);
  const [artifact] = place.artifacts;
  assert.equal(source, `referrer ${artifact!.digest}`);
  const manifest = await manifestOf(artifact);
  const type = "application/vnd.dev.sigstore.bundle.v0.3+json";
  assert.equal(manifest.artifactType, type);
  assert.equal(manifest.layers[0]!.mediaType, type);
  const { mediaType, digest, size } = image;
  assert.deepEqual(manifest.subject, { mediaType, digest, size });
  assert.deepEqual(manifest.annotations, {
    "dev.sigstore.bundle.content": "dsse-envelope",
    "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
    "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
  });
  const [config, bundle] = await readBlobs(artifact!);
  assert.equal(config, "{}");
  const { verificationMaterial } = JSON.parse(bundle!) as { verificationMaterial: object };
  assert.deepEqual(verificationMaterial, { publicKey: { hint: key.publicKey.hint } });
});

test("signatures that are there stay when one is added, byte for byte", async () => {
  const place = memoryPlace();
  const tag = signatureTag(image.digest);
  await signImage(image, place, tagSigning);
  const before = place.tags.get(tag)!;
  await signImage(image, place, { ...tagSigning, key: second });
  const after = place.tags.get(tag)!;
  const [oldLayers, newLayers] = [
    (await manifestOf(before)).layers,
    (await manifestOf(after)).layers,
  ];
  assert.equal(newLayers.length, 2);
  assert.deepEqual(newLayers[0], oldLayers[0]);
  assert.equal((await readBlobs(after))[1], (await readBlobs(before))[1]);
  const { signatures } = await verifyImageSignatures(image, place, policy);
  assert.deepEqual(verdictsOf(signatures), ["sample.key", "second.key"]);
});

for (const [name, sign] of [
  ["a signature", (signing: Signing, place: ImagePlace) => signImage(image, place, signing)],
  [
    "an attestation",
    (signing: Signing, place: ImagePlace) => attestImage(image, place, signing, predicate),
  ],
] as const)
  test(`${name} by the same key is not made twice`, async () => {
    for (const signing of [tagSigning, bundleSigning]) {
      const place = memoryPlace();
      const first = await sign(signing, place);
      const again = await sign(signing, place);
      assert.deepEqual([first.isNew, again.isNew], [true, false]);
      assert.equal(again.source, first.source);
      assert.equal((await sign({ ...signing, key: second }, place)).isNew, true);
      const { signatures, attestations } = await verifyImageSignatures(image, place, policy);
      assert.deepEqual(verdictsOf([...signatures, ...attestations]), ["sample.key", "second.key"]);
    }
  });

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bivy-sign-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const places = {
  async layout(context: TestContext) {
    const layout = await createLayout(join(temporaryFolder(context), "layout"));
    await layout.put(image, { name: "1" });
    return {
      place: () => layoutPlace(layout),
      open: () => layout.open(),
      hasTag: async (tag: string) => (await layout.entries()).some(({ name }) => name === tag),
    };
  },
  async store(context: TestContext) {
    const path = temporaryFolder(context);
    const store = openStore({ path });
    context.after(() => store.close());
    const reference = parseReference("example.com/a/b:1");
    await store.put(image, reference);
    return {
      place: () => storePlace(store, reference),
      open: () => store.get(reference),
      hasTag: async (tag: string) =>
        (await store.tryGet(parseReference(`example.com/a/b:${tag}`))) !== undefined,
    };
  },
};

for (const [name, make] of Object.entries(places))
  test(`${name}: what is signed there is found there, and the image as before`, async (context) => {
    const { place, open, hasTag } = await make(context);
    for (const signing of [tagSigning, bundleSigning]) {
      await signImage(image, place(), signing);
      await attestImage(image, place(), signing, predicate);
      await signImage(image, place(), { ...signing, key: second });
    }
    assert.ok(await hasTag(signatureTag(image.digest)));
    assert.ok(await hasTag(attestationTag(image.digest)));
    const report = await verifyImageSignatures(image, place(), policy);
    assert.deepEqual(verdictsOf(report.signatures).sort(), [
      "sample.key",
      "sample.key",
      "second.key",
      "second.key",
    ]);
    assert.deepEqual(verdictsOf(report.attestations), ["sample.key", "sample.key"]);
    assert.equal((await open()).digest, image.digest);
    const none = await verifyImageSignatures(sampleImage("other"), place(), policy);
    assert.deepEqual(none, { signatures: [], attestations: [] });
  });
