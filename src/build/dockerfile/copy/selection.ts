/**
 * Selection: what the sources of COPY and ADD bring, before it is known where it lands.
 *
 * Each path of the instruction gives one source, a pattern as many as it matches. Files that stand in the
 * Dockerfile and what comes over the network are sources too; the latter are opened only when they are
 * written, so that a step which is found in the cache fetches no more than it has to.
 */
import { bytesContent, digestOf, encodeText } from "../../../base/index.ts";
import { type DirectoryNode, type FileNode } from "../../../tree/index.ts";
import { type CopyStep, type PlannedSource } from "../steps.ts";
import { selectEntries, type SelectedEntry } from "./entries.ts";
import { missingSource } from "./missing.ts";
import { type RemoteSource } from "./remote.ts";
import { findSources, isPattern, nameOf, plainSource, type FoundSource } from "./sources.ts";

export type SelectedSource = SelectedFiles | SelectedRemote;

export interface SelectedFiles {
  readonly kind: "files";
  /** As the instruction names it. */
  readonly source: string;
  /** Where it stands in the tree that it is taken from, links followed. */
  readonly path: string;
  /** What it is called where it lands in a directory; empty where it has no name of its own. */
  readonly name: string;
  /** A directory whose contents are copied, into one that may be there already. */
  readonly merges: boolean;
  /** A tar archive that is unpacked, if it is one. */
  readonly unpacks: boolean;
  readonly entries: readonly SelectedEntry[];
  /** Stands for the content, in a cache key, where that is not that of a tree. */
  readonly identity?: string;
}

/** What comes over the network. */
export interface SelectedRemote {
  readonly kind: "remote";
  readonly source: string;
  readonly unpacks: boolean;
  readonly identity: string;
  open(): Promise<SelectedFiles>;
}

export interface SelectionOptions {
  /** What `resolveRemotes` found. */
  readonly remotes: ReadonlyMap<string, RemoteSource>;
  /** Whether an ignore file leaves a plain path out of the context; for messages. */
  readonly isIgnored?: (path: string) => boolean;
  /** When files that stand in the Dockerfile were changed, in seconds since 1970. */
  readonly time: number;
}

/**
 * What the sources of a step mean in a tree: that of the build context, or that which `--from` names.
 * Throws `file-not-found` for a source that is not there and `pattern-invalid`. A pattern without a match
 * brings nothing.
 */
export function selectSources(
  step: CopyStep,
  top: DirectoryNode,
  options: SelectionOptions,
): readonly SelectedSource[] {
  return step.sources.flatMap((source): readonly SelectedSource[] => {
    if (source.kind === "file") return [selectText(source, options.time)];
    const remote = options.remotes.get(source.path);
    if (remote !== undefined) return [selectRemote(step, remote)];
    const select = step.parents ? selectWithParents : selectPath;
    return select(step, source.path, top, (path) =>
      missingSource(step, source.path, path, top, options.isIgnored),
    );
  });
}

function selectPath(
  step: CopyStep,
  source: string,
  top: DirectoryNode,
  onMissing: (path: string) => Error,
): readonly SelectedSource[] {
  const found = findSources(top, source, onMissing);
  const unpacks = step.unpack ?? step.instruction === "ADD";
  return found.flatMap((each): readonly SelectedSource[] => {
    if (isExcludedMatch(step, each)) return [];
    const entries = selectEntries(each.node, { excludes: step.excludes });
    return [{ ...landing(source, each), unpacks, entries }];
  });
}

/**
 * The patterns of `--exclude` are relative to a directory that is copied. A file that a pattern matched
 * lies in one too, for them; one that the instruction names by itself is wanted in any case.
 */
function isExcludedMatch({ excludes }: CopyStep, found: FoundSource): boolean {
  if (!found.isMatch || found.node.kind === "directory" || excludes.length === 0) return false;
  const folder: DirectoryNode = {
    kind: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 0,
    children: new Map([[nameOf(found), found.node]]),
  };
  return selectEntries(folder, { excludes }).length === 1;
}

/**
 * `--parents`: what a source matches, as a pattern of ignore files, keeps the directories that it lies in:
 * all of them, or those after a `/./`.
 */
function selectWithParents(
  step: CopyStep,
  source: string,
  top: DirectoryNode,
  onMissing: (path: string) => Error,
): readonly SelectedSource[] {
  const pivot = source.indexOf("/./");
  const base = pivot === -1 ? "/" : source.slice(0, pivot);
  const pattern = plainSource(pivot === -1 ? source : source.slice(pivot + "/./".length));
  return findSources(top, base, onMissing).map((found) => {
    const entries = selectEntries(found.node, {
      // Nothing but the pivot means all that is there.
      ...(pattern === "" ? {} : { includes: [pattern] }),
      excludes: step.excludes,
    });
    const isPlain = !isPattern(base) && !isPattern(pattern);
    if (isPlain && pattern !== "" && !hasPath(found, pattern))
      throw onMissing(plainSource(`${base}/${pattern}`));
    return { ...landing(source, found), unpacks: false, entries };
  });
}

/** Whether a path stands below a directory without passing through a link. */
function hasPath({ node }: FoundSource, path: string): boolean {
  let at = node;
  for (const part of path.split("/")) {
    const child = at.kind === "directory" ? at.children.get(part) : undefined;
    if (child === undefined) return false;
    at = child;
  }
  return true;
}

function landing(source: string, found: FoundSource) {
  return {
    kind: "files" as const,
    source,
    path: found.resolved,
    name: nameOf(found),
    merges: found.node.kind === "directory",
  };
}

/** A heredoc: a file called as its delimiter. */
function selectText(
  { name, content }: Extract<PlannedSource, { kind: "file" }>,
  time: number,
): SelectedFiles {
  const bytes = encodeText(content);
  const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: time };
  const node: FileNode = { ...attributes, kind: "file", content: bytesContent(bytes) };
  return {
    kind: "files",
    source: `<<${name}`,
    path: name,
    name,
    merges: false,
    unpacks: false,
    entries: selectEntries(node, { excludes: [] }),
    identity: digestOf(bytes),
  };
}

function selectRemote(step: CopyStep, remote: RemoteSource): SelectedRemote {
  const { source, identity } = remote;
  const unpacks = step.unpack ?? false;
  return {
    kind: "remote",
    source,
    unpacks,
    identity,
    async open() {
      const { name, node } = await remote.open();
      const entries = selectEntries(node, { excludes: step.excludes });
      return {
        kind: "files",
        source,
        path: name,
        name,
        merges: false,
        unpacks: unpacks && node.kind === "file",
        entries,
        identity,
      };
    },
  };
}
