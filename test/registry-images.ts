/**
 * Images of every kind that registries hold, written by hand: their documents have spaces, fields and
 * orders that bivy's own do not have, so that a digest survives only where bytes are kept.
 */
import { createCipheriv, createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { tarHeader, writeTar } from "../src/archive/index.ts";
import { bytesContent } from "../src/base/index.ts";
import { openLayout, type ImageOrIndex } from "../src/oci/index.ts";
import { blobOf, repositoryOf, type Contents } from "./registry-server/contents.ts";
import type { Workspace } from "./run-bivy.ts";

export interface RawDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [field: string]: unknown;
}

/** An image or index with all that belongs to it, as bytes. */
export interface RawImage {
  readonly root: RawDescriptor;
  /** Configs and layers. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** Manifests and indexes, children before what names them. */
  readonly manifests: ReadonlyMap<string, { readonly mediaType: string; readonly bytes: Buffer }>;
}

const oci = "application/vnd.oci.image";
const docker = "application/vnd.docker";
export const emptyConfigType = "application/vnd.oci.empty.v1+json";

/** Collects the parts of one image. */
class Drawing {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, { mediaType: string; bytes: Buffer }>();

  blob(mediaType: string, bytes: Buffer): RawDescriptor {
    const descriptor = describeBytes(mediaType, bytes);
    this.blobs.set(descriptor.digest, bytes);
    return descriptor;
  }

  document(mediaType: string, value: object, spaces: string | number = 0): RawDescriptor {
    return this.blob(mediaType, Buffer.from(JSON.stringify(value, undefined, spaces)));
  }

  manifest(mediaType: string, value: object, spaces: string | number = 0): RawDescriptor {
    const bytes = Buffer.from(
      `${JSON.stringify(value, undefined, spaces)}${spaces === 0 ? "" : "\n"}`,
    );
    const descriptor = describeBytes(mediaType, bytes);
    this.manifests.set(descriptor.digest, { mediaType, bytes });
    return descriptor;
  }

  done(root: RawDescriptor): RawImage {
    return { root, blobs: this.blobs, manifests: this.manifests };
  }
}

function describeBytes(mediaType: string, bytes: Buffer): RawDescriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.byteLength };
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A layer of one file. */
async function layerTar(name: string, content: string | Buffer = `${name}\n`): Promise<Buffer> {
  const bytes = Buffer.from(content);
  const header = tarHeader({ path: name, type: "file", size: bytes.byteLength });
  const parts: Uint8Array[] = [];
  for await (const chunk of writeTar([{ header, content: bytesContent(bytes) }]))
    parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts);
}

interface DrawOptions {
  readonly architecture?: string;
  readonly family?: "oci" | "docker";
  readonly compression?: "none" | "gzip" | "zstd";
  /** One layer each; a name that stands twice gives the same layer twice. */
  readonly layers?: readonly string[];
  /** Content of all of them, in place of a line of text. */
  readonly content?: Buffer;
  /** Of the manifest, on top of what it has. */
  readonly more?: object;
  readonly withoutMediaType?: boolean;
}

async function drawImage(drawing: Drawing, options: DrawOptions = {}): Promise<RawDescriptor> {
  const { architecture = "amd64", family = "oci", compression = "gzip" } = options;
  const tars = await Promise.all(
    (options.layers ?? ["base", `for-${architecture}`]).map((name) =>
      layerTar(name, options.content),
    ),
  );
  const pack = { none: (tar: Buffer) => tar, gzip: gzipSync, zstd: zstdCompressSync }[compression];
  const layerType =
    family === "docker"
      ? `${docker}.image.rootfs.diff.tar.gzip`
      : `${oci}.layer.v1.tar${compression === "none" ? "" : `+${compression}`}`;
  const layers = tars.map((tar) => drawing.blob(layerType, pack(tar) as Buffer));
  const config = drawing.document(
    family === "docker" ? `${docker}.container.image.v1+json` : `${oci}.config.v1+json`,
    {
      os: "linux",
      architecture,
      "moby.buildkit.unknown": { keep: ["me", 1.5e3] },
      rootfs: { diff_ids: tars.map(sha256), type: "layers" },
      config: { Cmd: ["/bin/sh"], Healthcheck: { Test: ["NONE"], Interval: 30000000000 } },
    },
    "\t",
  );
  const mediaType =
    family === "docker" ? `${docker}.distribution.manifest.v2+json` : `${oci}.manifest.v1+json`;
  return drawing.manifest(
    mediaType,
    {
      layers,
      config,
      ...(options.withoutMediaType === true ? {} : { mediaType }),
      schemaVersion: 2,
      ...options.more,
    },
    3,
  );
}

/** What buildx adds to an index for each image: provenance in an image for no platform. */
function drawAttestation(drawing: Drawing, subject: RawDescriptor): RawDescriptor {
  const statement = drawing.document("application/vnd.in-toto+json", {
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: "https://slsa.dev/provenance/v0.2",
    subject: [{ name: "_", digest: { sha256: subject.digest.slice("sha256:".length) } }],
  });
  const layer = {
    ...statement,
    annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" },
  };
  const config = drawing.document(`${oci}.config.v1+json`, {
    architecture: "unknown",
    os: "unknown",
    config: {},
    rootfs: { type: "layers", diff_ids: [statement.digest] },
  });
  const mediaType = `${oci}.manifest.v1+json`;
  return {
    ...drawing.manifest(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] }),
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": subject.digest,
    },
    platform: { architecture: "unknown", os: "unknown" },
  };
}

