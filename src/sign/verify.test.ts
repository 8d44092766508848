import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits, digestOf, encodeText } from "../base/index.ts";
import { imageOf, memoryBlobs, putBlob, type Descriptor } from "../oci/index.ts";
import { encodeBase64 } from "./base64.ts";
import { bundleMediaType, encodeKeyBundle } from "./bundle.ts";
import { inTotoPayloadType, preAuthenticationEncoding } from "./dsse.ts";
import { signBytes, type PrivateKey } from "./private-key.ts";
import {
  cosignKey,
  cosignPlace,
  cosignSamples,
  fails,
  keyKinds,
  memoryPlace,
  sampleImage,
  sampleKey,
  reasonOf,
  verdictsOf,
} from "./sample-place.test.ts";
import { attestImage, signImage, type Signing } from "./sign.ts";
import {
  appendDocument,
  makeBundleArtifact,
  signatureAnnotation,
  signatureTag,
} from "./signature-image.ts";
import { encodePayload, simpleSigningMediaType } from "./simple-signing.ts";
import { encodeStatement } from "./statement.ts";
import { verifyImageSignatures } from "./verify.ts";

const image = sampleImage();
const other = sampleImage("other");
const key = sampleKey();
const stranger = sampleKey("stranger.key");
const policy = { keys: [key.publicKey] };
const forms = ["tag", "bundle"] as const;

function signingWith(signer: PrivateKey, form: "tag" | "bundle"): Signing {
  return { kind: "key", key: signer, form };
}

test("an image that nobody signed has no signatures", async () => {
  const report = await verifyImageSignatures(image, memoryPlace(), policy);
  assert.deepEqual(report, { signatures: [], attestations: [] });
});

for (const form of forms) {
  test(`${form}: what is signed by the key holds, and says by whom and what`, async () => {
    const place = memoryPlace();
    const options = { reference: "example.com/a", annotations: { team: "blue" } };
    const attached = await signImage(image, place, signingWith(key, form), options);
    const report = await verifyImageSignatures(image, place, policy);
    const [signature] = report.signatures;
    assert.deepEqual(signature, {
      digest: image.digest,
      source: attached.source,
      verdict: {
        status: "valid",
        signer: { kind: "key", name: "sample.key", hint: key.publicKey.hint },
      },
      reference: "example.com/a",
      annotations: { team: "blue" },
    });
  });

  test(`${form}: a key that did not sign is not the signer`, async () => {
    const place = memoryPlace();
    await signImage(image, place, signingWith(stranger, form));
    const report = await verifyImageSignatures(image, place, policy);
    assert.deepEqual(verdictsOf(report.signatures), ["other-signer"]);
    assert.match(reasonOf(report.signatures), /not by sample\.key/);
    // One of several keys is enough.
    const both = { keys: [key.publicKey, stranger.publicKey] };
    const { signatures } = await verifyImageSignatures(image, place, both);
    assert.deepEqual(verdictsOf(signatures), ["stranger.key"]);
  });

  test(`${form}: a valid signature of another image is not one of this`, async () => {
    const there = memoryPlace();
    await signImage(other, there, signingWith(key, form));
    const here = memoryPlace();
    for (const [tag, moved] of there.tags)
      here.tags.set(tag.replace(/.*/, signatureTag(image.digest)), moved);
    for (const moved of there.artifacts) await here.put(await withSubject(moved, image));
    const report = await verifyImageSignatures(image, here, policy);
    assert.deepEqual(verdictsOf(report.signatures), ["other-image"]);
    assert.match(reasonOf(report.signatures), new RegExp(other.digest));
  });

  test(`${form}: the annotations that the policy asks for must be there`, async () => {
    const place = memoryPlace();
    await signImage(image, place, signingWith(key, form), {
      annotations: { team: "blue", env: "prod" },
    });
    const verdicts = async (annotations: Record<string, string>) =>
      verdictsOf(
        (await verifyImageSignatures(image, place, { ...policy, annotations })).signatures,
      );
    assert.deepEqual(await verdicts({ team: "blue" }), ["sample.key"]);
    assert.deepEqual(await verdicts({ team: "blue", env: "prod" }), ["sample.key"]);
    assert.deepEqual(await verdicts({ team: "red" }), ["other-claims"]);
    assert.deepEqual(await verdicts({ constructor: "x" }), ["other-claims"]);
    const report = await verifyImageSignatures(image, place, {
      ...policy,
      annotations: { x: "y" },
    });
    assert.match(reasonOf(report.signatures), /expected x=y, found no such/);
  });

  test(`${form}: one valid signature among others is enough, and each has its verdict`, async () => {
    const place = memoryPlace();
    for (const signer of [stranger, key, sampleKey("third.key")])
      await signImage(image, place, signingWith(signer, form));
    const report = await verifyImageSignatures(image, place, policy);
    assert.deepEqual(verdictsOf(report.signatures), ["other-signer", "sample.key", "other-signer"]);
  });

  test(`${form}: an attestation holds as a signature does, and is none`, async () => {
    const place = memoryPlace();
    const predicate = { type: "https://cyclonedx.org/bom", bytes: encodeText("{}") };
    await attestImage(image, place, signingWith(key, form), predicate);
    await attestImage(image, place, signingWith(stranger, form), { ...predicate, type: "urn:x" });
    // Annotations are asked of signatures; an attestation has none.
    const asked = { ...policy, annotations: { team: "blue" } };
    const report = await verifyImageSignatures(image, place, asked);
    assert.deepEqual(verdictsOf(report.attestations), ["sample.key", "other-signer"]);
    assert.deepEqual(
      report.attestations.map(({ predicateType }) => predicateType),
      ["https://cyclonedx.org/bom", "urn:x"],
    );
    assert.deepEqual(report.signatures, []);
  });
}

