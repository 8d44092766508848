/** Summaries: how many packages, files and findings of a report are in which state. */
import { findingKinds, type FindingKind } from "./findings.ts";
import type { FileState, KeyState, PackageState, VerifyReport } from "./report.ts";

type Counts<State extends string> = Readonly<Partial<Record<State, number>>>;

export interface VerifySummary {
  readonly packages: Counts<PackageState>;
  /** Everything below the root: files, folders, links and devices, missing ones among them. */
  readonly files: Counts<FileState>;
  /** Changed files whose change is proven to be harmless; they are among the changed ones. */
  readonly harmless: number;
  /** Those that apk in the image trusts. */
  readonly keys: Counts<KeyState>;
  readonly findings: Counts<FindingKind>;
}

const packageStates: readonly PackageState[] = [
  "proven",
  "virtual",
  "replaced",
  "outdated",
  "unknown",
  "unproven",
];

const fileStates: readonly FileState[] = [
  "packaged",
  "generated",
  "changed",
  "missing",
  "unprovable",
  "unowned",
];

const keyStates: readonly KeyState[] = [
  "alpine",
  "named",
  "packaged",
  "unknown",
  "impostor",
  "unreadable",
];

export function summarize({ packages, files, keys, findings }: VerifyReport): VerifySummary {
  return {
    packages: countStates(packages, packageStates),
    files: countStates(files, fileStates),
    harmless: files.filter(({ explanation }) => explanation?.harmless === true).length,
    keys: countStates(
      keys.filter(({ trusted }) => trusted),
      keyStates,
    ),
    findings: countStates(
      findings.map(({ kind }) => ({ state: kind })),
      findingKinds,
    ),
  };
}

/** Only the states that occur, in this order. */
function countStates<State extends string>(
  items: readonly { readonly state: State }[],
  states: readonly State[],
): Counts<State> {
  const counts: Partial<Record<State, number>> = {};
  for (const state of states) {
    const count = items.filter((item) => item.state === state).length;
    if (count > 0) counts[state] = count;
  }
  return counts;
}
