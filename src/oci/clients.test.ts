/** Whether other clients (skopeo, umoci, podman) take what bivy writes, and write what bivy reads. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { openArchive } from "./archive/archive-read.ts";
import { dockerArchive, ociArchive, writeArchiveFile } from "./archive/archive-write.ts";
import { type Image } from "./image.ts";
import { createLayout, openLayout } from "./layout/layout.ts";
import { appendLayers } from "./mutate.ts";
import { parseReference } from "./reference.ts";
import {
  collect,
  isInstalled,
  run,
  sampleImage,
  sampleIndex,
  sampleLayer,
  sha256,
  skipUnless,
  temporaryFolder,
} from "./sample-images.test.ts";

const skopeo = { skip: skipUnless(isInstalled("skopeo"), "skopeo") };
const umoci = { skip: skipUnless(isInstalled("umoci"), "umoci") };
const podman = {
  skip: skipUnless(isInstalled("podman") && process.getuid?.() === 0, "podman, as root,"),
};

test("skopeo reads and copies layouts and archives", skopeo, async (context) => {
  const folder = temporaryFolder(context);
  const image = await appendLayers(await sampleImage("linux/amd64"), [
    await sampleLayer("z", "zstd"),
  ]);
  const index = await sampleIndex("linux/amd64", "linux/arm64", "linux/arm/v7");
  const layout = await createLayout(join(folder, "layout"));
  await layout.put(image, { name: "one" });
  await layout.put(index, { name: "docker.io/library/app:2" });
  await writeArchiveFile(join(folder, "oci.tar"), ociArchive(image, { name: "one" }));
  await writeArchiveFile(
    join(folder, "docker.tar"),
    dockerArchive(image, { references: [parseReference("app:1")] }),
  );
  const oci = `oci:${layout.path}`;
  assert.equal(JSON.parse(run("skopeo", "inspect", `${oci}:one`)).Digest, image.digest);
  assert.equal(
    sha256(Buffer.from(run("skopeo", "inspect", "--raw", `${oci}:docker.io/library/app:2`))),
    index.digest.slice(7),
  );
  run("skopeo", "copy", "--all", `${oci}:docker.io/library/app:2`, `oci:${folder}/copy:all`);
  assert.equal((await (await openLayout(join(folder, "copy"))).open("all")).digest, index.digest);
  for (const source of [
    `oci-archive:${folder}/oci.tar:one`,
    `docker-archive:${folder}/docker.tar:app:1`,
  ]) {
    const { Layers } = JSON.parse(run("skopeo", "inspect", source));
    assert.equal(Layers.length, 3);
    run("skopeo", "copy", source, `dir:${folder}/dir`);
  }
  const config = JSON.parse(
    run("skopeo", "inspect", "--config", `docker-archive:${folder}/docker.tar`),
  );
  assert.deepEqual(config.rootfs.diff_ids, (await image.config()).rootfs.diff_ids);
});

test("bivy reads what skopeo writes", skopeo, async (context) => {
  const folder = temporaryFolder(context);
  const image = await sampleImage("linux/amd64", "none");
  const layout = await createLayout(join(folder, "layout"));
  await layout.put(image, { name: "one" });
  const source = `oci:${layout.path}:one`;
  run("skopeo", "copy", source, `docker-archive:${folder}/docker.tar:app:1`);
  run("skopeo", "copy", source, `oci-archive:${folder}/oci.tar:app:1`);
  for (const name of ["docker.tar", "oci.tar"]) {
    const read = (await (await openArchive(join(folder, name))).open("app:1")) as Image;
    const { diff_ids } = (await read.config()).rootfs;
    assert.deepEqual(diff_ids, (await image.config()).rootfs.diff_ids);
    for (const layer of await read.layers()) await collect(layer.uncompressed());
  }
});

test("umoci unpacks an image and adds a layer to it", umoci, async (context) => {
  const folder = temporaryFolder(context);
  const layout = await createLayout(join(folder, "layout"));
  await layout.put(await sampleImage("linux/amd64"), { name: "one" });
  const rootless = process.getuid?.() === 0 ? [] : ["--rootless"];
  run("umoci", "unpack", ...rootless, "--image", `${layout.path}:one`, join(folder, "bundle"));
  assert.equal(readFileSync(join(folder, "bundle/rootfs/etc/base"), "utf8"), "the file base\n");
  run("umoci", "config", "--image", `${layout.path}:one`, "--config.user", "nobody");
  const image = (await layout.open("one")) as Image;
  assert.equal((await image.config()).config?.User, "nobody");
});

test("podman loads both kinds of archive", podman, async (context) => {
  const folder = temporaryFolder(context);
  const image = await sampleImage("linux/amd64");
  const imageId = sha256(await image.rawConfig());
  await writeArchiveFile(
    join(folder, "docker.tar"),
    dockerArchive(image, { references: [parseReference("app:1")] }),
  );
  await writeArchiveFile(
    join(folder, "oci.tar"),
    ociArchive(image, { name: "docker.io/library/app:2" }),
  );
  const storage = [
    "--root",
    join(folder, "root"),
    "--runroot",
    join(folder, "run"),
    "--storage-driver",
    "vfs",
  ];
  for (const name of ["docker.tar", "oci.tar"])
    run("podman", ...storage, "load", "--quiet", "--input", join(folder, name));
  const listed = run(
    "podman",
    ...storage,
    "images",
    "--no-trunc",
    "--format",
    "{{.Repository}}:{{.Tag}} {{.ID}}",
  );
  assert.deepEqual(listed.trim().split("\n").sort(), [
    `docker.io/library/app:1 sha256:${imageId}`,
    `docker.io/library/app:2 sha256:${imageId}`,
  ]);
});
