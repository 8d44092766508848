/** Tar blocks with exactly the bytes that a test asks for; it holds no tests itself. */
import { concatBytes } from "../base/index.ts";
import { fields, writeChecksum } from "./tar-block.ts";
import { tarPadding } from "./tar-header.ts";

type FieldName = Exclude<keyof typeof fields, "checksum">;
export type RawFields = Partial<Record<FieldName, string>>;

/** A header block with exactly these fields, in Latin-1; what is not given is POSIX and plain. */
export function raw(given: RawFields, content = ""): Uint8Array {
  const block = new Uint8Array(512);
  const texts: RawFields = {
    name: "file",
    mode: "0000644\0",
    uid: "0000000\0",
    gid: "0000000\0",
    size: `${content.length.toString(8).padStart(11, "0")}\0`,
    mtime: "00000000000\0",
    type: "0",
    magic: "ustar\x0000",
    ...given,
  };
  for (const [name, text] of Object.entries(texts))
    block.set(Buffer.from(text, "latin1"), fields[name as FieldName].at);
  writeChecksum(block);
  return concatBytes([block, Buffer.from(content, "latin1"), tarPadding(content.length)]);
}

function record(key: string, value: string): string {
  let length = key.length + value.length + 3;
  while (`${length} ${key}=${value}\n`.length !== length)
    length = `${length} ${key}=${value}\n`.length;
  return `${length} ${key}=${value}\n`;
}

export const pax = (records: Record<string, string>, type = "x"): Uint8Array =>
  raw(
    { name: "PaxHeaders/file", type },
    Object.entries(records)
      .map(([key, value]) => record(key, value))
      .join(""),
  );
