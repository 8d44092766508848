/** Limits: the bounds on untrusted input. Each has a name, a default, and a flag (`--limit NAME=N`). */
import { BivyError } from "./error.ts";
import { nearestName } from "./nearest.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

export const defaultLimits = {
  /** Bytes that one compressed stream may unpack to. */
  "unpacked-size": 64 * GiB,
  /** Unpacked bytes per compressed byte; checked once a stream has given more than `ratio-floor` bytes. */
  ratio: 1200,
  /** The same for the data of packages, which never have reason to be so dense. */
  "package-ratio": 400,
  /** Unpacked bytes below which the ratio is not judged. */
  "ratio-floor": 16 * MiB,
  /** Entries in one archive. */
  entries: 4_000_000,
  /** Bytes of one tar extension header (PAX records, GNU long name). */
  "header-size": 1 * MiB,
  /** Bytes of a package's control section, compressed and unpacked each. */
  "control-size": 16 * MiB,
  /** Bytes of an unpacked package index. */
  "index-size": 512 * MiB,
  /** Bytes of a file that is read into memory: a key, a manifest, a configuration. */
  "document-size": 8 * MiB,
  /** Bytes of a bill of materials that is read. */
  "sbom-size": 256 * MiB,
  /** Bytes of an executable or an archive that is looked into while an image streams by. */
  "inspected-size": 32 * MiB,
  /** Bytes of one download. */
  "download-size": 16 * GiB,
  /** Redirects that are followed for one request. */
  redirects: 10,
  /** Seconds for which a server may send nothing. */
  "stall-time": 30,
  /** Seconds that one package script may run. */
  "script-time": 600,
  /** Bytes of the files that the package scripts of a build write or change, in all. */
  "script-size": 1 * GiB,
} as const;

export type LimitName = keyof typeof defaultLimits;
export type Limits = Readonly<Record<LimitName, number>>;

/** Reads `NAME=N` words as given to `--limit` on top of the defaults; N may end in K, M or G. */
export function parseLimits(words: readonly string[]): Limits {
  const limits: Record<LimitName, number> = { ...defaultLimits };
  for (const word of words) {
    const match = /^([a-z-]+)=(\d+)([KMG]?)$/.exec(word);
    if (match === null)
      throw new BivyError(
        "usage",
        `--limit ${word}: expected NAME=NUMBER, such as unpacked-size=4G`,
      );
    const name = match[1]!;
    if (!Object.hasOwn(limits, name)) {
      const near = nearestName(name, Object.keys(limits));
      throw new BivyError("usage", `--limit ${word}: there is no limit named ${name}`, {
        hint:
          near === undefined
            ? `The limits are ${Object.keys(limits).join(", ")}.`
            : `Did you mean ${near}?`,
      });
    }
    const unit = { "": 1, K: KiB, M: MiB, G: GiB }[match[3] as "" | "K" | "M" | "G"];
    limits[name as LimitName] = Number(match[2]) * unit;
  }
  return limits;
}

export function limitExceeded(name: LimitName, limits: Limits, subject: string): BivyError {
  return new BivyError(
    "limit-exceeded",
    `${subject}: exceeds the limit ${name} of ${limits[name]}`,
    {
      hint: `It may be hostile. If you trust it, raise the limit with --limit ${name}=N.`,
    },
  );
}
