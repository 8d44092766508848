/**
 * Image locators: where an image is, as people type it on a command line: a reference, a place with
 * a prefix (`oci:DIR[:TAG]`), or a file whose kind is detected.
 */
import { BivyError } from "../base/index.ts";
import { parseReference, shortReference, type Reference } from "./reference.ts";

export type ImageLocator =
  /** In the local store, or else in its registry. */
  | { readonly kind: "reference"; readonly reference: Reference }
  /** In its registry, whatever the local store has (`docker://`). */
  | { readonly kind: "registry"; readonly reference: Reference }
  /** In the local store and nowhere else. */
  | { readonly kind: "store"; readonly reference: Reference }
  /** An OCI layout in a folder. */
  | { readonly kind: "oci"; readonly path: string; readonly name?: string }
  /** A tarred OCI layout. */
  | { readonly kind: "oci-archive"; readonly path: string; readonly name?: string }
  /** What docker save writes. */
  | { readonly kind: "docker-archive"; readonly path: string; readonly name?: string }
  /** The root file system in a folder. */
  | { readonly kind: "dir"; readonly path: string }
  /** A file or folder; what it holds is detected when it is opened. */
  | { readonly kind: "path"; readonly path: string };

const placeForm = /^(oci|oci-archive|docker-archive|dir):(.*)$/s;
/** What skopeo knows and bivy does not, with what to do instead. */
const foreignTransports: Readonly<Record<string, string>> = {
  "docker-daemon": "Write it to a file first: docker save IMAGE -o image.tar",
  "containers-storage": "Write it to a file first: podman save IMAGE -o image.tar",
};
const namePrefixes = [
  ["docker://", "registry"],
  ["store:", "store"],
] as const;
const pathForm = /^(?:\.{0,2}\/|\.{1,2}$)|^[^:@]*\.(?:tar|tgz|tar\.(?:gz|zst))$/s;

/**
 * Reads a locator. Without a prefix, what begins with `/`, `./` or `../`, or ends as a tar does, is a
 * path; all else is a reference, also if a file has that name, so that a stray file cannot stand in
 * for an image.
 */
export function parseImageLocator(text: string): ImageLocator {
  const place = placeForm.exec(text);
  if (place !== null) return parsePlace(place[1] as "oci", place[2]!, text);
  const transport = text.slice(0, Math.max(0, text.indexOf(":")));
  if (Object.hasOwn(foreignTransports, transport))
    throw new BivyError("usage", `${text}: bivy does not read ${transport}`, {
      hint: foreignTransports[transport]!,
    });
  if (/^https?:\/\//.test(text))
    throw new BivyError(
      "reference-invalid",
      `${text}: expected an image, found the URL of a page`,
      {
        hint: `Write the name without the scheme: ${text.replace(/^https?:\/\//, "")}`,
      },
    );
  if (pathForm.test(text)) return { kind: "path", path: text };
  for (const [prefix, kind] of namePrefixes)
    if (text.startsWith(prefix))
      return { kind, reference: parseReference(text.slice(prefix.length)) };
  return { kind: "reference", reference: parseReference(text) };
}

function parsePlace(
  kind: Exclude<ImageLocator["kind"], "reference" | "registry" | "store" | "path">,
  rest: string,
  text: string,
): ImageLocator {
  if (kind === "dir") return { kind, path: checkPath(rest, kind, text) };
  const digestAt = /@sha256:[0-9a-f]{64}$/.exec(rest)?.index;
  const colon = rest.indexOf(":");
  const isByDigest = digestAt !== undefined && (colon === -1 || colon > digestAt);
  const cut = isByDigest ? digestAt : colon;
  const path = checkPath(cut === -1 ? rest : rest.slice(0, cut), kind, text);
  const name = cut === -1 ? undefined : rest.slice(cut + 1);
  if (name === "")
    throw new BivyError("usage", `${text}: expected a tag after the last colon`, {
      hint: "Leave the colon out, or name the tag.",
    });
  return name === undefined ? { kind, path } : { kind, path, name };
}

function checkPath(path: string, kind: string, text: string): string {
  if (path !== "" && !path.includes("\0")) return path;
  throw new BivyError("usage", `${text}: expected a path after ${kind}:`, {
    hint: `Write it as ${kind}:./image${kind === "dir" || kind === "oci" ? "" : ".tar"}.`,
  });
}

/** Writes a locator as `parseImageLocator` reads it. */
export function formatImageLocator(locator: ImageLocator): string {
  if (locator.kind === "reference") return shortReference(locator.reference);
  if (locator.kind === "registry") return `docker://${shortReference(locator.reference)}`;
  if (locator.kind === "store") return `store:${shortReference(locator.reference)}`;
  if (locator.kind === "path") return locator.path;
  if (locator.kind === "dir" || locator.name === undefined)
    return `${locator.kind}:${locator.path}`;
  const separator = /^sha256:[0-9a-f]{64}$/.test(locator.name) ? "@" : ":";
  return `${locator.kind}:${locator.path}${separator}${locator.name}`;
}
