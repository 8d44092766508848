/** Simulation: what `apk add`, `del`, `fix` and `upgrade` print with `--simulate`, word for word. */
import { simulateAdd } from "./add.ts";
import { simulateFix } from "./fix.ts";
import { simulateRemoval } from "./remove.ts";
import { Session, type Simulation } from "./session.ts";
import { simulateUpgrade } from "./upgrade.ts";
import type { Solution } from "../solver/solver.ts";

export type { SimulatedRepository, Simulation } from "./session.ts";

export interface SimulationResult {
  /** What apk prints on both of its streams, in order. */
  readonly output: string;
  readonly parts: readonly { readonly stream: "out" | "err"; readonly text: string }[];
  readonly exitCode: number;
  /** What would be done, when a solution was found. */
  readonly solution?: Solution;
}

/** Runs a command line without touching anything. */
export function simulate(simulation: Simulation): SimulationResult {
  const session = new Session(simulation);
  const code = run(session);
  const { parts } = session;
  return {
    output: parts.map(({ text }) => text).join(""),
    parts,
    exitCode: code < 0 ? 250 : Math.min(code, 99),
    ...(session.solution && { solution: session.solution }),
  };
}

function run(session: Session): number {
  const { error, command, operands } = session.line;
  if (error !== undefined) {
    session.fail(error);
    return 1;
  }
  warnOfBrokenRecords(session);
  switch (command) {
    case "add":
      return simulateAdd(session);
    case "del":
      return simulateRemoval(session);
    case "fix":
      return simulateFix(session);
    case "upgrade":
      return simulateUpgrade(session);
    case undefined:
      session.fail(`'${operands[0] ?? ""}' is not an apk command. See 'apk --help'.`);
      return 1;
  }
}

function warnOfBrokenRecords(session: Session): void {
  let newer = false;
  let broken = false;
  let uninstallable = false;
  for (const candidate of session.index.candidates) {
    const isNewer = candidate.package.unknownFields.length > 0;
    if (!isNewer && candidate.intact) continue;
    if (isNewer) newer = true;
    if (!candidate.intact) broken = true;
    if (candidate.package.uninstallable) uninstallable = true;
  }
  const effect = uninstallable ? "are not installable" : "might not function properly";
  if (newer) session.warn(`This apk-tools is OLD! Some packages ${effect}.`);
  if (broken) session.warn(`The indexes contain broken packages which ${effect}.`);
}
