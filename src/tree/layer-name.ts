/**
 * Layer names: what the name of a layer's entry means (OCI image-spec, layer.md, "Whiteouts").
 *
 * A name is a path below the root. A leading `./` or `/` is dropped, as every reader does. A `..` part
 * is refused: umoci cuts it off at the root, containerd resolves it, Docker refuses it, so that one
 * archive would be three images; honest layers have none.
 */
import { baseName, BivyError, joinPath, parentPath, parseEntryPath } from "../base/index.ts";

/** What a name begins with that says of another that it is gone. */
export const whiteoutPrefix = ".wh.";
/** The rest of the name that says of all lower contents of its folder that they are gone. */
const opaqueName = ".wh..opq";
/** AUFS keeps its own books under such names; they are no files of the image. */
const aufsPrefix = ".wh..wh.";

export type LayerName =
  | { readonly kind: "entry"; readonly path: string }
  /** What lower layers brought at `name` in `folder` is gone. */
  | { readonly kind: "whiteout"; readonly folder: string; readonly name: string }
  /** All that lower layers brought in `folder` is gone. */
  | { readonly kind: "opaque"; readonly folder: string }
  | { readonly kind: "bookkeeping" };

/** `subject` is the layer, for messages. */
export function parseLayerName(name: string, subject: string): LayerName {
  const path = parseEntryPath(name.startsWith("/") ? name.replace(/^\/+/, "") : name, subject);
  if (!path.includes(whiteoutPrefix)) return { kind: "entry", path };
  const folder = parentPath(path);
  const last = baseName(path);
  const isMarker = last.startsWith(whiteoutPrefix);
  const hidden = isMarker ? last.slice(whiteoutPrefix.length) : "";
  for (const part of folder.split("/")) {
    if (part.startsWith(aufsPrefix)) return { kind: "bookkeeping" };
    if (part.startsWith(whiteoutPrefix)) throw invalid(path, subject, "stands inside a whiteout");
  }
  if (!isMarker) return { kind: "entry", path };
  if (hidden === opaqueName) return { kind: "opaque", folder };
  if (last.startsWith(aufsPrefix)) return { kind: "bookkeeping" };
  if (hidden === "") throw invalid(path, subject, "is a whiteout of no name");
  if (hidden === "." || hidden === "..")
    throw invalid(path, subject, "is a whiteout of a folder that holds it");
  return { kind: "whiteout", folder, name: hidden };
}

/** The name of the entry that removes `name` from `folder`. */
export function whiteoutPath(folder: string, name: string): string {
  return joinPath(folder, `${whiteoutPrefix}${name}`);
}

function invalid(path: string, subject: string, reason: string): BivyError {
  return new BivyError("image-invalid", `${subject}: entry ${JSON.stringify(path)} ${reason}`, {
    hint: "The layer is damaged or hostile; nothing of it was used.",
  });
}
