/**
 * Users of commands: what `USER` means in the files of a stage, in the manner of container runtimes. A
 * name must be in etc/passwd; a number need not be, and has the group 0 then.
 */
import { decodeName, readContent, type Limits } from "../../../base/index.ts";
import { findNode, resolveInRoot, type DirectoryNode } from "../../../tree/index.ts";

export interface CommandUser {
  readonly uid: number;
  readonly gid: number;
  /** Further groups. */
  readonly groups: readonly number[];
  readonly home: string;
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const idForm = /^\d{1,10}$/;
const largestId = 2 ** 32 - 2;

/** What `USER` means; a text where it means nothing: what is missing, for a message. */
export async function findUser(
  text: string,
  tree: DirectoryNode,
  limits: Limits,
): Promise<CommandUser | string> {
  const users = parseUsers(await textOf(tree, "etc/passwd", limits));
  const groups = parseGroups(await textOf(tree, "etc/group", limits));
  const [userText = "", groupText] = text.split(":", 2);
  const wanted = userText === "" ? "0" : userText;
  const known = users.find(({ name, uid }) => name === wanted || String(uid) === wanted);
  if (known === undefined && !isId(wanted))
    return `the stage has no user ${JSON.stringify(wanted)} in /etc/passwd`;
  const uid = known?.uid ?? Number(wanted);
  const home = known?.home === undefined || known.home === "" ? "/" : known.home;
  if (groupText !== undefined && groupText !== "") {
    const group = groups.find(({ name, gid }) => name === groupText || String(gid) === groupText);
    if (group === undefined && !isId(groupText))
      return `the stage has no group ${JSON.stringify(groupText)} in /etc/group`;
    return { uid, gid: group?.gid ?? Number(groupText), groups: [], home };
  }
  const gid = known?.gid ?? 0;
  const further = groups
    .filter(({ members }) => known !== undefined && members.includes(known.name))
    .map((group) => group.gid);
  return { uid, gid, groups: [...new Set(further)].sort((a, b) => a - b), home };
}

function isId(text: string): boolean {
  return idForm.test(text) && Number(text) <= largestId;
}

async function textOf(tree: DirectoryNode, path: string, limits: Limits): Promise<string> {
  const lookup = (below: string) => findNode(tree, below);
  const node = findNode(tree, resolveInRoot({ lookup }, path));
  if (node?.kind !== "file") return "";
  return decodeName(await readContent(node.content, limits, path));
}

function parseUsers(text: string): readonly User[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", , uid = "", gid = "", , home = ""] = line.split(":");
    return name !== "" && isId(uid) && isId(gid)
      ? [{ name, uid: Number(uid), gid: Number(gid), home }]
      : [];
  });
}

function parseGroups(text: string): readonly Group[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", , gid = "", members = ""] = line.split(":");
    return name !== "" && isId(gid)
      ? [{ name, gid: Number(gid), members: members.trim().split(",") }]
      : [];
  });
}
