/**
 * Modes of `--chmod`: octal, or symbolic as chmod(1) has it with the mask 0.
 *
 * A symbolic mode is a list of clauses, such as `u+x,go-w`: whom it is about (`u`, `g`, `o`, `a`; all
 * where nobody is named), then operations: `+`, `-` or `=`, each with letters of `rwxXst`, or with one of
 * `u`, `g`, `o`, whose permissions are taken over. `X` is `x` for directories, and for files that
 * somebody could execute before.
 */
import { BivyError } from "../../../base/index.ts";

/** Gives a node its mode, from the one that it had. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

export interface CopyMode {
  /** What a directory gets that the copy makes on its way; undefined where the mode is symbolic. */
  readonly octal: number | undefined;
  readonly change: ModeChange;
}

const setUid = 0o4000;
const setGid = 0o2000;
const sticky = 0o1000;

/** The bits that belong to each class of users; the sticky bit belongs to nobody. */
const classes: Readonly<Record<string, number>> = {
  u: setUid | 0o700,
  g: setGid | 0o070,
  o: 0o007,
  a: setUid | setGid | 0o777,
};

/** Where the three permission bits of a class begin. */
const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

const clauseForm = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/;

/** Reads the value of `--chmod`; errors are `dockerfile-invalid`. */
export function parseMode(text: string): CopyMode {
  if (/^[0-7]+$/.test(text) && Number.parseInt(text, 8) <= 0o7777) {
    const octal = Number.parseInt(text, 8);
    return { octal, change: () => octal };
  }
  const changes = text.split(",").flatMap((clause) => {
    const match = clauseForm.exec(clause);
    if (match === null) throw invalidMode(text);
    const [, who, operations] = match as unknown as [string, string, string];
    return Array.from(operations.matchAll(/([-+=])([a-zA-Z]*)/g), ([, operator, letters]) =>
      readOperation(who, operator!, letters!),
    );
  });
  return {
    octal: undefined,
    change: (mode, isDirectory) =>
      changes.reduce((now, apply) => apply(now, mode, isDirectory) & 0o7777, mode),
  };
}

function invalidMode(text: string): BivyError {
  return new BivyError(
    "dockerfile-invalid",
    `--chmod=${text}: expected an octal mode from 0 to 07777, or a symbolic one such as u+x,go-w`,
    { hint: "Write it as chmod(1) has it, such as 755 or u=rwX,go=rX." },
  );
}

/** `before` is the mode that the node had before all changes, which `X` looks at. */
type Operation = (now: number, before: number, isDirectory: boolean) => number;

function readOperation(who: string, operator: string, letters: string): Operation {
  const isAll = who === "";
  const mask = isAll ? classes["a"]! : [...who].reduce((bits, each) => bits | classes[each]!, 0);
  if (/^[ugo]$/.test(letters)) return takeOver(mask, operator, shifts[letters]!);
  const bits = permissionBits(mask, isAll, letters);
  const executes = /X/.test(letters);
  return (now, before, isDirectory) => {
    const isExecutable = executes && (isDirectory || (before & 0o111) !== 0);
    const given = bits | (isExecutable ? 0o111 & mask : 0);
    if (operator === "-") return now & ~given;
    return (operator === "=" ? now & ~mask : now) | given;
  };
}

function permissionBits(mask: number, isAll: boolean, letters: string): number {
  let bits = 0;
  // Set-id and sticky bits mean nothing to others.
  const isOthersOnly = !isAll && (mask & ~0o007) === 0;
  for (const letter of letters) {
    if (letter === "r") bits |= 0o444 & mask;
    else if (letter === "w") bits |= 0o222 & mask;
    else if (letter === "x") bits |= 0o111 & mask;
    else if (letter === "s") bits |= (setUid | setGid) & mask;
    else if (letter === "t" && !isOthersOnly) bits |= sticky;
  }
  return bits;
}

/** The permissions of one class for others; set-id bits stay as they are. */
function takeOver(mask: number, operator: string, shift: number): Operation {
  const among = mask & 0o777;
  return (now) => {
    const taken = (now >> shift) & 0o7;
    const given = ((taken << 6) | (taken << 3) | taken) & among;
    if (operator === "-") return now & ~given;
    return (operator === "=" ? now & ~among : now) | given;
  };
}
