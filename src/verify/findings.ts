/** Findings: what in a report deserves attention, by kind, and the choice of kinds that a check fails on. */
import { BivyError, nearestName } from "../base/index.ts";

/** The most serious first. */
export const findingKinds = [
  "replaced",
  "forged",
  "changed",
  "missing",
  "impostor-key",
  "unknown-key",
  "unsigned",
  "unowned",
  "unprovable",
  "outdated",
  "unknown",
  "unproven",
  "setuid",
  "capabilities",
  "device",
  "world-writable",
  "foreign-repository",
  "plain-http",
] as const;

export type FindingKind = (typeof findingKinds)[number];

export interface Finding {
  readonly kind: FindingKind;
  /** The path, package, key or repository that it is about. */
  readonly subject: string;
  readonly text: string;
  readonly layer?: number;
  /** Of a changed file: it stands below etc. */
  readonly configuration?: true;
}

/** Words that choose more or less than the kind of the same name. */
const choices: Readonly<Record<string, (finding: Finding) => boolean>> = {
  all: () => true,
  none: () => false,
  // As `apk audit --system` leaves configuration out.
  "changed-system": ({ kind, configuration }) => kind === "changed" && configuration !== true,
  "unknown-key": ({ kind }) => kind === "unknown-key" || kind === "impostor-key",
  unproven: ({ kind }) =>
    kind === "unproven" || kind === "outdated" || kind === "unknown" || kind === "replaced",
};

/** Everything that may stand in `--fail-on`. */
export const failOnWords: readonly string[] = [
  ...new Set([...findingKinds, ...Object.keys(choices)]),
];

export interface FailOn {
  /** The words, one by one. */
  readonly words: readonly string[];
  chooses(finding: Finding): boolean;
}

/** Reads the words of `--fail-on`, which may be lists with commas. */
export function parseFailOn(texts: readonly string[]): FailOn {
  const words = texts.flatMap(wordsOf);
  const chosen = words.map(choose);
  return { words, chooses: (finding) => chosen.some((includes) => includes(finding)) };
}

/** An empty list, such as of a variable that is not set, would be a check that cannot fail. */
function wordsOf(text: string): string[] {
  const words = text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  if (words.length > 0) return words;
  throw new BivyError("usage", `--fail-on ${JSON.stringify(text)}: expected kinds of findings`, {
    hint: "Such as --fail-on changed,missing; none is --fail-on none.",
  });
}

function choose(word: string): (finding: Finding) => boolean {
  if (Object.hasOwn(choices, word)) return choices[word]!;
  if (failOnWords.includes(word)) return ({ kind }) => kind === word;
  const near = nearestName(word, failOnWords);
  throw new BivyError("usage", `--fail-on ${word}: there is no such kind of finding`, {
    hint: near === undefined ? `The kinds are ${failOnWords.join(", ")}.` : `Did you mean ${near}?`,
  });
}
