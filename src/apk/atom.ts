/** Atoms: single dependency expressions, `[!]name[@tag][operator version]`, as in world and in `D:` lines. */
import { BivyError } from "../base/index.ts";
import { isValidVersion, matchesVersion, versionPattern, type Operator } from "./version.ts";

/**
 * One dependency: in `so:libz.so.1`, `python3~3.11`, `!libressl` and `curl@edge>=8` the names are
 * `so:libz.so.1`, `python3`, `libressl` and `curl`. As a provide, `cmd:sh=1.36` says that the name
 * `cmd:sh` is given in version 1.36.
 */
export interface Atom {
  readonly name: string;
  /** The repository tag of `name@tag`; only world knows tags. */
  readonly tag?: string;
  /** `!name`: whatever matches must not be installed. */
  readonly conflict: boolean;
  readonly operator: Operator;
  /** "" with the operator `any`. An unversioned provide is such an atom. */
  readonly version: string;
  /** The version is not valid. Only lenient reading (`readAtoms`) gives such atoms. */
  readonly broken?: true;
}

/** What an atom is held against: a package under its own name, or under a name that it provides. */
export interface Provided {
  /** "" for an unversioned provide. */
  readonly version: string;
  /** The package's identity (`C:`), which `><` compares. */
  readonly identity: string;
}

/** A sign of an operator: `<`, `=`, `>` or `~`. */
function isComparer(code: number): boolean {
  return (code >= 0x3c && code <= 0x3e) || code === 0x7e;
}

/**
 * Reads one atom whose version may be invalid (then it is `broken`); undefined when it has no name, no
 * known operator, or a tag that is not allowed.
 */
export function readAtom(text: string, tags: "with-tags" | "without-tags"): Atom | undefined {
  const conflict = text.charCodeAt(0) === 0x21; /* ! */
  const start = conflict ? 1 : 0;
  let nameEnd = start;
  let tagAt = -1;
  for (; nameEnd < text.length; nameEnd++) {
    const code = text.charCodeAt(nameEnd);
    if (isComparer(code)) break;
    if (code === 0x40 /* @ */ && tagAt === -1) tagAt = nameEnd;
  }
  if (tagAt !== -1 && tags === "without-tags") return undefined;
  const name = text.slice(start, tagAt === -1 ? nameEnd : tagAt);
  if (name === "") return undefined;
  if (nameEnd === text.length && tagAt === -1)
    return { name, conflict, operator: "any", version: "" };
  let versionAt = nameEnd;
  while (versionAt < text.length && isComparer(text.charCodeAt(versionAt))) versionAt++;
  const operator = canonicalOperator(text.slice(nameEnd, versionAt));
  const version = text.slice(versionAt);
  return {
    name,
    ...(tagAt === -1 ? undefined : { tag: text.slice(tagAt + 1, nameEnd) }),
    conflict,
    operator,
    version: operator === "any" ? "" : version,
    ...(isIntact(operator, version) ? undefined : { broken: true as const }),
  };
}

function isIntact(operator: Operator, version: string): boolean {
  return operator === "any" || operator === "><" || isValidVersion(version);
}

/** apk reads an operator as a set of signs: `==` is `=`, `~=` is `~`, and all of `<`, `=`, `>` is any. */
function canonicalOperator(written: string): Operator {
  if (written === "=") return written;
  if (written === "") return "any";
  const less = written.includes("<");
  const greater = written.includes(">");
  const fuzzy = written.includes("~");
  if (less && greater) return fuzzy || written.includes("=") ? "any" : "><";
  if (fuzzy) return less ? "<~" : greater ? ">~" : "~";
  if (written.includes("=")) return less ? "<=" : greater ? ">=" : "=";
  return less ? "<" : ">";
}

/** Undefined for anything but a well-formed atom with a valid version; a tag is allowed. */
export function tryParseAtom(text: string): Atom | undefined {
  const atom = readAtom(text, "with-tags");
  return atom?.broken ? undefined : atom;
}

export function parseAtom(text: string): Atom {
  const atom = tryParseAtom(text);
  if (atom !== undefined) return atom;
  throw new BivyError(
    "atom-invalid",
    `dependency "${text}": expected [!]name[@tag][operator version]`,
    {
      hint: "Operators are = < <= > >= ~ and ><; versions look like 1.2.3-r0.",
    },
  );
}

/** The atoms of a line, separated by blanks or line ends. */
export function parseAtoms(line: string): Atom[] {
  return splitAtoms(line).map(parseAtom);
}

/** What makes an atom more than a name. */
const special = /[!@<>=~\n]/;

function plainAtom(name: string): Atom {
  return { name, conflict: false, operator: "any", version: "" };
}

