/**
 * Package files of format 2 (`.apk`): three gzip members, signature, control and data, each a tar
 * (apk-package(5)). Read in one pass: the control section is verified before anything of it is used,
 * the data section is hashed while its files stream by.
 */
import { readGzipMembers, readTar, type GzipMember, type TarEntry } from "../archive/index.ts";
import {
  BivyError,
  collectBytes,
  concatBytes,
  drain,
  equalBytes,
  hashBytes,
  limitExceeded,
  startHash,
  type Chunks,
  type Limits,
} from "../base/index.ts";
import { formatChecksum, tryParseChecksum } from "./identity.ts";
import { verifySignatures, type Keyring, type Verified } from "./keyring.ts";
import { parsePackageInfo, type PackageInfo } from "./pkginfo.ts";
import type { Repository } from "./repositories.ts";
import { tryReadSignatures, type Signature } from "./signature.ts";
import { readSmallTar, type SmallFile } from "./small-tar.ts";

/** Where the bytes of a package come from; `open` may be called again. */
export interface PackageSource {
  /** How messages name it: a path or a URL. */
  readonly subject: string;
  open(): Chunks;
  /** Told when the bytes were not what was promised, so that a cache can forget them. */
  reject?(): Promise<void>;
}

/** In the order in which the database keeps them. */
export const scriptKinds = [
  "pre-install",
  "post-install",
  "pre-deinstall",
  "post-deinstall",
  "pre-upgrade",
  "post-upgrade",
  "trigger",
] as const;
export type ScriptKind = (typeof scriptKinds)[number];

export interface OpenedPackage {
  readonly info: PackageInfo;
  /** SHA-1 of the control section as compressed, as `Q1…`. */
  readonly identity: string;
  readonly scripts: ReadonlyMap<ScriptKind, Uint8Array>;
  readonly signatures: readonly Signature[];
  /** Which key vouches for it; undefined where an index does, or nothing. */
  readonly verified: Verified | undefined;
  /** The files, once. The data hash is compared at the end, so read to the end before you rely on them. */
  data(): AsyncIterable<TarEntry>;
  /**
   * Reads the file once more, without unpacking it, and throws `datahash-mismatch` with `cause` when
   * its data section is not the one that was promised. Who stumbles over something in `data()` asks
   * whether it was the package's fault or that of false bytes.
   */
  compareDataHash(cause: unknown): Promise<void>;
  /** Stops reading early. */
  close(): Promise<void>;
}

/** What makes a package trusted: the identity that a verified index names, its own signature, or nothing. */
export type Trust =
  | { readonly by: "identity"; readonly identity: string }
  | { readonly by: "signature"; readonly keyring: Keyring; readonly repository?: Repository }
  | { readonly by: "nothing" };

