/**
 * BivyError: the one error class. A closed union of codes says what kind of failure it is, so that
 * callers and scripts can tell failures apart without reading prose.
 */

export type ErrorCode =
  // What the user asked for
  | "usage"
  | "config-invalid"
  | "aborted"
  // The file system
  | "file-not-found"
  | "file-denied"
  | "file-exists"
  | "disk-full"
  | "io-failed"
  | "path-unsafe"
  | "lock-timeout"
  // Bounds on untrusted input
  | "limit-exceeded"
  // Archives
  | "tar-invalid"
  | "tar-truncated"
  | "tar-sparse"
  | "gzip-invalid"
  | "gzip-truncated"
  | "zstd-invalid"
  | "zstd-truncated"
  | "zip-invalid"
  // Executables
  | "elf-invalid"
  // The network and its cache
  | "offline"
  | "url-invalid"
  | "http-unreachable"
  | "http-stalled"
  | "http-truncated"
  | "http-status"
  | "http-not-found"
  | "http-throttled"
  | "http-redirects"
  | "http-invalid"
  | "cache-corrupt"
  // The apk system
  | "version-invalid"
  | "atom-invalid"
  | "index-invalid"
  | "package-invalid"
  | "database-invalid"
  | "database-missing"
  | "repositories-invalid"
  | "arch-invalid"
  | "key-invalid"
  | "key-unknown"
  | "key-not-allowed"
  | "signature-missing"
  | "signature-invalid"
  | "identity-mismatch"
  | "datahash-mismatch"
  | "checksum-mismatch"
  | "package-unavailable"
  | "world-unsatisfiable"
  | "file-conflict"
  | "symlink-parent"
  | "script-failed"
  // Images
  | "reference-invalid"
  | "image-invalid"
  | "image-not-found"
  | "platform-not-found"
  | "not-in-image"
  | "digest-mismatch"
  | "registry-denied"
  | "registry-refused"
  // Dockerfiles
  | "dockerfile-invalid"
  | "pattern-invalid"
  // Running commands in a root
  | "sandbox-unavailable"
  | "step-failed"
  // Advisories
  | "advisories-invalid"
  | "advisories-missing"
  | "advisories-stale"
  | "nothing-to-scan"
  | "vex-invalid"
  | "ignore-file-invalid"
  // Bills of materials
  | "sbom-invalid"
  // bivy.lock
  | "lock-missing"
  | "lock-invalid"
  | "lock-outdated";

export interface BivyErrorDetails {
  /** The failure underneath. */
  readonly cause?: unknown;
  /** What the user can do about it: one or two sentences. */
  readonly hint?: string;
}

/**
 * The message names the thing, what was expected and what was found, root cause first; `hint` says
 * what to do.
 */
export class BivyError extends Error {
  override readonly name = "BivyError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: BivyErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}

/** Whether `error` is a BivyError, of one of the given codes when any are named. */
export function isBivyError(error: unknown, ...codes: readonly ErrorCode[]): error is BivyError {
  return error instanceof BivyError && (codes.length === 0 || codes.includes(error.code));
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const fileErrors: Readonly<Record<string, { code: ErrorCode; said: string; hint: string }>> = {
  ENOENT: { code: "file-not-found", said: "no such file or folder", hint: "Check the path." },
  ENOTDIR: {
    code: "file-not-found",
    said: "a part of the path is not a folder",
    hint: "Check the path.",
  },
  EISDIR: { code: "io-failed", said: "it is a folder", hint: "Name a file." },
  EACCES: {
    code: "file-denied",
    said: "permission denied",
    hint: "Check the permissions, or choose another place.",
  },
  EPERM: {
    code: "file-denied",
    said: "operation not permitted",
    hint: "Check the permissions, or choose another place.",
  },
  EROFS: {
    code: "file-denied",
    said: "the file system is read-only",
    hint: "Choose a place that can be written.",
  },
  EEXIST: {
    code: "file-exists",
    said: "it exists already",
    hint: "Remove it, or choose another name.",
  },
  ENOSPC: {
    code: "disk-full",
    said: "no space left on the device",
    hint: "Free some space, or choose another place.",
  },
  ENAMETOOLONG: {
    code: "path-unsafe",
    said: "a path is longer than the system allows",
    hint: "Choose shorter names, or nest fewer folders.",
  },
  EDQUOT: {
    code: "disk-full",
    said: "the disk quota is used up",
    hint: "Free some space, or choose another place.",
  },
};

/** Turns a failure of node:fs into a BivyError: `doing` is a gerund, such as "reading". */
export function fileError(error: unknown, doing: string, path: string): BivyError {
  if (error instanceof BivyError) return error;
  const errno = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  const known = fileErrors[errno];
  if (known === undefined)
    return new BivyError("io-failed", `${path}: ${doing} failed: ${messageOf(error)}`, {
      cause: error,
    });
  return new BivyError(known.code, `${path}: ${doing} failed: ${known.said}`, {
    cause: error,
    hint: known.hint,
  });
}
