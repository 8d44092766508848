/** Applying an image configuration: what it asks for beyond packages, carried out on a root that has them. */
import type { Key } from "../../apk/index.ts";
import { bytesContent, encodeText, type EventSink, type Limits } from "../../base/index.ts";
import type { Root } from "../../tree/index.ts";
import { applyAccounts } from "./accounts.ts";
import { applyCertificates } from "./certificates.ts";
import { serviceBundle } from "../config/services.ts";
import type { ImageConfig } from "../config/image-config.ts";
import { fieldName, inField } from "./field.ts";
import { applyFiles } from "./files.ts";
import { applyPaths } from "./paths.ts";
import { placeOf, prepareFile, rootOwned } from "./place.ts";
import { applyKeys, applyRepositories } from "./repositories.ts";

export interface ApplyOptions {
  /** The apk name of the image's architecture. */
  readonly arch: string;
  /** The date of all that is written, in seconds since 1970. */
  readonly time: number;
  readonly limits: Limits;
  /** The keys that the image trusts when it runs, those of the runtime keyring among them. */
  readonly keys: readonly Key[];
  /** The folder that `files` take from, and never from outside of it. */
  readonly contextFolder: string;
  readonly events: EventSink;
}

/**
 * Carries out the configuration in apko's order: accounts, paths, certificates, services, and last what
 * apk in the image uses. Files, which apko does not have, come after accounts, so that they can belong
 * to them, and before paths, so that these can link to files and change their permissions.
 */
export async function applyImageConfig(
  root: Root,
  config: ImageConfig,
  options: ApplyOptions,
): Promise<void> {
  await applyAccounts(root, config, options);
  await applyFiles(root, config, options);
  await applyPaths(root, config, options);
  await applyCertificates(root, config, options);
  await applyServices(root, config, options);
  await applyRepositories(root, config, options);
  await applyKeys(root, config, options);
}

async function applyServices(
  root: Root,
  config: ImageConfig,
  { time }: ApplyOptions,
): Promise<void> {
  if (config.entrypoint?.kind !== "services") return;
  const field = fieldName(config, "entrypoint.services");
  for (const { path, content, permissions } of serviceBundle(config.entrypoint.services).files)
    await inField(field, "Leave out the package that brings what stands there.", async () => {
      const place = placeOf(root, path);
      prepareFile(root, place, time);
      await root.writeFile(place, rootOwned(permissions, time), bytesContent(encodeText(content)));
    });
}
