/** Layer stacks: layers in short whose trees are easily got wrong, by hand and at random. */
import { type SampleEntry } from "./sample-layers.ts";

export type SampleLayers = readonly (readonly SampleEntry[])[];

const bytes = (hex: string) => Buffer.from(hex, "hex");
const xattrs = (values: Readonly<Record<string, string>>) =>
  new Map(Object.entries(values).map(([name, hex]) => [name, bytes(hex)] as const));
export const long = (length: number) => "n".repeat(length);

/** Owners, modes, times, numbers, names and extended attributes at their bounds. */
export const attributes: SampleLayers = [
  [
    ["./", { mode: 0o711, uid: 5, gid: 6, mtime: 1_700_000_000 }],
    ["plain=text", { mode: 0o640, uid: 3_000_000, gid: 3_000_001, mtime: 1_700_000_000 }],
    ["largest=ids", { uid: 4_294_967_294, gid: 2_097_152 }],
    ["set=ids", { mode: 0o6755, uid: 1000, gid: 1000 }],
    ["sticky/", { mode: 0o1777, mtime: 12 }],
    ["none=", { mode: 0 }],
    ["old=1969", { mtime: -5, mtimeNanoseconds: 999_999_999 }],
    ["later=2100", { mtime: 4_102_444_800, mtimeNanoseconds: 1 }],
    [
      "capable=x",
      {
        mode: 0o755,
        uid: 1000,
        xattrs: xattrs({
          "security.capability": "0100000200040000000000000000000000000000",
          "user.binary": "000a3d20ff80c3",
          "user.text": "76616c7565",
          "trusted.overlay.opaque": "79",
        }),
      },
    ],
    ["labelled/", { xattrs: xattrs({ "user.folder": "00" }) }],
    ["null", { type: "character", mode: 0o666, deviceMajor: 1, deviceMinor: 3 }],
    ["hidden", { type: "character" }],
    ["disk", { type: "block", mode: 0o660, gid: 6, deviceMajor: 259, deviceMinor: 1_048_575 }],
    ["pipe", { type: "fifo", mode: 0o622, uid: 7 }],
    [`link -> ${long(100)}/${long(155)}`, { uid: 9, mtime: 77 }],
    `${long(200)}/${long(200)}/${long(255)}=deep`,
    "m\udcfcller=latin",
    "grüße 😀\n\t\\=odd",
    " -leading=x",
    "empty/",
  ],
  // An upper layer that says nothing of a file leaves it all that it has, and one that does, nothing.
  [
    ["sticky/", { mode: 0o700 }],
    ["labelled/", { mode: 0o700 }],
    ["capable=y", { mode: 0o700 }],
    ["./", { mode: 0o755, mtime: 8 }],
  ],
];

export const hardLinks: SampleLayers = [
  [
    ["a=shared", { mode: 0o600, uid: 3, xattrs: xattrs({ "user.a": "01" }) }],
    "b => a",
    ["d/c => /a", { mode: 0o777, uid: 9, mtime: 99 }],
    "soft -> a",
    "soft2 => soft",
    ["pipe", { type: "fifo" }],
    "pipe2 => ./pipe",
    "alone=x",
    "x=1",
    "y => x",
  ],
  // Across layers; through a link; over a name of another file; of a file that loses its first name.
  [
    "below => b",
    "folder -> d",
    "through => folder/c",
    "alone => a",
    ".wh.a",
    ["x=2", { mode: 0o640 }],
    "z => y",
  ],
  ["again => below", ".wh.b", "d/.wh.c", "y=3"],
];

