/**
 * YAML for configuration files: text (YAML 1.2, https://yaml.org/spec/1.2.2/) to nodes that know where
 * they stand. Scalars keep the text as written: what it means is for the field that reads it to say.
 */
import type { Node, Pair } from "yaml";
import { BivyError, limitExceeded, messageOf, type Limits } from "../../base/index.ts";

export type ConfigNode = ConfigScalar | ConfigNothing | ConfigList | ConfigMap;

/** Where a node begins, in UTF-16 units from the start of the text. */
interface Positioned {
  readonly offset: number;
}

export interface ConfigScalar extends Positioned {
  readonly kind: "scalar";
  readonly text: string;
}

/** No value, `~` or `null`. */
export interface ConfigNothing extends Positioned {
  readonly kind: "nothing";
}

export interface ConfigList extends Positioned {
  readonly kind: "list";
  readonly items: readonly ConfigNode[];
}

export interface ConfigMap extends Positioned {
  readonly kind: "map";
  readonly entries: readonly ConfigEntry[];
}

export interface ConfigEntry extends Positioned {
  readonly key: string;
  readonly value: ConfigNode;
}

/** Something wrong with the text, at a place in it. */
export interface Problem extends Positioned {
  readonly message: string;
  readonly hint?: string;
}

/**
 * Values in one file once every alias is written out: far more than an image needs, far less than a
 * bomb. Long text counts as one value for each KiB.
 */
const mostNodes = 100_000;

