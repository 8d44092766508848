/**
 * Platforms: what a machine runs (`linux/arm/v7`), in the words of OCI (image-spec, image-index.md:
 * Go's GOOS and GOARCH), and the architecture names of apk that they stand for.
 */
import { BivyError, nearestName } from "../base/index.ts";
import { checkFields, checkList, checkText, orderFields, type JsonObject } from "./document.ts";

export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  /** The version of the instruction set, such as `v7`. */
  readonly variant?: string;
}

/**
 * arm64 carries no variant: `v8` is the only one, containerd's normal form leaves it out, and so do
 * the images that docker and apko write.
 */
const platformByArch: Readonly<Record<string, string>> = {
  x86_64: "linux/amd64",
  x86: "linux/386",
  aarch64: "linux/arm64",
  armhf: "linux/arm/v6",
  armv7: "linux/arm/v7",
  ppc64le: "linux/ppc64le",
  s390x: "linux/s390x",
  riscv64: "linux/riscv64",
  loongarch64: "linux/loong64",
  mips64: "linux/mips64",
};

const archByPlatform: ReadonlyMap<string, string> = new Map(
  Object.entries(platformByArch).map(([arch, platform]) => [platform, arch]),
);

/** What people type for an architecture besides the names of Go and apk. */
const architectureAliases: Readonly<Record<string, string>> = {
  i386: "386",
  i686: "386",
  "x86-64": "amd64",
  loongarch64: "loong64",
};

const knownArchitectures = [
  "amd64",
  "386",
  "arm64",
  "arm",
  "ppc64le",
  "s390x",
  "riscv64",
  "loong64",
  "mips64",
];

/** The platform of an apk architecture such as `x86_64`. */
export function platformOfArch(arch: string): Platform {
  if (Object.hasOwn(platformByArch, arch)) return splitPlatform(platformByArch[arch]!)!;
  throw new BivyError("arch-invalid", `architecture "${arch}": expected one that Alpine has`, {
    hint: `They are ${Object.keys(platformByArch).join(", ")}.`,
  });
}

/** The apk architecture that runs on a platform; undefined where Alpine has none. */
export function archOfPlatform(platform: Platform): string | undefined {
  const { os, architecture, variant } = normalizePlatform(platform);
  return archByPlatform.get(
    architecture === "arm" ? `${os}/arm/${variant}` : `${os}/${architecture}`,
  );
}

/** Reads `OS/ARCHITECTURE[/VARIANT]`, an architecture alone (linux is meant), or an apk architecture. */
export function tryParsePlatform(text: string): Platform | undefined {
  if (Object.hasOwn(platformByArch, text)) return splitPlatform(platformByArch[text]!);
  return splitPlatform(text.includes("/") ? text : `linux/${text}`);
}

export function parsePlatform(text: string): Platform {
  const platform = tryParsePlatform(text);
  if (platform !== undefined) return platform;
  const near = nearestName(text, [...knownArchitectures, ...Object.keys(platformByArch)]);
  throw new BivyError("usage", `platform "${text}": expected OS/ARCHITECTURE[/VARIANT]`, {
    hint: near === undefined ? "Write it as linux/amd64 or linux/arm/v7." : `Did you mean ${near}?`,
  });
}

function splitPlatform(text: string): Platform | undefined {
  const parts = text.split("/");
  if (parts.length < 2 || parts.length > 3) return undefined;
  if (!parts.every((part) => /^[a-z0-9][a-z0-9_.-]*$/i.test(part))) return undefined;
  const [os, typed, variant] = parts.map((part) => part.toLowerCase()) as [string, string, string?];
  const fromArch = Object.hasOwn(platformByArch, typed)
    ? platformByArch[typed]!.split("/")
    : [os, Object.hasOwn(architectureAliases, typed) ? architectureAliases[typed]! : typed];
  const platform = { os, architecture: fromArch[1]! };
  const chosen = variant ?? fromArch[2];
  return chosen === undefined ? platform : { ...platform, variant: chosen };
}

/** Writes a platform as `OS/ARCHITECTURE[/VARIANT]`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** Go's names for what Node calls otherwise. */
const goArchitectures: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  ppc64: "ppc64le",
};

/** The platform whose containers this machine runs: linux, also where bivy itself runs elsewhere. */
export function hostPlatform(): Platform {
  const architecture = Object.hasOwn(goArchitectures, process.arch)
    ? goArchitectures[process.arch]!
    : process.arch;
  if (architecture !== "arm") return { os: "linux", architecture };
  const version = (process.config.variables as { arm_version?: string | number }).arm_version ?? 7;
  return { os: "linux", architecture, variant: `v${version}` };
}

/** The same platform in one spelling: arm64 and amd64 without their first variant, arm always with one. */
export function normalizePlatform(platform: Platform): Platform {
  const { variant, ...plain } = platform;
  if (plain.architecture === "arm") {
    const number = (variant ?? "v7").replace(/^(?!v)/, "v");
    return { ...plain, variant: number };
  }
  const isFirst =
    (plain.architecture === "arm64" && (variant === "v8" || variant === "8")) ||
    (plain.architecture === "amd64" && variant === "v1");
  return variant === undefined || variant === "" || isFirst ? plain : { ...plain, variant };
}

/**
 * Whether what is made for `offered` runs on `wanted`, and how well: 0 is the same platform, 1 the
 * next older variant, and so on; undefined where it does not run. An arm machine runs code for the
 * older variants down to v5, arm64 and amd64 run those below them.
 */
export function platformDistance(wanted: Platform, offered: Platform): number | undefined {
  const want = normalizePlatform(wanted);
  const offer = normalizePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return undefined;
  if (want.variant === offer.variant) return 0;
  const lowest = { arm: 5, arm64: 8, amd64: 1 }[want.architecture];
  if (lowest === undefined) return undefined;
  const wantedVersion = variantNumber(want.variant, lowest);
  const offeredVersion = variantNumber(offer.variant, lowest);
  if (wantedVersion === undefined || offeredVersion === undefined) return undefined;
  return offeredVersion >= lowest && offeredVersion <= wantedVersion
    ? wantedVersion - offeredVersion
    : undefined;
}

function variantNumber(variant: string | undefined, lowest: number): number | undefined {
  if (variant === undefined) return lowest;
  return /^v\d{1,2}$/.test(variant) ? Number(variant.slice(1)) : undefined;
}

export function checkPlatform(value: unknown, at: string): Platform {
  const platform = checkFields(value, at, {
    architecture: checkText,
    os: checkText,
    "os.version": checkText,
    "os.features": checkList(checkText),
    variant: checkText,
  });
  return { architecture: "", os: "", ...platform };
}

export function orderPlatform(platform: Platform): JsonObject {
  return orderFields(platform, ["architecture", "os", "os.version", "os.features", "variant"]);
}
