/** Actions: what a script does to the packages of its root, in the order in which it happens. */
import { type Value } from "./value.ts";

/** A condition under which something runs. It is settled when all other ways turn out to fail. */
export interface Guard {
  /** What is not known, as a noun, such as ``whether `[ -f x ]` succeeds``. */
  readonly reason: string;
  /** The variables that the condition depends on. */
  readonly from: ReadonlySet<string>;
  /** Where it hangs on an apk command, which one, and whether it has to succeed. */
  readonly command?: ApkCommand;
  readonly succeeds?: boolean;
  settled: boolean;
}

interface ActionOf<Kind extends string> {
  readonly kind: Kind;
  /** Where it stands in the step's script, in UTF-16 units. */
  readonly offset: number;
  /** The command as it is written. */
  readonly text: string;
  readonly guards: readonly Guard[];
  /** The variables of the step on which it depends. */
  readonly from: ReadonlySet<string>;
}

/** A run of apk whose words are all known. */
export interface ApkCommand extends ActionOf<"apk"> {
  /** Such as `add`; undefined where there is none, as in `apk --version`. */
  readonly subcommand: string | undefined;
  /** The words behind `apk`. */
  readonly words: readonly string[];
  /** The step can succeed though this fails. */
  readonly tolerated: boolean;
  /** Contents of files that the words name, such as that of `--repositories-file`, by path. */
  readonly files: ReadonlyMap<string, Value>;
}

/** A file below /etc/apk is written or removed. */
export interface FileChange extends ActionOf<"file"> {
  /** Absolute. */
  readonly path: string;
  /** Undefined: it is removed. */
  readonly content: Value | undefined;
}

/** Something that cannot be read out of the script. */
export interface Doubt extends ActionOf<"doubt"> {
  readonly reason: string;
  /**
   * Whether the packages of the root may change by it; or only such that the step needs in another place;
   * or none, and it is only worth knowing.
   */
  readonly reach: "root" | "step" | "none";
}

export type Action = ApkCommand | FileChange | Doubt;

/** Undefined where an action is certain to happen in a step that succeeds. */
export function conditionOf({ guards }: Action): Guard | undefined {
  return guards.find(({ settled }) => !settled);
}
