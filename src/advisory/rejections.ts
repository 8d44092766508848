/**
 * Rejections: vulnerabilities that Alpine's maintainers hold not to concern a package, with their
 * reasons (the repository security-rejections). It is a tree of YAML files; each maps origins to lists
 * of ids, with the reasons as comments, or to maps from ids to reasons. A file that is called after a
 * branch and a repository, such as `edge-main.yaml` or `3.20-community.yaml`, is about that branch.
 */
import type { Document, Node, Pair } from "yaml";
import { BivyError, encodeText } from "../base/index.ts";
import { isObject, parseFeedJson } from "./feed-json.ts";

export interface Rejection {
  readonly origin: string;
  readonly id: string;
  /** "" where none is given. */
  readonly reason: string;
  /** Absent where it holds for all branches. */
  readonly branch?: string;
}

/** A file has some hundred lines. */
const largestFile = 4 * 1024 * 1024;
const longestReason = 2000;
const idForm = /^[A-Z][\w.:-]{2,60}$/;

/** The rejections of one file; its name tells the branch. Throws `advisories-invalid`. */
export async function parseRejections(
  text: string,
  path: string,
  subject: string,
): Promise<readonly Rejection[]> {
  if (text.length > largestFile)
    throw new BivyError(
      "limit-exceeded",
      `${subject}: ${path}: expected at most ${largestFile} bytes of YAML`,
      { hint: "The file is damaged or hostile." },
    );
  const { isMap, isScalar, isSeq, parseDocument } = await import("yaml");
  const document = parseDocument(text, { uniqueKeys: false, maxAliasCount: 0 } as object);
  if (document.errors.length > 0)
    throw new BivyError("advisories-invalid", `${subject}: ${path}: expected YAML`, {
      cause: document.errors[0],
      hint: "The file is damaged.",
    });
  const branch = branchOf(path);
  const rejections: Rejection[] = [];
  const add = (origin: string, id: unknown, reason: string): void => {
    if (typeof id !== "string" || !idForm.test(id)) return;
    const words = reason.replaceAll(/\s+/g, " ").trim().slice(0, longestReason);
    rejections.push({ origin, id, reason: words, ...(branch === undefined ? {} : { branch }) });
  };
  const { contents } = document as Document;
  if (!isMap(contents)) return [];
  for (const { key, value } of contents.items as readonly Pair<Node, Node | null>[]) {
    const origin = isScalar(key) ? key.value : undefined;
    if (typeof origin !== "string") continue;
    if (isSeq(value)) {
      // A comment before the first of a list belongs, by YAML's rules, to the list.
      let before = value.commentBefore ?? "";
      for (const item of value.items as readonly Node[]) {
        const reason = [item.commentBefore ?? before, item.comment ?? ""].join(" ");
        before = "";
        if (isScalar(item)) add(origin, item.value, reason);
        else if (isMap(item))
          for (const pair of item.items) addPair(pair as Pair<Node, Node | null>);
      }
    } else if (isMap(value))
      for (const pair of value.items) addPair(pair as Pair<Node, Node | null>);

    function addPair({ key: id, value: said }: Pair<Node, Node | null>): void {
      const reason = isScalar(said) && typeof said.value === "string" ? said.value : "";
      if (isScalar(id)) add(origin as string, id.value, reason || (id.commentBefore ?? ""));
    }
  }
  return rejections;
}

function branchOf(path: string): string | undefined {
  const [, branch] = /(?:^|\/)(edge|v?\d+\.\d+)-[a-z]+\.ya?ml$/.exec(path) ?? [];
  return branch === undefined || branch === "edge" ? branch : `v${branch.replace(/^v/, "")}`;
}

/** The text of a list of rejections, as a database keeps it. */
export function writeRejectionList(rejections: readonly Rejection[]): Uint8Array {
  return encodeText(JSON.stringify({ rejections }));
}

/** Reads what `writeRejectionList` wrote. Throws `advisories-invalid`. */
export function readRejectionList(bytes: Uint8Array, subject: string): readonly Rejection[] {
  const { rejections } = parseFeedJson(bytes, subject);
  if (!Array.isArray(rejections))
    throw new BivyError("advisories-invalid", `${subject}: expected a list of rejections`);
  return (rejections as readonly unknown[]).filter(
    (each): each is Rejection =>
      isObject(each) &&
      [each["origin"], each["id"], each["reason"], each["branch"] ?? ""].every(
        (field) => typeof field === "string",
      ),
  ) as unknown as readonly Rejection[];
}
