/** Where build caches are read from and kept, as `--cache-from` and `--cache-to` say. */
import { BivyError, isBivyError } from "../../base/index.ts";
import type { ImportedSteps, StepCache } from "../../build/index.ts";
import type { ImageLocator, Registries } from "../../oci/index.ts";
import type { Session } from "../session.ts";

/** `type=registry,ref=NAME`, `type=local,src=DIR` (or dest=DIR), or a name alone. */
async function parsePlace(word: string, flag: string): Promise<ImageLocator> {
  const { parseReference, withDefaultTag } = await import("../../oci/index.ts");
  if (!word.includes("="))
    return { kind: "registry", reference: withDefaultTag(parseReference(word)) };
  const fields = new Map(
    word.split(",").map((field) => {
      const equals = field.indexOf("=");
      return [field.slice(0, Math.max(0, equals)).trim(), field.slice(equals + 1)] as const;
    }),
  );
  const type = fields.get("type");
  const name = fields.get("ref");
  const folder = fields.get("src") ?? fields.get("dest");
  if (type === "registry" && name !== undefined)
    return { kind: "registry", reference: withDefaultTag(parseReference(name)) };
  if (type === "local" && folder !== undefined)
    return { kind: "oci", path: folder, name: fields.get("tag") ?? "latest" };
  throw new BivyError("usage", `${flag} ${word}: expected type=registry,ref=NAME or type=local`, {
    hint: `Such as ${flag} type=local,${flag === "--cache-to" ? "dest" : "src"}=DIR.`,
  });
}

/** Checked before any work is done. */
export function parseCachePlaces(
  words: readonly string[],
  flag: "--cache-from" | "--cache-to",
): Promise<readonly ImageLocator[]> {
  return Promise.all(words.map((word) => parsePlace(word, flag)));
}

/** A cache that is not there yet is no failure: the first build has none. */
export async function openImports(
  places: readonly ImageLocator[],
  registries: () => Promise<Registries>,
  { limits, progress }: Session,
): Promise<readonly ImportedSteps[]> {
  const { formatImageLocator, openLayout } = await import("../../oci/index.ts");
  const { importSteps } = await import("../../build/index.ts");
  const imports: ImportedSteps[] = [];
  for (const place of places) {
    try {
      const image =
        place.kind === "registry"
          ? await (await registries()).repository(place.reference).open(place.reference)
          : place.kind === "oci"
            ? await (await openLayout(place.path, { limits })).open(place.name)
            : undefined;
      if (image !== undefined) imports.push(await importSteps(image));
    } catch (error) {
      if (!isBivyError(error)) throw error;
      progress.report({
        type: "warning",
        text: `--cache-from ${formatImageLocator(place)}: ${error.message}`,
        hint: "The build goes on without it.",
      });
    }
  }
  return imports;
}

export async function writeCaches(
  places: readonly ImageLocator[],
  cache: StepCache,
  registries: () => Promise<Registries>,
  { limits, progress }: Session,
): Promise<void> {
  if (places.length === 0) return;
  const { createLayout } = await import("../../oci/index.ts");
  const { cacheImage } = await import("../../build/index.ts");
  const image = cacheImage(cache.used(), limits);
  const events = progress.report;
  for (const place of places) {
    if (place.kind === "registry")
      await (
        await registries()
      )
        .repository(place.reference)
        .put(image, place.reference, { events });
    else if (place.kind === "oci")
      await (await createLayout(place.path)).put(image, { name: place.name ?? "latest", events });
  }
}
