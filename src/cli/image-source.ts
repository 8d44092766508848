/** Image sources: the image argument of a command, and the flags that say where and how it is looked for. */
import type { Command } from "commander";
import { BivyError } from "../base/index.ts";
import type { Inventory, InventoryOptions } from "../inventory/index.ts";
import type {
  ImageLocator,
  ImageOrIndex,
  ImageStore,
  LocatedImage,
  Platform,
} from "../oci/index.ts";
import { addRegistryFlags, registriesOf, type RegistryFlags } from "./registry-flags.ts";
import { addSessionFlags, type Session, type SessionFlags } from "./session.ts";

export interface ImageFlags extends SessionFlags, RegistryFlags {
  readonly platform?: string;
}

/** How an image argument is written, for the help of a command that takes one. */
export const imageArgumentForms =
  "alpine:3.20, registry/x@sha256:…, oci:DIR[:TAG], oci-archive:F, docker-archive:F, dir:ROOTFS, or a file";

/** The flags of every command that reads an image. */
export function addImageFlags(command: Command): Command {
  return addRegistryFlags(
    addSessionFlags(
      command.option(
        "--platform <OS/ARCH>",
        "which image of an index, such as linux/arm64 (default: this machine's)",
      ),
    ),
  );
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
  return locate(parseImageLocator(argument), store, flags, session);
}

/** As `locateArgument`, of an argument that was read already. */
export async function locate(
  locator: ImageLocator,
  store: ImageStore,
  flags: ImageFlags,
  session: Session,
): Promise<LocatedImage> {
  const { formatImageLocator, locateImage } = await import("../oci/index.ts");
  const { limits } = session;
  const found = await locateImage(locator, { store, limits });
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
  return readInventory(located, {
    subject: argument,
    ...options,
    limits: session.limits,
    signal: session.signal,
    ...(platform === undefined ? {} : { platform }),
  });
}
