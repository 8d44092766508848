/**
 * Ignoring: which paths of a build context a `.dockerignore` leaves out.
 *
 * Of the patterns that match a path, or a folder above it, the last one decides: `!` takes back in what
 * earlier ones left out. That is `matches`, and what BuildKit's checks go by.
 *
 * When BuildKit collects a context it goes down the tree instead, and remembers for each folder which
 * patterns matched. A pattern that could not have changed a folder's own fate is not tried there, and so
 * is not remembered for what lies below. With `**\/*.log` and `!logs`, the folder `logs` was never left
 * out, so `!logs` is not remembered, and `logs/a.log` is left out, although `matches` says otherwise.
 * Walking from `root` gives that result, and tells which ignored folders can be passed over as a whole.
 *
 * Both read a path once, whatever the number of patterns (./automaton.ts).
 */
import { BivyError } from "../base/index.ts";
import { Automaton, type State } from "./automaton.ts";
import { cleanPath, parseIgnorePattern, type IgnorePattern } from "./ignore-pattern.ts";
import { skipSpaces, skipSpacesBack } from "./lexer.ts";

export interface Ignore {
  readonly patterns: readonly IgnorePattern[];
  /** Whether a path is left out: relative to the context's root, with `/` between its parts. */
  matches(path: string): boolean;
  /** The context's root, from which a tree is walked. */
  readonly root: IgnoreEntry;
}

/** A file or folder on a walk. */
export interface IgnoreEntry {
  /** Whether it is left out. */
  readonly ignored: boolean;
  /** Whether anything below can be in the context: an ignored folder that says no need not be read. */
  readonly mayHoldKept: boolean;
  /** What this folder holds by that name. */
  child(name: string): IgnoreEntry;
}

/** A line of a `.dockerignore` that holds a pattern. */
export interface IgnoreLine {
  /** Trimmed and cleaned; a slash at its beginning means nothing. */
  readonly pattern: string;
  /** From 1. */
  readonly line: number;
}

/** BuildKit's scanner takes no longer line, its ending included. */
const longestLine = 65_536;

/** The patterns of a `.dockerignore`, without comments and blank lines. */
export function readIgnoreLines(text: string, subject = ".dockerignore"): IgnoreLine[] {
  const lines: IgnoreLine[] = [];
  const texts = text.replace(/^\ufeff/, "").split("\n");
  for (const [index, content] of texts.entries()) {
    const line = index + 1;
    if (content.length * 3 >= longestLine && Buffer.byteLength(content) >= longestLine)
      throw new BivyError(
        "pattern-invalid",
        `${subject}: line ${line}: expected at most ${longestLine - 1} bytes in a line`,
        { hint: "Check that the path names a list of patterns." },
      );
    const trimmed = trimSpace(content);
    if (content.startsWith("#") || trimmed === "") continue;
    lines.push({ pattern: cleanLine(trimmed), line });
  }
  return lines;
}

function cleanLine(trimmed: string): string {
  if (trimmed.startsWith("!")) return `!${withoutSlash(trimSpace(trimmed.slice(1)))}`;
  return withoutSlash(trimmed);
}

function withoutSlash(pattern: string): string {
  if (pattern === "") return pattern;
  const cleaned = cleanPath(pattern);
  return cleaned.length > 1 && cleaned.startsWith("/") ? cleaned.slice(1) : cleaned;
}

function trimSpace(text: string): string {
  const start = skipSpaces(text, 0, text.length);
  return text.slice(start, skipSpacesBack(text, start, text.length));
}

/** Reads a `.dockerignore`. Errors name the line and are `pattern-invalid`. */
export function parseIgnore(text: string, subject = ".dockerignore"): Ignore {
  return ignoreOf(
    readIgnoreLines(text, subject).map(({ pattern, line }) =>
      parseIgnorePattern(pattern, `${subject}: line ${line}`),
    ),
    subject,
  );
}

/**
 * Ignores what patterns match that come from elsewhere than a file, such as `COPY --exclude`. They are
 * trimmed and cleaned, but a slash at the beginning is part of them, and `#` begins no comment.
 */
export function createIgnore(patterns: readonly string[], subject = "patterns"): Ignore {
  return ignoreOf(
    patterns
      .map(trimSpace)
      .filter((pattern) => pattern !== "")
      .map((pattern) => parseIgnorePattern(pattern, subject)),
    subject,
  );
}

function ignoreOf(patterns: readonly IgnorePattern[], subject: string): Ignore {
  const automaton = new Automaton(
    patterns.map(({ expression }) => expression),
    subject,
  );
  const root = new Entry({ automaton, patterns }, automaton.start, [], automaton.start);
  return { patterns, matches: (path) => matches(automaton, patterns, path), root };
}

/** Since the last pattern that matches decides, it is the highest index found at the path or above. */
function matches(automaton: Automaton, patterns: readonly IgnorePattern[], path: string): boolean {
  let state = automaton.start;
  let last = -1;
  let end = 0;
  for (let slash = path.indexOf("/"); ; slash = path.indexOf("/", slash + 1)) {
    const start = end;
    end = slash === -1 ? path.length : slash;
    state = automaton.read(state, path, start, end);
    last = Math.max(last, automaton.accepted(state).at(-1) ?? -1);
    if (slash === -1) break;
  }
  return patterns[last]?.exclusion === false;
}

interface Walk {
  readonly automaton: Automaton;
  readonly patterns: readonly IgnorePattern[];
}

class Entry implements IgnoreEntry {
  readonly ignored: boolean;
  readonly #walk: Walk;
  readonly #state: State;
  /** The patterns that are remembered for what lies below, ascending. */
  readonly #remembered: readonly number[];
  /** The state before the names in this folder. */
  #inside: State | undefined;

  constructor(walk: Walk, state: State, remembered: readonly number[], inside?: State) {
    this.#walk = walk;
    this.#state = state;
    this.#remembered = remembered;
    this.#inside = inside;
    this.ignored = walk.patterns[remembered.at(-1) ?? -1]?.exclusion === false;
  }

  /** A path below is kept only if an exclusion behind the pattern that decided here can match it. */
  get mayHoldKept(): boolean {
    if (!this.ignored) return true;
    const { automaton, patterns } = this.#walk;
    const decided = this.#remembered.at(-1)!;
    const live = automaton.live(this.#enter());
    return live.some((index) => index > decided && patterns[index]!.exclusion);
  }

  child(name: string): IgnoreEntry {
    const { automaton, patterns } = this.#walk;
    const state = automaton.read(this.#enter(), name);
    const found = automaton.accepted(state);
    return new Entry(this.#walk, state, remember(patterns, this.#remembered, found));
  }

  #enter(): State {
    return (this.#inside ??= this.#walk.automaton.read(this.#state, "/"));
  }
}

/** What is remembered for an entry: all of its folder, and of its own what changed its fate. */
function remember(
  patterns: readonly IgnorePattern[],
  inherited: readonly number[],
  found: readonly number[],
): readonly number[] {
  if (found.length === 0) return inherited;
  const isInherited = new Set(inherited);
  const candidates = [...new Set([...inherited, ...found])].sort((a, b) => a - b);
  let ignored = false;
  return candidates.filter((index) => {
    const { exclusion } = patterns[index]!;
    const counts = isInherited.has(index) || exclusion === ignored;
    if (counts) ignored = !exclusion;
    return counts;
  });
}
