/** Inventory: what an image, a root folder or a root archive holds, read in one pass over its layers. */
import type { Atom, InstalledFile, InstalledPackage, Repository } from "../apk/index.ts";
import type { Digest } from "../base/index.ts";
import type { Image, ImageConfig } from "../oci/index.ts";
import type { LayeredTree } from "../tree/index.ts";
import type { LanguagePackage } from "./languages/language-package.ts";

/** A layer with what the image says about it. A root folder or archive counts as one layer. */
export interface InventoryLayer {
  readonly digest?: Digest;
  readonly diffId?: Digest;
  /** Bytes as stored (compressed, as a rule); absent for a root folder. */
  readonly size?: number;
  readonly mediaType?: string;
  /** The instruction that made it, as the history has it. */
  readonly createdBy?: string;
  /** Its comment in the history. */
  readonly comment?: string;
}

export interface Distribution {
  /** ID of os-release, such as `alpine`, `wolfi`, `debian`. */
  readonly id: string;
  readonly name: string;
  /** VERSION_ID, such as `3.19.4`. */
  readonly version?: string;
  /** The branch of an Alpine release: `v3.19`, `edge`; absent for what is not Alpine. */
  readonly branch?: string;
  /** ID_LIKE: what it is derived from, such as `alpine`. */
  readonly like?: readonly string[];
  /** The file that says so. */
  readonly path: string;
}

export interface InventoryPackage {
  readonly installed: InstalledPackage;
  /** The layer since whose installed database exactly this package is installed; lowest 0. */
  readonly layer: number;
}

/** A package that a layer below had installed, and that is not installed any more in just that build. */
export interface RemovedPackage extends InventoryPackage {
  /** The layer whose installed database does not have it any more. */
  readonly removedIn: number;
}

/** A key in the image: whoever holds its private half can sign packages that apk there installs. */
export interface ShippedKey {
  readonly path: string;
  /** File name, which is how signatures name it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Absent for a root folder's, or where no layer has an entry of it. */
  readonly layer?: number;
  /**
   * Whether apk trusts it: it stands in etc/apk/keys or lib/apk/keys, and not only among those that
   * usr/share/apk/keys has for other architectures.
   */
  readonly trusted: boolean;
}

/** The package that a path belongs to. */
export interface FileOwner {
  readonly package: InstalledPackage;
  /** Absent for a folder. */
  readonly file?: InstalledFile;
}

/** An executable that needs no other file to run (see `isStaticExecutable` of elf). */
export interface StaticBinary {
  /** Plain path. */
  readonly path: string;
  /** The layer that brought it; lowest 0. */
  readonly layer?: number;
  /** Name of the apk package that owns it. */
  readonly owner?: string;
}

export interface Inventory {
  /** What messages call it. */
  readonly subject: string;
  /** Absent for a root folder or archive. */
  readonly image?: Image;
  readonly config?: ImageConfig;
  readonly layers: readonly InventoryLayer[];
  readonly tree: LayeredTree;
  readonly distribution?: Distribution;
  /** Whether there is an apk database at all. */
  readonly hasDatabase: boolean;
  /** Plain path of the folder of the database, such as `lib/apk/db`. */
  readonly databasePath?: string;
  /** In the order of the database. */
  readonly packages: readonly InventoryPackage[];
  /** Packages of lower layers that were removed or upgraded, in the order in which they went. */
  readonly removedPackages: readonly RemovedPackage[];
  readonly world: readonly Atom[];
  /** The architectures that etc/apk/arch names. */
  readonly archs: readonly string[];
  /** Of etc/apk/repositories, then of repositories.d. */
  readonly repositories: readonly Repository[];
  readonly keys: readonly ShippedKey[];
  /**
   * The owner of every file and folder that a package has, by the plain path at which it stands in
   * the tree: links in the folders above are followed (a package's `lib/x` is at `usr/lib/x` where lib
   * is a link), and for a folder its own link too. Of several packages that have a folder the owner is
   * the one whose attributes apk gives it. Found when it is first asked for; fails then with
   * `database-invalid` where the database lists what cannot be a file.
   */
  readonly owners: ReadonlyMap<string, FileOwner>;
  /**
   * What package managers of programming languages brought, as files of the final tree state it: by
   * ecosystem, name, version and path. Undefined where contents were not inspected. Throws as `owners`.
   */
  readonly languages?: readonly LanguagePackage[] | undefined;
  /** In the order of their paths. Undefined where contents were not inspected. Throws as `owners`. */
  readonly staticBinaries?: readonly StaticBinary[] | undefined;
  /** What could not be read or does not fit together, though the inventory goes without it. */
  readonly problems: readonly string[];
}
