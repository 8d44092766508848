/** Absence: what is not in an image, and what was probably meant. */
import {
  baseName,
  BivyError,
  joinPath,
  nearestName,
  parentPath,
  plainPath,
} from "../base/index.ts";
import type { Inventory } from "../inventory/index.ts";
import { findNode, type DirectoryNode, type TreeNode } from "../tree/index.ts";
import { follow, pathsNamed } from "./place.ts";

export function notInImage(inventory: Inventory, asked: string): BivyError {
  const isPath = asked.includes("/");
  const expected = isPath
    ? `a file at ${asked}`
    : `a package, library, command or file named ${JSON.stringify(asked)}`;
  const near = isPath ? nearestPath(inventory, asked) : nearestWord(inventory, asked);
  return new BivyError("not-in-image", `${inventory.subject}: expected ${expected}, found none`, {
    hint: near === undefined ? hintWithoutName(inventory, isPath) : `Did you mean ${near}?`,
  });
}

function hintWithoutName({ hasDatabase }: Inventory, isPath: boolean): string {
  if (isPath) return "No layer ever had one either.";
  return hasDatabase
    ? "Name a package, a path such as /etc/passwd, a library such as libz.so.1, or a command."
    : "It has no apk database, so that only files can be explained, by their path.";
}

function nearestWord({ packages }: Inventory, asked: string): string | undefined {
  const names = new Set<string>();
  for (const { installed } of packages) {
    names.add(installed.name);
    for (const { name } of installed.provides) names.add(name.replace(/^(?:cmd|so):/, ""));
  }
  return nearestName(asked, names) ?? shortestThatBegins(asked, names);
}

/** The beginning of a name is often all that somebody remembers: `libssl` of `libssl3`. */
function shortestThatBegins(word: string, names: ReadonlySet<string>): string | undefined {
  if (word.length < 3) return undefined;
  const [shortest] = [...names]
    .filter((name) => name.startsWith(word))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  return shortest;
}

/** The path with its first wrong part mended, if that leads anywhere, or a file of that name elsewhere. */
function nearestPath(inventory: Inventory, asked: string): string | undefined {
  const { top } = inventory.tree;
  const path = plainPath(asked);
  const mended = mendPath(top, path);
  if (mended !== undefined && nodeAt(top, mended) !== undefined) return `/${mended}`;
  const [other] = pathsNamed(inventory, baseName(path), 1);
  return other === undefined ? undefined : `/${other}`;
}

function mendPath(top: DirectoryNode, path: string): string | undefined {
  let rest = "";
  for (let at = path; at !== ""; at = parentPath(at)) {
    const folder = nodeAt(top, parentPath(at));
    if (folder?.kind === "directory") {
      const near = nearestName(baseName(at), folder.children.keys());
      return near === undefined
        ? undefined
        : plainPath(joinPath(joinPath(parentPath(at), near), rest));
    }
    rest = joinPath(baseName(at), rest);
  }
  return undefined;
}

function nodeAt(top: DirectoryNode, path: string): TreeNode | undefined {
  const { end } = follow(top, path);
  return end === undefined ? undefined : findNode(top, end);
}
