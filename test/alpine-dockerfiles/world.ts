/**
 * A small world on loopback, in which the Dockerfiles find what they name: base images in the local
 * store, packages and all that they download on one server.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  makeImage,
  openStore,
  parseReference,
  writeLayer,
  type BlobStore,
} from "../../src/oci/index.ts";
import { contentOf, fieldsOf, type FileTable } from "../dockerfiles/files.ts";
import { servePackages, type PackageServer } from "../package-server.ts";
import { fixtures } from "../requirements.ts";
import type { Workspace } from "../run-bivy.ts";
import {
  makeRepository,
  sampleKey,
  type RepositoryFiles,
  type SampleFile,
  type SamplePackage,
} from "../signed-repository.ts";
import { plainFiles, readImages, readPackages, readWeb, type StandInPackage } from "./cases.ts";

/** Of the fixtures; their packages and those of the tables complete each other. */
const repositories = ["v3.19/main", "v3.17-stub/main"];

/** Puts the images into the store of the workspace, and gives the server, which runs until the test ends. */
export async function openWorld(
  context: TestContext,
  workspace: Workspace,
): Promise<PackageServer> {
  const server = await servePackages(context, new Map());
  const files: RepositoryFiles = new Map();
  for (const name of repositories) readRepository(name, files);
  const add = (folder: string, more: RepositoryFiles) => {
    for (const [path, bytes] of more) files.set(`${folder}/${path}`, bytes);
  };
  const packages = readPackages().map((each) => samplePackage(each, server.url));
  add("world/main", makeRepository(await Promise.all(packages)));
  add("internet", glibcOfAnother());
  for (const [path, entry] of Object.entries(plainFiles(readWeb(), server.url)))
    files.set(path, Buffer.from(await contentOf(fieldsOf(entry))));
  server.heal(files);
  await keepImages(workspace, server.url);
  return server;
}

function readRepository(name: string, files: RepositoryFiles): void {
  const folder = join(fixtures, "repo", name, "x86_64");
  for (const file of readdirSync(folder))
    files.set(`${name}/x86_64/${file}`, readFileSync(join(folder, file)));
}

async function samplePackage(each: StandInPackage, url: string): Promise<SamplePackage> {
  const files: Record<string, SampleFile> = {};
  for (const [path, entry] of Object.entries(plainFiles(each.files ?? {}, url))) {
    const { mode = 0o644, ...fields } = fieldsOf(entry);
    files[path] = { mode, text: await contentOf(fields) };
  }
  return { ...each, files };
}

/** A package that is signed by a key which Alpine does not have, and is offered outside of repositories. */
function glibcOfAnother(): RepositoryFiles {
  const key = sampleKey("sgerrand.rsa.pub");
  const version = "2.35-r1";
  const repository = makeRepository(
    [{ name: "glibc", version, files: { "usr/glibc-compat/version": "2.35\n" } }],
    key,
  );
  const releases = "github.com/sgerrand/alpine-pkg-glibc/releases/download";
  return new Map([
    ["alpine-pkgs.sgerrand.com/sgerrand.rsa.pub", Buffer.from(key.publicPem)],
    [`${releases}/${version}/glibc-${version}.apk`, repository.get(`x86_64/glibc-${version}.apk`)!],
  ]);
}

/** The images of the table share a layer with Alpine's root and the test's repositories. */
async function keepImages(workspace: Workspace, url: string): Promise<void> {
  const store = openStore({ path: workspace.path("home", ".local", "share", "bivy", "images") });
  try {
    const minirootfs = join(fixtures, "minirootfs", "alpine-minirootfs-3.19.4-x86_64.tar.gz");
    const layers = [
      await writeLayer([gunzipSync(readFileSync(minirootfs))], store.blobs, {
        compression: "none",
      }),
      await writeFilesLayer(trust(url), store.blobs),
    ];
    for (const { names, files, config } of readImages()) {
      const more =
        files === undefined ? [] : [await writeFilesLayer(plainFiles(files, url), store.blobs)];
      const image = makeImage({
        platform: { os: "linux", architecture: "amd64" },
        config: {
          Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
          Cmd: ["/bin/sh"],
          ...config,
        },
        layers: [...layers, ...more],
      });
      for (const name of names) await store.put(image, parseReference(name));
    }
  } finally {
    await store.close();
  }
}

function trust(url: string): FileTable {
  const fixtureKey = "fixture@bivy-6743a001.rsa.pub";
  const { key, publicPem } = sampleKey();
  const lines = ["world/main", ...repositories].map((name) => `${url}/${name}\n`);
  return {
    "etc/apk/repositories": lines.join(""),
    [`etc/apk/keys/${fixtureKey}`]: readFileSync(join(fixtures, "repo/keys", fixtureKey), "utf8"),
    [`etc/apk/keys/${key.name}`]: publicPem,
  };
}

async function writeFilesLayer(table: FileTable, blobs: BlobStore) {
  return writeLayer([await contentOf({ archive: table })], blobs);
}
