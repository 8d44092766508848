/**
 * VEX statements: what somebody says about a vulnerability in a product, whichever format says it
 * (CISA, "Minimum Requirements for VEX").
 */
import type { Digest } from "../../base/index.ts";
import type { PackageUrl } from "../../inventory/index.ts";

export type VexStatus = "not_affected" | "affected" | "fixed" | "under_investigation";

export const vexStatuses: readonly VexStatus[] = [
  "not_affected",
  "affected",
  "fixed",
  "under_investigation",
];

/** Why a product is not affected (CISA, "VEX Status Justifications"). */
export type VexJustification =
  | "component_not_present"
  | "vulnerable_code_not_present"
  | "vulnerable_code_not_in_execute_path"
  | "vulnerable_code_cannot_be_controlled_by_adversary"
  | "inline_mitigations_already_exist";

export const vexJustifications: readonly VexJustification[] = [
  "component_not_present",
  "vulnerable_code_not_present",
  "vulnerable_code_not_in_execute_path",
  "vulnerable_code_cannot_be_controlled_by_adversary",
  "inline_mitigations_already_exist",
];

/** One thing that a statement names. Names in words tell nothing for certain, and are not kept. */
export interface VexComponent {
  readonly purls: readonly PackageUrl[];
  /** Of an image's manifest. */
  readonly digests: readonly Digest[];
}

export interface VexProduct extends VexComponent {
  /** As the document writes it. */
  readonly text: string;
  /**
   * The parts of the product that the statement is about; absent for the whole product. An empty list
   * is about parts that nothing here can be.
   */
  readonly subcomponents?: readonly VexComponent[];
}

export interface VexStatement {
  /** The name of the vulnerability and its aliases. */
  readonly ids: readonly string[];
  readonly products: readonly VexProduct[];
  readonly status: VexStatus;
  readonly justification?: VexJustification;
  /** Why, or what to do, in the author's words; "" where they gave none. */
  readonly text: string;
  /** Where it is written: the file, and the id of the document. */
  readonly source: string;
  /** Its place in the document; lowest 0. */
  readonly position: number;
  /** Since when it holds: seconds since 1970. */
  readonly time?: number;
}

export type VexFormat = "openvex" | "csaf" | "cyclonedx";

export interface VexDocument {
  readonly format: VexFormat;
  /** What messages call it, as a rule a path. */
  readonly subject: string;
  /** As the document calls itself. */
  readonly id?: string;
  /** In the order of the document. */
  readonly statements: readonly VexStatement[];
  /** The same by each of their ids in upper case. */
  readonly byId: ReadonlyMap<string, readonly VexStatement[]>;
  /** What could not be read or is against the format, though the rest holds. */
  readonly problems: readonly string[];
}

/** A statement as the reader of a format finds it, which does not know where it stands. */
export type ReadStatement = Omit<VexStatement, "source" | "position">;

/** What the reader of a format finds. */
export interface ReadVex {
  readonly id?: string;
  readonly statements: readonly ReadStatement[];
  readonly problems: readonly string[];
}
