/**
 * Rebase: an image on a newer base, without building it again.
 *
 * The layers of the old base give way to those of the new one, and the layers on top stay as they are.
 * The settings become what the same build would have made of the new base: what the image has as its
 * old base had it, it inherited, so it takes the new base's; what differs, it set itself, so it stays.
 * Lists of names (labels, ports, volumes) and variables are compared one by one. That the layers on top
 * suit the new base is the caller's to know, as it is with a base that a tag names.
 */
import { BivyError } from "../base/index.ts";
import { imageFromConfig, platformOf } from "./assemble.ts";
import { type ContainerConfig, type HistoryEntry, type ImageConfig } from "./config.ts";
import { type Image } from "./image.ts";
import { formatPlatform, platformDistance } from "./platform.ts";

/** The image with `newBase` in place of `oldBase`, which must be what its lowest layers are. */
export async function rebaseImage(image: Image, oldBase: Image, newBase: Image): Promise<Image> {
  await checkPlatforms(image, newBase);
  const [config, oldConfig, newConfig] = await Promise.all([
    image.config(),
    oldBase.config(),
    newBase.config(),
  ]);
  const layersBelow = checkBase(image, config, oldBase, oldConfig);
  const [layers, newLayers] = await Promise.all([image.layers(), newBase.layers()]);
  const history = rebasedHistory(config, oldConfig, newConfig);
  const { history: _, ...settings } = config;
  const { annotations } = await image.manifest();
  return imageFromConfig(
    {
      ...settings,
      ...(await platformOf(newBase)),
      config: inherit(config.config ?? {}, oldConfig.config ?? {}, newConfig.config ?? {}),
      ...(history === undefined ? {} : { history }),
    },
    [...newLayers, ...layers.slice(layersBelow)],
    annotations,
  );
}

async function checkPlatforms(image: Image, newBase: Image): Promise<void> {
  const [wanted, found] = await Promise.all([platformOf(image), platformOf(newBase)]);
  if (platformDistance(wanted, found) !== undefined) return;
  throw new BivyError(
    "platform-not-found",
    `${newBase.subject}: expected a base for ${formatPlatform(wanted)}, found one for ${formatPlatform(found)}`,
    { hint: "Choose the image of the base's index that fits." },
  );
}

/** How many layers are the old base's. */
function checkBase(
  image: Image,
  config: ImageConfig,
  oldBase: Image,
  oldConfig: ImageConfig,
): number {
  const diffIds = config.rootfs.diff_ids;
  const below = oldConfig.rootfs.diff_ids;
  const differs = below.findIndex((diffId, position) => diffIds[position] !== diffId);
  if (differs === -1) return below.length;
  throw new BivyError(
    "image-invalid",
    `${image.subject}: expected layer ${differs} of the base ${oldBase.digest}, ${below[differs]}, found ${diffIds[differs] ?? "none"}`,
    { hint: "The image was not built on this base; name the one that it was built on." },
  );
}

/** None where one of the three is not complete: its entries would be paired with the wrong layers. */
function rebasedHistory(
  config: ImageConfig,
  oldConfig: ImageConfig,
  newConfig: ImageConfig,
): readonly HistoryEntry[] | undefined {
  for (const { history = [], rootfs } of [config, oldConfig, newConfig])
    if (history.filter((entry) => entry.empty_layer !== true).length !== rootfs.diff_ids.length)
      return undefined;
  const own = (config.history ?? []).slice((oldConfig.history ?? []).length);
  const filled = own.filter((entry) => entry.empty_layer !== true).length;
  // A base's history that is not the beginning of the image's: what is the image's own cannot be told.
  if (filled !== config.rootfs.diff_ids.length - oldConfig.rootfs.diff_ids.length) return undefined;
  return [...(newConfig.history ?? []), ...own];
}

function inherit(
  own: ContainerConfig,
  before: ContainerConfig,
  after: ContainerConfig,
): ContainerConfig {
  const merged = inheritEach(own, before, after) as ContainerConfig;
  const environment = inheritEach(variables(own), variables(before), variables(after));
  const env = Object.entries(environment).map(([name, value]) => `${name}=${String(value)}`);
  const maps: Record<string, object> = {};
  for (const name of ["Labels", "ExposedPorts", "Volumes"] as const) {
    const map = inheritEach(own[name] ?? {}, before[name] ?? {}, after[name] ?? {});
    if (Object.keys(map).length > 0) maps[name] = map;
  }
  const { Env: _env, Labels: _labels, ExposedPorts: _ports, Volumes: _volumes, ...rest } = merged;
  return { ...rest, ...(env.length === 0 ? {} : { Env: env }), ...maps };
}

/** Per name: the new value where the image's own is still the old one, else the image's own. */
function inheritEach(
  own: object,
  before: object,
  after: object,
): Readonly<Record<string, unknown>> {
  const [mine, old, next] = [own, before, after].map((each) => new Map(Object.entries(each)));
  const merged: [string, unknown][] = [];
  for (const name of new Set([...next!.keys(), ...mine!.keys()])) {
    const isInherited = isSame(mine!.get(name), old!.get(name));
    const value = isInherited ? next!.get(name) : mine!.get(name);
    if (value !== undefined) merged.push([name, value]);
  }
  return Object.fromEntries(merged);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function variables({ Env = [] }: ContainerConfig): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Env.map((entry) => {
      const cut = entry.indexOf("=");
      return cut === -1 ? [entry, ""] : [entry.slice(0, cut), entry.slice(cut + 1)];
    }),
  );
}
