/** VerifyReport: what is known of an image's origin, from its repositories down to every file, as data. */
import type { Digest } from "../base/index.ts";
import type { SignatureReport } from "../sign/index.ts";
import type { Finding } from "./findings.ts";

/** What the evidence says about an installed package. */
export type PackageState =
  /** A signed index, a lock or a signed package names exactly this build. */
  | "proven"
  /** The evidence has this name and version, but another build of it. */
  | "replaced"
  /** The evidence knows the name, but not this version (any more). */
  | "outdated"
  /** The evidence does not know the name. */
  | "unknown"
  /** There is no evidence, or not all that the image asks for could be read. */
  | "unproven"
  /** Made by `apk add --virtual`: a name without files, which no repository has. */
  | "virtual";

/** What vouches for the identity of a package. */
export interface Proof {
  readonly by: "index" | "lock" | "package";
  /** The index, the lock or the package file: a URL or a path. */
  readonly subject: string;
  /** File name of the key that signed it. */
  readonly key: string;
}

/** What comparing with the package itself gave (`deep`). */
export interface ContentComparison {
  /** `absent`: the package could not be had, and `reason` says why. */
  readonly state: "same" | "different" | "absent";
  readonly reason?: string;
  /** Where the image's database says something else than the package. */
  readonly differences: readonly RecordDifference[];
}

export interface RecordDifference {
  readonly path: string;
  /**
   * `edited`: the database has another checksum, mode or owner; `omitted`: the package has the file and
   * the database does not; `invented`: the other way round.
   */
  readonly kind: "edited" | "omitted" | "invented";
  readonly text: string;
}

export interface PackageReport {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly origin: string;
  readonly identity: string;
  /** The layer whose database has it first; lowest 0. */
  readonly layer: number;
  readonly state: PackageState;
  readonly proof?: Proof;
  /** Why it is not proven. */
  readonly reason?: string;
  readonly contents?: ContentComparison;
  /** Files, without folders, that the database lists. */
  readonly files: number;
}

export type EntryKind = "file" | "directory" | "symlink" | "character" | "block" | "fifo";

/** Every path of the tree is in exactly one of the first five states. */
export type FileState =
  /** As a package has it. */
  | "packaged"
  /** A package has it, and it is not as the package has it. */
  | "changed"
  /** No package has it, and it is what a known maker makes there. */
  | "generated"
  /** A package has it, but its database states no checksum that it could be compared with. */
  | "unprovable"
  /** Nothing says where it comes from but its layer. */
  | "unowned"
  /** A package has it, and the tree does not. */
  | "missing";

/** What can differ between a file and what its package says. */
export type Aspect = "kind" | "content" | "target" | "device" | "mode" | "owner" | "xattrs";

export interface Difference {
  readonly aspect: Aspect;
  readonly expected: string;
  readonly found: string;
}

/** Why a file differs from its package, where that can be proven. */
export interface Explanation {
  readonly text: string;
  /** Whether the change takes rights away or none at all, so that it needs nobody's attention. */
  readonly harmless: boolean;
}

export interface FileReport {
  readonly path: string;
  /** Of what stands there; absent where nothing does. */
  readonly kind?: EntryKind;
  readonly state: FileState;
  /** Bytes of a file. */
  readonly size?: number;
  /** Of a symlink. */
  readonly target?: string;
  /**
   * The layer that brought it, or removed it where it is missing; lowest 0. Absent for a folder that no
   * layer has an entry of, and for a file that no layer ever had.
   */
  readonly layer?: number;
  /** The name of the package that it belongs to. */
  readonly package?: string;
  /** It stands below etc, where people are expected to change files. */
  readonly configuration?: true;
  readonly differences?: readonly Difference[];
  readonly explanation?: Explanation;
  /** Of a generated file: who makes such files. */
  readonly maker?: string;
  /** Of a generated file: whether it could be proven to be what that maker makes. */
  readonly verified?: boolean;
  /** Something about it does not fit, which may be the fault of something else; `reason` says what. */
  readonly doubtful?: true;
  /** What the state rests on, where more can be said. */
  readonly reason?: string;
}

/** What deserves attention whoever it belongs to. */
export type SpecialKind =
  | "set-user-id"
  | "set-group-id"
  | "capabilities"
  | "device"
  | "world-writable";

export interface SpecialFile {
  readonly path: string;
  readonly kinds: readonly SpecialKind[];
  readonly entry: EntryKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly state: FileState;
  readonly package?: string;
  readonly layer?: number;
  /** It is one that apk itself makes in a new root, such as dev/null. */
  readonly expected?: true;
}

export type KeyState =
  /** One of Alpine's, byte for byte. */
  | "alpine"
  /** The user named it. */
  | "named"
  /** An unchanged file of a package that is proven. */
  | "packaged"
  /** Nothing says whose it is. */
  | "unknown"
  /** It has the name of one of Alpine's keys, and is another key. */
  | "impostor"
  /** No key that packages can be signed with. */
  | "unreadable";

export interface KeyReport {
  readonly path: string;
  readonly name: string;
  /** SHA-256 of the key in DER, in hex; absent when it cannot be read. */
  readonly fingerprint?: string;
  readonly state: KeyState;
  /** Whether apk in this image accepts what it signs. */
  readonly trusted: boolean;
  readonly package?: string;
  readonly layer?: number;
}

/** One index that was looked for. */
export interface IndexReport {
  readonly location: string;
  readonly arch: string;
  /** What it has, when it could be read and is signed by a key that may sign for it. */
  readonly packages?: number;
  readonly key?: string;
  /** Why it could not. */
  readonly failure?: string;
}

export interface RepositoryReport {
  /** Without credentials. */
  readonly url: string;
  readonly tag?: string;
  /** `mirror`: not Alpine's host, but the form of Alpine's tree; `image`: a folder inside the image. */
  readonly kind: "alpine" | "mirror" | "other" | "image";
  /** Whether the image names it, or the user did in place of the image's. */
  readonly named: "by-image" | "by-user";
  readonly transport: "https" | "http" | "file";
  readonly indexes: readonly IndexReport[];
}

export interface LayerReport {
  readonly digest?: Digest;
  readonly diffId?: Digest;
  readonly size?: number;
  readonly createdBy?: string;
}

export interface VerifyReport {
  readonly subject: string;
  readonly digest?: Digest;
  readonly distribution?: {
    readonly id: string;
    readonly name: string;
    readonly version?: string;
    readonly branch?: string;
  };
  readonly archs: readonly string[];
  readonly layers: readonly LayerReport[];
  /** Signatures and attestations of the image itself, where they were looked for. */
  readonly signatures?: SignatureReport;
  readonly repositories: readonly RepositoryReport[];
  readonly keys: readonly KeyReport[];
  /** In the order of the database. */
  readonly packages: readonly PackageReport[];
  /** In the byte order of their paths, missing ones among them. */
  readonly files: readonly FileReport[];
  readonly special: readonly SpecialFile[];
  /** What `--fail-on` chooses from, the most serious first. */
  readonly findings: readonly Finding[];
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
}
