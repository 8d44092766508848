/**
 * Flattening: an image with one layer in place of all that it has, which holds the tree that they
 * give together.
 *
 * The first pass over the layers gives the tree, without contents. The second one carries the contents
 * of the files that are left straight into the new layer, in the order in which they stream by:
 * nothing is unpacked, and no content is kept. The folders come first, sorted, then links and devices,
 * then the files, each with its hard links after it.
 */
import { writeTar, type TarItem } from "../archive/index.ts";
import {
  linkHeader,
  nodeHeader,
  readFiles,
  walkTree,
  type FileNode,
  type LayeredTree,
  type TreeNode,
} from "../tree/index.ts";
import { imageFromConfig } from "./assemble.ts";
import type { BlobStore } from "./blobs.ts";
import type { HistoryEntry } from "./config.ts";
import type { Image } from "./image.ts";
import { readImageTree } from "./image-tree.ts";
import { writeLayer, type LayerWriteOptions } from "./layer-write.ts";

export interface FlattenOptions extends LayerWriteOptions {
  /** What the history says of the new layer. */
  readonly history?: HistoryEntry;
  readonly signal?: AbortSignal;
}

/**
 * The image with one layer, which is written to `store`. Its settings stay; of its history, which
 * tells of layers that are no more, one entry is left. The same image gives the same layer.
 */
export async function flattenImage(
  image: Image,
  store: BlobStore,
  options: FlattenOptions = {},
): Promise<Image> {
  const tree = await readImageTree(image, options);
  const layer = await writeLayer(writeTar(flatItems(tree, options.signal)), store, options);
  const config = await image.config();
  const { annotations } = await image.manifest();
  const made: HistoryEntry = {
    ...(config.created === undefined ? {} : { created: config.created }),
    created_by: "bivy image flatten",
    comment: `${tree.layers.length} layers in one`,
  };
  return imageFromConfig(
    { ...config, history: [options.history ?? made] },
    [layer],
    annotations,
    options.limits,
  );
}

async function* flatItems(
  tree: LayeredTree,
  signal: AbortSignal | undefined,
): AsyncGenerator<TarItem> {
  if (tree.layerOf("") !== undefined) yield { header: nodeHeader(".", tree.top) };
  for (const { path, node } of walkTree(tree.top))
    if (node.kind === "directory") yield { header: nodeHeader(path, node) };
  const names = namesOf(tree);
  for (const [node, paths] of names)
    if (node.kind !== "file") {
      yield { header: nodeHeader(paths[0]!, node) };
      yield* links(node, paths);
    }
  const files = [...names.keys()].filter((node): node is FileNode => node.kind === "file");
  for await (const { file, chunks } of readFiles(files, signal === undefined ? {} : { signal })) {
    const paths = names.get(file)!;
    yield { header: nodeHeader(paths[0]!, file), content: { size: file.content.size, chunks } };
    yield* links(file, paths);
  }
}

/** All that is no folder, with its paths, in the order of the first. */
function namesOf(tree: LayeredTree): ReadonlyMap<TreeNode, readonly string[]> {
  const names = new Map<TreeNode, string[]>();
  for (const { path, node } of walkTree(tree.top)) {
    if (node.kind === "directory") continue;
    const paths = names.get(node);
    if (paths === undefined) names.set(node, [path]);
    else paths.push(path);
  }
  return names;
}

function* links(node: TreeNode, paths: readonly string[]): Generator<TarItem> {
  const [first, ...others] = paths;
  for (const path of others) yield { header: linkHeader(path, node, first!) };
}
