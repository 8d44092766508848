/** Following COPY and ADD: what they change of a stage's packages, or of the files that its scripts read. */
import { posix } from "node:path";
import { decodeName, joinPath } from "../../../base/index.ts";
import { matchGlob } from "../../../dockerfile/index.ts";
import { type CopyStep } from "../steps.ts";
import { findingAt, type Finding } from "./finding.ts";
import { withCopied, withWritten } from "./known-files.ts";
import {
  doubted,
  repositoriesPath,
  tryParseKey,
  withRepositories,
  type PackageState,
} from "./package-state.ts";
import { type RootReader } from "./root-reader.ts";

/** Where the files of a COPY come from. */
export interface CopySources {
  /** The build context, or an image; undefined where nobody can look into it. */
  readonly reader: RootReader | undefined;
  /** The state of the stage that they come from. */
  readonly state: PackageState | undefined;
}

export interface CopyOutcome {
  readonly state: PackageState;
  readonly findings: readonly Finding[];
}

const settings = "/etc/apk";
const databases = ["/lib/apk", "/usr/lib/apk"];

/** Follows a COPY or ADD. Links in the root are not: `COPY x /bin/` comes to `/bin`. */
export async function followCopy(
  step: CopyStep,
  state: PackageState,
  { reader, state: other }: CopySources,
): Promise<CopyOutcome> {
  const destination = posix.resolve("/", step.destination);
  const whole = destination === "/" ? step.sources.flatMap((each) => wholeRoot(each, other)) : [];
  if (whole.length > 0) return { state: whole[0]!, findings: [] };
  const follower = new CopyFollower(step, state, reader);
  const placed = await placesOf(step, destination, reader);
  for (const { source, place } of placed.files) await follower.copy(source, place);
  for (const { name, content } of placed.texts) follower.write(name, content);
  if (placed.isUnclear) follower.doubtFiles(destination);
  const overlaps = (folder: string): boolean =>
    isWithin(destination, folder) || (placed.hasArchive && isWithin(folder, destination));
  if (databases.some(overlaps)) follower.doubtInstalled(destination);
  return { state: follower.state, findings: follower.findings };
}

/** The state of a root that is copied as a whole: that of the stage, or one that apk made in it. */
function wholeRoot(
  source: CopyStep["sources"][number],
  stage: PackageState | undefined,
): PackageState[] {
  if (source.kind !== "path" || stage === undefined) return [];
  const path = posix.resolve("/", source.path);
  const state = path === "/" ? stage : stage.roots.get(path);
  return state === undefined ? [] : [state];
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? folder : `${folder}/`);
}

interface Places {
  /** `source` is a plain path, `place` absolute. */
  readonly files: readonly { readonly source: string; readonly place: string }[];
  readonly texts: readonly { readonly name: string; readonly content: string }[];
  /** Some come from a URL, an archive or a pattern. */
  readonly isUnclear: boolean;
  /** Some are unpacked, whatever is in them. */
  readonly hasArchive: boolean;
}

async function placesOf(
  step: CopyStep,
  destination: string,
  reader: RootReader | undefined,
): Promise<Places> {
  const files: { source: string; place: string }[] = [];
  const texts: { name: string; content: string }[] = [];
  let [isUnclear, hasArchive] = [false, false];
  const isFolder = step.destination.endsWith("/") || step.sources.length > 1;
  for (const source of step.sources) {
    if (source.kind === "file")
      texts.push({
        name: isFolder ? posix.join(destination, source.name) : destination,
        content: source.content,
      });
    else if (/^(?:[a-z]+:\/\/|git@)/i.test(source.path)) isUnclear = true;
    else if (isUnpacked(step, source.path)) isUnclear = hasArchive = true;
    else {
      const matches = await matchesOf(posix.resolve("/", source.path).slice(1), reader);
      if (matches === undefined) isUnclear = true;
      for (const match of matches ?? []) files.push({ source: match, place: destination });
    }
  }
  return { files, texts, isUnclear, hasArchive };
}

/** Patterns that match more are not followed. */
const mostMatches = 1000;