/** Opens a package and verifies its control section. */
export async function openPackage(
  source: PackageSource,
  trust: Trust,
  limits: Limits,
): Promise<OpenedPackage> {
  const { subject } = source;
  const compressed: Uint8Array[][] = [[], []];
  const kept = [0, 0];
  const dataHash = startHash("sha256");
  let dataMember = -1;
  const members = readGzipMembers(source.open(), {
    subject,
    limits,
    ratioLimit: "package-ratio",
    onCompressed(member, chunk) {
      if (member === dataMember) return dataHash.update(chunk);
      // Without a signature the data section is the second member; nothing of it is kept.
      if (member > 1) return;
      kept[member]! += chunk.byteLength;
      if (kept[member]! > limits["control-size"])
        throw limitExceeded("control-size", limits, subject);
      compressed[member]!.push(chunk.slice());
    },
  })[Symbol.asyncIterator]();
  const close = async () => void (await members.return?.(undefined));
  try {
    let member = await nextMember(members, subject);
    let files = await readFiles(member, limits, subject);
    const signatures = tryReadSignatures(files);
    if (signatures !== undefined) {
      member = await nextMember(members, subject);
      files = await readFiles(member, limits, subject);
    }
    const control = concatBytes(compressed[member.index]!);
    const identity = formatChecksum(hashBytes("sha1", control));
    const verified = checkTrust(trust, signatures ?? [], control, subject);
    const info = parsePackageInfo(requireInfo(files, subject), subject);
    dataMember = member.index + 1;
    const dataStart = kept[0]! + (signatures === undefined ? 0 : kept[1]!);
    return {
      info,
      identity,
      scripts: findScripts(files),
      signatures: signatures ?? [],
      verified,
      data: () => readData(members, info, () => dataHash.hex(), limits, subject),
      async compareDataHash(cause) {
        const found = await hashFrom(source, dataStart);
        if (found !== info.dataHash) throw dataHashError(subject, info.dataHash, found, cause);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function nextMember(
  members: AsyncIterator<GzipMember>,
  subject: string,
): Promise<GzipMember> {
  const next = await members.next();
  if (next.done !== true) return next.value;
  throw new BivyError(
    "package-invalid",
    `${subject}: expected a control section, found the end of the file`,
    {
      hint: "It is not a package of format 2, or it was cut short; fetch it again.",
    },
  );
}

async function readFiles(
  member: GzipMember,
  limits: Limits,
  subject: string,
): Promise<SmallFile[]> {
  const bytes = await collectBytes(member.chunks(), limits["control-size"], () =>
    limitExceeded("control-size", limits, subject),
  );
  return readSmallTar(bytes, subject, limits);
}

function requireInfo(files: readonly SmallFile[], subject: string): Uint8Array {
  const info = files.find(({ path }) => path === ".PKGINFO");
  if (info !== undefined) return info.bytes;
  throw new BivyError(
    "package-invalid",
    `${subject}: expected .PKGINFO in its control section, found none`,
    {
      hint: "It is not a package of format 2.",
    },
  );
}

function findScripts(files: readonly SmallFile[]): Map<ScriptKind, Uint8Array> {
  const scripts = new Map<ScriptKind, Uint8Array>();
  for (const { path, bytes } of files) {
    const kind = path.slice(1) as ScriptKind;
    if (path.startsWith(".") && scriptKinds.includes(kind)) scripts.set(kind, bytes);
  }
  return scripts;
}

function checkTrust(
  trust: Trust,
  signatures: readonly Signature[],
  control: Uint8Array,
  subject: string,
): Verified | undefined {
  if (trust.by === "nothing") return undefined;
  if (trust.by === "signature")
    return verifySignatures(signatures, control, trust.keyring, trust.repository, subject);
  if (!identityFits(trust.identity, control))
    throw new BivyError(
      "identity-mismatch",
      `${subject}: expected the package ${trust.identity} that its index names, found ${formatChecksum(hashBytes("sha1", control))}`,
      {
        hint: "The file was changed or replaced after the index was signed. Refresh the index; if that does not help, do not trust the mirror.",
      },
    );
  return undefined;
}

function identityFits(identity: string, control: Uint8Array): boolean {
  const expected = tryParseChecksum(identity);
  if (expected === undefined) return false;
  const algorithm = expected.byteLength === 32 ? "sha256" : "sha1";
  return equalBytes(hashBytes(algorithm, control), expected);
}

async function* readData(
  members: AsyncIterator<GzipMember>,
  info: PackageInfo,
  dataHash: () => string,
  limits: Limits,
  subject: string,
): AsyncGenerator<TarEntry> {
  try {
    const next = await members.next();
    if (next.done === true && info.dataHash === "") return;
    if (next.done === true)
      throw new BivyError(
        "package-invalid",
        `${subject}: expected a data section, found the end of the file`,
        {
          hint: "It was cut short; fetch it again.",
        },
      );
    if (info.dataHash === "")
      throw new BivyError(
        "package-invalid",
        `${subject}: its .PKGINFO has no datahash, so its files cannot be verified`,
        {
          hint: "Build it with a current abuild or melange.",
        },
      );
    const unpacked = next.value.chunks()[Symbol.asyncIterator]();
    // The tar reader stops at the end blocks and may not close the stream: what follows is hashed too.
    const open = { [Symbol.asyncIterator]: () => ({ next: () => unpacked.next() }) };
    yield* readTar(open, { subject, limits });
    while ((await unpacked.next()).done !== true);
    if ((await members.next()).done !== true)
      throw new BivyError(
        "package-invalid",
        `${subject}: expected the end of the file after the data section, found more`,
        { hint: "Something was added to it; fetch it again." },
      );
    const found = dataHash();
    if (found !== info.dataHash) throw dataHashError(subject, info.dataHash, found);
  } finally {
    await members.return?.(undefined);
  }
}

function dataHashError(subject: string, expected: string, found: string, cause?: unknown) {
  return new BivyError(
    "datahash-mismatch",
    `${subject}: expected data with SHA-256 ${expected}, found ${found}`,
    { cause, hint: "Its files were changed or damaged; fetch it again." },
  );
}

/** SHA-256 of a file's bytes from `start` on, in hex. */
async function hashFrom(source: PackageSource, start: number): Promise<string> {
  const hash = startHash("sha256");
  let before = start;
  for await (const chunk of source.open()) {
    const skipped = Math.min(before, chunk.byteLength);
    before -= skipped;
    hash.update(chunk.subarray(skipped));
  }
  return hash.hex();
}

/** Reads a package to its end, so that all its checksums have been compared. */
export async function verifyPackage(
  source: PackageSource,
  trust: Trust,
  limits: Limits,
): Promise<PackageInfo> {
  const opened = await openPackage(source, trust, limits);
  try {
    await drain(opened.data());
    return opened.info;
  } catch (error) {
    await source.reject?.();
    throw error;
  } finally {
    await opened.close();
  }
}
