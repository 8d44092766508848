/**
 * The rules of the architecture test. Each takes the project's files and returns one message per
 * violation: where it is, what is wrong, and what to do instead.
 */
import { posix } from "node:path";
import { findImports, type Import } from "./imports.ts";
import { readTokens, type Token } from "./tokens.ts";

export interface ProjectFile {
  /** Relative to the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** The rank of each folder of `src/`. */
export type Ranks = Readonly<Record<string, number>>;

/** Lines that a file may have; a test is a list of cases and may be longer. */
const longestSource = 400;
const longestTest = 600;

export function importsFollowRanks(files: readonly ProjectFile[], ranks: Ranks): string[] {
  const messages: string[] = [];
  for (const file of modules(files, "src/")) {
    const from = folderOf(file.path);
    if (from === undefined || ranks[from] === undefined) continue;
    for (const found of importsOf(file)) {
      const path = resolveImport(file.path, found);
      const to = path === undefined ? undefined : folderOf(path);
      if (to === undefined || to === from) continue;
      const [rank, other] = [ranks[from], ranks[to]];
      if (other === undefined || other >= rank)
        messages.push(
          `${place(file, found)} imports ${path}: ${from} has rank ${rank}, ${to} has ` +
            `${other === undefined ? "none" : `rank ${other}`}; imports go to lower ranks only.`,
        );
    }
  }
  return messages;
}

export function foldersAreRanked(files: readonly ProjectFile[], ranks: Ranks): string[] {
  const unknown = new Set<string>();
  for (const file of files) {
    if (!file.path.startsWith("src/")) continue;
    const folder = folderOf(file.path);
    if (folder === undefined || ranks[folder] === undefined) unknown.add(folder ?? file.path);
  }
  return [...unknown].map(
    (name) => `src/${name.replace("src/", "")} has no rank; give it one in the table, or move it.`,
  );
}

export function importsUseFaces(files: readonly ProjectFile[]): string[] {
  const messages: string[] = [];
  for (const file of modules(files, "src/"))
    for (const found of importsOf(file)) {
      const path = resolveImport(file.path, found);
      const to = path === undefined ? undefined : folderOf(path);
      if (to === undefined || to === folderOf(file.path) || to === "index.ts") continue;
      if (path !== `src/${to}/index.ts`)
        messages.push(`${place(file, found)} imports ${path}; import src/${to}/index.ts instead.`);
    }
  return messages;
}

/** A test may use what stands in `test/`; shipped code uses only what is shipped. */
export function sourcesStayInside(files: readonly ProjectFile[]): string[] {
  const messages: string[] = [];
  for (const file of modules(files, "src/"))
    for (const found of importsOf(file)) {
      const path = resolveImport(file.path, found);
      if (path === undefined || path.startsWith("src/")) continue;
      if (isTest(file.path) && path.startsWith("test/")) continue;
      messages.push(`${place(file, found)} imports ${path}, which is outside src/.`);
    }
  return messages;
}

export function importsAreLiteral(files: readonly ProjectFile[]): string[] {
  return modules(files, "src/").flatMap((file) =>
    importsOf(file)
      .filter((found) => found.specifier === undefined)
      .map((found) => `${place(file, found)} imports a computed name; name the module literally.`),
  );
}

export function webImportsTypesOnly(files: readonly ProjectFile[]): string[] {
  const messages: string[] = [];
  for (const file of modules(files, "web/"))
    for (const found of importsOf(file)) {
      const path = resolveImport(file.path, found);
      if (path === undefined || path.startsWith("web/")) continue;
      if (path === "src/fleet/index.ts" && found.typeOnly) continue;
      messages.push(
        `${place(file, found)} imports ${path}; web/ may only \`import type\` from src/fleet/index.ts.`,
      );
    }
  return messages;
}

export function onlyTheTerminalPrints(files: readonly ProjectFile[]): string[] {
  const messages: string[] = [];
  for (const file of modules(files, "src/")) {
    if (file.path.startsWith("src/cli/term/") || file.path.startsWith("src/cli/term.")) continue;
    const tokens = readTokens(file.text);
    for (const [index, token] of tokens.entries()) {
      if (!prints(tokens, index)) continue;
      const advice = file.path.startsWith("src/cli/")
        ? "print through src/cli/term"
        : "report an event or return a result";
      messages.push(`${file.path}:${token.line} prints (${token.text}); ${advice}.`);
    }
  }
  return messages;
}

function prints(tokens: readonly Token[], index: number): boolean {
  const [before, token, dot, member] = [-1, 0, 1, 2].map((step) => tokens[index + step]);
  if (token?.kind === "string" && before?.text === "from")
    return /^(node:)?console$/.test(token.text) || importsOutput(tokens, index);
  if (token?.kind !== "word" || before?.text === "." || dot?.text !== ".") return false;
  if (token.text === "console") return true;
  return token.text === "process" && (member?.text === "stdout" || member?.text === "stderr");
}

/** Whether the import that ends at `index` takes stdout or stderr, or everything, from node:process. */
function importsOutput(tokens: readonly Token[], index: number): boolean {
  if (!/^(node:)?process$/.test(tokens[index]!.text)) return false;
  const start = tokens.findLastIndex((token, at) => at < index && token.text === "import");
  return tokens.slice(start, index).some((token) => /^(stdout|stderr|\*)$/.test(token.text));
}

const openingComment = /^(#![^\n]*\n+)?\/\*\*[\s*]*[^\s*/][\s\S]*?\*\//;

export function filesSayWhatTheyAre(files: readonly ProjectFile[]): string[] {
  return modules(files)
    .filter((file) => !isTest(file.path) && !openingComment.test(file.text))
    .map((file) => `${file.path} must open with a /** sentence that says what it is */.`);
}

export function filesStayShort(files: readonly ProjectFile[]): string[] {
  const messages: string[] = [];
  for (const file of modules(files)) {
    const longest =
      isTest(file.path) || file.path.startsWith("test/") ? longestTest : longestSource;
    const lines = file.text.split("\n").length - (file.text.endsWith("\n") ? 1 : 0);
    if (lines > longest)
      messages.push(`${file.path} has ${lines} lines, more than ${longest}; split it by noun.`);
  }
  return messages;
}

const emptyNames = new Set(["util", "utils", "helper", "helpers", "common", "misc", "types"]);
const emptyEnding = /[-_.](utils?|helpers?|misc)$/;

export function namesMeanSomething(files: readonly ProjectFile[]): string[] {
  return files
    .filter((file) => isModule(file.path))
    .filter((file) =>
      file.path
        .replace(/(\.test)?\.[cm]?[jt]sx?$/, "")
        .split("/")
        .some((part) => emptyNames.has(part) || emptyEnding.test(part)),
    )
    .map((file) => `${file.path} is named for no concept; name what it holds.`);
}

export interface ForbiddenText {
  readonly pattern: RegExp;
  readonly reason: string;
}

export function nothingPrivateIsWritten(
  files: readonly ProjectFile[],
  forbidden: readonly ForbiddenText[],
): string[] {
  const messages: string[] = [];
  for (const file of files)
    for (const { pattern, reason } of forbidden) {
      const match = pattern.exec(file.text);
      if (match === null) continue;
      const line = file.text.slice(0, match.index).split("\n").length;
      messages.push(`${file.path}:${line} holds ${JSON.stringify(match[0])}: ${reason}.`);
    }
  return messages;
}

function modules(files: readonly ProjectFile[], folder = ""): ProjectFile[] {
  return files.filter((file) => file.path.startsWith(folder) && isModule(file.path));
}

function isModule(path: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(path) && !/^(examples|test\/fixtures)\//.test(path);
}

function isTest(path: string): boolean {
  return /\.test\.[cm]?[jt]sx?$/.test(path);
}

const importsByText = new Map<string, Import[]>();

function importsOf(file: ProjectFile): Import[] {
  let imports = importsByText.get(file.text);
  if (imports === undefined) {
    imports = findImports(readTokens(file.text));
    importsByText.set(file.text, imports);
  }
  return imports;
}

/** The project path that a relative import means; packages and Node's own modules have none. */
function resolveImport(path: string, found: Import): string | undefined {
  if (found.specifier === undefined || !found.specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(path), found.specifier);
}

/** The folder of `src/` that a path stands in; a file directly in `src/` counts by its own name. */
function folderOf(path: string): string | undefined {
  return path.startsWith("src/") ? path.split("/")[1] : undefined;
}

function place(file: ProjectFile, found: Import): string {
  return `${file.path}:${found.line}`;
}
