/** World: what was asked for by name, one atom per line in etc/apk/world. */
import { BivyError } from "../base/index.ts";
import { formatAtom, tryParseAtom, type Atom } from "./atom.ts";
import { comparePackageNames } from "./package.ts";

/** Reads a world file: atoms separated by line ends or blanks. */
export function parseWorld(text: string, options: { readonly subject: string }): Atom[] {
  return text
    .split(/[ \n]+/)
    .filter((word) => word !== "")
    .map((word) => {
      const atom = tryParseAtom(word);
      if (atom !== undefined) return atom;
      throw new BivyError(
        "atom-invalid",
        `${options.subject}: ${JSON.stringify(word)}: expected [!]name[@tag][operator version]`,
        { hint: "Correct or remove this line." },
      );
    });
}

/** The world file as apk writes it: one atom a line, sorted by name. */
export function formatWorld(world: readonly Atom[]): string {
  return `${sortWorld(world).map(formatAtom).join("\n")}\n`;
}

/** The order in which apk keeps and solves a world. */
export function sortWorld(world: readonly Atom[]): Atom[] {
  return world.toSorted((a, b) => comparePackageNames(a.name, b.name));
}

/** The world with `atom`, in place of any atom of the same name. */
export function addToWorld(world: readonly Atom[], atom: Atom): Atom[] {
  const at = world.findIndex((present) => present.name === atom.name);
  return at === -1 ? [...world, atom] : world.with(at, atom);
}

/** The world without the atom of this name. */
export function removeFromWorld(world: readonly Atom[], name: string): Atom[] {
  return world.filter((atom) => atom.name !== name);
}
