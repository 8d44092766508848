/** Signature places: the image of an argument, and where what is signed about it is kept. */
import { BivyError } from "../base/index.ts";
import type { ImageOrIndex, ImagePlace } from "../oci/index.ts";
import { locate } from "./image-source.ts";
import { registriesOf, type RegistryFlags } from "./registry-flags.ts";
import type { Session, SessionFlags } from "./session.ts";

export interface SignedPlace {
  readonly image: ImageOrIndex;
  readonly place: ImagePlace;
  /** Whether it is the local store, from which others cannot read. */
  readonly isStore: boolean;
  /** The name of the image without tag and digest, where it has one. */
  readonly reference?: string;
}

/**
 * The image that an argument names, with its place: in the local store, or else in its registry, or in
 * a layout. Undefined for archives and root file systems, which have no place for signatures.
 */
export async function trySignedPlace(
  argument: string,
  flags: SessionFlags & RegistryFlags,
  session: Session,
): Promise<SignedPlace | undefined> {
  const { formatReference, openStore, parseImageLocator, placeOf } =
    await import("../oci/index.ts");
  const { limits } = session;
  const store = openStore({ limits });
  const locator = parseImageLocator(argument);
  const located = await locate(locator, store, flags, session);
  const registries = () => registriesOf(flags, session);
  const place = await placeOf(locator, { store, registries, limits });
  if (located.kind !== "image" || place === undefined) return undefined;
  if (!("reference" in locator)) return { image: located.image, place, isStore: false };
  const { registry, repository } = locator.reference;
  return {
    image: located.image,
    place,
    isStore: locator.kind !== "registry" && (await store.tryGet(locator.reference)) !== undefined,
    reference: formatReference({ registry, repository }),
  };
}

/** As `trySignedPlace`, of an image that is to be signed. */
export async function signedPlace(
  argument: string,
  flags: SessionFlags & RegistryFlags,
  session: Session,
): Promise<SignedPlace> {
  const found = await trySignedPlace(argument, flags, session);
  if (found !== undefined) return found;
  throw new BivyError(
    "usage",
    `${argument}: expected an image in a registry, in the local store, or in a layout`,
    { hint: "Beside others there is no place for signatures: copy it to oci:DIR first." },
  );
}
