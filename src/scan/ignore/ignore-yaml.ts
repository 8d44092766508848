/** bivy-ignore.yaml, read (docs/formats/ignore-file.md): a list of rules in YAML 1.2. */
import type * as yamlModule from "yaml";
import type { LineCounter, Node, Pair } from "yaml";
import { messageOf, nearestName } from "../../base/index.ts";
import type { IgnoreProblem, ReadIgnore } from "./ignore-problem.ts";
import { isDay, type IgnoreRule } from "./ignore-rules.ts";
import { quote } from "../quote.ts";
import { vexJustifications, type VexJustification } from "../vex/statement.ts";

type Yaml = typeof yamlModule;

/** A field of a map and where it stands. */
interface Field {
  readonly value: Node | null;
  readonly offset: number;
}

/** One file that is being read. */
interface Reading {
  readonly yaml: Yaml;
  readonly lines: LineCounter;
  readonly subject: string;
  readonly problems: IgnoreProblem[];
}

/** A list that people keep has some hundreds. */
const mostRules = 20_000;

export async function parseIgnoreYaml(text: string, subject: string): Promise<ReadIgnore> {
  const yaml = await import("yaml");
  const problems: IgnoreProblem[] = [];
  const lines = new yaml.LineCounter();
  let document: ReturnType<Yaml["parseDocument"]>;
  try {
    document = yaml.parseDocument(text, {
      schema: "failsafe",
      resolveKnownTags: false,
      stringKeys: true,
      // The library's own check takes quadratic time; `fieldsOf` has one that does not.
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter: lines,
      logLevel: "error",
    });
  } catch (error) {
    return failed(0, `not valid YAML: ${messageOf(error)}`);
  }
  const broken = document.errors[0];
  // What follows the first error of syntax is mostly its consequence.
  if (broken !== undefined)
    return failed(broken.pos[0], `not valid YAML: ${oneLine(broken.message)}`);
  const reading: Reading = { yaml, lines, subject, problems };
  const { contents } = document;
  // A file of comments only.
  const isEmpty = contents === null || (yaml.isScalar(contents) && contents.value === "");
  const rules = isEmpty ? [] : readFile(contents, reading);
  return { rules, problems, warnings: [] };
}

function failed(offset: number, message: string): ReadIgnore {
  return { rules: [], problems: [{ offset, message }], warnings: [] };
}

function oneLine(message: string): string {
  return message
    .split("\n")[0]!
    .slice(0, 200)
    .replace(/\p{Cc}/gu, "?");
}

function readFile(contents: Node, reading: Reading): readonly IgnoreRule[] {
  const file = fieldsOf(contents, "the file", ["ignore"], reading);
  const list = file?.get("ignore");
  if (file !== undefined && list === undefined && reading.problems.length === 0)
    note(reading, 0, "expected the field ignore, found none");
  if (list === undefined || isNothing(list.value, reading)) return [];
  if (!reading.yaml.isSeq<Node | null>(list.value))
    return expected(reading, list, "ignore", "a list of rules") ?? [];
  if (list.value.items.length > mostRules)
    return note(reading, list.offset, `expected at most ${mostRules} rules, found more`) ?? [];
  return list.value.items
    .map((item, index) =>
      readRule({ value: item, offset: offsetOf(item, list.offset) }, index, reading),
    )
    .filter((rule) => rule !== undefined);
}

const ruleFields = ["id", "ids", "package", "reason", "expires", "justification", "until"] as const;
type RuleField = (typeof ruleFields)[number];

function readRule(item: Field, index: number, reading: Reading): IgnoreRule | undefined {
  const at = `ignore[${index}]`;
  const before = reading.problems.length;
  const found = fieldsOf(item.value, at, ruleFields, reading, item.offset);
  if (found === undefined) return undefined;
  const read = <T>(name: RuleField, reader: FieldReader<T>): T | undefined => {
    const field = found.get(name);
    if (field === undefined || isNothing(field.value, reading)) return undefined;
    return reader(field, `${at}.${name}`, reading);
  };
  const id = read("id", readId);
  const ids = read("ids", readIds);
  const named = read("package", readName);
  const reason = read("reason", readText);
  const expires = read("expires", readDay);
  const justification = read("justification", readJustification);
  const until = read("until", readUntil);
  if (found.has("id") && found.has("ids"))
    note(reading, found.get("ids")!.offset, `${at}: expected either id or ids, found both`);
  // A field with a problem of its own is not missing as well.
  if (reading.problems.length === before) {
    if (id === undefined && ids === undefined)
      note(reading, item.offset, `${at}: expected the field id, found none`);
    if (reason === undefined)
      note(
        reading,
        item.offset,
        `${at}: expected the field reason, found none`,
        "Say why it may be left aside, for whoever reads this in a year.",
      );
  }
  if (reading.problems.length > before) return undefined;
  return {
    ids: ids ?? [id!],
    ...(named === undefined ? {} : { package: named }),
    reason: reason!,
    ...(expires === undefined ? {} : { expires }),
    ...(justification === undefined ? {} : { justification }),
    ...(until === undefined ? {} : { until }),
    source: `${reading.subject}:${reading.lines.linePos(item.offset).line}`,
  };
}