/** The same bundle, said to be about another image. */
async function withSubject(
  artifact: Awaited<ReturnType<typeof makeBundleArtifact>> | typeof image,
  subject: Descriptor,
) {
  assert.equal(artifact.kind, "image");
  if (artifact.kind !== "image") throw new TypeError("unreachable");
  const [layer] = (await artifact.manifest()).layers;
  const parts: Uint8Array[] = [];
  for await (const chunk of artifact.blob(layer!).chunks()) parts.push(chunk);
  return makeBundleArtifact(subject, Buffer.concat(parts), {}, defaultLimits);
}

test("without a policy all is listed, and nothing believed", async () => {
  const place = memoryPlace();
  await signImage(image, place, signingWith(key, "tag"));
  const predicate = { type: "urn:x", bytes: encodeText("{}") };
  await attestImage(image, place, signingWith(key, "bundle"), predicate);
  const report = await verifyImageSignatures(image, place);
  assert.deepEqual(verdictsOf(report.signatures), ["unchecked"]);
  assert.deepEqual(verdictsOf(report.attestations), ["unchecked"]);
  assert.equal(report.attestations[0]?.predicateType, "urn:x");
});

test("of several images, such as an index and its child, either may be signed", async () => {
  const place = memoryPlace();
  await signImage(other, place, signingWith(key, "tag"));
  const { signatures } = await verifyImageSignatures([image, other], place, policy);
  assert.deepEqual(
    signatures.map(({ digest }) => digest),
    [other.digest],
  );
  assert.deepEqual(verdictsOf(signatures), ["sample.key"]);
});

/** A place with one document about the image, as somebody who may write there can make it. */
async function placeWith(
  mediaType: string,
  bytes: Uint8Array,
  annotations: Readonly<Record<string, string>> = {},
) {
  const place = memoryPlace();
  const document = { mediaType, bytes, annotations };
  place.tags.set(
    signatureTag(image.digest),
    await appendDocument(undefined, document, defaultLimits),
  );
  return place;
}

const verdictOf = async (place: ReturnType<typeof memoryPlace>) => {
  const { signatures, attestations } = await verifyImageSignatures(image, place, policy);
  return verdictsOf([...signatures, ...attestations]);
};

test("a payload that was changed after signing does not hold", async () => {
  const parts = { digest: image.digest, reference: "", annotations: {} };
  const payload = encodePayload(parts);
  const annotations = { [signatureAnnotation]: encodeBase64(signBytes(key, payload, "sha256")) };
  assert.deepEqual(await verdictOf(await placeWith(simpleSigningMediaType, payload, annotations)), [
    "sample.key",
  ]);
  const changed = encodePayload({ ...parts, annotations: { team: "blue" } });
  assert.deepEqual(await verdictOf(await placeWith(simpleSigningMediaType, changed, annotations)), [
    "other-signer",
  ]);
  for (const signature of ["", "%%%", "AA", undefined]) {
    const broken = signature === undefined ? {} : { [signatureAnnotation]: signature };
    const [verdict] = await verdictOf(await placeWith(simpleSigningMediaType, payload, broken));
    assert.equal(verdict, signature === "AA" ? "other-signer" : "damaged");
  }
});