const knownTags = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`),
);
const nothingForm = /^(?:~|null|Null|NULL|)$/;

/**
 * Reads one YAML document. Anchors, aliases and merge keys (`<<`) are resolved by sharing nodes, and
 * refused once they would unfold to more than 100,000 values; keys that stand twice, several
 * documents, and tags other than YAML's own are refused.
 */
export async function parseConfigYaml(
  text: string,
  subject: string,
  limits: Limits,
): Promise<ConfigNode> {
  if (text.length > limits["document-size"]) throw limitExceeded("document-size", limits, subject);
  const yaml = await import("yaml");
  // The library's own check for unique keys takes quadratic time; `mapOf` below has one that does not.
  let document: ReturnType<typeof yaml.parseDocument>;
  try {
    document = yaml.parseDocument(text, {
      schema: "failsafe",
      resolveKnownTags: false,
      stringKeys: true,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
    });
  } catch (cause) {
    throw new BivyError("config-invalid", `${subject}: not valid YAML: ${messageOf(cause)}`, {
      cause,
    });
  }
  const broken = document.errors[0];
  // What follows the first error of syntax is mostly its consequence.
  if (broken !== undefined)
    throw problemsError(subject, text, [
      { offset: broken.pos[0], message: syntaxMessage(broken.code, broken.message) },
    ]);

  const anchors = new Map<string, { readonly node: ConfigNode; readonly count: number } | "open">();
  let counted = 0;

  function fail(offset: number, message: string, hint?: string): never {
    throw problemsError(subject, text, [
      hint === undefined ? { offset, message } : { offset, message, hint },
    ]);
  }

  function count(nodes: number, offset: number): void {
    counted += nodes;
    if (counted > mostNodes)
      fail(offset, `expected at most ${mostNodes} values with every alias written out, found more`);
  }

  function nodeOf(node: Node | null, fallback: number): ConfigNode {
    const offset = node?.range?.[0] ?? fallback;
    if (node === null) return { kind: "nothing", offset };
    if (yaml.isAlias(node)) return targetOf(node.source, offset);
    const before = counted;
    count(yaml.isScalar(node) ? 1 + Math.floor(String(node.value).length / 1024) : 1, offset);
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor !== undefined) anchors.set(anchor, "open");
    const tag = node.tag;
    if (tag !== undefined && !knownTags.has(tag) && tag !== "!")
      fail(
        offset,
        `expected no tag, found ${JSON.stringify(shortTag(tag))}`,
        'Put text that begins with "!" in quotes.',
      );
    const result = yaml.isMap<unknown, Node | null>(node)
      ? mapOf(node.items, offset)
      : yaml.isSeq<Node | null>(node)
        ? ({ kind: "list", offset, items: node.items.map((item) => nodeOf(item, offset)) } as const)
        : scalarOf(node, offset);
    if (anchor !== undefined) anchors.set(anchor, { node: result, count: counted - before });
    return result;
  }

  function targetOf(name: string, offset: number): ConfigNode {
    const target = anchors.get(name);
    if (target === undefined)
      fail(offset, `the alias ${JSON.stringify(name)}: expected its anchor before it, found none`);
    if (target === "open")
      fail(offset, `the alias ${JSON.stringify(name)} stands inside its own anchor`);
    count(target.count, offset);
    return target.node;
  }

  function mapOf(pairs: readonly Pair<unknown, Node | null>[], offset: number): ConfigMap {
    const entries = new Map<string, ConfigEntry>();
    const merged: ConfigEntry[] = [];
    for (const pair of pairs) {
      const keyNode = pair.key as Node | null;
      const at = keyNode?.range?.[0] ?? offset;
      const keyValue = nodeOf(keyNode, at);
      const key = yaml.isScalar(keyNode)
        ? String(keyNode.value)
        : keyValue.kind === "scalar"
          ? keyValue.text
          : "";
      const value = nodeOf(pair.value ?? null, at);
      if (key === "<<") merged.push(...mergedEntries(value, at));
      else if (entries.has(key))
        fail(at, `the field ${JSON.stringify(key)} stands twice in the same map`);
      else entries.set(key, { key, offset: at, value });
    }
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return { kind: "map", offset, entries: [...entries.values()] };
  }

  function mergedEntries(value: ConfigNode, offset: number): readonly ConfigEntry[] {
    if (value.kind === "map") return value.entries;
    if (value.kind === "list" && value.items.every((item) => item.kind === "map"))
      return value.items.flatMap((item) => (item.kind === "map" ? item.entries : []));
    return fail(offset, "the merge key <<: expected an alias of a map, or a list of them");
  }

  return nodeOf(document.contents, 0);
}

function scalarOf(node: Node, offset: number): ConfigNode {
  const scalar = node as { value?: unknown; type?: string };
  const value = String(scalar.value ?? "");
  const plain = scalar.type === undefined || scalar.type === "PLAIN";
  if (plain && node.tag === undefined && nothingForm.test(value))
    return { kind: "nothing", offset };
  return { kind: "scalar", offset, text: value };
}

function shortTag(tag: string): string {
  return tag.startsWith("tag:yaml.org,2002:") ? `!!${tag.slice("tag:yaml.org,2002:".length)}` : tag;
}

function syntaxMessage(code: string, message: string): string {
  if (code === "NON_STRING_KEY")
    return "expected text as the name of a field, found a list or a map";
  if (code === "MULTIPLE_DOCS") return "expected one YAML document, found a second one";
  if (code === "TAB_AS_INDENT")
    return "expected spaces before the first word of a line, found a tab";
  if (code === "RESOURCE_EXHAUSTION") return "lists and maps are nested too deeply";
  return `not valid YAML: ${message
    .split("\n")[0]!
    .slice(0, 200)
    .replace(/\p{Cc}/gu, "?")}`;
}

/** As many problems as a person reads at once. */
const mostShown = 20;

/** One error for all the problems of a file: the first is the message, the others follow on lines of their own. */
export function problemsError(
  subject: string,
  text: string,
  problems: readonly Problem[],
): BivyError {
  const sorted = problems.toSorted((a, b) => a.offset - b.offset);
  const lines = sorted
    .slice(0, mostShown)
    .map((problem) => `${subject}:${placeOf(text, problem.offset)}: ${problem.message}`);
  if (sorted.length > mostShown) lines.push(`and ${sorted.length - mostShown} more`);
  return new BivyError("config-invalid", lines.join("\n  "), {
    hint: sorted[0]?.hint ?? "The format is described in docs/formats/image-yaml.md.",
  });
}

/** `line:column`, both counted from 1. */
function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return `${before.split("\n").length}:${offset - lineStart + 1}`;
}