/** The plain paths that a source means; undefined for a pattern where nobody can look. */
async function matchesOf(
  source: string,
  reader: RootReader | undefined,
): Promise<readonly string[] | undefined> {
  if (!/[*?[\\]/.test(source)) return [source];
  if (reader === undefined) return undefined;
  let found = [""];
  for (const part of source.split("/")) {
    const next: string[] = [];
    for (const folder of found)
      for (const name of await reader.list(folder))
        if (matchGlob(part, name)) next.push(joinPath(folder, name));
    if (next.length > mostMatches) return undefined;
    found = next;
  }
  return found;
}

/** ADD unpacks archives; their names tell, as far as anyone can tell here. */
function isUnpacked({ instruction, unpack }: CopyStep, path: string): boolean {
  return instruction === "ADD" && unpack !== false && /\.(?:tar(?:\.\w+)?|t[gbx]z2?)$/.test(path);
}

class CopyFollower {
  state: PackageState;
  readonly findings: Finding[] = [];
  readonly #step: CopyStep;
  readonly #reader: RootReader | undefined;

  constructor(step: CopyStep, state: PackageState, reader: RootReader | undefined) {
    this.#step = step;
    this.state = state;
    this.#reader = reader;
  }

  /** What follows from it is said where apk runs into it. */
  #note(reason: string): void {
    const { location, instruction, destination } = this.#step;
    const text = `${instruction} … ${destination}`;
    this.findings.push(findingAt(location, text, reason, { blocking: false }));
  }

  /** A file or folder comes to `place`, or into it. */
  async copy(source: string, place: string): Promise<void> {
    const reader = this.#reader;
    this.state = {
      ...this.state,
      files: withCopied(this.state.files, { from: reader, source, destination: place }),
    };
    if (isWithin(settings, place) || isWithin(place, settings))
      await this.#copySettings(reader, source, place);
    for (const folder of databases) {
      if (!isWithin(folder, place) || reader === undefined) continue;
      const database = posix.join(source, posix.relative(place, folder), "db/installed");
      if ((await reader.read(database)) !== undefined) this.doubtInstalled(place);
    }
  }

  async #copySettings(
    reader: RootReader | undefined,
    source: string,
    place: string,
  ): Promise<void> {
    // A stage's files are not looked into; what comes to `/` from one is hardly ever apk's.
    if (reader === undefined) {
      if (isWithin(place, settings)) this.doubtBelow(place);
      return;
    }
    const copied = withCopied(() => Promise.resolve(undefined), {
      from: reader,
      source,
      destination: place,
    });
    for (const path of [`${settings}/repositories`, `${settings}/world`]) {
      const text = await copied(path);
      if (text !== undefined) this.write(path, text);
    }
    const own = `${settings}/keys`;
    // The folder of keys itself, one above it, or a single key.
    const folder = isWithin(own, place)
      ? posix.join(source, posix.relative(place, own))
      : undefined;
    if (folder !== undefined)
      for (const name of await reader.list(folder))
        this.#addKey(name, await reader.read(posix.join(folder, name)));
    const name = place === own ? posix.basename(source) : posix.basename(place);
    if (isWithin(place, own)) this.#addKey(name, await reader.read(source));
  }

  #addKey(name: string, bytes: Uint8Array | undefined): void {
    const key = bytes && tryParseKey(name, decodeName(bytes));
    if (key !== undefined) this.state = { ...this.state, keys: [...this.state.keys, key] };
  }

  /** A file has this content now. */
  write(path: string, content: string): void {
    this.state = {
      ...this.state,
      files: withWritten(this.state.files, new Map([[path, content]])),
    };
    if (path === `${settings}/world`) this.#doubtWorld(path);
    else if (/^\/etc\/apk\/repositories(?:$|\.d\/[^/]+\.list$)/.test(path))
      this.state = withRepositories(this.state, path, { text: content });
    else if (posix.dirname(path) === `${settings}/keys`)
      this.#addKey(posix.basename(path), Buffer.from(content));
  }

  #doubtWorld(path: string): void {
    this.#note(`${path} is copied over what apk was asked for`);
    const { line } = this.#step.location;
    this.state = doubted(this.state, `since line ${line}: ${path}, which was copied`);
  }

  /** Something unknown comes to a place, or into it. */
  doubtFiles(place: string): void {
    const files = withCopied(this.state.files, { from: undefined, source: "", destination: place });
    this.state = { ...this.state, files };
    this.doubtBelow(place);
  }

  /** Something unknown comes into a folder of apk's. */
  doubtBelow(place: string): void {
    if (!isWithin(place, settings)) return;
    if (isWithin(place, `${settings}/keys`))
      return this.#note("a key that cannot be looked at; name it with --key if you trust it");
    const { instruction } = this.#step;
    this.#note(`what ${instruction} brings to ${place}`);
    const doubt = `${instruction} brings files to ${place} that cannot be looked at`;
    for (const path of new Set([repositoriesPath, ...this.state.repositories.keys()]))
      if (isWithin(path, place)) this.state = withRepositories(this.state, path, { doubt });
  }

  doubtInstalled(place: string): void {
    const { instruction, location } = this.#step;
    const reason = `the database of packages that ${instruction} brings to ${place}`;
    this.#note(reason);
    const { installed = [] } = this.state;
    this.state = doubted({ ...this.state, installed }, `since line ${location.line}: ${reason}`);
  }
}
