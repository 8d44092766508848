/** Reading layers: the tree that they give together, in one pass over each. */
import { readTar, type TarHeader } from "../archive/index.ts";
import { throwIfAborted, defaultLimits, type Chunks } from "../base/index.ts";
import { inspectorOf, passContent } from "./content-pass.ts";
import { LayerContent, layerChecksum, type ContentLayer } from "./layer-content.ts";
import { parseLayerName, type LayerName } from "./layer-name.ts";
import { LayerStack } from "./layer-stack.ts";
import type { LayeredTree, LayerRecord, ReadLayersOptions, TreeLayer } from "./layered-tree.ts";

/** Applies layers, lowest first, in memory (see layer-stack.ts for how). */
export async function readLayers(
  layers: readonly TreeLayer[],
  options: ReadLayersOptions = {},
): Promise<LayeredTree> {
  const stack = new LayerStack(options.limits ?? defaultLimits);
  const records: LayerRecord[] = [];
  for (const [index, layer] of layers.entries())
    records.push(await applyLayer(stack, layer, index, options));
  return {
    top: stack.top,
    layers: records,
    layerOf: (path) => stack.layerOf(path),
    checksumOf: layerChecksum,
  };
}

async function applyLayer(
  stack: LayerStack,
  layer: TreeLayer,
  index: number,
  options: ReadLayersOptions,
): Promise<LayerRecord> {
  const { limits = defaultLimits, signal } = options;
  const home: ContentLayer = { layer, index, limits };
  const { subject } = layer;
  const tar = new CountedChunks(layer.tar());
  let entries = 0;
  let contentSize = 0;
  stack.beginLayer(subject);
  for await (const entry of readTar(tar, { subject, limits })) {
    throwIfAborted(signal);
    stack.countEntry();
    const { header } = entry;
    const name = parseLayerName(header.path, subject);
    if (name.kind === "entry" && header.type === "file") {
      const place = stack.clearPlace(name.path);
      const inspector = inspectorOf(place.path, header.size, options);
      const passed = await passContent(entry, header.size, place.path, options, inspector);
      const content = new LayerContent(home, entries, header.size, passed);
      const file = stack.putFile(place, header, content);
      inspector?.finish(file);
      contentSize += header.size;
    } else applyName(stack, name, header);
    entries += 1;
  }
  return { entries, size: tar.size, contentSize, changes: stack.endLayer() };
}

/** Applies what needs no content. */
function applyName(stack: LayerStack, name: LayerName, header: TarHeader): void {
  if (name.kind === "bookkeeping") return;
  if (name.kind === "whiteout") stack.removeLower(name.folder, name.name);
  else if (name.kind === "opaque") stack.removeLowerIn(name.folder);
  else if (header.type === "directory") stack.putDirectory(name.path, header);
  else if (header.type === "hardlink") stack.putLink(name.path, header.linkPath);
  else stack.putOther(name.path, header);
}

/** A stream whose bytes are counted as they pass. */
class CountedChunks {
  size = 0;
  readonly #chunks: Chunks;

  constructor(chunks: Chunks) {
    this.#chunks = chunks;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#chunks) {
      this.size += chunk.byteLength;
      yield chunk;
    }
  }
}