test("a bundle that names the key and does not fit it is damaged, not another's", async () => {
  const statement = encodeStatement({
    digest: image.digest,
    predicateType: "https://sigstore.dev/cosign/sign/v1",
    predicate: encodeText("{}"),
  });
  const signed = preAuthenticationEncoding(inTotoPayloadType, statement);
  const signature = signBytes(key, signed, "sha256");
  const bundle = (payload: Uint8Array) =>
    encodeKeyBundle(
      { payloadType: inTotoPayloadType, payload, signatures: [signature] },
      key.publicKey.hint,
    );
  assert.deepEqual(await verdictOf(await placeWith(bundleMediaType, bundle(statement))), [
    "sample.key",
  ]);
  const changed = Uint8Array.from([...statement, 0x20]);
  assert.deepEqual(await verdictOf(await placeWith(bundleMediaType, bundle(changed))), ["damaged"]);
  // The type of the payload is signed, too.
  const envelope = { payloadType: "text/plain", payload: statement, signatures: [signature] };
  const retyped = encodeKeyBundle(envelope, key.publicKey.hint);
  assert.deepEqual(await verdictOf(await placeWith(bundleMediaType, retyped)), ["damaged"]);
});

test("what the key signed for another purpose is no signature of an image", async () => {
  const sign = (bytes: Uint8Array) => ({
    [signatureAnnotation]: encodeBase64(signBytes(key, bytes, "sha256")),
  });
  const note = encodeText(JSON.stringify({ note: image.digest }));
  assert.deepEqual(await verdictOf(await placeWith(simpleSigningMediaType, note, sign(note))), [
    "damaged",
  ]);
  const payloadType = "text/plain";
  const signatures = [signBytes(key, preAuthenticationEncoding(payloadType, note), "sha256")];
  const bundle = encodeKeyBundle({ payloadType, payload: note, signatures }, key.publicKey.hint);
  assert.deepEqual(await verdictOf(await placeWith(bundleMediaType, bundle)), ["damaged"]);
});

test("a bundle may sign the manifest itself", async () => {
  const raw = await image.rawManifest();
  const bundle = (signed: Uint8Array, digest: string) =>
    encodeText(
      JSON.stringify({
        mediaType: bundleMediaType,
        verificationMaterial: { publicKey: { hint: "" } },
        messageSignature: {
          messageDigest: { algorithm: "SHA2_256", digest },
          signature: encodeBase64(signBytes(key, signed, "sha256")),
        },
      }),
    );
  const digest = Buffer.from(image.digest.slice(7), "hex").toString("base64");
  const verdict = async (bytes: Uint8Array) => {
    const place = await placeWith(bundleMediaType, bytes);
    return verdictOf({ ...place, open: async () => image });
  };
  assert.deepEqual(await verdict(bundle(raw, digest)), ["sample.key"]);
  assert.deepEqual(await verdict(bundle(encodeText("x"), digest)), ["other-signer"]);
  assert.deepEqual(await verdict(bundle(raw, encodeBase64(encodeText("x")))), ["other-image"]);
});

test("damaged documents are told, and do not hide the valid one", async () => {
  const place = memoryPlace();
  await signImage(image, place, signingWith(key, "tag"));
  const before = place.tags.get(signatureTag(image.digest))!;
  const junk = encodeText("junk");
  const blobs = memoryBlobs();
  await putBlob(blobs, { digest: digestOf(junk), size: 4 }, () => [junk]);
  const layer = (mediaType: string, changes: object = {}) => ({
    mediaType,
    digest: digestOf(junk),
    size: junk.byteLength,
    ...changes,
  });
  const dsse = "application/vnd.dsse.envelope.v1+json";
  const manifest = await before.manifest();
  assert.ok("layers" in manifest);
  const layers = [
    layer(dsse),
    layer(bundleMediaType),
    layer("application/octet-stream"),
    layer(simpleSigningMediaType, { size: 1 << 30 }),
    layer(dsse, { size: 1 << 30 }),
    layer(dsse, { digest: digestOf(encodeText("gone")) }),
    layer(dsse, { size: 3 }),
    ...manifest.layers,
  ];
  const raw = encodeText(JSON.stringify({ ...manifest, layers }));
  const opened = imageOf(raw, {
    subject: "damaged",
    read: (address) =>
      address.digest === manifest.layers[0]!.digest && before.kind === "image"
        ? before.blob(manifest.layers[0]!).chunks()
        : blobs.read(address),
  });
  place.tags.set(signatureTag(image.digest), opened);
  const report = await verifyImageSignatures(image, place, policy);
  assert.deepEqual(verdictsOf(report.signatures), [...Array(6).fill("damaged"), "sample.key"]);
});

