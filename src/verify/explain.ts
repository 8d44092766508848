/**
 * Explaining: why a file differs from its package, where undoing a known change gives the packaged file
 * again. The database has the checksum of that file, so the explanation is proven and not guessed.
 */
import { createHash } from "node:crypto";
import { decodeName, encodeName, equalBytes } from "../base/index.ts";
import type { Checksum } from "./compare.ts";
import type { Explanation } from "./report.ts";

/** Files of accounts, one a line, whose name ends at the first colon. */
const accountFiles: ReadonlySet<string> = new Set(["etc/group", "etc/passwd", "etc/shadow"]);

const largestFile = 64 * 1024;

/** `newUsers` are the accounts that were added to etc/passwd. */
export function explainChange(
  path: string,
  content: Uint8Array,
  packaged: Checksum,
  newUsers: readonly string[],
): Explanation | undefined {
  if (content.byteLength > largestFile) return undefined;
  const added = addedLines(content, packaged);
  if (added !== undefined) return { text: describeAdded(path, added), harmless: false };
  const text = decodeName(content);
  if (path === "etc/shadow") return explainShadow(text, packaged);
  return path === "etc/group" ? explainGroup(text, packaged, newUsers) : undefined;
}

/** Alpine's images lock the password of root, which the package leaves empty. */
function explainShadow(text: string, packaged: Checksum): Explanation | undefined {
  const unlocked = text.replace(/^root:[!*]:/m, "root::");
  const added = addedLines(encodeName(unlocked), packaged);
  if (added === undefined) return undefined;
  const locked = "root cannot log in with a password, as in Alpine's own images";
  return added.length === 0
    ? { text: `${locked}; else as packaged`, harmless: true }
    : { text: `${locked}; ${describeAdded("etc/shadow", added)}`, harmless: false };
}

/** New users become members of groups that were there before. */
function explainGroup(
  text: string,
  packaged: Checksum,
  newUsers: readonly string[],
): Explanation | undefined {
  const joined = new Map<string, string[]>();
  const lines = text.split("\n").map((line) => {
    const [name = "", password, id, members = ""] = line.split(":");
    const all = members.split(",");
    const old = all.filter((member) => !newUsers.includes(member));
    if (old.length === all.length) return line;
    joined.set(
      name,
      all.filter((member) => newUsers.includes(member)),
    );
    return [name, password, id, old.join(",")].join(":");
  });
  const added = joined.size === 0 ? undefined : addedLines(encodeName(lines.join("\n")), packaged);
  if (added === undefined) return undefined;
  const news = new Set(added.map((line) => line.split(":")[0]!));
  const texts = [...joined]
    .filter(([name]) => !news.has(name))
    .map(([name, members]) => `${members.join(", ")} joined ${name}`);
  if (added.length > 0) texts.push(describeAdded("etc/group", added));
  return { text: texts.join("; "), harmless: false };
}

/** The accounts that were added at the end of etc/passwd; none where it changed in another way. */
export function findNewUsers(content: Uint8Array, packaged: Checksum): readonly string[] {
  if (content.byteLength > largestFile) return [];
  return (addedLines(content, packaged) ?? []).map((line) => line.split(":")[0]!);
}

/** The lines behind a beginning that has the checksum; none when it is the whole content. */
function addedLines(content: Uint8Array, packaged: Checksum): string[] | undefined {
  const hash = createHash(packaged.algorithm);
  const fits = () =>
    equalBytes(hash.copy().digest().subarray(0, packaged.bytes.byteLength), packaged.bytes);
  for (let at = 0; ;) {
    if (fits()) {
      const rest = decodeName(content.subarray(at));
      return rest.split("\n").filter((line) => line !== "");
    }
    if (at >= content.byteLength) return undefined;
    const end = content.indexOf(0x0a, at) + 1 || content.byteLength;
    hash.update(content.subarray(at, end));
    at = end;
  }
}

/** Names only: what else stands in such a line may be a password. */
function describeAdded(path: string, lines: readonly string[]): string {
  const count = lines.length === 1 ? "1 line was" : `${lines.length} lines were`;
  if (!accountFiles.has(path)) return `${count} added at the end`;
  const names = lines.map((line) => line.split(":")[0]!);
  return `${count} added at the end: ${names.slice(0, 4).join(", ")}${names.length > 4 ? "…" : ""}`;
}
