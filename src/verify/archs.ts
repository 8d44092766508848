/** The architectures of an image, as apk names them: whose indexes its packages come from. */
import type { Inventory } from "../inventory/index.ts";
import { archOfPlatform } from "../oci/index.ts";

/** Names become parts of URLs and paths; an image may say anything. */
const archForm = /^[A-Za-z0-9_]{1,32}$/;

/** An image has packages of one architecture, or of very few. */
const mostArchs = 4;

/** What etc/apk/arch says, else what its packages are built for, else what its config says. */
export function archsOf({ archs, packages, config }: Inventory): readonly string[] {
  const built = packages.map(({ installed }) => installed.arch).filter((arch) => arch !== "noarch");
  const configured = config === undefined ? undefined : archOfPlatform(config);
  for (const named of [archs, built, configured === undefined ? [] : [configured]]) {
    const usable = [...new Set(named)].filter((arch) => archForm.test(arch));
    if (usable.length > 0) return usable.slice(0, mostArchs);
  }
  return [];
}
