/**
 * Accounts: what adduser and addgroup make beside the lines that they add. They keep copies of etc/passwd,
 * etc/group and etc/shadow as those were before (`etc/passwd-`), and make a home folder.
 */
import { decodeName } from "../../base/index.ts";
import { compareNode, expectationOf } from "../compare.ts";
import type { Maker, Recognition, Scene } from "./maker.ts";

const copies: Readonly<Record<string, string>> = {
  "etc/group-": "etc/group",
  "etc/passwd-": "etc/passwd",
  "etc/shadow-": "etc/shadow",
};

export function accountFiles(scene: Scene): Maker {
  const homes = readHomes(scene);
  return (path, node) => {
    if (node.kind === "directory") {
      const isHome = node.children.size === 0 && homes.get(path) === node.uid;
      return isHome ? made("the empty home of an account") : undefined;
    }
    const original = Object.hasOwn(copies, path) ? copies[path] : undefined;
    if (node.kind !== "file" || original === undefined) return undefined;
    const claims = scene.claims.files.get(original) ?? [];
    const isPackaged = claims.some(({ file, package: subject }) => {
      const expected = expectationOf(file, subject);
      const { differences, unprovable } = compareNode(node, expected, scene.inventory.tree, {
        owners: false,
        xattrs: false,
      });
      return unprovable === undefined && differences.every(({ aspect }) => aspect !== "content");
    });
    if (isPackaged) return made(`the packaged ${original}`);
    const [before, now] = [path, original].map((each) => scene.documents.get(each));
    return before !== undefined && now !== undefined && hasGrown(before, now)
      ? made(`${original} as it was before accounts were added`)
      : undefined;
  };
}

function made(reason: string): Recognition {
  return { maker: "adduser", verified: true, reason };
}

/** Lines were added at the end, and members at the ends of lines. */
function hasGrown(before: Uint8Array, now: Uint8Array): boolean {
  const [old, grown] = [before, now].map((bytes) => decodeName(bytes).split("\n"));
  if (old!.pop() !== "") return false;
  return old!.every((line, at) => {
    const present = grown![at];
    return present === line || present?.startsWith(line.endsWith(":") ? line : `${line},`) === true;
  });
}

/** The numbers of users by their home. */
function readHomes({ documents }: Scene): ReadonlyMap<string, number> {
  const homes = new Map<string, number>();
  for (const line of decodeName(documents.get("etc/passwd") ?? new Uint8Array(0)).split("\n")) {
    const [, , uid, , , home] = line.split(":");
    if (uid !== undefined && /^\d+$/.test(uid) && home?.startsWith("/") === true)
      homes.set(home.slice(1), Number(uid));
  }
  return homes;
}
