/** Statuses: how a command ends, as far as that is known. */
import { type ApkCommand } from "./action.ts";
import { nothing, unite } from "./value.ts";

export interface Status {
  /** Undefined where only a run can tell. */
  readonly code: number | undefined;
  /** The command asks a question, such as `[ -f x ]` or grep: that it fails is no accident. */
  readonly isTest: boolean;
  /** The command as it is written. */
  readonly text: string;
  /** The variables that the answer depends on. */
  readonly from: ReadonlySet<string>;
  /** Where it hangs on whether an apk command succeeds; `inverted` by `!`. */
  readonly command?: ApkCommand;
  readonly inverted?: boolean;
}

export const success: Status = { code: 0, isTest: false, text: "", from: nothing };
export const failure: Status = { ...success, code: 1 };

export function answer(holds: boolean, text: string, from: ReadonlySet<string>): Status {
  return { code: holds ? 0 : 1, isTest: true, text, from };
}

/** That of a command which does something; that it works is what its author counted on. */
export function undecided(text: string, from: ReadonlySet<string> = nothing): Status {
  return { code: undefined, isTest: false, text, from };
}

/** That of a command which asks something. */
export function unanswered(text: string, from: ReadonlySet<string> = nothing): Status {
  return { code: undefined, isTest: true, text, from };
}

export function invert(status: Status): Status {
  const { code, command, inverted = false } = status;
  return {
    ...status,
    code: code === undefined ? undefined : code === 0 ? 1 : 0,
    isTest: true,
    ...(command === undefined ? {} : { inverted: !inverted }),
  };
}

/** The status after one of several ways was taken. */
export function joinStatuses(statuses: readonly Status[]): Status {
  const [first, ...others] = statuses;
  if (first === undefined) return failure;
  const from = unite(...statuses.map((each) => each.from));
  const { code } = first;
  const isSame = code !== undefined && others.every((each) => (each.code === 0) === (code === 0));
  if (isSame) return { ...first, from };
  if (others.length === 0) return first;
  const { text } = statuses.find((each) => each.text !== "") ?? first;
  return { code: undefined, isTest: statuses.some((each) => each.isTest), text, from };
}
