/** The installed database: lib/apk/db/installed, the packages of a root and their files (docs/formats/apkindex.md). */
import { BivyError, compareNames } from "../base/index.ts";
import { formatAtoms } from "./atom.ts";
import {
  decodeBytes,
  formatPackageFields,
  PackageRecord,
  splitRecords,
  toByteText,
  type ByteText,
} from "./index-text.ts";
import { changePackage, comparePackageNames, type Package } from "./package.ts";

export interface InstalledFile {
  /** Its name in its directory. */
  readonly name: string;
  /** Permission bits, with set-user-id, set-group-id and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Checksum of its extended attributes, such as `Q1…=`. */
  readonly xattrHash?: string;
  /** Checksum of the content, or of a link's target, such as `Q1…=`. */
  readonly checksum?: string;
}

export interface InstalledDirectory {
  /** A plain path below the root; "" is the root itself. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly xattrHash?: string;
  readonly files: readonly InstalledFile[];
}

/** What a failed or newer installation left as flags on a package (`f:`). */
export interface InstalledFlags {
  /** `f`: some files could not be written. */
  readonly brokenFiles: boolean;
  /** `s`: a script failed. */
  readonly brokenScript: boolean;
  /** `x`: extended attributes could not be written. */
  readonly brokenXattrs: boolean;
  /** `S`: file checksums are the first 160 bits of SHA-256. */
  readonly shortSha256: boolean;
}

export interface InstalledPackage extends Package {
  /** The repository tag that it was installed from, without `@`. */
  readonly tag?: string;
  readonly flags: InstalledFlags;
  readonly directories: readonly InstalledDirectory[];
  /**
   * The record as it was read. A package that has it is written back as it was, because databases that
   * other tools made have their own order of fields; a changed copy does not have it.
   */
  readonly recordText?: string;
}

export const noInstalledFlags: InstalledFlags = {
  brokenFiles: false,
  brokenScript: false,
  brokenXattrs: false,
  shortSha256: false,
};

const flagLetters: readonly (readonly [string, keyof InstalledFlags])[] = [
  ["f", "brokenFiles"],
  ["s", "brokenScript"],
  ["x", "brokenXattrs"],
  ["S", "shortSha256"],
];

const directoryDefaults = { mode: 0o755, uid: 0, gid: 0 };
const fileDefaults = { mode: 0o644, uid: 0, gid: 0 };

class InstalledRecord extends PackageRecord implements InstalledPackage {
  declare readonly tag?: string;
  private readonly body: ByteText;
  private readonly subject: string;
  private tree: readonly InstalledDirectory[] | undefined;

  constructor(record: ByteText, subject: string) {
    const body = record.startsWith("F:") ? 0 : record.indexOf("\nF:") + 1;
    super(body === 0 ? record : record.slice(0, body - 1), subject);
    this.body = body === 0 ? "" : record.slice(body);
    this.subject = subject;
    const tag = this.text("s");
    if (tag !== "") this.tag = tag;
  }

  get flags(): InstalledFlags {
    const letters = this.text("f");
    if (letters === "") return noInstalledFlags;
    return Object.fromEntries(
      flagLetters.map(([letter, flag]) => [flag, letters.includes(letter)]),
    ) as unknown as InstalledFlags;
  }

  get directories(): readonly InstalledDirectory[] {
    return (this.tree ??= parseDirectories(this.body, `${this.subject}: ${this.name}`));
  }

