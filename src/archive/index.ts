/** archive: tar, gzip members and zstd, read and written exactly, as streams; zip, read in memory. */
export type { ReadOptions } from "./chunk-input.ts";
export { decompress, detectCompression, type Compression } from "./compression.ts";
export {
  gunzip,
  readGzipMembers,
  splitGzipMembers,
  type GzipMember,
  type GzipReadOptions,
  type WholeGzipMember,
} from "./gzip-read.ts";
export { gzip, gzipBytes, type GzipOptions } from "./gzip-write.ts";
export { TarCursor } from "./tar-cursor.ts";
export { tarEnd, tarHeader, tarPadding, type TarHeader, type TarType } from "./tar-header.ts";
export { readTar, tarEntries, type TarEntry, type WholeTarEntry } from "./tar-read.ts";
export { encodeTarHeader, writeTar, type TarItem } from "./tar-write.ts";
export { unzstd, zstd, type ZstdOptions } from "./zstd.ts";
export { UnpackMeter } from "./unpack-meter.ts";
export { looksLikeZip, readZip, type ZipArchive, type ZipEntry, type ZipOptions } from "./zip.ts";
