/**
 * Packages assembled part by part, so that a test can make any part as wrong as it likes. For honest
 * ones see signed-repository.ts.
 */
import { sign } from "node:crypto";
import {
  createPackage,
  formatChecksum,
  signatureHash,
  type Package,
  type PackageSource,
  type SignatureAlgorithm,
} from "../src/apk/index.ts";
import {
  encodeTarHeader,
  gzipBytes,
  tarEnd,
  tarHeader,
  tarPadding,
  type TarHeader,
} from "../src/archive/index.ts";
import { concatBytes, encodeText, hashBytes, hashHex } from "../src/base/index.ts";
import type { SampleKey } from "./signed-repository.ts";

export interface PartFile extends Partial<TarHeader> {
  readonly path: string;
  readonly text?: string | Uint8Array;
  /** The hex of its checksum record, which is right unless given; "" leaves the record out. */
  readonly checksum?: string;
}

export function file(path: string, more: Partial<PartFile> = {}): PartFile {
  return { path, text: "text", ...more };
}

export function folder(path: string, more: Partial<PartFile> = {}): PartFile {
  return { path, type: "directory", mode: 0o755, ...more };
}

export function symlink(path: string, linkPath: string): PartFile {
  return { path, type: "symlink", linkPath, mode: 0o777 };
}

export function hardlink(path: string, linkPath: string): PartFile {
  return { path, type: "hardlink", linkPath };
}

export interface PackageParts {
  readonly name?: string;
  readonly version?: string;
  readonly files?: readonly PartFile[];
  /** The unpacked data section, in place of one made of `files`. */
  readonly dataTar?: Uint8Array;
  /** Lines of .PKGINFO beside name, version and datahash. */
  readonly info?: string;
  /** In hex, and right unless given; "" leaves the line out. */
  readonly dataHash?: string;
  /** Entries of the control section after .PKGINFO. */
  readonly control?: readonly PartFile[];
  readonly signers?: readonly (readonly [SampleKey, SignatureAlgorithm])[];
  /** Entries of the signature section after those of the signers. */
  readonly signatures?: readonly PartFile[];
  /** What follows the data section. */
  readonly tail?: Uint8Array;
}

export type SectionName = "signature" | "control" | "data";

export interface AssembledPackage {
  /** What an honest index would say of it. */
  readonly package: Package;
  readonly bytes: Uint8Array;
  readonly source: PackageSource;
  /** Where each section begins and ends; a section that is absent is empty. */
  readonly sections: Readonly<Record<SectionName, readonly [start: number, end: number]>>;
}

export function assemblePackage(parts: PackageParts): AssembledPackage {
  const { name = "sample", version = "1.0-r0" } = parts;
  const data = gzipBytes(
    parts.dataTar ?? concatBytes([...(parts.files ?? []).map(packDataFile), tarEnd]),
  );
  const dataHash = parts.dataHash ?? hashHex("sha256", data);
  const info = [
    `pkgname = ${name}\npkgver = ${version}\narch = noarch\n`,
    parts.info ?? "",
    dataHash === "" ? "" : `datahash = ${dataHash}\n`,
  ].join("");
  const control = gzipBytes(
    packEntries([{ path: ".PKGINFO", text: info }, ...(parts.control ?? [])]),
  );
  const signatures = [
    ...(parts.signers ?? []).map((signer) => signatureOf(control, ...signer)),
    ...(parts.signatures ?? []),
  ];
  const signature =
    signatures.length === 0 ? new Uint8Array(0) : gzipBytes(packEntries(signatures));
  const bytes = concatBytes([signature, control, data, parts.tail ?? new Uint8Array(0)]);
  const controlEnd = signature.byteLength + control.byteLength;
  return {
    package: createPackage({
      name,
      version,
      arch: "noarch",
      identity: formatChecksum(hashBytes("sha1", control)),
      size: bytes.byteLength,
      installedSize: 1,
    }),
    bytes,
    source: sourceOf(`${name}.apk`, bytes),
    sections: {
      signature: [0, signature.byteLength],
      control: [signature.byteLength, controlEnd],
      data: [controlEnd, controlEnd + data.byteLength],
    },
  };
}

/** A source that gives its bytes in pieces, and counts how often it was opened and rejected. */
export function sourceOf(
  subject: string,
  bytes: Uint8Array,
): PackageSource & { readonly counts: { opened: number; rejected: number } } {
  const counts = { opened: 0, rejected: 0 };
  return {
    subject,
    counts,
    *open() {
      counts.opened += 1;
      for (let at = 0; at < bytes.byteLength; at += 1000) yield bytes.subarray(at, at + 1000);
    },
    async reject() {
      counts.rejected += 1;
    },
  };
}

/** The same bytes with the bits of `mask` changed in one of them. */
export function flipped(bytes: Uint8Array, at: number, mask = 0xff): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at]! ^= mask;
  return copy;
}

/** A signature entry over bytes. */
export function signatureOf(
  signed: Uint8Array,
  { key }: SampleKey,
  algorithm: SignatureAlgorithm,
): PartFile {
  return {
    path: `.SIGN.${algorithm}.${key.name}`,
    text: sign(signatureHash(algorithm), signed, key.privateKey),
  };
}

/** Entries as tar, cut: without the blocks that end an archive. */
export function packEntries(files: readonly PartFile[]): Uint8Array {
  return concatBytes(files.map(packFile));
}

function packDataFile(part: PartFile): Uint8Array {
  const { type = "file", checksum } = part;
  if (checksum === "" || (type !== "file" && type !== "symlink")) return packFile(part);
  const hashed = type === "file" ? contentOf(part) : encodeText(part.linkPath ?? "");
  const record = encodeText(checksum ?? hashHex("sha1", hashed));
  return packFile({ ...part, pax: new Map(part.pax).set("APK-TOOLS.checksum.SHA1", record) });
}

function packFile(part: PartFile): Uint8Array {
  const { text: _text, checksum: _checksum, ...header } = part;
  const content = contentOf(part);
  return concatBytes([
    encodeTarHeader(tarHeader({ type: "file", ...header, size: content.byteLength })),
    content,
    tarPadding(content.byteLength),
  ]);
}

function contentOf({ text = "" }: PartFile): Uint8Array {
  return typeof text === "string" ? encodeText(text) : text;
}
