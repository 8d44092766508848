/** Index archives: APKINDEX.tar.gz, a signature member and a member with DESCRIPTION and APKINDEX. */
import { splitGzipMembers, tarEntries } from "../archive/index.ts";
import { BivyError, concatBytes, decodeName, type Limits } from "../base/index.ts";
import { parseIndex } from "./index-text.ts";
import { verifySignatures, type Keyring, type Verified } from "./keyring.ts";
import type { Package } from "./package.ts";
import { parseSignatures } from "./package-file.ts";
import type { Repository } from "./repositories.ts";
import { isSignatureEntry } from "./signature.ts";

export interface RepositoryIndex {
  readonly packages: readonly Package[];
  /** What the repository calls itself, such as `v3.19.4-5-g1234567`. */
  readonly description: string;
  /** Undefined for an index that was read without being trusted. */
  readonly verified: Verified | undefined;
}

export interface IndexOptions {
  /** The path or URL, for messages. */
  readonly subject: string;
  readonly limits: Limits;
  /** Undefined: the index is taken as it is, signed or not. */
  readonly trust?: { readonly keyring: Keyring; readonly repository: Repository };
}

/**
 * Reads an index. Only a signature in a gzip member of its own, before the index, counts: one in the
 * same member would have to sign itself.
 */
export function readIndexArchive(bytes: Uint8Array, options: IndexOptions): RepositoryIndex {
  const { subject, limits, trust } = options;
  const members = splitGzipMembers(bytes, {
    subject,
    limits: { ...limits, "unpacked-size": limits["index-size"] },
  });
  const [first, ...rest] = members;
  const entries = filesOf(first?.unpacked ?? new Uint8Array(0), subject, limits);
  const isSigned =
    rest.length > 0 && entries.length > 0 && entries.every(({ path }) => isSignatureEntry(path));
  const signed = isSigned ? bytes.subarray(first!.compressed.byteLength) : bytes;
  const verified =
    trust === undefined
      ? undefined
      : verifySignatures(
          isSigned ? parseSignatures(entries) : [],
          signed,
          trust.keyring,
          trust.repository,
          subject,
        );
  const content = isSigned
    ? filesOf(concatBytes(rest.map(({ unpacked }) => unpacked)), subject, limits)
    : entries;
  const index = content.find(({ path }) => path === "APKINDEX");
  if (index === undefined)
    throw new BivyError(
      "index-invalid",
      `${subject}: expected an archive with APKINDEX, found none in it`,
      {
        hint: "Check the repository's URL; it should end before the architecture.",
      },
    );
  const description = content.find(({ path }) => path === "DESCRIPTION");
  return {
    packages: parseIndex(index.bytes, { subject }),
    description: description === undefined ? "" : decodeName(description.bytes).trim(),
    verified,
  };
}

function filesOf(
  bytes: Uint8Array,
  subject: string,
  limits: Limits,
): { path: string; bytes: Uint8Array }[] {
  return [...tarEntries(bytes, { subject, limits })]
    .filter(({ header }) => header.type === "file")
    .map(({ header, content }) => ({ path: header.path, bytes: content }));
}