export interface AtomList {
  readonly atoms: readonly Atom[];
  /** False when an atom was malformed or had an invalid version. */
  readonly intact: boolean;
}

export const noAtoms: AtomList = { atoms: [], intact: true };

/**
 * Reads a dependency line of an index as apk does: an atom with an invalid version is kept and marked,
 * a malformed one ends the list.
 */
export function readAtoms(line: string): AtomList {
  if (line === "") return noAtoms;
  if (!special.test(line)) return { atoms: splitAtoms(line).map(plainAtom), intact: true };
  const atoms: Atom[] = [];
  let intact = true;
  for (const text of splitAtoms(line)) {
    const atom = readAtom(text, "without-tags");
    if (atom === undefined) return { atoms, intact: false };
    if (atom.broken) intact = false;
    atoms.push(atom);
  }
  return { atoms, intact };
}

/**
 * Walks the names of an index's dependency lines, with the version that follows each name, without
 * making atoms or judging versions (`isIntactLine` does). It sees the names that `readAtoms` sees. One
 * cursor serves all lines: an index has 15,000 of them, and what is made for each has to be cleared away.
 */
export class AtomCursor {
  name = "";
  version = "";
  private line = "";
  private at = 0;
  private isPlain = true;

  /** Begins with a line; `next` comes before the first name. */
  start(line: string): void {
    this.line = line;
    this.at = 0;
    this.isPlain = !special.test(line);
  }

  /** False at the end of the line, or where it can no longer be read. */
  next(): boolean {
    const { line } = this;
    while (isBlank(line.charCodeAt(this.at))) this.at++;
    if (this.at >= line.length) return false;
    const blank = line.indexOf(" ", this.at);
    const end = blank === -1 ? line.length : blank;
    const { at } = this;
    this.at = end + 1;
    if (!this.isPlain) return this.split(at, end);
    this.name = line.slice(at, end);
    this.version = "";
    return true;
  }

  private split(at: number, end: number): boolean {
    const { line } = this;
    const start = line.charCodeAt(at) === 0x21 /* ! */ ? at + 1 : at;
    let nameEnd = start;
    while (nameEnd < end && !isComparer(line.charCodeAt(nameEnd))) {
      if (line.charCodeAt(nameEnd) === 0x40 /* @ */) return this.stop();
      nameEnd++;
    }
    if (nameEnd === start) return this.stop();
    let versionAt = nameEnd;
    while (versionAt < end && isComparer(line.charCodeAt(versionAt))) versionAt++;
    this.name = line.slice(start, nameEnd);
    this.version = line.slice(versionAt, end);
    return true;
  }

  private stop(): false {
    this.at = this.line.length;
    return false;
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a;
}

function splitAtoms(line: string): string[] {
  const texts = line.split(line.includes("\n") ? /[ \n]+/ : " ");
  return texts.includes("") ? texts.filter((text) => text !== "") : texts;
}

const intactLine = new RegExp(`^(?:!?[^ \\n<>=~@!]+(?:[<>=~]+${versionPattern})?(?: +|$))*$`);

/** A pattern that repeats takes stack for each time; a line of this length takes little. */
const longestMatched = 100_000;

/** Whether a dependency line of an index can be read in full; much faster than reading it. */
export function isIntactLine(line: string): boolean {
  if (line === "") return true;
  return (line.length <= longestMatched && intactLine.test(line)) || readAtoms(line).intact;
}

/** The atom as apk writes it, with its tag when it has one. */
export function formatAtom(atom: Atom): string {
  const tag = atom.tag === undefined ? "" : `@${atom.tag}`;
  return `${atom.conflict ? "!" : ""}${atom.name}${tag}${formatConstraint(atom)}`;
}

/** The atom without its tag, as `D:` lines and messages have it. */
export function formatUntagged(atom: Atom): string {
  return `${atom.conflict ? "!" : ""}${atom.name}${formatConstraint(atom)}`;
}

function formatConstraint(atom: Atom): string {
  return atom.operator === "any" ? "" : `${atom.operator}${atom.version}`;
}

export function formatAtoms(atoms: readonly Atom[]): string {
  return atoms.map(formatAtom).join(" ");
}

/**
 * Whether a provider of the atom's name (undefined: nothing provides it) is what the atom asks for. An
 * unversioned provide meets only atoms without a version; a conflict is met by what it does not match.
 */
export function satisfies(provided: Provided | undefined, atom: Atom): boolean {
  if (provided === undefined) return atom.conflict;
  return matches(provided, atom) !== atom.conflict;
}

function matches(provided: Provided, atom: Atom): boolean {
  if (atom.operator === "any") return true;
  if (atom.operator === "><") return provided.identity === atom.version;
  return provided.version !== "" && matchesVersion(provided.version, atom.operator, atom.version);
}
