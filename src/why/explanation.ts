/** Explanations: why something is in an image, as data. */
import type { Atom } from "../apk/index.ts";
import type {
  Dependent,
  InventoryPackage,
  RemovedPackage,
  WorldEntry,
} from "../inventory/index.ts";
import type { ShortestPaths } from "./paths.ts";
import type { Place } from "./place.ts";

/** What a word is taken for: the name of a package, a path, a shared library, a command, a provided name. */
export type Meaning = "package" | "file" | "soname" | "command" | "provide";

/** Why an installed package is there. */
export interface PackageReason extends ShortestPaths, InventoryPackage {
  /** What it provides of what was asked for, where that is not its own name. */
  readonly provides?: Atom;
  /** All that need it directly, whether or not on one of the shortest paths. */
  readonly dependents: readonly Dependent[];
}

/** Something else that the word means. */
export interface OtherMeaning {
  readonly meaning: Meaning;
  /** A package as `name-version`, or an absolute path. */
  readonly name: string;
}

export interface Explanation {
  readonly asked: string;
  readonly meaning: Meaning;
  /** The packages that are meant: of that name, that provide it, or that own what is at the places. */
  readonly packages: readonly PackageReason[];
  /** Where it is, for what is a file. */
  readonly places: readonly Place[];
  /** Builds of that name which lower layers had and the image does not have any more. */
  readonly removedPackages: readonly RemovedPackage[];
  readonly others: readonly OtherMeaning[];
  /** The entries of world that the installed packages do not satisfy. */
  readonly brokenWorld: readonly WorldEntry[];
}