  get recordText(): string {
    return decodeBytes(this.body === "" ? this.lines : `${this.lines}\n${this.body}`);
  }
}

interface OpenDirectory extends Omit<InstalledDirectory, "files"> {
  readonly files: InstalledFile[];
}

function parseDirectories(body: ByteText, subject: string): InstalledDirectory[] {
  const directories: OpenDirectory[] = [];
  let directory: OpenDirectory | undefined;
  let file: InstalledFile | undefined;
  const setFile = (changed: InstalledFile) => {
    directory!.files[directory!.files.length - 1] = file = changed;
  };
  for (const line of body === "" ? [] : body.split("\n")) {
    const value = line.slice(2);
    const letter = line.startsWith(":", 1) ? line.charAt(0) : "";
    if (letter === "F") {
      directory = { path: decodeBytes(value), ...directoryDefaults, files: [] };
      file = undefined;
      directories.push(directory);
    } else if (directory === undefined) throw invalidEntry(line, subject);
    else if (letter === "M") {
      directory = { ...directory, ...parsePermissions(value, line, subject) };
      directories[directories.length - 1] = directory;
    } else if (letter === "R") {
      file = { name: decodeBytes(value), ...fileDefaults };
      directory.files.push(file);
    } else if (file === undefined) throw invalidEntry(line, subject);
    else if (letter === "a") setFile({ ...file, ...parsePermissions(value, line, subject) });
    else if (letter === "Z") setFile({ ...file, checksum: value });
    else throw invalidEntry(line, subject);
  }
  return directories;
}

const permissionsForm = /^(\d+):(\d+):([0-7]+)(?::([QX][12]\S+))?$/;

function parsePermissions(value: string, line: string, subject: string) {
  const match = permissionsForm.exec(value);
  if (match === null) throw invalidEntry(line, subject);
  const [, uid, gid, mode, xattrHash] = match;
  return {
    uid: Number(uid),
    gid: Number(gid),
    mode: Number.parseInt(mode!, 8) & 0o7777,
    ...(xattrHash === undefined ? undefined : { xattrHash }),
  };
}

function invalidEntry(line: ByteText, subject: string): BivyError {
  return new BivyError(
    "database-invalid",
    `${subject}: expected a directory (F:), file (R:), checksum (Z:) or permissions (M:, a:), found ${JSON.stringify(decodeBytes(line))}`,
    { hint: "The installed database is damaged, or a newer apk wrote it." },
  );
}

/** Reads an installed database; `subject` names it in errors. Files are read when they are asked for. */
export function parseInstalled(
  text: string | Uint8Array,
  options: { readonly subject: string },
): InstalledPackage[] {
  try {
    return splitRecords(toByteText(text)).map(
      (record) => new InstalledRecord(record, options.subject),
    );
  } catch (error) {
    if (!(error instanceof BivyError)) throw error;
    throw new BivyError("database-invalid", error.message, {
      hint: "The installed database is damaged.",
      cause: error,
    });
  }
}

/** An installed package made of a package and what its installation added. */
export function createInstalled(
  subject: Package,
  extras: Partial<Omit<InstalledPackage, keyof Package | "recordText">> & Partial<Package> = {},
): InstalledPackage {
  return {
    ...changePackage(subject, {}),
    flags: noInstalledFlags,
    directories: [],
    ...extras,
  };
}

/** A copy with some fields changed, to be written anew. */
export function changeInstalled(
  subject: InstalledPackage,
  changes: Partial<Omit<InstalledPackage, "recordText">>,
): InstalledPackage {
  return {
    ...changePackage(subject, {}),
    ...(subject.tag === undefined ? undefined : { tag: subject.tag }),
    flags: subject.flags,
    directories: subject.directories,
    ...changes,
  };
}

/**
 * Writes an installed database in the given order of packages (apk-tools 3 keeps `sortInstalled`'s).
 * A record that is written anew has its directories and files sorted by bytes. Encode the text with
 * `encodeName`.
 */
export function formatInstalled(packages: Iterable<InstalledPackage>): string {
  let text = "";
  for (const subject of packages)
    text +=
      subject.recordText === undefined ? `${formatRecord(subject)}\n` : `${subject.recordText}\n\n`;
  return text;
}

/** The order in which apk writes the database: by name, without regard to case first. */
export function sortInstalled(packages: Iterable<InstalledPackage>): InstalledPackage[] {
  return [...packages].sort((a, b) => comparePackageNames(a.name, b.name));
}

function formatRecord(subject: InstalledPackage): string {
  let text = formatPackageFields(subject);
  if (subject.tags.length > 0) text += `g:${subject.tags.join(" ")}\n`;
  if (subject.replaces.length > 0) text += `r:${formatAtoms(subject.replaces)}\n`;
  if (subject.replacesPriority !== 0) text += `q:${subject.replacesPriority}\n`;
  if (subject.tag !== undefined) text += `s:${subject.tag}\n`;
  const flags = flagLetters.filter(([, flag]) => subject.flags[flag]).map(([letter]) => letter);
  if (flags.length > 0) text += `f:${flags.join("")}\n`;
  for (const directory of subject.directories.toSorted((a, b) => compareNames(a.path, b.path)))
    text += formatDirectory(directory);
  return text;
}

function formatDirectory(directory: InstalledDirectory): string {
  let text = `F:${directory.path}\n${formatPermissions("M", directory, directoryDefaults)}`;
  for (const file of directory.files.toSorted((a, b) => compareNames(a.name, b.name))) {
    text += `R:${file.name}\n${formatPermissions("a", file, fileDefaults)}`;
    if (file.checksum !== undefined) text += `Z:${file.checksum}\n`;
  }
  return text;
}

type Permissions = Pick<InstalledFile, "mode" | "uid" | "gid" | "xattrHash">;

function formatPermissions(letter: string, subject: Permissions, defaults: Permissions): string {
  const { mode, uid, gid, xattrHash } = subject;
  if (
    mode === defaults.mode &&
    uid === defaults.uid &&
    gid === defaults.gid &&
    xattrHash === undefined
  )
    return "";
  return `${letter}:${uid}:${gid}:${mode.toString(8)}${xattrHash === undefined ? "" : `:${xattrHash}`}\n`;
}