type FieldReader<T> = (field: Field, at: string, reading: Reading) => T | undefined;

const readText: FieldReader<string> = (field, at, reading) => {
  const text = scalarOf(field.value, reading);
  if (text === undefined || text.includes("\0") || text.trim() === "")
    return expected(reading, field, at, "text");
  return text.trim();
};

const readId: FieldReader<string> = (field, at, reading) => {
  const text = scalarOf(field.value, reading);
  if (text === undefined || !/^[A-Za-z0-9][\w.:-]{1,99}$/.test(text))
    return expected(
      reading,
      field,
      at,
      "the id of a vulnerability",
      "Ids are written out, such as CVE-2024-9143; patterns are not taken, since they would hide what is not known yet.",
    );
  return text;
};

const readIds: FieldReader<readonly string[]> = (field, at, reading) => {
  if (!reading.yaml.isSeq<Node | null>(field.value) || field.value.items.length === 0)
    return expected(reading, field, at, "a list of ids");
  return field.value.items
    .map((item, index) =>
      readId({ value: item, offset: offsetOf(item, field.offset) }, `${at}[${index}]`, reading),
    )
    .filter((id) => id !== undefined);
};

const readName: FieldReader<string> = (field, at, reading) => {
  const text = scalarOf(field.value, reading);
  return text !== undefined && /^[\w.+~-]{1,200}$/.test(text)
    ? text
    : expected(reading, field, at, "the name of a package or an origin");
};

const readDay: FieldReader<string> = (field, at, reading) => {
  const text = scalarOf(field.value, reading);
  return text !== undefined && isDay(text)
    ? text
    : expected(reading, field, at, "a day such as 2026-12-31");
};

const readJustification: FieldReader<VexJustification> = (field, at, reading) => {
  const text = scalarOf(field.value, reading);
  const word = vexJustifications.find((each) => each === text);
  return word ?? expected(reading, field, at, `one of ${vexJustifications.join(", ")}`);
};

const readUntil: FieldReader<"available"> = (field, at, reading) =>
  scalarOf(field.value, reading) === "available"
    ? "available"
    : expected(reading, field, at, "available", "A day stands in the field expires.");

/** The fields of a map; undefined where it is none. What is not known or stands twice is noted. */
function fieldsOf(
  node: Node | null,
  at: string,
  names: readonly string[],
  reading: Reading,
  fallback = 0,
): ReadonlyMap<string, Field> | undefined {
  const offset = offsetOf(node, fallback);
  if (!reading.yaml.isMap<unknown, Node | null>(node))
    return expected(reading, { value: node, offset }, at, "a map");
  const found = new Map<string, Field>();
  for (const { key, value } of node.items as readonly Pair<unknown, Node | null>[]) {
    const place = offsetOf(key as Node | null, offset);
    const name = scalarOf(key as Node | null, reading) ?? "";
    if (found.has(name)) note(reading, place, `${at}: the field ${quote(name)} stands twice`);
    else if (names.includes(name)) found.set(name, { value, offset: offsetOf(value, place) });
    else {
      const near = nearestName(name, names);
      const meant = near === undefined ? "" : `; did you mean ${quote(near)}?`;
      const hint = `The fields of ${at} are ${names.join(", ")}.`;
      note(reading, place, `unknown field ${quote(name)} in ${at}${meant}`, hint);
    }
  }
  return found;
}

function offsetOf(node: Node | null, fallback: number): number {
  return node?.range?.[0] ?? fallback;
}

function scalarOf(node: Node | null, { yaml }: Reading): string | undefined {
  if (!yaml.isScalar(node) || node.tag !== undefined) return undefined;
  return typeof node.value === "string" ? node.value : undefined;
}

function isNothing(node: Node | null, { yaml }: Reading): boolean {
  if (node === null) return true;
  return yaml.isScalar(node) && node.type === "PLAIN" && /^(?:~|null)?$/i.test(String(node.value));
}

/** Notes that a field is not what it may be. */
function expected(
  reading: Reading,
  { value, offset }: Field,
  at: string,
  what: string,
  hint?: string,
): undefined {
  return note(reading, offset, `${at}: expected ${what}, found ${describe(value, reading)}`, hint);
}

function describe(node: Node | null, reading: Reading): string {
  const { yaml } = reading;
  if (isNothing(node, reading)) return "nothing";
  if (yaml.isMap(node)) return "a map";
  if (yaml.isSeq(node)) return "a list";
  if (yaml.isAlias(node)) return "an alias, which this file has no use for";
  return yaml.isScalar(node) && node.tag === undefined ? quote(String(node.value)) : "a tag";
}

function note(reading: Reading, offset: number, message: string, hint?: string): undefined {
  reading.problems.push({ offset, message, ...(hint === undefined ? {} : { hint }) });
}
