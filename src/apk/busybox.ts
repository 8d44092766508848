/** BusyBox links by rule: what `busybox --install -s` makes, for roots where its script cannot run. */
import { baseName, joinPath, parentPath, parseEntryPath, type Limits } from "../base/index.ts";
import { resolveInRoot, type Root } from "../tree/index.ts";
import { readRootText } from "./accounts.ts";
import { makeParents } from "./database.ts";

const busybox = "bin/busybox";
/** BusyBox packages since Alpine 3.17 list their applets here, one absolute path a line. */
const listDirectory = "etc/busybox-paths.d";

/**
 * Makes a link for each applet that has no file yet, and says how many; undefined when the root has
 * BusyBox but no list of its applets (before Alpine 3.17).
 */
export async function makeBusyboxLinks(
  root: Root,
  limits: Limits,
  time: number,
): Promise<number | undefined> {
  if (root.lookup(resolveInRoot(root, busybox))?.kind !== "file") return 0;
  const lists = root.list(listDirectory);
  if (lists.length === 0) return undefined;
  let made = 0;
  for (const list of lists) {
    const text = await readRootText(root, joinPath(listDirectory, list), limits);
    for (const line of text.split("\n"))
      if (line.trim() !== "" && makeLink(root, line.trim(), time)) made += 1;
  }
  return made;
}

function makeLink(root: Root, applet: string, time: number): boolean {
  const path = parseEntryPath(applet.replace(/^\/+/, ""), listDirectory);
  if (path === "") return false;
  const link = joinPath(resolveInRoot(root, parentPath(path)), baseName(path));
  if (root.lookup(link) !== undefined) return false;
  makeParents(root, link, time);
  root.makeSymlink(link, `/${busybox}`, { mode: 0o777, uid: 0, gid: 0, mtime: time });
  return true;
}
