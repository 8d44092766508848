/** What a bill of materials states, whichever format it has and whichever tool wrote it. */
import type { Digest } from "../../base/index.ts";
import type { Distribution, PackageRepository } from "../../inventory/index.ts";

export type SbomFormat = "cyclonedx" | "spdx" | "syft" | "trivy";

/** An apk package. What a document does not state is absent. */
export interface SbomPackage {
  readonly name: string;
  readonly version: string;
  readonly arch?: string;
  /** The source package, by which advisories go; the name where none is stated. */
  readonly origin: string;
  /** apk's `C:`, such as `Q1…=`. */
  readonly identity?: string;
  /** In the words of the package where the document has them, else as the document writes it. */
  readonly license?: string;
  /** `NAME <ADDRESS>` as a rule. */
  readonly maintainer?: string;
  /** The layer that brought it; lowest 0. */
  readonly layer?: number;
  readonly inWorld?: boolean;
  /** The shortest way to it from world, by names, itself at the end; empty where nothing needs it. */
  readonly path?: readonly string[];
  readonly repository?: PackageRepository;
  /** The repository tag that it was installed from, without `@`. */
  readonly tag?: string;
  /** Names of the packages that meet its dependencies, sorted. */
  readonly dependsOn?: readonly string[];
  readonly description?: string;
  readonly url?: string;
  readonly commit?: string;
  /** Seconds since 1970. */
  readonly buildTime?: number;
}

/** A component of another package manager than apk. */
export interface SbomComponent {
  /** Such as `npm`; else the type of its purl. */
  readonly ecosystem: string;
  readonly name: string;
  /** Empty where none is stated. */
  readonly version: string;
  readonly purl: string;
  readonly license?: string;
  /** Plain path of the file that says so. */
  readonly path?: string;
  /** Lowest 0. */
  readonly layer?: number;
  /** Name of the apk package that has its files, and with which it is judged. */
  readonly owner?: string;
}

export interface SbomLayer {
  readonly digest?: Digest;
  readonly diffId?: Digest;
  readonly createdBy?: string;
}

/** A file of the root; only documents that were asked for files have them. */
export interface SbomFile {
  /** Plain path. */
  readonly path: string;
  /** In hex, of the content. */
  readonly sha1?: string;
  readonly sha256?: string;
  /** Name of the apk package that has it. */
  readonly owner?: string;
  /** Lowest 0. */
  readonly layer?: number;
}

/** What is known of an image or root, as a bill of materials has it. */
export interface SbomContents {
  /** What the document is about, in its own words. */
  readonly name: string;
  /** Of the image's manifest. */
  readonly digest?: Digest;
  /** Of the image. */
  readonly purl?: string;
  /** Who gives the image out. */
  readonly supplier?: string;
  readonly distribution?: Distribution;
  readonly packages: readonly SbomPackage[];
  readonly layers: readonly SbomLayer[];
  readonly repositories: readonly { readonly url: string; readonly tag?: string }[];
  readonly labels: ReadonlyMap<string, string>;
  readonly others: readonly SbomComponent[];
  /** Not read from documents. */
  readonly files?: readonly SbomFile[];
}

export interface SbomDocument extends SbomContents {
  readonly format: SbomFormat;
  /** What wrote it, such as `syft 1.20.0`. */
  readonly tool?: string;
  /** When it was made: seconds since 1970. */
  readonly time?: number;
  /** Those of the others that no apk package has, counted. */
  readonly unjudged: readonly { readonly ecosystem: string; readonly count: number }[];
  /** What could not be read, or does not fit together, though the rest does. */
  readonly problems: readonly string[];
}
