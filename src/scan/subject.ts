/** Subjects: what is scanned, whether its facts come from an image, a root or a bill of materials. */
import type { Digest } from "../base/index.ts";
import type { Distribution, PackageRepository } from "../inventory/index.ts";

/** A package as far as a scan needs it. */
export interface ScanPackage {
  readonly name: string;
  readonly version: string;
  /** The source package, by which advisories go; the name where none is stated. */
  readonly origin: string;
  readonly arch?: string;
  /** Where it came from, as far as that can be known. */
  readonly repository?: PackageRepository;
  /** The layer that brought it; lowest 0. */
  readonly layer?: number;
  /** Whether world names it; absent where that is not known. */
  readonly inWorld?: boolean;
  /** The shortest way to it from world, by names, itself at the end; absent where none is known. */
  readonly path?: readonly string[];
}

export interface ScanLayer {
  readonly digest?: Digest;
  readonly diffId?: Digest;
  /** The instruction that made it, as the history has it. */
  readonly createdBy?: string;
}

/** Packages that no apk advisory is about: of languages, and not from apk. */
export interface UnjudgedPackages {
  /** Such as `npm`. */
  readonly ecosystem: string;
  readonly count: number;
}

export interface ScanSubject {
  /** As the user named it. */
  readonly name: string;
  readonly kind: "image" | "root" | "sbom";
  /** Of the image's manifest. */
  readonly digest?: Digest;
  readonly distribution?: Distribution;
  readonly packages: readonly ScanPackage[];
  readonly layers: readonly ScanLayer[];
  /** The labels of the image's config. */
  readonly labels: ReadonlyMap<string, string>;
  /** The URLs of the repositories of the root, without tags first. */
  readonly repositories: readonly { readonly url: string; readonly tag?: string }[];
  readonly unjudged: readonly UnjudgedPackages[];
  /** What could not be read, and lower databases' removed packages that are no findings. */
  readonly problems: readonly string[];
}
