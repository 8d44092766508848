/** Unclaimed files: what no package has, shown to the makers, else owned by nobody. */
import { joinPath, parentPath, pathParts } from "../base/index.ts";
import { walkTree, type DirectoryNode, type TreeNode } from "../tree/index.ts";
import { accountFiles } from "./makers/accounts.ts";
import { alpineFiles } from "./makers/alpine.ts";
import { apkFiles } from "./makers/apk.ts";
import { busyboxLinks } from "./makers/busybox.ts";
import { certificateFiles } from "./makers/certificates.ts";
import { isRoots, type Maker, type Scene } from "./makers/maker.ts";
import { runtimeFiles } from "./makers/runtime.ts";
import { describeNode } from "./owned.ts";
import type { FileReport } from "./report.ts";

export interface Unclaimed {
  readonly files: readonly FileReport[];
  readonly notes: readonly string[];
}

export function judgeUnclaimed(scene: Scene): Unclaimed {
  const { inventory, owned } = scene;
  const links = busyboxLinks(scene);
  const makers = [
    links.recognise,
    apkFiles(scene),
    alpineFiles(scene),
    certificateFiles(scene),
    accountFiles(scene),
    runtimeFiles,
  ];
  const above = foldersAbove(owned.keys(), inventory.tree.top);
  const files: FileReport[] = [];
  const notes: string[] = [];
  for (const { path, node } of walkTree(inventory.tree.top)) {
    if (owned.has(path)) continue;
    const file = judge(path, node, makers, above, scene);
    files.push(file);
    if (file.doubtful === true) notes.push(`${path} ${file.reason}.`);
  }
  const applets = files.filter(({ maker }) => maker === "busybox").map(({ path }) => path);
  const absent = links.absent(applets);
  if (absent.length > 0) notes.push(describeAbsent(absent));
  return { files, notes };
}

function judge(
  path: string,
  node: TreeNode,
  makers: readonly Maker[],
  above: ReadonlySet<string>,
  scene: Scene,
): FileReport {
  const { inventory, claims } = scene;
  const described = describeNode(path, node, inventory);
  const [claim] = claims.files.get(path) ?? [];
  if (claim !== undefined)
    return {
      ...described,
      state: "unowned",
      reason: `the database says it is of ${claim.package.name}, which has no such file`,
    };
  for (const recognise of makers) {
    const found = recognise(path, node);
    if (found === undefined) continue;
    if ("refused" in found) return { ...described, state: "unowned", reason: found.refused };
    return { ...described, state: "generated", ...found };
  }
  // As apk makes a folder that a package needs and does not list.
  const isPlain = node.kind === "directory" && node.mode === 0o755 && isRoots(node, scene);
  if (isPlain && above.has(path))
    return {
      ...described,
      state: "generated",
      maker: "apk",
      verified: true,
      reason: "made for what packages have below it",
    };
  return { ...described, state: "unowned" };
}

/** Only those that are there: a database can name any number of others. */
function foldersAbove(paths: Iterable<string>, top: DirectoryNode): Set<string> {
  const above = new Set<string>();
  for (const path of paths) {
    const folder = parentPath(path);
    if (above.has(folder)) continue;
    let node: TreeNode | undefined = top;
    let prefix = "";
    for (const part of pathParts(folder)) {
      node = node.kind === "directory" ? node.children.get(part) : undefined;
      if (node === undefined) break;
      prefix = joinPath(prefix, part);
      above.add(prefix);
    }
  }
  return above;
}

function describeAbsent(absent: readonly string[]): string {
  const first = absent.slice(0, 5).join(", ");
  const more = absent.length > 5 ? ` and ${absent.length - 5} more` : "";
  return `BusyBox has applets without a link: ${first}${more}.`;
}
