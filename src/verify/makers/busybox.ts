/**
 * BusyBox: the links of its applets, which its post-install script and trigger make (`busybox --install
 * -s`), and those of busybox-extras and bbsuid.
 *
 * A link is one when it stands in bin, sbin, usr/bin or usr/sbin, points to a program that a package
 * has, and is named like an applet of that program. The applets are those of etc/busybox-paths.d, which
 * packages have since Alpine 3.17, else those in the table of names inside the program itself. Where the
 * program was changed or is missing, its table proves nothing and the link is taken as unproven: it is
 * the program that deserves the attention.
 */
import { baseName, joinPath, parentPath } from "../../base/index.ts";
import { folderResolver } from "../../tree/index.ts";
import { isIntact, type Maker, type Recognition, type Refusal, type Scene } from "./maker.ts";

const programNames = ["busybox", "busybox-extras", "bbsuid"];
const linkFolders = ["bin", "sbin", "usr/bin", "usr/sbin"];
const listFolder = "etc/busybox-paths.d";

/** What `bbsuid --install` makes links of. */
const bbsuidApplets: readonly string[] = [
  "crontab",
  "mount",
  "passwd",
  "ping",
  "ping6",
  "su",
  "traceroute",
  "traceroute6",
  "umount",
  "vlock",
];

interface Program {
  /** Where its links may stand; undefined where any of the folders will do. */
  readonly paths?: ReadonlySet<string>;
  /** Undefined where no list of them can be relied on. */
  readonly applets?: ReadonlySet<string>;
}

export interface BusyboxLinks {
  readonly recognise: Maker;
  /** The applets that have no link, where it is known what links there should be. */
  absent(recognised: readonly string[]): string[];
}

export function busyboxLinks(scene: Scene): BusyboxLinks {
  const resolve = folderResolver(scene.inventory.tree.top);
  const folders = new Set(linkFolders.map(resolve));
  const programs = new Map<string, Program>();
  for (const name of programNames) {
    const path = joinPath(resolve("bin"), name);
    if (scene.claims.files.has(path)) programs.set(path, readProgram(path, scene, resolve));
  }

  const recognise: Maker = (path, node) => {
    if (node.kind !== "symlink" || !node.target.startsWith("/")) return undefined;
    if (!folders.has(parentPath(path))) return undefined;
    const target = node.target.slice(1);
    const program = programs.get(joinPath(resolve(parentPath(target)), baseName(target)));
    return program === undefined ? undefined : judgeLink(path, program, node.target);
  };

  const absent = (recognised: readonly string[]): string[] => {
    if (recognised.length === 0) return [];
    const there = new Set(recognised);
    const isThere = (path: string) => there.has(path) || scene.owned.has(path);
    return [...programs.values()].flatMap(({ paths, applets }) => {
      if (paths !== undefined) return [...paths].filter((path) => !isThere(path));
      return [...(applets ?? [])].filter(
        (applet) => ![...folders].some((folder) => isThere(joinPath(folder, applet))),
      );
    });
  };
  return { recognise, absent };
}

function judgeLink(path: string, program: Program, target: string): Recognition | Refusal {
  const { paths, applets } = program;
  const maker = "busybox";
  const isListed = paths?.has(path) ?? applets?.has(baseName(path));
  if (isListed === undefined)
    return { maker, verified: false, reason: `a link to ${target}, whose applets are not known` };
  return isListed
    ? { maker, verified: true, reason: `an applet of ${target}` }
    : { refused: `${target} has no such applet` };
}

function readProgram(path: string, scene: Scene, resolve: (folder: string) => string): Program {
  if (baseName(path) === "bbsuid") return { applets: new Set(bbsuidApplets) };
  const list = joinPath(listFolder, baseName(path));
  const lines = scene.documents.get(list);
  if (lines !== undefined && isIntact(list, scene)) {
    const words = Buffer.from(lines).toString("latin1").split("\n");
    const applets = words.map((line) => line.trim().replace(/^\/+/, "")).filter(Boolean);
    return {
      paths: new Set(applets.map((each) => joinPath(resolve(parentPath(each)), baseName(each)))),
    };
  }
  const program = scene.documents.get(path);
  if (program === undefined || !isIntact(path, scene)) return {};
  const applets = tryReadApplets(program);
  return applets === undefined ? {} : { applets };
}

/** The names of the applets stand in the program in order, each with a NUL behind it; `[` is the first. */
const tableStart = Buffer.from("\0[\0[[\0", "latin1");
const longestTable = 64 * 1024;

function tryReadApplets(program: Uint8Array): ReadonlySet<string> | undefined {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const start = bytes.indexOf(tableStart) + 1;
  if (start === 0) return undefined;
  const end = bytes.indexOf("\0\0", start, "latin1");
  if (end === -1 || end - start > longestTable) return undefined;
  return new Set(bytes.toString("latin1", start, end).split("\0"));
}
