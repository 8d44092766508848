import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { startDockerRegistry } from "../../test/docker-registry.ts";
import { encodeText, equalBytes } from "../base/index.ts";
import { attachAttestations, type Attestation } from "./attestation.ts";
import { memoryBlobs } from "./blobs.ts";
import { blobsOf } from "./copy.ts";
import { isAttestation } from "./descriptor.ts";
import { type Image, type ImageIndex } from "./image.ts";
import { createLayout, openLayout } from "./layout/layout.ts";
import { parsePlatform } from "./platform.ts";
import {
  collect,
  isInstalled,
  run,
  sampleImage,
  sha256,
  skipUnless,
  temporaryFolder,
} from "./sample-images.test.ts";
import { childrenOf, platformsOf, selectPlatform } from "./select.ts";
import { presentChildren } from "./sparse.ts";

function statementAbout(image: Image, predicateType: string): Attestation {
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "_", digest: { sha256: image.digest.slice(7) } }],
    predicateType,
    predicate: { about: "é" },
  };
  return { predicateType, statement: encodeText(JSON.stringify(statement)) };
}

const sbom = "https://spdx.dev/Document";
const provenance = "https://slsa.dev/provenance/v1";

/** An index of three platforms: two statements, one, and none. */
async function attestedIndex(blobs = memoryBlobs()): Promise<ImageIndex> {
  const [amd, arm, s390] = await Promise.all([
    sampleImage("linux/amd64"),
    sampleImage("linux/arm/v7"),
    sampleImage("linux/s390x"),
  ]);
  return attachAttestations(
    [
      { image: amd, attestations: [statementAbout(amd, sbom), statementAbout(amd, provenance)] },
      { image: arm, attestations: [statementAbout(arm, sbom)] },
      { image: s390, attestations: [] },
    ],
    blobs,
    { "org.example": "1" },
  );
}

test("images stand first with their platforms, then what is said about each", async () => {
  const index = await attestedIndex();
  const { manifests, mediaType, annotations } = await index.manifest();
  assert.equal(mediaType, "application/vnd.oci.image.index.v1+json");
  assert.deepEqual(annotations, { "org.example": "1" });
  const unknown = { architecture: "unknown", os: "unknown" };
  const about = (digest: string) => ({
    "vnd.docker.reference.digest": digest,
    "vnd.docker.reference.type": "attestation-manifest",
  });
  assert.deepEqual(
    manifests.map(({ platform, annotations: said }) => [platform, said]),
    [
      [{ architecture: "amd64", os: "linux" }, undefined],
      [{ architecture: "arm", os: "linux", variant: "v7" }, undefined],
      [{ architecture: "s390x", os: "linux" }, undefined],
      [unknown, about(manifests[0]!.digest)],
      [unknown, about(manifests[1]!.digest)],
    ],
  );
  assert.deepEqual(manifests.map(isAttestation), [false, false, false, true, true]);
});

test("an attestation manifest holds the statements as they are", async () => {
  const blobs = memoryBlobs();
  const index = await attestedIndex(blobs);
  const children = await index.children();
  const image = (await children[0]!.open()) as Image;
  const statements = [statementAbout(image, sbom), statementAbout(image, provenance)];
  const manifest = (await children[3]!.open()) as Image;
  const { config, layers } = await manifest.manifest();
  assert.equal(config.mediaType, "application/vnd.oci.image.config.v1+json");
  assert.deepEqual(
    layers,
    statements.map(({ predicateType, statement }) => ({
      mediaType: "application/vnd.in-toto+json",
      digest: `sha256:${sha256(statement)}`,
      size: statement.byteLength,
      annotations: { "in-toto.io/predicate-type": predicateType },
    })),
  );
  assert.deepEqual(JSON.parse(Buffer.from(await manifest.rawConfig()).toString()), {
    architecture: "unknown",
    os: "unknown",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  });
  for (const [at, layer] of (await manifest.layers()).entries()) {
    assert.ok(equalBytes(await collect(layer.uncompressed()), statements[at]!.statement));
    assert.ok(await blobs.holds(layer));
  }
  assert.equal((await attestedIndex()).digest, index.digest, "the same parts, the same digest");
});

test("attestations are not chosen, and are copied with their image", async (context) => {
  const index = await attestedIndex();
  const platforms = ["linux/amd64", "linux/arm/v7", "linux/s390x"].map(parsePlatform);
  assert.deepEqual(await platformsOf(index), platforms);
  const { manifests } = await index.manifest();
  for (const [at, platform] of platforms.entries())
    assert.equal((await selectPlatform(index, platform)).digest, manifests[at]!.digest);
  assert.deepEqual(manifests.map(await childrenOf(index, [platforms[1]!])), [
    false,
    true,
    false,
    false,
    true,
  ]);
  const layout = await createLayout(join(temporaryFolder(context), "layout"));
  await layout.put(index, { name: "one", includes: await childrenOf(index, [platforms[1]!]) });
  const stored = await layout.open("one");
  const { present, absent, images } = await presentChildren(stored);
  assert.deepEqual(present, new Set([manifests[1]!.digest, manifests[4]!.digest]));
  assert.deepEqual([absent, images.length], [3, 1]);
});

const skopeo = { skip: skipUnless(isInstalled("skopeo"), "skopeo") };
const registry = {
  skip: skopeo.skip || skipUnless(isInstalled("docker-registry"), "docker-registry"),
};

test("skopeo carries them from layout to layout", skopeo, async (context) => {
  const folder = temporaryFolder(context);
  const layout = await createLayout(join(folder, "layout"));
  const index = await attestedIndex(layout.blobs);
  await layout.put(index, { name: "one" });
  const source = `oci:${layout.path}:one`;
  const raw = run("skopeo", "inspect", "--raw", source);
  assert.equal(sha256(encodeText(raw)), index.digest.slice(7));
  const choice = ["--override-os", "linux", "--override-arch", "s390x"];
  assert.equal(JSON.parse(run("skopeo", ...choice, "inspect", source)).Architecture, "s390x");
  run("skopeo", "copy", "--all", source, `oci:${folder}/copy:all`);
  const copy = (await (await openLayout(join(folder, "copy"))).open("all")) as ImageIndex;
  assert.equal(copy.digest, index.digest);
  let blobs = 0;
  for await (const { content } of blobsOf(copy)) {
    await collect(content.chunks());
    blobs += 1;
  }
  // Five manifests and the index; three configs and two; a layer that all images have and one of each; three statements.
  assert.equal(blobs, 6 + 5 + 4 + 3);
});

test("a real registry takes them", registry, async (context) => {
  const { host } = await startDockerRegistry(context, { logs: false });
  const layout = await createLayout(join(temporaryFolder(context), "layout"));
  const index = await attestedIndex(layout.blobs);
  await layout.put(index, { name: "one" });
  const target = `docker://${host}/team/app:1`;
  run("skopeo", "copy", "--all", "--dest-tls-verify=false", `oci:${layout.path}:one`, target);
  const raw = run("skopeo", "inspect", "--raw", "--tls-verify=false", target);
  assert.equal(sha256(encodeText(raw)), index.digest.slice(7));
});
