/** Virtual packages: names that apk makes up for a set of packages. */
import { type Package } from "../../../apk/index.ts";

/** Made by `apk add --virtual`: it has no file, and no repository has it. */
export function isVirtual({ size, installedSize, description }: Package): boolean {
  return size === 0 && installedSize === 0 && description === "virtual meta package";
}
