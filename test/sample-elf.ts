/** Sample ELF files: put together for one test from segments and sections, in memory. */

export interface SampleElf {
  readonly class?: 32 | 64;
  readonly bigEndian?: boolean;
  /** e_type: 1 relocatable, 2 executable, 3 shared. */
  readonly type?: number;
  readonly machine?: number;
  readonly interpreter?: string;
  /** Libraries that it needs. Without it there is no dynamic segment. */
  readonly needed?: readonly string[];
  /** Its own name as a library. */
  readonly soname?: string;
  /** The value of DT_FLAGS_1. */
  readonly flags1?: number;
  /** Bytes by the name of the section. */
  readonly sections?: Readonly<Record<string, Uint8Array>>;
  /** The first data that can be written; it stands at a multiple of 16 bytes. */
  readonly data?: Uint8Array;
}

/** Where in memory the file stands, from its first byte on. */
export const sampleAddress = 0x400000;

interface Part {
  readonly bytes: Uint8Array;
  offset: number;
}

export function sampleElf(sample: SampleElf = {}): Buffer {
  const wide = sample.class !== 32;
  const word = wide ? 8 : 4;
  const little = sample.bigEndian !== true;
  const parts: Part[] = [];
  const part = (bytes: Uint8Array): Part => {
    const added = { bytes, offset: 0 };
    parts.push(added);
    return added;
  };
  const words = (...values: readonly number[]): Buffer => {
    const buffer = Buffer.alloc(values.length * word);
    for (const [at, value] of values.entries()) put(buffer, at * word, value, word, little);
    return buffer;
  };

  const segments: { type: number; flags: number; part: Part }[] = [];
  if (sample.interpreter !== undefined)
    segments.push({ type: 3, flags: 4, part: part(Buffer.from(`${sample.interpreter}\0`)) });
  const texts = part(
    Buffer.from(`\0${[...(sample.needed ?? []), sample.soname ?? ""].join("\0")}\0`),
  );
  const isDynamic = sample.needed !== undefined || sample.flags1 !== undefined;
  const dynamicPart = part(Buffer.alloc(isDynamic ? word * 2 * 16 : 0));
  if (isDynamic) segments.push({ type: 2, flags: 6, part: dynamicPart });
  if (sample.data !== undefined) segments.push({ type: 1, flags: 6, part: part(sample.data) });
  const sections = Object.entries(sample.sections ?? {}).map(([name, bytes]) => ({
    name,
    part: part(bytes),
  }));
  const names = part(
    Buffer.from(`\0${[...sections.map((each) => each.name), ".shstrtab"].join("\0")}\0`),
  );

  const [headerSize, segmentSize, sectionSize] = wide ? [64, 56, 64] : [52, 32, 40];
  let offset = headerSize + segmentSize * (segments.length + 1);
  for (const each of parts) {
    offset = Math.ceil(offset / 16) * 16;
    each.offset = offset;
    offset += each.bytes.byteLength;
  }
  const sectionTable = Math.ceil(offset / 16) * 16;
  const count = sections.length + 2;
  const file = Buffer.alloc(sectionTable + count * sectionSize);

  if (isDynamic) {
    let at = 1;
    const entries: number[] = [];
    for (const name of sample.needed ?? []) {
      entries.push(1, at);
      at += Buffer.byteLength(name) + 1;
    }
    if (sample.soname !== undefined) entries.push(14, at);
    entries.push(5, sampleAddress + texts.offset, 10, texts.bytes.byteLength);
    if (sample.flags1 !== undefined) entries.push(0x6ffffffb, sample.flags1);
    (dynamicPart.bytes as Buffer).set(words(...entries));
  }
  for (const each of parts) file.set(each.bytes, each.offset);

  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]);
  const half = (at: number, value: number) => put(file, at, value, 2, little);
  half(16, sample.type ?? 2);
  half(18, sample.machine ?? 62);
  put(file, 24, sampleAddress, word, little);
  put(file, 24 + word, headerSize, word, little);
  put(file, 24 + 2 * word, sectionTable, word, little);
  const sizes = wide ? 52 : 40;
  for (const [at, value] of [
    headerSize,
    segmentSize,
    segments.length + 1,
    sectionSize,
    count,
    count - 1,
  ].entries())
    half(sizes + at * 2, value);

  // The first segment is all of the file, so that addresses in it can be followed.
  const all = { type: 1, flags: 5, part: { bytes: file.subarray(0, sectionTable), offset: 0 } };
  for (const [
    index,
    {
      type,
      flags,
      part: { bytes, offset: from },
    },
  ] of [all, ...segments].entries()) {
    const at = headerSize + index * segmentSize;
    const size = bytes.byteLength;
    put(file, at, type, 4, little);
    put(file, at + (wide ? 4 : 24), flags, 4, little);
    const places = wide ? [8, 16, 32, 40] : [4, 8, 16, 20];
    for (const [field, value] of [from, sampleAddress + from, size, size].entries())
      put(file, at + places[field]!, value, word, little);
  }
  let nameAt = 1;
  const named = [
    ...sections.map((each) => ({ ...each, type: 1 })),
    { name: ".shstrtab", part: names, type: 3 },
  ];
  for (const [index, section] of named.entries()) {
    const at = sectionTable + (index + 1) * sectionSize;
    put(file, at, nameAt, 4, little);
    put(file, at + 4, section.type, 4, little);
    put(file, at + (wide ? 24 : 16), section.part.offset, word, little);
    put(file, at + (wide ? 32 : 20), section.part.bytes.byteLength, word, little);
    nameAt += section.name.length + 1;
  }
  return file;
}

function put(buffer: Buffer, at: number, value: number, size: number, little: boolean): void {
  if (size === 8 && little) buffer.writeBigUInt64LE(BigInt(value), at);
  else if (size === 8) buffer.writeBigUInt64BE(BigInt(value), at);
  else if (little) buffer.writeUIntLE(value, at, size);
  else buffer.writeUIntBE(value, at, size);
}

const dataStart = Buffer.from("3077af0c9274080241e1c107e6d618e6", "hex");
const dataEnd = Buffer.from("f932433186182072008242104116d8f2", "hex");

/** Module data between the marks that Go puts around it. */
export function markedModuleData(lines: readonly string[]): Buffer {
  return Buffer.concat([dataStart, Buffer.from(`${lines.join("\n")}\n`), dataEnd]);
}

/** Go's build information in the form that it has since Go 1.18. */
export function goBuildInfo(version: string, lines: readonly string[]): Buffer {
  const header = Buffer.alloc(32);
  header.write("\xff Go buildinf:", "latin1");
  header[14] = 8;
  header[15] = 2;
  return Buffer.concat([header, counted(Buffer.from(version)), counted(markedModuleData(lines))]);
}

function counted(bytes: Buffer): Buffer {
  const length: number[] = [];
  for (let left = bytes.byteLength; ; left = Math.floor(left / 128)) {
    length.push(left < 128 ? left : (left % 128) | 128);
    if (left < 128) break;
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}
