/** Simulation of `apk add`. */
import { createHash } from "node:crypto";
import { readAtom, tryParseAtom, type Atom } from "../atom.ts";
import { formatChecksum } from "../identity.ts";
import { createPackage, type Package } from "../package.ts";
import { isGiven } from "./options.ts";
import { failed, type Session } from "./session.ts";
import type { NameWish } from "../solver/solver.ts";
import { addToWorld } from "../world.ts";

/** Carries out `apk add` and gives its exit code. */
export function simulateAdd(session: Session): number {
  const { line, simulation } = session;
  const specifier = line.values.get("virtual")?.at(-1);
  const virtual = specifier === undefined ? undefined : parseVirtual(session, specifier);
  if (virtual === failed) return failed;
  if (virtual !== undefined && line.operands.length === 0)
    session.warn("creating empty virtual package");
  const wish: NameWish = {
    preferences: { latest: isGiven(line, "latest"), upgrade: isGiven(line, "upgrade") },
    inherited: true,
  };
  const names = new Map<string, NameWish>();
  let world = simulation.world;
  let depends: readonly Atom[] = [];
  for (const word of line.operands) {
    const atom = parseOperand(session, word, virtual !== undefined);
    if (atom === undefined) {
      const [kind, form] =
        virtual === undefined
          ? ["world", "name(@tag)([<>~=]version)"]
          : ["package", "name([<>~=]version)"];
      return session.fail(`'${word}' is not a valid ${kind} dependency, format is ${form}`);
    }
    if (virtual !== undefined) depends = addToWorld(depends, atom);
    else {
      world = addToWorld(world, atom);
      names.set(atom.name, wish);
    }
  }
  if (virtual !== undefined) {
    session.openSupply([virtualPackage(virtual, depends)]);
    world = addToWorld(world, virtual);
    names.set(virtual.name, wish);
  }
  return session.solveAndCommit({ world, names });
}

function parseOperand(session: Session, word: string, isDependency: boolean): Atom | undefined {
  const file = session.simulation.files?.get(word);
  if (file !== undefined)
    return { name: file.name, conflict: false, operator: "><", version: file.identity };
  if (/[ \n]/.test(word)) return undefined;
  if (!isDependency) return tryParseAtom(word);
  const atom = readAtom(word, "without-tags");
  return atom?.broken ? undefined : atom;
}

function parseVirtual(session: Session, specifier: string): Atom | typeof failed {
  const atom = tryParseAtom(specifier);
  if (atom === undefined || atom.conflict)
    return session.fail(`${specifier}: bad package specifier`);
  const isLost = session.isInMemory && session.simulation.cache === undefined;
  if (!atom.name.startsWith(".") && isLost && !isGiven(session.line, "force-non-repository"))
    return session.fail(
      "You tried to add a non-repository package to system, but it would be lost on next reboot. " +
        "Enable package caching (apk cache --help) or use --force-non-repository if you know what you are doing.",
    );
  if (atom.operator === "=") return atom;
  if (atom.operator !== "any") return session.fail(`${specifier}: bad package specifier`);
  const now = (session.simulation.now ?? (() => new Date()))().toISOString();
  return {
    ...atom,
    operator: "=",
    version: now.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "."),
  };
}

/** A package without files that depends on what was given after `--virtual NAME`. */
function virtualPackage(atom: Atom, depends: readonly Atom[]): Package {
  const { name, version } = atom;
  const digest = createHash("sha1").update(`${name}\0${version}`).digest();
  return createPackage({
    name,
    version,
    arch: "noarch",
    description: "virtual meta package",
    identity: formatChecksum(digest),
    depends,
  });
}
