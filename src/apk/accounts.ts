/** Accounts: user and group names of a root, as numbers (etc/passwd and etc/group; passwd(5), group(5)). */
import { decodeName, readContent, type Limits } from "../base/index.ts";
import { resolveInRoot, type Root } from "../tree/index.ts";

export interface Account {
  readonly name: string;
  readonly id: number;
  /** A user's primary group; undefined for a group. */
  readonly groupId?: number;
}

/** The largest user or group number: -1 as an unsigned number means "nobody" to the kernel. */
const largestId = 2 ** 32 - 2;

/** The lines of a passwd or group file that can be read; the first of a name counts. */
export function parseAccounts(text: string, file: "passwd" | "group"): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const line of text.split("\n")) {
    const [name, , id, groupId] = line.split(":");
    const number = tryParseId(id);
    if (name === undefined || name === "" || number === undefined || accounts.has(name)) continue;
    const primary = file === "passwd" ? tryParseId(groupId) : undefined;
    accounts.set(name, {
      name,
      id: number,
      ...(primary === undefined ? {} : { groupId: primary }),
    });
  }
  return accounts;
}

function tryParseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  return Number(text) <= largestId ? Number(text) : undefined;
}

export interface RootAccounts {
  readonly users: ReadonlyMap<string, Account>;
  readonly groups: ReadonlyMap<string, Account>;
}

export async function readAccounts(root: Root, limits: Limits): Promise<RootAccounts> {
  return {
    users: parseAccounts(await readRootText(root, "etc/passwd", limits), "passwd"),
    groups: parseAccounts(await readRootText(root, "etc/group", limits), "group"),
  };
}

/** The text of a small file, links followed inside the root; "" where there is none. */
export async function readRootText(root: Root, path: string, limits: Limits): Promise<string> {
  const entry = root.lookup(resolveInRoot(root, path));
  if (entry?.kind !== "file") return "";
  return decodeName(await readContent(entry.content, limits, path));
}
