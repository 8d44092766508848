/** Image sources: the image argument of a command, and the flags that say where and how it is looked for. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { BivyError, isBivyError } from "../base/index.ts";
import type { Inventory, InventoryOptions } from "../inventory/index.ts";
import type {
  Image,
  ImageLocator,
  ImageOrIndex,
  ImageStore,
  LocatedImage,
  Platform,
} from "../oci/index.ts";
import { addRegistryFlags, registriesOf, type RegistryFlags } from "./registry-flags.ts";
import { addSessionFlags, type Session, type SessionFlags } from "./session.ts";
import { printNote } from "./term/streams.ts";

export interface ImageFlags extends SessionFlags, RegistryFlags {
  readonly platform?: string;
}

/** How an image argument is written, for the help of a command that takes one. */
export const imageArgumentForms =
  "alpine:3.20, registry/x@sha256:…, oci:DIR[:TAG], oci-archive:F, docker-archive:F, dir:ROOTFS, or a file";

/** The flags of every command that reads an image; `platformText` is what `--platform` chooses. */
export function addImageFlags(
  command: Command,
  platformText = "which image of an index, such as linux/arm64 (default: this machine's)",
): Command {
  return addRegistryFlags(addSessionFlags(command.option("--platform <OS/ARCH>", platformText)));
}

export async function platformOf(
  flags: Pick<ImageFlags, "platform">,
): Promise<Platform | undefined> {
  if (flags.platform === undefined) return undefined;
  const { parsePlatform } = await import("../oci/index.ts");
  return parsePlatform(flags.platform);
}

/** What an argument names: a place on this machine, an image of the local store, or else of its registry. */
export async function locateArgument(
  argument: string,
  flags: ImageFlags,
  session: Session,
): Promise<LocatedImage> {
  const { openStore, parseImageLocator } = await import("../oci/index.ts");
  const store = openStore({ limits: session.limits });
  const byId = await locateById(argument, store);
  if (byId !== undefined) return byId;
  const locator = parseImageLocator(argument);
  try {
    return await locate(locator, store, flags, session);
  } catch (error) {
    throw locator.kind === "reference" ? withPathHint(error, argument) : error;
  }
}

/** A folder `rootfs` is written as `./rootfs`: the bare word is a name, which a registry may have. */
function withPathHint(error: unknown, argument: string): unknown {
  const codes = ["http-unreachable", "image-not-found", "offline", "registry-denied"] as const;
  if (!isBivyError(error, ...codes) || !existsSync(argument)) return error;
  const hint = `For what lies here under this name write ./${argument}.`;
  return new BivyError(error.code, error.message, { cause: error, hint });
}

/** As `locateArgument`, of an argument that was read already. */
export async function locate(
  locator: ImageLocator,
  store: ImageStore,
  flags: ImageFlags,
  session: Session,
): Promise<LocatedImage> {
  const { formatImageLocator, interruptible, locateImage } = await import("../oci/index.ts");
  const { limits, signal } = session;
  const found = await locateImage(locator, { store, limits });
  if (found?.kind === "image") return { kind: "image", image: interruptible(found.image, signal) };
  if (found !== undefined) return found;
  if (locator.kind !== "reference" && locator.kind !== "registry")
    throw new BivyError(
      "image-not-found",
      `${formatImageLocator(locator)}: there is no such image`,
      {
        hint: "List what the local store has with bivy image ls.",
      },
    );
  const { reference } = locator;
  if (session.access.client.offline && locator.kind === "reference")
    throw new BivyError(
      "offline",
      `${formatImageLocator(locator)}: not in the local store, and bivy is offline`,
      { hint: "Pull it once without --offline: bivy image pull." },
    );
  const registries = await registriesOf(flags, session);
  return { kind: "image", image: await registries.repository(reference).open(reference) };
}

/** As `bivy image ls` shows them: the beginning of a digest or of an id, and nothing else. */
const shownId = /^(?:sha256:)?[0-9a-f]{6,64}$/;

/** An image of the local store by the beginning of its digest or id. A name that is written so comes first. */
async function locateById(argument: string, store: ImageStore): Promise<LocatedImage | undefined> {
  if (!shownId.test(argument)) return undefined;
  const [stored] = await store.find(argument).catch((error: unknown) => {
    if (isBivyError(error, "image-not-found")) return [];
    throw error;
  });
  const image = stored && (await store.tryGet(stored.reference));
  return image && { kind: "image", image };
}

/**
 * The image that is meant of what was located: for the platform that was named, else for this machine,
 * else the only one that was pulled. Fails where what is meant was not pulled.
 */
export async function chooseImage(
  from: ImageOrIndex,
  argument: string,
  flags: ImageFlags,
): Promise<Image> {
  const { formatPlatform, hostPlatform, platformsOf, presentChildren, selectPlatform } =
    await import("../oci/index.ts");
  const platform = await platformOf(flags);
  try {
    return await selectPlatform({ ...from, subject: argument }, platform);
  } catch (error) {
    if (!isBivyError(error, "image-invalid") || from.kind === "image") throw error;
    const { images } = await presentChildren(from);
    const here = new Set<string>();
    for (const image of images)
      for (const each of await platformsOf(image)) here.add(formatPlatform(each));
    const [only, ...others] = images;
    // A damaged image is not one that was left out.
    const wanted = formatPlatform(platform ?? hostPlatform());
    if (only === undefined || here.has(wanted)) throw error;
    if (platform === undefined && others.length === 0 && only.kind === "image") {
      printNote(`${argument}: the image for ${[...here].join()}, the only one of its index here`);
      return only;
    }
    throw new BivyError(
      "platform-not-found",
      `${argument}: expected its image for ${wanted} here, found ${[...here].join(", ")}`,
      {
        cause: error,
        hint: `Choose one with --platform, or get the other: bivy image pull --platform ${wanted}.`,
      },
    );
  }
}

/** What an argument names, which must be an image and not a plain root. */
export async function imageArgument(
  argument: string,
  flags: ImageFlags,
  session: Session,
): Promise<ImageOrIndex> {
  const located = await locateArgument(argument, flags, session);
  if (located.kind === "image") return located.image;
  throw new BivyError("usage", `${argument}: expected an image, found a root file system`, {
    hint: "It has no manifest and no config; bivy verify, size and why can read it.",
  });
}

/** What the image, folder or archive of an argument holds. */
export async function inventoryOf(
  argument: string,
  flags: ImageFlags,
  session: Session,
  options: Omit<InventoryOptions, "platform" | "limits" | "signal"> = {},
): Promise<Inventory> {
  const located = await locateArgument(argument, flags, session);
  const { readInventory } = await import("../inventory/index.ts");
  const platform = await platformOf(flags);
  return readInventory(await chosenPart(located, argument, flags), {
    subject: argument,
    ...options,
    limits: session.limits,
    signal: session.signal,
    ...(platform === undefined ? {} : { platform }),
  });
}

/** What was located, with the one image of an index that is meant in place of the index. */
export async function chosenPart(
  located: LocatedImage,
  argument: string,
  flags: ImageFlags,
): Promise<LocatedImage> {
  if (located.kind !== "image") return located;
  return { kind: "image", image: await chooseImage(located.image, argument, flags) };
}