export const whiteouts: SampleLayers = [
  [
    "after=0",
    "before=0",
    "gone=0",
    ["replaced/", { mode: 0o700 }],
    "replaced/old=0",
    "kept/old=0",
    "kept/sub/old=0",
    ["opaque/", { mode: 0o750, uid: 4 }],
    "opaque/old=0",
    "opaque/sub/old=0",
    "opaque/sub/shared=0",
    "whole/of/it=0",
    "link -> whole",
    ".dot=0",
    "..two=0",
  ],
  [
    ".wh.before",
    "before=1",
    "after=1",
    ".wh.after",
    ".wh.gone",
    ".wh.replaced",
    "replaced/new=1",
    "kept/new=1",
    "kept/.wh.old",
    "kept/sub/.wh..wh..opq",
    "opaque/new=1",
    "opaque/sub/new=1",
    "opaque/.wh..wh..opq",
    "opaque/later=1",
    "link/.wh.of",
    ".wh.never",
    "no/where/.wh.x",
    ".wh..dot",
    ".wh...two",
  ],
  [".wh.whole", "whole -> opaque", "opaque/.wh.new", "opaque/sub/", "kept/.wh..wh..opq"],
];

export const linkedParents: SampleLayers = [
  [
    "usr/bin/tool=0",
    "bin -> usr/bin",
    "sbin -> /usr/bin/",
    "up/down/out -> ../../../../usr",
    "chain -> up/down/out/bin",
    "hole -> not/yet",
    "self/here -> .",
  ],
  [
    "bin/a=1",
    "sbin/b=1",
    "up/down/out/share/c=1",
    "chain/d=1",
    "hole/e=1",
    "self/here/here/f=1",
    "sbin/.wh.tool",
    ["usr/bin/", { mode: 0o711 }],
  ],
  // A folder takes the place of a link, and what follows goes into it.
  ["bin/", "bin/own=2", "chain -> hole", "chain/g=2", "usr/.wh.share"],
];

export const replacements: SampleLayers = [
  ["a/b/c=0", "f=0", "l -> a", ["p", { type: "fifo" }], "same=0", "same=00", "e/", "o/x=0"],
  [
    "a=1",
    ["f/", { mode: 0o700 }],
    "f/g=1",
    "l/",
    "l/m=1",
    "p -> f",
    ["e", { type: "block", deviceMajor: 8, deviceMinor: 1 }],
    "o/x/",
    "o/x/y=1",
  ],
  ["a/", "a/b=2", "f=2", "l=2", ["p/", { mode: 0o500 }], "e=2", "o -> l"],
];

/** Chooses at random, and the same each time (a linear congruential generator). */
function seededChoice(seed: number): <T>(choices: readonly T[]) => T {
  let state = seed >>> 0;
  return (choices) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return choices[Math.floor((state / 2 ** 32) * choices.length)]!;
  };
}

/**
 * Layers that know nothing of each other. Not every stack of them can be applied; then every reader
 * has to refuse it.
 */
export function randomLayers(seed: number): SampleLayers {
  const choose = seededChoice(seed);
  const parts = ["a", "b", "c", "l", "m"];
  const path = () => Array.from({ length: choose([1, 2, 3]) }, () => choose(parts)).join("/");
  const files: string[] = [];
  const entry = (): SampleEntry => {
    const at = path();
    const kinds = ["file", "file", "folder", "symlink", "hardlink", "whiteout", "opaque"] as const;
    switch (choose(kinds)) {
      case "folder":
        return `${at}/`;
      case "symlink":
        return `${at} -> ${choose(["a", "/b", "../c", "b/c", "/l", "../../a/b", "no/where", "m"])}`;
      case "hardlink":
        if (files.length > 0) return `${at} => ${choose(files)}`;
        break;
      case "whiteout":
        return at.replace(/[^/]+$/, ".wh.$&");
      case "opaque":
        return `${at}/.wh..wh..opq`;
      default:
    }
    files.push(at);
    return [`${at}=${choose(["", "x", "longer"])}`, { mode: choose([0o644, 0o600, 0o755]) }];
  };
  const many = (most: number) => Array.from({ length: choose(range(most)) + 1 });
  return many(4).map(() => many(8).map(entry));
}

export const range = (length: number) => Array.from({ length }, (_, index) => index);
