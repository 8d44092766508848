/** Package indexes as text: the APKINDEX member of APKINDEX.tar.gz (docs/formats/apkindex.md). */
import { BivyError, decodeName, encodeName } from "../base/index.ts";
import { formatAtoms, isIntactLine, noAtoms, readAtoms, type Atom, type AtomList } from "./atom.ts";
import type { Package } from "./package.ts";

/** The letters of known fields: those of an index, and those that only the installed database has. */
const knownFields = new Uint8Array(256);
for (const letter of "CPVASITULomtckDpiFMRZaqrsfg") knownFields[letter.charCodeAt(0)] = 1;

/** Names and versions beyond this many bytes are no package's. */
const longestWord = 4096;

/** Text whose characters are bytes; fields are decoded as UTF-8 when they are asked for. */
export type ByteText = string;

export function toByteText(text: string | Uint8Array): ByteText {
  if (typeof text === "string" && !beyondAscii.test(text)) return text;
  const bytes = typeof text === "string" ? encodeName(text) : text;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Anything but printable ASCII, blanks and line ends. */
const beyondAscii = /[^\t-~]/;

export function decodeBytes(text: ByteText): string {
  return beyondAscii.test(text) ? decodeName(Buffer.from(text, "latin1")) : text;
}

/**
 * One record, which finds most of its fields only when they are asked for: a solver run looks at the
 * names of all packages but at the dependencies of few, and nobody reads 5,000 descriptions.
 */
export class PackageRecord implements Package {
  readonly name: string;
  readonly version: string;
  readonly identity: string;
  /** The record's lines, without the empty line that ends it. */
  protected readonly lines: ByteText;
  /** The values of `D:`, `p:` and `i:`; a field that stands twice is joined, as apk does. */
  readonly dependsLine: ByteText;
  readonly providesLine: ByteText;
  readonly installIfLine: ByteText;
  private dependsList: AtomList | undefined;
  private providesList: AtomList | undefined;
  private installIfList: AtomList | undefined;
  readonly hasUnknownFields: boolean;
  /** Where the values of `A:` and `I:` begin, which choosing needs of every package; 0: absent. */
  private readonly archAt: number;
  private readonly installedSizeAt: number;

  constructor(lines: ByteText, subject: string) {
    this.lines = lines;
    let name = "";
    let version = "";
    let identity = "";
    let depends = "";
    let provides = "";
    let installIf = "";
    let hasUnknownFields = false;
    let archAt = 0;
    let installedSizeAt = 0;
    for (let at = 0; at < lines.length;) {
      let end = lines.indexOf("\n", at);
      if (end === -1) end = lines.length;
      const letter = lines.charCodeAt(at);
      if (lines.charCodeAt(at + 1) !== 0x3a /* : */)
        throw invalidLine(lines.slice(at, end), subject);
      if (letter === 0x50 /* P */) name = lines.slice(at + 2, end);
      else if (letter === 0x56 /* V */) version = lines.slice(at + 2, end);
      else if (letter === 0x43 /* C */) identity = lines.slice(at + 2, end);
      else if (letter === 0x41 /* A */) archAt = at + 2;
      else if (letter === 0x49 /* I */) installedSizeAt = at + 2;
      else if (letter === 0x44 /* D */) depends = join(depends, lines.slice(at + 2, end));
      else if (letter === 0x70 /* p */) provides = join(provides, lines.slice(at + 2, end));
      else if (letter === 0x69 /* i */) installIf = join(installIf, lines.slice(at + 2, end));
      else if (knownFields[letter] !== 1) hasUnknownFields = true;
      at = end + 1;
    }
    if (name === "" || version === "") throw incompleteRecord(lines, subject);
    // Comparing takes time by length, and a name becomes part of a path.
    if (name.length > longestWord || version.length > longestWord)
      throw invalidLine(name.length > version.length ? name : version, subject);
    this.name = decodeBytes(name);
    this.version = decodeBytes(version);
    this.identity = identity;
    this.dependsLine = depends;
    this.providesLine = provides;
    this.installIfLine = installIf;
    this.hasUnknownFields = hasUnknownFields;
    this.archAt = archAt;
    this.installedSizeAt = installedSizeAt;
  }

  get arch(): string {
    return this.archAt === 0 ? "" : this.valueAt(this.archAt);
  }
  get size(): number {
    return this.count("S");
  }
  get installedSize(): number {
    return this.installedSizeAt === 0 ? 0 : toCount(this.valueAt(this.installedSizeAt));
  }
  get description(): string {
    return this.text("T");
  }
  get url(): string {
    return this.text("U");
  }
  get license(): string {
    return this.text("L");
  }
  get origin(): string {
    return this.text("o");
  }
  get maintainer(): string {
    return this.text("m");
  }
  get buildTime(): number {
    return this.count("t");
  }
  get commit(): string {
    return this.text("c");
  }
  get providerPriority(): number {
    return this.count("k");
  }
  get depends(): readonly Atom[] {
    return this.readDepends().atoms;
  }
  get provides(): readonly Atom[] {
    return this.readProvides().atoms;
  }
  get installIf(): readonly Atom[] {
    // A rule that is only half understood must not trigger.
    const list = this.readInstallIf();
    return list.intact ? list.atoms : noAtoms.atoms;
  }
  get replaces(): readonly Atom[] {
    return readAtoms(this.text("r")).atoms;
  }
  get replacesPriority(): number {
    return this.count("q");
  }
  get tags(): readonly string[] {
    return this.text("g")
      .split(" ")
      .filter((word) => word !== "");
  }
  get unknownFields(): readonly string[] {
    return this.hasUnknownFields ? this.findUnknownFields() : [];
  }
  get uninstallable(): boolean {
    return (
      !isIntactLine(this.dependsLine) ||
      (this.hasUnknownFields && this.unknownFields.some((line) => !/^[a-z]/.test(line)))
    );
  }
  get hasBrokenAtoms(): boolean {
    return !(
      isIntactLine(this.dependsLine) &&
      isIntactLine(this.providesLine) &&
      isIntactLine(this.installIfLine)
    );
  }

  private readDepends(): AtomList {
    return (this.dependsList ??= readAtoms(decodeBytes(this.dependsLine)));
  }
  private readProvides(): AtomList {
    return (this.providesList ??= readAtoms(decodeBytes(this.providesLine)));
  }
  private readInstallIf(): AtomList {
    return (this.installIfList ??= readAtoms(decodeBytes(this.installIfLine)));
  }

  /** The value of a field; the last one when it stands twice. */
  protected text(letter: string): string {
    const mark = `\n${letter}:`;
    const at = this.lines.lastIndexOf(mark) + 1;
    if (at === 0 && !this.lines.startsWith(mark.slice(1))) return "";
    return this.valueAt(at + 2);
  }

  private valueAt(at: number): string {
    const end = this.lines.indexOf("\n", at);
    return decodeBytes(this.lines.slice(at, end === -1 ? this.lines.length : end));
  }

  protected count(letter: string): number {
    return toCount(this.text(letter));
  }

  private findUnknownFields(): string[] {
    const found: string[] = [];
    for (const line of this.lines.split("\n")) {
      if (knownFields[line.charCodeAt(0)] !== 1) found.push(decodeBytes(line));
    }
    return found;
  }
}

/** A number as apk reads it: leading digits; 0 when there are none. */
function toCount(text: string): number {
  const value = Number.parseInt(text, 10);
  return value > 0 ? value : 0;
}

function join(list: ByteText, line: ByteText): ByteText {
  return list === "" ? line : `${list} ${line}`;
}

function invalidLine(line: ByteText, subject: string): BivyError {
  return new BivyError(
    "index-invalid",
    `${subject}: expected lines such as "P:name", found ${JSON.stringify(decodeBytes(line.slice(0, 80)))}`,
    { hint: "The file is damaged, or it is not a package index." },
  );
}

function incompleteRecord(lines: ByteText, subject: string): BivyError {
  return new BivyError(
    "index-invalid",
    `${subject}: expected a name (P:) and a version (V:) in every record, found ${JSON.stringify(decodeBytes(lines.slice(0, 80)))}`,
    { hint: "The file is damaged, or it is not a package index." },
  );
}

/** Splits text at empty lines into records. */
export function splitRecords(text: ByteText): ByteText[] {
  const records: ByteText[] = [];
  let at = 0;
  while (at < text.length) {
    if (text.charCodeAt(at) === 0x0a) {
      at++;
      continue;
    }
    let end = text.indexOf("\n\n", at);
    if (end === -1) end = text.endsWith("\n") ? text.length - 1 : text.length;
    records.push(text.slice(at, end));
    at = end + 2;
  }
  return records;
}

/** Reads an index; `subject` names it in errors. */
export function parseIndex(
  text: string | Uint8Array,
  options: { readonly subject: string },
): Package[] {
  return splitRecords(toByteText(text)).map((lines) => new PackageRecord(lines, options.subject));
}

/** Writes an index, its packages in the given order, their fields in apk's order. */
export function formatIndex(packages: Iterable<Package>): string {
  let text = "";
  for (const subject of packages) text += `${formatPackageFields(subject)}\n`;
  return text;
}

/** The lines that an index and the installed database share, each with its line end. */
export function formatPackageFields(subject: Package): string {
  let text = `C:${subject.identity}\nP:${subject.name}\nV:${subject.version}\n`;
  if (subject.arch !== "") text += `A:${subject.arch}\n`;
  text += `S:${subject.size}\nI:${subject.installedSize}\n`;
  text += `T:${subject.description}\nU:${subject.url}\nL:${subject.license}\n`;
  if (subject.origin !== "") text += `o:${subject.origin}\n`;
  if (subject.maintainer !== "") text += `m:${subject.maintainer}\n`;
  if (subject.buildTime !== 0) text += `t:${subject.buildTime}\n`;
  if (subject.commit !== "") text += `c:${subject.commit}\n`;
  if (subject.providerPriority !== 0) text += `k:${subject.providerPriority}\n`;
  if (subject.depends.length > 0) text += `D:${formatAtoms(subject.depends)}\n`;
  if (subject.provides.length > 0) text += `p:${formatAtoms(subject.provides)}\n`;
  if (subject.installIf.length > 0) text += `i:${formatAtoms(subject.installIf)}\n`;
  for (const line of subject.unknownFields) text += `${line}\n`;
  return text;
}
