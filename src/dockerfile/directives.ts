/**
 * Directives: comments at the top of a Dockerfile that say how it is to be read
 * (https://docs.docker.com/reference/dockerfile/#parser-directives).
 *
 * A directive is `# NAME=VALUE`; case does not matter in the name. The first line that is none, be it
 * blank, another comment or an instruction, ends them. `escape` may be indented; BuildKit looks for
 * the other two in lines that begin with `#`, and looks beyond a `#!` line.
 */
import { skipSpaces, skipSpacesBack, type EscapeCharacter } from "./lexer.ts";
import { type Report } from "./problem.ts";
import { locateIn, quoted, type Line, type Source } from "./source.ts";
import { type CheckOptions, type DirectiveName, type DirectiveNode, type Word } from "./syntax.ts";

const directiveForm = /^#\s*([a-z][a-z0-9]*)[\t\f\r ]*=[\t\f\r ]*(\S.*)$/is;
const directiveNames: ReadonlySet<string> = new Set<DirectiveName>(["syntax", "escape", "check"]);

/** Reads the directives of a file, line by line. */
export interface DirectiveReader {
  /** The directive of the next comment line; undefined where it is a plain comment. */
  read(line: Line): DirectiveNode | undefined;
  /** Another line than a comment was met: no directive can follow. */
  end(): void;
  /** The escape character in force. */
  escape(): EscapeCharacter;
}

export function directiveReader(source: Source, report: Report): DirectiveReader {
  const seen = new Set<string>();
  let open = true;
  let openAtMargin = true;
  let escape: EscapeCharacter = "\\";
  return {
    escape: () => escape,
    read(line) {
      const start = skipSpaces(source.text, line.offset, line.contentEnd);
      const atMargin = start === line.offset;
      if (line.number === 1 && source.text.startsWith("#!", line.offset)) {
        open = false;
        return undefined;
      }
      if (!open && !openAtMargin) return undefined;
      const node = matchDirective(source, line, start);
      openAtMargin &&= node !== undefined && atMargin;
      open &&= node !== undefined;
      if (node === undefined) return undefined;
      if (seen.has(node.name)) {
        if (open)
          report(
            "directive-repeated",
            node,
            `the directive ${node.name} stands here for the second time`,
            "Keep one of them.",
          );
        openAtMargin = false;
        return undefined;
      }
      seen.add(node.name);
      if (!(node.name === "escape" ? open : openAtMargin)) return undefined;
      if (node.name === "escape") escape = readEscape(node.value, report);
      return node.name === "check" ? withCheckOptions(node, report) : node;
    },
    end() {
      open = false;
      openAtMargin = false;
    },
  };
}

function matchDirective(source: Source, line: Line, start: number): DirectiveNode | undefined {
  const end = skipSpacesBack(source.text, start, line.contentEnd);
  const match = directiveForm.exec(source.text.slice(start, end));
  if (match === null) return undefined;
  const name = match[1]!.toLowerCase();
  if (!directiveNames.has(name)) return undefined;
  const text = match[2]!;
  return {
    kind: "directive",
    name: name as DirectiveName,
    value: { text, ...locateIn(line, end - text.length, end) },
    check: undefined,
    ...locateIn(line, line.offset, line.end),
    endLine: line.number,
  };
}

function readEscape(value: Word, report: Report): EscapeCharacter {
  if (value.text === "\\" || value.text === "`") return value.text;
  const message = `the escape character must be \\ or \`, found ${quoted(value.text)}`;
  report("directive-invalid", value, message);
  return "\\";
}

function withCheckOptions(node: DirectiveNode, report: Report): DirectiveNode {
  const { value } = node;
  // What follows a blank is a remark: `# check=skip=all // why`.
  const check = parseCheckOptions(value.text.split(" ")[0]!);
  if (check === undefined)
    report(
      "directive-invalid",
      value,
      `expected check options, found ${quoted(value.text)}`,
      "The options are skip=RULE,…, experimental=RULE,… (or all) and error=true, joined by ;.",
    );
  return { ...node, check };
}

const truths: Readonly<Record<string, boolean>> = {
  "1": true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  "0": false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

/** What Go's strconv.ParseBool takes for a truth value. */
export function tryParseTruth(text: string): boolean | undefined {
  return Object.hasOwn(truths, text) ? truths[text] : undefined;
}

/** Reads the value of a `check` directive; undefined where it is invalid. */
export function parseCheckOptions(text: string): CheckOptions | undefined {
  const options = { skip: [], experimental: [], error: false } as {
    skip: CheckOptions["skip"];
    experimental: CheckOptions["experimental"];
    error: boolean;
  };
  for (const part of text.trim() === "" ? [] : text.split(";")) {
    const match = /^\s*(skip|experimental|error)\s*=(.*)$/s.exec(part);
    if (match === null) return undefined;
    const value = match[2]!.trim();
    if (match[1] === "error") {
      const error = tryParseTruth(value);
      if (error === undefined) return undefined;
      options.error = error;
    } else options[match[1] as "skip" | "experimental"] = parseRules(value);
  }
  return options;
}

function parseRules(value: string): "all" | readonly string[] {
  return value === "all" ? "all" : value.split(",").map((rule) => rule.trim());
}
