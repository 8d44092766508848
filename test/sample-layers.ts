/** Sample layers: layers and trees in short, for tests. */
import { tarHeader, writeTar, type TarHeader, type TarItem } from "../src/archive/index.ts";
import { bytesContent, defaultLimits, encodeText, readContent } from "../src/base/index.ts";
import {
  readLayers,
  walkTree,
  type LayeredTree,
  type ReadLayersOptions,
  type TreeLayer,
} from "../src/tree/index.ts";

/** `d/`, `file`, `file=text`, `link -> target`, `hard => target`, or with other fields. */
export type SampleEntry = string | readonly [name: string, fields: Partial<TarHeader>];

export function sampleItem(entry: SampleEntry): TarItem {
  const [text, fields] = typeof entry === "string" ? [entry, {}] : entry;
  const match = /^(?<path>.+?)(?<slash>\/)?(?:(?<sign> -> | => |=)(?<rest>.*))?$/s.exec(text)!;
  const { path, slash, sign, rest } = match.groups!;
  const common = { ...fields, path: path! };
  if (sign === " -> ")
    return { header: tarHeader({ type: "symlink", linkPath: rest!, ...common }) };
  if (sign === " => ")
    return { header: tarHeader({ type: "hardlink", linkPath: rest!, ...common }) };
  if (slash !== undefined) return { header: tarHeader({ type: "directory", ...common }) };
  const bytes = encodeText(rest ?? "");
  return {
    header: tarHeader({ type: "file", size: bytes.byteLength, ...common }),
    content: bytesContent(bytes),
  };
}

export interface SampleLayer extends TreeLayer {
  /** How often it was opened, and how often read to its end. */
  readonly counts: { opened: number; finished: number };
}

export function sampleLayer(...entries: readonly SampleEntry[]): SampleLayer {
  return layerOfItems(entries.map(sampleItem));
}

export function layerOfItems(items: readonly TarItem[]): SampleLayer {
  const counts = { opened: 0, finished: 0 };
  return {
    subject: "sample layer",
    counts,
    async *tar() {
      counts.opened += 1;
      yield* writeTar(items);
      counts.finished += 1;
    },
  };
}

export function readSample(
  layers: readonly (readonly SampleEntry[])[],
  options?: ReadLayersOptions,
): Promise<LayeredTree> {
  return readLayers(
    layers.map((entries) => sampleLayer(...entries)),
    options,
  );
}

/**
 * All that stands in a tree, a line for each: the path, what is unusual about it, and after an `@` the
 * layer that it came from. Names of one file share a number after `#`.
 */
export async function listTree(tree: LayeredTree): Promise<readonly string[]> {
  const names = new Map<unknown, number>();
  for (const { node } of walkTree(tree.top)) names.set(node, (names.get(node) ?? 0) + 1);
  const numbers = new Map<unknown, number>();
  const lines: string[] = [];
  for (const { path, node } of walkTree(tree.top)) {
    if (names.get(node)! > 1 && !numbers.has(node)) numbers.set(node, numbers.size + 1);
    const parts = [node.kind === "directory" ? `${path}/` : path];
    if (node.kind === "symlink") parts.push("->", node.target);
    if (node.kind === "file") {
      const text = new TextDecoder().decode(await readContent(node.content, defaultLimits, path));
      if (text !== "") parts[0] += `=${text}`;
    }
    if (node.kind === "character" || node.kind === "block")
      parts.push(node.kind, `${node.major}:${node.minor}`);
    if (node.kind === "fifo") parts.push(node.kind);
    const usual = node.kind === "directory" ? 0o755 : node.kind === "symlink" ? 0o777 : 0o644;
    if (node.mode !== usual) parts.push(node.mode.toString(8));
    if (node.uid !== 0 || node.gid !== 0) parts.push(`${node.uid}:${node.gid}`);
    if (node.mtime !== 0) parts.push(`${node.mtime}s`);
    for (const [name, value] of node.xattrs ?? [])
      parts.push(`${name}=${Buffer.from(value).toString("hex")}`);
    if (numbers.has(node)) parts.push(`#${numbers.get(node)}`);
    const layer = tree.layerOf(path);
    if (layer !== undefined) parts.push(`@${layer}`);
    lines.push(parts.join(" "));
  }
  return lines;
}
