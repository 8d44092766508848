/** The checksum that apk's database keeps of extended attributes, as the last field of `a:` and `M:`. */
import { compareNames, encodeName, startHash, type HashAlgorithm } from "../base/index.ts";

/** Each name and value, sorted by name, with the length before it as 32 bits, most significant byte first. */
export function xattrChecksum(
  xattrs: ReadonlyMap<string, Uint8Array>,
  algorithm: HashAlgorithm,
): Uint8Array {
  const hash = startHash(algorithm);
  for (const name of [...xattrs.keys()].sort(compareNames))
    for (const bytes of [encodeName(name), xattrs.get(name)!]) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.byteLength);
      hash.update(length);
      hash.update(bytes);
    }
  return hash.bytes();
}
