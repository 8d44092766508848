/** Names of build contexts: `--build-context NAME=…` takes the place of the stage or image NAME. */
import { shortReference, tryParseReference, withDefaultTag } from "../../oci/index.ts";

/**
 * Finds the context that takes the place of a stage or an image, by its name as `--build-context` has
 * it; undefined where there is none. `alpine`, `alpine:latest` and `docker.io/library/alpine` are one.
 */
export function findContext(names: Iterable<string>, wanted: string): string | undefined {
  const normal = normalName(wanted);
  if (normal === "scratch" || normal === "context") return undefined;
  for (const name of names) if (normalName(name) === normal) return name;
  return undefined;
}

function normalName(name: string): string {
  const lower = name.toLowerCase();
  const reference = tryParseReference(name) ?? tryParseReference(lower);
  return reference === undefined
    ? lower
    : shortReference(withDefaultTag(reference)).replace(/:latest$/, "");
}
