/** Packages: what an index or the installed database says about one built apk. */
import { compareNames } from "../base/index.ts";
import type { Atom } from "./atom.ts";
import { compareVersions } from "./version.ts";

/**
 * One package as an index or a database describes it. A package that was read from text may parse its
 * rarer fields when they are asked for, so do not spread one: `changePackage` makes a changed copy.
 */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** "" when absent; `noarch` fits every architecture. */
  readonly arch: string;
  /** The checksum that names this very build: the `C:` value, such as `Q1…=`; "" when absent. */
  readonly identity: string;
  /** Bytes of the `.apk` file. */
  readonly size: number;
  /** Bytes once installed; 0 for a package without files, which is never downloaded. */
  readonly installedSize: number;
  readonly description: string;
  readonly url: string;
  readonly license: string;
  /** The source package that it was built from; "" when absent. */
  readonly origin: string;
  readonly maintainer: string;
  /** Seconds since 1970; 0 when absent. */
  readonly buildTime: number;
  readonly commit: string;
  readonly providerPriority: number;
  readonly depends: readonly Atom[];
  readonly provides: readonly Atom[];
  readonly installIf: readonly Atom[];
  readonly replaces: readonly Atom[];
  readonly replacesPriority: number;
  /** Words of the format-3 field `g:`. */
  readonly tags: readonly string[];
  /** Lines `X:value` of fields that are not known. */
  readonly unknownFields: readonly string[];
  /**
   * It must not be installed: it has an unknown field with an upper-case letter, or a dependency that
   * cannot be read. (An architecture that does not fit is the solver's to find.)
   */
  readonly uninstallable: boolean;
  /** Some dependency, provide or install-if rule of it cannot be read. */
  readonly hasBrokenAtoms: boolean;
}

const blank: Package = {
  name: "",
  version: "",
  arch: "",
  identity: "",
  size: 0,
  installedSize: 0,
  description: "",
  url: "",
  license: "",
  origin: "",
  maintainer: "",
  buildTime: 0,
  commit: "",
  providerPriority: 0,
  depends: [],
  provides: [],
  installIf: [],
  replaces: [],
  replacesPriority: 0,
  tags: [],
  unknownFields: [],
  uninstallable: false,
  hasBrokenAtoms: false,
};

const packageFields = Object.keys(blank) as (keyof Package)[];

/** A package with the given fields; all others are empty. */
export function createPackage(
  fields: Partial<Package> & { readonly name: string; readonly version: string },
): Package {
  return { ...blank, ...fields };
}

/** A plain copy of `subject` with some fields changed. */
export function changePackage(subject: Package, changes: Partial<Package>): Package {
  const copy: Record<string, unknown> = {};
  for (const field of packageFields) copy[field] = subject[field];
  return { ...(copy as unknown as Package), ...changes };
}

/** `name-version`, as apk names a package in messages. */
export function packageLabel(subject: Package): string {
  return `${subject.name}-${subject.version}`;
}

/** apk's order of names in lists and files: without regard to case first, then by bytes. */
export function comparePackageNames(a: string, b: string): number {
  if (a === b) return 0;
  return compareNames(a.toLowerCase(), b.toLowerCase()) || compareNames(a, b);
}

/** apk's order of packages in lists: by name, then by version, oldest first. */
export function comparePackages(a: Package, b: Package): number {
  return comparePackageNames(a.name, b.name) || compareVersions(a.version, b.version);
}
