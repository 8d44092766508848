/**
 * What a document states, before it is judged: the reader of each format gives this, and one assembly
 * makes the result of it, so that what other tools leave out is filled in alike for all.
 */
import type { Digest } from "../../base/index.ts";
import type { PackageUrl } from "../../inventory/index.ts";
import type { Facts } from "../facts.ts";
import type { SbomFormat, SbomLayer } from "./sbom-document.ts";

export interface StatedComponent {
  /** What names it within the document. */
  readonly ref?: string;
  readonly name: string;
  readonly version?: string;
  /** Undefined where it has none, or one that cannot be read. */
  readonly purl?: PackageUrl;
  readonly purlText?: string;
  readonly facts: Facts;
  /** The source package, in fields of the format's own. */
  readonly origin?: string;
  readonly arch?: string;
  readonly license?: string;
  readonly maintainer?: string;
  readonly identity?: string;
  /** Digests or diff ids of the layer that brought it. */
  readonly layerIds?: readonly string[];
  readonly description?: string;
  readonly url?: string;
  /** A package of apk, whatever its purl says. */
  readonly isApk?: boolean;
  /** The name of the apk package that has its files. */
  readonly owner?: string;
}

/** A distribution as a component or a field of its own names it. */
export interface StatedDistribution {
  readonly id: string;
  readonly version?: string;
  readonly name?: string;
  readonly path?: string;
  readonly like?: readonly string[];
}

export interface StatedDocument {
  readonly format: SbomFormat;
  readonly tool?: string;
  readonly name?: string;
  readonly digest?: Digest;
  readonly time?: number;
  /** Of what it is about. */
  readonly purl?: string;
  readonly supplier?: string;
  readonly distribution?: StatedDistribution;
  readonly components: readonly StatedComponent[];
  /** The refs of what each ref depends on. */
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  /** From the lowest; those of bivy's own facts are read from `facts`. */
  readonly layers?: readonly SbomLayer[];
  readonly labels?: ReadonlyMap<string, string>;
  /** Of the document as a whole. */
  readonly facts: Facts;
  readonly problems: readonly string[];
}