test("an index in the place of signatures is damage", async () => {
  const place = memoryPlace();
  const raw = encodeText(JSON.stringify({ schemaVersion: 2, manifests: [] }));
  const index = imageOf(raw, { subject: "index", read: () => [] });
  place.tags.set(signatureTag(image.digest), index);
  const report = await verifyImageSignatures(image, place, policy);
  assert.deepEqual(verdictsOf(report.signatures), ["damaged"]);
  assert.match(reasonOf(report.signatures), /found an image index/);
  await fails(
    () => signImage(image, place, signingWith(key, "tag")),
    "image-invalid",
    /image index/,
  );
});

test("more documents than anybody needs are not all read, and it is said", async () => {
  const parts = { digest: image.digest, reference: "", annotations: {} };
  const payload = encodePayload(parts);
  const descriptor = {
    mediaType: simpleSigningMediaType,
    digest: digestOf(payload),
    size: payload.byteLength,
  };
  const config = { ...descriptor, digest: digestOf(encodeText("{}")) };
  const raw = (layers: number) =>
    encodeText(
      JSON.stringify({
        schemaVersion: 2,
        config,
        layers: Array.from({ length: layers }, () => descriptor),
      }),
    );
  let reads = 0;
  const source = { subject: "many", read: () => ((reads += 1), [payload]) };
  const place = memoryPlace();
  place.tags.set(signatureTag(image.digest), imageOf(raw(10_000), source));
  const tagged = await verifyImageSignatures(image, place, policy);
  assert.equal(reads, 256);
  assert.equal(tagged.signatures.length, 257);
  assert.deepEqual(new Set(verdictsOf(tagged.signatures)), new Set(["damaged"]));

  const opened: Descriptor[] = [];
  const listed = Array.from({ length: 300 }, () => ({
    ...descriptor,
    artifactType: bundleMediaType,
  }));
  const busy = {
    ...memoryPlace(),
    referrers: async () => listed,
    open: async (each: Descriptor) => (opened.push(each), imageOf(raw(0), source)),
  };
  assert.deepEqual(await verdictOf(busy), ["damaged"]);
  assert.equal(opened.length, 256);
});

test("referrers of other kinds are not even opened", async () => {
  const referrer = { mediaType: "m", digest: image.digest, size: 1 };
  const place = {
    ...memoryPlace(),
    referrers: async () => [
      { ...referrer, artifactType: "application/vnd.example.sbom" },
      { ...referrer, artifactType: "application/spdx+json" },
    ],
    open: () => assert.fail("not asked for"),
  };
  assert.deepEqual(await verdictOf(place), []);
});

test("what cosign 2 and 3 sign is verified: every kind of key, tags and bundles", async () => {
  const place = await cosignPlace();
  const kinds = Object.keys(keyKinds) as (keyof typeof keyKinds)[];
  const keys = kinds.map((kind) => cosignKey(kind));
  const { signatures, attestations } = await verifyImageSignatures(cosignSamples.image, place, {
    keys,
  });
  const byForm = (prefix: string) =>
    verdictsOf(signatures.filter(({ source }) => source.startsWith(prefix))).sort();
  assert.deepEqual(byForm("tag"), [...kinds].sort());
  // cosign 3 signs bundles with Ed25519ph, which Node does not have.
  assert.deepEqual(
    byForm("referrer"),
    kinds.map((kind) => (kind === "Ed25519" ? "damaged" : kind)).sort(),
  );
  assert.deepEqual(verdictsOf(attestations), ["P-256", "P-256"]);
  assert.deepEqual(
    attestations.map(({ predicateType }) => predicateType),
    ["https://cyclonedx.org/bom", "https://cyclonedx.org/bom"],
  );
  assert.deepEqual(signatures[0]?.annotations, { team: "blue" });
});

test("what cosign signed for one image does not hold for another", async () => {
  const place = await cosignPlace();
  const moved = {
    ...place,
    tryOpenTag: (tag: string) =>
      place.tryOpenTag(tag.replace(image.digest.slice(7), cosignSamples.image.digest.slice(7))),
    referrers: () => place.referrers(cosignSamples.image.digest),
  };
  const { signatures, attestations } = await verifyImageSignatures(image, moved, {
    keys: [cosignKey("P-256")],
  });
  assert.deepEqual(new Set(verdictsOf(signatures)), new Set(["other-image", "other-signer"]));
  assert.deepEqual(verdictsOf(attestations), ["other-image", "other-image"]);
});
