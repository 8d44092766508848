/** An image of a root file system in a tar.gz, as `FROM alpine` finds it. */
import { createReadStream } from "node:fs";
import { gunzip } from "../../../src/archive/index.ts";
import { makeImage, writeLayer, type BlobStore, type Image } from "../../../src/oci/index.ts";

export async function importRoot(path: string, blobs: BlobStore): Promise<Image> {
  const tar = gunzip(createReadStream(path) as AsyncIterable<Uint8Array>, { subject: path });
  const layer = await writeLayer(tar, blobs, { compression: "none" });
  return makeImage({
    platform: { os: "linux", architecture: "amd64" },
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Cmd: ["/bin/sh"],
    },
    layers: [layer],
    history: [{ created_by: "a root file system" }],
  });
}
