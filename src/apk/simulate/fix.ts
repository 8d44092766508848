/** Simulation of `apk fix`. */
import { isGiven } from "./options.ts";
import type { Session } from "./session.ts";
import type { NameWish } from "../solver/solver.ts";

/** Carries out `apk fix` and gives its exit code. */
export function simulateFix(session: Session): number {
  const { line } = session;
  const reinstall = isGiven(line, "reinstall");
  const upgrade = isGiven(line, "upgrade");
  const wish: NameWish = {
    preferences: { upgrade, reinstall: reinstall || !upgrade },
    inherited: isGiven(line, "depends"),
  };
  const names = new Map<string, NameWish>();
  if (line.operands.length === 0) {
    for (const subject of session.simulation.installed) {
      const { brokenFiles, brokenScript, brokenXattrs } = subject.flags;
      if (brokenFiles || brokenScript || (brokenXattrs && isGiven(line, "xattr")))
        names.set(subject.name, wish);
    }
  } else {
    const errors = session.eachName((name) => names.set(name.text, wish));
    if (errors > 0) return errors;
  }
  return session.solveAndCommit({ world: session.simulation.world, names });
}
