/** .PKGINFO: what a package of format 2 says about itself, `key = value` lines (apk-package(5)). */
import { BivyError, decodeName, messageOf } from "../base/index.ts";
import { parseAtoms, type Atom } from "./atom.ts";

export interface PackageInfo {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly description: string;
  readonly url: string;
  readonly license: string;
  readonly origin: string;
  readonly maintainer: string;
  readonly commit: string;
  /** Seconds since 1970. */
  readonly buildTime: number;
  /** Bytes once installed. */
  readonly installedSize: number;
  readonly depends: readonly Atom[];
  readonly provides: readonly Atom[];
  readonly installIf: readonly Atom[];
  readonly providerPriority: number;
  readonly replaces: readonly Atom[];
  readonly replacesPriority: number;
  /** Globs of directories; a leading `+` asks for changed ones only. */
  readonly triggers: readonly string[];
  /** SHA-256 of the compressed data section, in hex; "" when there is no data section. */
  readonly dataHash: string;
}

const singleFields = {
  pkgname: "name",
  pkgver: "version",
  arch: "arch",
  pkgdesc: "description",
  url: "url",
  license: "license",
  origin: "origin",
  maintainer: "maintainer",
  commit: "commit",
  datahash: "dataHash",
} as const;
const numberFields = {
  builddate: "buildTime",
  size: "installedSize",
  provider_priority: "providerPriority",
  replaces_priority: "replacesPriority",
} as const;
const atomFields = {
  depend: "depends",
  provides: "provides",
  install_if: "installIf",
  replaces: "replaces",
} as const;

const damaged = "The package is damaged; build or fetch it again.";

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

/** Fields that are not known are passed over, as apk does: newer abuilds write more. */
export function parsePackageInfo(bytes: Uint8Array, subject: string): PackageInfo {
  const info: Mutable<PackageInfo> = {
    name: "",
    version: "",
    arch: "",
    description: "",
    url: "",
    license: "",
    origin: "",
    maintainer: "",
    commit: "",
    buildTime: 0,
    installedSize: 0,
    depends: [],
    provides: [],
    installIf: [],
    providerPriority: 0,
    replaces: [],
    replacesPriority: 0,
    triggers: [],
    dataHash: "",
  };
  for (const line of decodeName(bytes).split("\n")) {
    const separator = line.indexOf(" = ");
    if (separator === -1 || line.startsWith("#")) continue;
    setField(info, line.slice(0, separator).trim(), line.slice(separator + 3).trim(), subject);
  }
  if (info.name === "" || info.version === "")
    throw new BivyError(
      "package-invalid",
      `${subject}: its .PKGINFO has no ${info.name === "" ? "pkgname" : "pkgver"}`,
      {
        hint: damaged,
      },
    );
  return info;
}

function setField(info: Mutable<PackageInfo>, key: string, value: string, subject: string): void {
  if (Object.hasOwn(singleFields, key)) {
    info[singleFields[key as keyof typeof singleFields]] = value;
  } else if (Object.hasOwn(numberFields, key)) {
    if (!/^-?\d{1,15}$/.test(value))
      throw new BivyError(
        "package-invalid",
        `${subject}: .PKGINFO ${key}: expected a number, found ${JSON.stringify(value)}`,
        { hint: damaged },
      );
    info[numberFields[key as keyof typeof numberFields]] = Number(value);
  } else if (Object.hasOwn(atomFields, key)) {
    info[atomFields[key as keyof typeof atomFields]].push(...readAtomField(key, value, subject));
  } else if (key === "triggers") {
    info.triggers.push(...value.split(/\s+/).filter(Boolean));
  }
}

function readAtomField(key: string, value: string, subject: string): Atom[] {
  try {
    return parseAtoms(value);
  } catch (cause) {
    throw new BivyError("package-invalid", `${subject}: .PKGINFO ${key}: ${messageOf(cause)}`, {
      cause,
      hint: damaged,
    });
  }
}