function drawIndex(
  drawing: Drawing,
  children: readonly RawDescriptor[],
  mediaType = `${oci}.index.v1+json`,
): RawDescriptor {
  return drawing.manifest(
    mediaType,
    { manifests: children, annotations: { z: "last", a: "first" }, mediaType, schemaVersion: 2 },
    1,
  );
}

function forPlatform(
  descriptor: RawDescriptor,
  architecture: string,
  variant?: string,
): RawDescriptor {
  return {
    ...descriptor,
    platform: { architecture, os: "linux", ...(variant === undefined ? {} : { variant }) },
  };
}

async function draw(work: (drawing: Drawing) => Promise<RawDescriptor>): Promise<RawImage> {
  const drawing = new Drawing();
  return drawing.done(await work(drawing));
}

/** An image whose only layer has more bytes than this, which say nothing and cannot be compressed. */
export function imageOfSize(
  bytes: number,
  layers: readonly string[] = ["file"],
): Promise<RawImage> {
  const key = Buffer.alloc(16, bytes % 251);
  const content = createCipheriv("aes-128-ctr", key, key).update(Buffer.alloc(bytes));
  return draw((drawing) => drawImage(drawing, { compression: "none", layers, content }));
}

/** One of each kind. */
export const rawImages: Readonly<Record<string, () => Promise<RawImage>>> = {
  "a single image": () => draw((drawing) => drawImage(drawing)),
  "a manifest without mediaType": () =>
    draw((drawing) => drawImage(drawing, { withoutMediaType: true })),
  "uncompressed layers": () => draw((drawing) => drawImage(drawing, { compression: "none" })),
  "zstd layers": () => draw((drawing) => drawImage(drawing, { compression: "zstd" })),
  "a layer that stands twice": () =>
    draw((drawing) => drawImage(drawing, { layers: ["twice", "other", "twice"] })),
  "Docker's media types": () => draw((drawing) => drawImage(drawing, { family: "docker" })),
  "a Docker manifest list": () =>
    draw(async (drawing) =>
      drawIndex(
        drawing,
        [
          forPlatform(await drawImage(drawing, { family: "docker" }), "amd64"),
          forPlatform(
            await drawImage(drawing, { family: "docker", architecture: "arm" }),
            "arm",
            "v7",
          ),
        ],
        `${docker}.distribution.manifest.list.v2+json`,
      ),
    ),
  "several platforms with attestations": () =>
    draw(async (drawing) => {
      const images = [
        forPlatform(await drawImage(drawing), "amd64"),
        forPlatform(await drawImage(drawing, { architecture: "arm64" }), "arm64"),
      ];
      return drawIndex(drawing, [
        ...images,
        ...images.map((image) => drawAttestation(drawing, image)),
      ]);
    }),
  "nested indexes": () =>
    draw(async (drawing) => {
      const shared = forPlatform(await drawImage(drawing), "amd64");
      const inner = drawIndex(drawing, [
        shared,
        forPlatform(await drawImage(drawing, { architecture: "riscv64" }), "riscv64"),
      ]);
      return drawIndex(drawing, [inner, shared]);
    }),
};

/** What OCI calls an artifact: no image to run, and an empty config. */
export function artifact(
  artifactType: string,
  content: string,
  more: { readonly subject?: RawDescriptor; readonly annotations?: object } = {},
): RawImage {
  const drawing = new Drawing();
  const config = drawing.blob(emptyConfigType, Buffer.from("{}"));
  const layer = drawing.blob("text/plain", Buffer.from(content));
  const mediaType = `${oci}.manifest.v1+json`;
  return drawing.done(
    drawing.manifest(mediaType, {
      schemaVersion: 2,
      mediaType,
      artifactType,
      config,
      layers: [layer],
      ...more,
    }),
  );
}

/** Puts an image into a registry of this process, without a client. */
export function seed(contents: Contents, name: string, tag: string, image: RawImage): void {
  const repository = repositoryOf(contents, name);
  for (const [digest, bytes] of image.blobs) repository.blobs.set(digest, blobOf([bytes]));
  for (const [digest, manifest] of image.manifests) repository.manifests.set(digest, manifest);
  repository.tags.set(tag, image.root.digest);
}

/** Writes an OCI layout of images by tag. */
export function writeRawLayout(folder: string, images: Readonly<Record<string, RawImage>>): void {
  const blobs = join(folder, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  for (const image of Object.values(images)) {
    const manifests = [...image.manifests].map(([digest, { bytes }]) => [digest, bytes] as const);
    for (const [digest, bytes] of [...image.blobs, ...manifests])
      writeFileSync(join(blobs, digest.slice("sha256:".length)), bytes);
  }
  const manifests = Object.entries(images).map(([tag, { root }]) => ({
    ...root,
    annotations: { "org.opencontainers.image.ref.name": tag },
  }));
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
}

/** The image as bivy opens it, from a layout in a new folder of the workspace. */
export async function openRaw(
  workspace: Workspace,
  image: RawImage,
  folder = "raw",
): Promise<ImageOrIndex> {
  writeRawLayout(workspace.path(folder), { it: image });
  return (await openLayout(workspace.path(folder))).open("it");
}
