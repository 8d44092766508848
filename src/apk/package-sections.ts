/** Sections of a package file: where each of its gzip members begins and ends, and its checksum. */
import { readGzipMembers } from "../archive/index.ts";
import { BivyError, drain, startHash, type Limits } from "../base/index.ts";
import type { PackageSource } from "./package-file.ts";

export interface PackageSection {
  /** As an HTTP range names it: both ends belong to it. */
  readonly range: `bytes=${number}-${number}`;
  /** `sha256:` and hex, of the compressed bytes. */
  readonly checksum: string;
}

export interface PackageSections {
  /** Absent from a package that is not signed. */
  readonly signature?: PackageSection;
  readonly control: PackageSection;
  readonly data: PackageSection;
}

/** Reads the whole file once. */
export async function readPackageSections(
  source: PackageSource,
  limits: Limits,
): Promise<PackageSections> {
  const sections: PackageSection[] = [];
  const { subject } = source;
  let hash = startHash("sha256");
  let start = 0;
  let end = 0;
  const members = readGzipMembers(source.open(), {
    subject,
    limits,
    ratioLimit: "package-ratio",
    onCompressed(_member, chunk) {
      hash.update(chunk);
      end += chunk.byteLength;
    },
  });
  for await (const member of members) {
    await drain(member.chunks());
    sections.push({ range: `bytes=${start}-${end - 1}`, checksum: `sha256:${hash.hex()}` });
    start = end;
    hash = startHash("sha256");
  }
  const [first, second, third] = sections;
  if (first !== undefined && second !== undefined && third !== undefined && sections.length === 3)
    return { signature: first, control: second, data: third };
  if (first !== undefined && second !== undefined && sections.length === 2)
    return { control: first, data: second };
  throw new BivyError(
    "package-invalid",
    `${subject}: expected two or three sections, found ${sections.length}`,
    { hint: "It is not a package of format 2, or it was cut short; fetch it again." },
  );
}
