/**
 * Savings: bytes that an image could do without as a rule, each kind with where they are and what
 * usually avoids them. They are facts, not faults: some images are there for their manual pages.
 */
import { largestFirst } from "./ranking.ts";
import type { FileSize } from "./folder-size.ts";
import type { Fate } from "./stored-file.ts";
import type { Waste } from "./waste.ts";

export interface LayerBytes {
  readonly layer: number;
  readonly bytes: number;
}

export interface Saving {
  /** What it is, such as `package-cache`; stable. */
  readonly kind: string;
  /** The same in words. */
  readonly title: string;
  /** Uncompressed. */
  readonly bytes: number;
  readonly files: number;
  /** The layers that store the bytes, the one with most first. */
  readonly layers: readonly LayerBytes[];
  /** The layers that made them waste; absent for what stands in the final tree. */
  readonly by?: readonly LayerBytes[];
  /** The packages that the files belong to, the one with most first; none for files of no package. */
  readonly packages: readonly { readonly name: string; readonly bytes: number }[];
  /** The largest of the paths. */
  readonly example: string;
  /** What usually avoids it. */
  readonly advice: string;
}

type Words = Pick<Saving, "kind" | "title" | "advice">;

/** A kind of files that are seldom needed when a container runs. A file counts for the first that fits. */
interface Leftover extends Words {
  /** Matched against the plain path. */
  readonly pattern: RegExp;
}

const leftovers: readonly Leftover[] = [
  {
    kind: "package-cache",
    title: "package manager caches",
    pattern: /^(?:var\/cache\/(?:apk|apt|dnf|yum|pacman)|etc\/apk\/cache|var\/lib\/apt\/lists)\//,
    advice: "Use apk add --no-cache, or remove the cache in the same RUN.",
  },
  {
    kind: "user-cache",
    title: "caches of users and tools",
    pattern:
      /^(?:root|home\/[^/]+)\/(?:\.cache|\.npm|\.yarn|\.cargo\/registry|\.gradle|\.m2|\.bundle\/cache|\.composer\/cache)\/|^go\/pkg\/mod\/cache\/|^usr\/local\/share\/\.cache\//,
    advice: "Turn it off (pip --no-cache-dir), or use RUN --mount=type=cache.",
  },
  {
    kind: "version-control",
    title: "version control data",
    pattern: /(?:^|\/)\.(?:git|svn|hg)\//,
    advice: "Name it in .dockerignore.",
  },
  {
    kind: "bytecode",
    title: "Python bytecode",
    pattern: /\.py[co]$/,
    advice: "Build with PYTHONDONTWRITEBYTECODE=1; starting takes longer then.",
  },
  {
    kind: "static-libraries",
    title: "static libraries",
    pattern: /(?:^|\/)lib(?:32|64|x32)?\/.*\.l?a$/,
    advice: "They serve compilers only: build in an earlier stage.",
  },
  {
    kind: "headers",
    title: "headers for compilers",
    pattern: /^usr\/(?:local\/)?(?:include|share\/pkgconfig|lib\/pkgconfig|share\/aclocal)\//,
    advice: "They serve compilers only: build in an earlier stage.",
  },
  {
    kind: "debug-symbols",
    title: "debug symbols",
    pattern: /^usr\/lib\/debug\/|\.debug$/,
    advice: "Leave out the -dbg packages.",
  },
  {
    kind: "documentation",
    title: "documentation and manual pages",
    pattern:
      /^usr\/(?:local\/)?(?:share\/)?(?:doc|man|info|gtk-doc|help)\/|^usr\/(?:local\/)?lib\/node_modules\/npm\/(?:docs|man)\//,
    advice: "Leave out -doc packages, or remove it in the layer that brings it.",
  },
  {
    kind: "locales",
    title: "locales and translations",
    pattern: /^usr\/(?:local\/)?(?:share\/(?:locale|i18n)|lib\/locale)\//,
    advice: "Leave out -lang packages, or keep only the languages in use.",
  },
  {
    kind: "logs",
    title: "logs",
    pattern: /^var\/log\//,
    advice: "Remove them in the layer that writes them.",
  },
  {
    kind: "temporary-files",
    title: "temporary files",
    pattern: /^(?:var\/)?tmp\//,
    advice: "Remove them in the layer that writes them.",
  },
];

const wastes: Readonly<Record<Fate, Omit<Words, "kind">>> = {
  removed: {
    title: "removed by a later layer",
    advice: "Remove files in the layer that brings them; later ones hide them.",
  },
  changed: {
    title: "overwritten by a later layer",
    advice: "Write files once, in one layer.",
  },
  metadata: {
    title: "stored again for a new mode or owner",
    advice: "Use COPY --chmod --chown, or chmod in the layer that brings them.",
  },
  unchanged: {
    title: "stored again unchanged",
    advice: "Leave out the instruction that writes them a second time.",
  },
  moved: {
    title: "moved by a later layer",
    advice: "Write files to their place at once.",
  },
};

const copies = {
  kind: "copies",
  title: "the same content at several paths",
  advice: "Make them links of one file.",
};

interface SavedFile {
  readonly path: string;
  readonly bytes: number;
  readonly layer: number;
  /** The layer that made it waste. */
  readonly by?: number;
  readonly package?: string;
}

/**
 * What could be left out, the most worthwhile first. A file counts once. `copied` has the paths of files
 * whose content stands in the tree at an earlier path too; those of packages are as the packages want them.
 */
export function findSavings(
  files: readonly FileSize[],
  copied: ReadonlySet<string>,
  waste: Waste,
): Saving[] {
  const found = new Map<string, { readonly words: Words; readonly files: SavedFile[] }>();
  const add = (words: Words, file: SavedFile): void => {
    const known = found.get(words.kind);
    if (known === undefined) found.set(words.kind, { words, files: [file] });
    else known.files.push(file);
  };
  for (const wasted of waste.files)
    for (const copy of wasted.copies)
      add({ kind: copy.fate, ...wastes[copy.fate] }, { path: wasted.path, ...copy });
  for (const file of files) {
    if (file.bytes === 0) continue;
    const leftover = leftovers.find(({ pattern }) => pattern.test(file.path));
    if (leftover !== undefined) add(leftover, file);
    else if (copied.has(file.path) && file.package === undefined) add(copies, file);
  }
  return largestFirst(Array.from(found.values(), (each) => savingOf(each.words, each.files)));
}

function savingOf({ kind, title, advice }: Words, files: readonly SavedFile[]): Saving {
  const hiding = sumBy(files, ({ by }) => by);
  return {
    kind,
    title,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    files: files.length,
    layers: sumBy(files, ({ layer }) => layer).map(([layer, bytes]) => ({ layer, bytes })),
    ...(hiding.length === 0 ? {} : { by: hiding.map(([layer, bytes]) => ({ layer, bytes })) }),
    packages: sumBy(files, (file) => file.package).map(([name, bytes]) => ({ name, bytes })),
    example: files.reduce((a, b) => (b.bytes > a.bytes ? b : a)).path,
    advice,
  };
}

/** Bytes by a key of the files, the most first, those without the key left out. */
function sumBy<Key extends string | number>(
  files: readonly SavedFile[],
  keyOf: (file: SavedFile) => Key | undefined,
): (readonly [Key, number])[] {
  const sums = new Map<Key, number>();
  for (const file of files) {
    const key = keyOf(file);
    if (key !== undefined) sums.set(key, (sums.get(key) ?? 0) + file.bytes);
  }
  return [...sums].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}
