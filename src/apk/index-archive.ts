/** Index archives: APKINDEX.tar.gz, a signature member and a member with DESCRIPTION and APKINDEX. */
import { splitGzipMembers } from "../archive/index.ts";
import { BivyError, concatBytes, decodeName, type Limits } from "../base/index.ts";
import { parseIndex } from "./index-text.ts";
import { verifySignatures, type Keyring, type Verified } from "./keyring.ts";
import type { Package } from "./package.ts";
import type { Repository } from "./repositories.ts";
import { tryReadSignatures } from "./signature.ts";
import { readSmallTar } from "./small-tar.ts";

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
  const files = readSmallTar(first?.unpacked ?? new Uint8Array(0), subject, limits);
  const signatures = rest.length > 0 ? tryReadSignatures(files) : undefined;
  const signed = signatures === undefined ? bytes : bytes.subarray(first!.compressed.byteLength);
  const verified =
    trust === undefined
      ? undefined
      : verifySignatures(signatures ?? [], signed, trust.keyring, trust.repository, subject);
  const content =
    signatures === undefined
      ? files
      : readSmallTar(concatBytes(rest.map(({ unpacked }) => unpacked)), subject, limits);
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
