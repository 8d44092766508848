/** Tar kinds: whether a tar holds an image or a root file system, told by its first entries. */
import { createReadStream } from "node:fs";
import { decompress, readTar } from "../../archive/index.ts";
import { fileError, plainPath, type Limits } from "../../base/index.ts";

export type TarKind = "image" | "root";

/** What stands at the top of an image archive: a layout, or what docker save writes. */
const imageNames =
  /^(?:blobs|oci-layout|index\.json|manifest\.json|repositories|[0-9a-f]{64}(?:\.json|\.tar)?)$/;
/** What stands at the top of a root file system (Filesystem Hierarchy Standard). */
const rootNames = new Set(
  "bin boot dev etc home lib lib64 media mnt opt proc root run sbin srv sys tmp usr var".split(" "),
);
const mostEntries = 1000;

/** The kind of a tar, plain or compressed; undefined where its first entries do not tell. */
export async function detectTar(path: string, limits: Limits): Promise<TarKind | undefined> {
  const bytes = createReadStream(path, { highWaterMark: 64 * 1024 });
  try {
    let seen = 0;
    const tar = decompress(bytes, { subject: path, limits });
    for await (const { header } of readTar(tar, { subject: path, limits })) {
      const top = plainPath(header.path).split("/")[0]!;
      if (imageNames.test(top)) return "image";
      if (rootNames.has(top)) return "root";
      if (++seen >= mostEntries) return undefined;
    }
    return undefined;
  } catch (error) {
    throw fileError(error, "reading", path);
  } finally {
    bytes.destroy();
  }
}
