/**
 * Pure transformations: each takes an image and gives another; nothing is edited, no layer is copied.
 * What comes out is always an OCI image, also where Docker's media types went in.
 */
import { imageFromConfig, imageFromRawConfig } from "./assemble.ts";
import {
  formatCreated,
  type ContainerConfig,
  type HistoryEntry,
  type ImageConfig,
} from "./config.ts";
import { type TextMap } from "./document.ts";
import { type Image } from "./image.ts";
import { type Layer } from "./layer.ts";

export interface AppendOptions {
  /** Entries that are not `empty_layer` must be as many as the layers that are appended. */
  readonly history?: readonly HistoryEntry[];
  /** Seconds since 1970; default: as it was. */
  readonly created?: number;
}

/** The image with layers on top. */
export async function appendLayers(
  image: Image,
  layers: readonly Layer[],
  options: AppendOptions = {},
): Promise<Image> {
  const config = await image.config();
  const { created } = options;
  return rebuild(
    image,
    {
      ...config,
      ...(created === undefined ? {} : { created: formatCreated(created) }),
      ...appendHistory(config, layers.length, options.history),
    },
    [...(await image.layers()), ...layers],
  );
}

/** An image that has no history must not get a partial one: its entries would be paired with the wrong layers. */
function appendHistory(
  config: ImageConfig,
  layers: number,
  added: readonly HistoryEntry[] | undefined,
): { readonly history?: readonly HistoryEntry[] } {
  const before = config.history ?? [];
  const isComplete =
    before.filter((entry) => entry.empty_layer !== true).length === config.rootfs.diff_ids.length;
  if (!isComplete) return { history: [] };
  const entries = added ?? Array.from({ length: layers }, (): HistoryEntry => ({}));
  return { history: [...before, ...entries] };
}

/** The image with another configuration of its process; `change` gets the one that it has. */
export async function changeConfig(
  image: Image,
  change: (config: ContainerConfig) => ContainerConfig,
): Promise<Image> {
  const config = await image.config();
  return rebuild(image, { ...config, config: change(config.config ?? {}) }, await image.layers());
}

/** The image with annotations added to those of its manifest; the config, and with it the image id, stays. */
export async function annotate(image: Image, annotations: TextMap): Promise<Image> {
  const { annotations: before } = await image.manifest();
  return imageFromRawConfig(await image.rawConfig(), await image.layers(), {
    ...before,
    ...annotations,
  });
}

async function rebuild(
  image: Image,
  config: ImageConfig,
  layers: readonly Layer[],
): Promise<Image> {
  const { annotations } = await image.manifest();
  return imageFromConfig(config, layers, annotations);
}
