/**
 * Suite dockerfile-parse: folders with a `Dockerfile` and, in `result`, what BuildKit's parser makes of
 * it, as S-expressions. Below a folder whose name ends in `negative` the parser must refuse the file.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import {
  instructionNames,
  parseSyntax,
  readSource,
  reportTo,
  type Arguments,
  type InstructionNode,
  type Problem,
  type SyntaxTree,
} from "../../src/dockerfile/index.ts";
import type { CaseResult, Suite } from "./run.ts";

export const suite: Suite = { name: "dockerfile-parse", defaultPath: "buildkit-parser", run };

function* run(path: string): Iterable<CaseResult> {
  const root = statSync(path).isDirectory() ? path : dirname(path);
  for (const folder of foldersBelow(root)) {
    const isNegative = basename(dirname(folder)).endsWith("negative");
    if (isNegative && existsSync(join(folder, "Dockerfile"))) yield runNegative(folder, root);
    else if (existsSync(join(folder, "result"))) yield runPositive(folder, root);
  }
}

function foldersBelow(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  return [folder, ...below.flatMap((name) => foldersBelow(join(folder, name)))];
}

function runNegative(folder: string, root: string): CaseResult {
  const { tree, refusal } = parse(folder);
  return {
    name: relative(root, folder),
    passed: refusal !== "",
    expected: "a refusal",
    found: sexpressions(tree),
  };
}

function runPositive(folder: string, root: string): CaseResult {
  const { tree, refusal } = parse(folder);
  const expected = readFileSync(join(folder, "result"), "utf8").trimEnd();
  const found = refusal || sexpressions(tree);
  return { name: relative(root, folder) || folder, passed: expected === found, expected, found };
}

function parse(folder: string): { readonly tree: SyntaxTree; readonly refusal: string } {
  const problems: Problem[] = [];
  const source = readSource(readFileSync(join(folder, "Dockerfile")), { subject: "Dockerfile" });
  const tree = parseSyntax(source, reportTo(problems));
  const errors = problems.filter(({ severity }) => severity === "error");
  return {
    tree,
    refusal: errors.map(({ line, message }) => `line ${line}: ${message}`).join("\n"),
  };
}

function instructionsOf(tree: SyntaxTree): InstructionNode[] {
  return tree.nodes.filter((node) => node.kind === "instruction");
}

function sexpressions(tree: SyntaxTree): string {
  return instructionsOf(tree)
    .map((node) => `(${sexpression(node)})`)
    .join("\n");
}

function sexpression({ name, flags, arguments: read }: InstructionNode): string {
  const words = flags.map(({ name: flag, value }) =>
    quoteAsGo(value === undefined ? `--${flag}` : `--${flag}=${value.text}`),
  );
  const flagList = words.length === 0 ? [] : [`[${words.join(" ")}]`];
  // BuildKit's parser leaves the arguments of an unknown instruction out.
  if (!knownNames.has(name))
    return [name.toLowerCase(), ...flagList, '""'].filter((word) => word !== "").join(" ");
  return [name.toLowerCase(), ...flagList, ...valuesOf(read)].join(" ");
}

const knownNames: ReadonlySet<string> = new Set(instructionNames);

function valuesOf(read: Arguments): string[] {
  switch (read.form) {
    case "none":
      return [];
    case "json":
    case "words":
      return read.words.map(({ text }) => quoteAsGo(text));
    case "text":
      return [quoteAsGo(read.text.text)];
    case "assignments":
      return read.assignments
        .flatMap(({ name, value, separator }) => [name.text, value.text, separator.trim()])
        .map(quoteAsGo);
    case "declarations":
      return read.declarations.map(({ name, defaultValue }) =>
        quoteAsGo(defaultValue === undefined ? name.text : `${name.text}=${defaultValue.text}`),
      );
    case "check":
      return [quoteAsGo(read.type.text), ...valuesOf(read.command)];
    case "trigger":
      return [`(${sexpression(read.instruction)})`];
  }
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** A text as Go's strconv.Quote writes it. */
function quoteAsGo(text: string): string {
  let written = "";
  for (const sign of text) {
    const code = sign.codePointAt(0)!;
    if (Object.hasOwn(shortEscapes, sign)) written += shortEscapes[sign];
    else if (code < 0x20 || code === 0x7f) written += `\\x${hex(code, 2)}`;
    else if (code >= 0xdc80 && code <= 0xdcff) written += `\\x${hex(code - 0xdc00, 2)}`;
    else if (sign === " " || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(sign)) written += sign;
    else written += code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  }
  return `"${written}"`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
