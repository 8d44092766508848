/** Missing sources: what COPY and ADD say of one that is not there. */
import { BivyError, joinPath, nearestName, parentPath, pathPrefixes } from "../../../base/index.ts";
import { formatReference } from "../../../oci/index.ts";
import { type DirectoryNode } from "../../../tree/index.ts";
import { type CopyStep } from "../steps.ts";
import { followSource, plainSource } from "./sources.ts";

/** `path` is the plain path of which nothing was found, for the source of a step. */
export function missingSource(
  step: CopyStep,
  source: string,
  path: string,
  top: DirectoryNode,
  isIgnored: ((path: string) => boolean) | undefined,
): BivyError {
  const shown = path === plainSource(source) ? source : `${source} (${path})`;
  if (step.from === undefined && isIgnored?.(path) === true)
    return new BivyError(
      "file-not-found",
      `${step.instruction} ${shown}: the ignore file leaves it out of the build context`,
      { hint: `Add a line !${path} at the end of .dockerignore, or leave it out here too.` },
    );
  const place = placeOf(step);
  return new BivyError(
    "file-not-found",
    `${step.instruction} ${shown}: no such file or folder in ${place}`,
    { hint: nearestHint(path, top) ?? `Check the path: it begins at the top of ${place}.` },
  );
}

function placeOf({ from }: CopyStep): string {
  switch (from?.kind) {
    case undefined:
      return "the build context";
    case "stage":
      return `stage ${from.index}`;
    case "image":
      return `the image ${formatReference(from.reference)}`;
    case "context":
      return `the context ${from.name}`;
    default:
      return "scratch, which is empty";
  }
}

/** A name like the first part of the path that is not there. */
function nearestHint(path: string, top: DirectoryNode): string | undefined {
  const missing = pathPrefixes(path).find((prefix) => followSource(top, prefix).node === undefined);
  if (missing === undefined) return undefined;
  const folder = parentPath(missing);
  const above = followSource(top, folder).node;
  if (above?.kind !== "directory") return undefined;
  const near = nearestName(missing.slice(missing.lastIndexOf("/") + 1), above.children.keys());
  return near === undefined
    ? undefined
    : `Did you mean ${joinPath(folder, near)}${path.slice(missing.length)}?`;
}
