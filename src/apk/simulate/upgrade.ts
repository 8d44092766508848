/** Simulation of `apk upgrade`. */
import { readAtom, type Atom } from "../atom.ts";
import type { InstalledPackage } from "../installed.ts";
import { isGiven, switchOf } from "./options.ts";
import type { Session } from "./session.ts";
import { alters, solve, type NameWish, type Preferences } from "../solver/solver.ts";
import { matchesVersion } from "../version.ts";
import { addToWorld } from "../world.ts";

/** Carries out `apk upgrade` and gives its exit code. */
export function simulateUpgrade(session: Session): number {
  const { line } = session;
  if (!session.checkTags(session.simulation.world))
    return session.fail("Not continuing with upgrade due to missing repository tags.");
  const preferences: Preferences = {
    upgrade: true,
    available: isGiven(line, "available"),
    latest: isGiven(line, "latest"),
  };
  const only = isGiven(line, "preupgrade-only") || isGiven(line, "self-upgrade-only");
  const allowed =
    (switchOf(line, "preupgrade") ?? true) && (switchOf(line, "self-upgrade") ?? true);
  if ((only || !isGiven(line, "root")) && allowed && line.operands.length === 0) {
    const code = preupgrade(session, preferences, only);
    if (code !== 0) return code;
  }
  if (only) return 0;
  const names = new Map<string, NameWish>();
  const ignore = isGiven(line, "ignore");
  const wish: NameWish = { preferences: ignore ? { keep: true } : { upgrade: true } };
  const errors = session.eachName((name) => names.set(name.text, wish));
  if (errors > 0) return errors;
  const some = line.operands.length > 0 && !ignore;
  return session.solveAndCommit({
    world: upgradedWorld(session),
    preferences: some ? { ...preferences, upgrade: false } : preferences,
    names,
  });
}

/** World without exact builds (`--available`) and without what no repository has (`--prune`). */
function upgradedWorld(session: Session): readonly Atom[] {
  let { world } = session.simulation;
  if (isGiven(session.line, "available"))
    world = world.map((atom) =>
      atom.operator === "><" ? { ...atom, operator: "any", version: "" } : atom,
    );
  if (!isGiven(session.line, "prune")) return world;
  return world.filter((atom) =>
    session.index
      .name(atom.name)
      .providers.some(({ candidate }) => candidate.inAvailableRepository),
  );
}

/** Upgrades apk itself, and what `--preupgrade-depends` names, before all else. */
function preupgrade(session: Session, preferences: Preferences, only: boolean): number {
  const names = new Map<string, NameWish>();
  for (const atom of preupgradeAtoms(session)) {
    const name = session.index.name(atom.name);
    const installed = session.index.installedOf(name);
    if (installed === undefined) continue;
    if (matchesVersion(installed.version, atom.operator, atom.version) === atom.conflict) continue;
    const isNewer = name.providers.some(
      ({ candidate }) =>
        candidate.repositories.length > 0 &&
        matchesVersion(candidate.version, ">", installed.version),
    );
    if (isNewer) names.set(atom.name, { preferences });
  }
  if (names.size === 0) return 0;
  const outcome = solve({
    ...session.solverInput({ world: session.simulation.world, names }),
    minimal: true,
  });
  if (outcome.kind === "failure") {
    session.warn("Failed to perform initial preupgrade, continuing with a full upgrade.");
    return 0;
  }
  if (!outcome.changes.some(alters)) return 0;
  if (!only) {
    session.warn("This simulation might not reliable as a preupgrade is available.");
    return 0;
  }
  session.say("Preupgrading:");
  return session.commit(outcome);
}

function preupgradeAtoms(session: Session): readonly Atom[] {
  let atoms: readonly Atom[] = [];
  const owner = fileOwner(session.simulation.installed, session.simulation.ownExecutable);
  if (owner !== undefined)
    atoms = [{ name: owner.name, conflict: false, operator: "any", version: "" }];
  for (const line of session.line.values.get("preupgrade-depends") ?? []) {
    const words = line.split(/[ \n]+/).filter((word) => word !== "");
    for (const word of words) {
      const atom = readAtom(word, "without-tags");
      if (atom !== undefined) atoms = addToWorld(atoms, atom);
      else session.warn(`Ignored invalid preupgrade dependencies from: ${line}`);
    }
  }
  return atoms;
}

function fileOwner(installed: readonly InstalledPackage[], path = "proc/self/exe") {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, Math.max(0, slash));
  const name = path.slice(slash + 1);
  return installed.find(({ directories }) =>
    directories.some(
      (directory) =>
        directory.path === folder && directory.files.some((file) => file.name === name),
    ),
  );
}
