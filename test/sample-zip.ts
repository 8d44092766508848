/** Sample zip archives: put together for one test, in memory, with fields that can be wrong. */
import { crc32, deflateRawSync } from "node:zlib";

export interface SampleZipEntry {
  readonly bytes: Uint8Array | string;
  readonly stored?: boolean;
  /** What the directory states, where that is not the truth. */
  readonly size?: number;
  readonly crc?: number;
  readonly method?: number;
  readonly flags?: number;
}

export type SampleZip = Readonly<Record<string, Uint8Array | string | SampleZipEntry>>;

/** `prefix` stands in front of the archive, which does not count it. */
export function sampleZip(files: SampleZip, prefix = ""): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const [name, given] of Object.entries(files)) {
    const entry =
      typeof given === "string" || given instanceof Uint8Array ? { bytes: given } : given;
    const plain = Buffer.from(entry.bytes as Uint8Array);
    const packed = entry.stored === true ? plain : deflateRawSync(plain);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(entry.flags ?? 0x800, 2);
    fields.writeUInt16LE(entry.method ?? (entry.stored === true ? 0 : 8), 4);
    fields.writeUInt32LE(entry.crc ?? crc32(plain), 10);
    fields.writeUInt32LE(packed.byteLength, 14);
    fields.writeUInt32LE(entry.size ?? plain.byteLength, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, Buffer.from(name), packed]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    centrals.push(
      Buffer.concat([Buffer.from("PK\x01\x02\x14\0"), fields, place, Buffer.from(name)]),
    );
    locals.push(local);
    offset += local.byteLength;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(centrals.length, 8);
  end.writeUInt16LE(centrals.length, 10);
  end.writeUInt32LE(directory.byteLength, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([Buffer.from(prefix), ...locals, directory, end]);
}
