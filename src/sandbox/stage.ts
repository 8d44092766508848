/**
 * The stage: the working folder of one sandbox, and the first of its two mount tables. Everything that
 * the command will see is first mounted here, below short relative names: the root, what becomes /dev,
 * the file system that holds secrets, and the unions and temporary file systems of the request. Only
 * then is it known which mount points are missing, and in which of them. The second table moves all
 * to where the command finds it.
 *
 * The folders of a union are named by symbolic links 0, 1, 2 … because their paths may be long and of
 * any characters, while all options of a mount together must fit into one page.
 */
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileError } from "../base/index.ts";
import type { ExecuteRequest, SandboxMount } from "./execute-request.ts";
import { formatMountTable, type MountLine } from "./mount-table.ts";

/** The names in the working folder. */
export const stageNames = {
  root: "rootfs",
  devices: "dev",
  files: "files",
  state: "state",
  firstTable: "mounts.1",
  secondTable: "mounts.2",
  setup: "setup",
} as const;

export type StageRequest = Pick<
  ExecuteRequest,
  "lowers" | "upper" | "work" | "mounts" | "privileged"
>;

/** Where the mount at this place in the request stands on the stage; files and binds stand elsewhere. */
export function stagedName(index: number): string {
  return `m${index}`;
}

/** Lays the stage out; `rootLine` is what is mounted as the root instead of the request's union. */
export function layStage(
  request: StageRequest,
  inUserNamespace: boolean,
  rootLine?: MountLine,
): void {
  const { work, mounts, privileged } = request;
  try {
    for (const name of [stageNames.root, stageNames.devices, stageNames.files, stageNames.state])
      mkdirSync(`${work}/${name}`);
    const lines = [
      rootLine ?? unionLine(work, "", stageNames.root, request, privileged, inUserNamespace),
      ...ownLines,
      ...mounts.flatMap((mount, index) =>
        mountLines(work, mount, stagedName(index), privileged, inUserNamespace),
      ),
    ];
    writeFileSync(`${work}/${stageNames.firstTable}`, formatMountTable(lines));
  } catch (error) {
    throw fileError(error, "laying out a sandbox", work);
  }
}

const ownLines: readonly MountLine[] = [
  temporary(stageNames.devices, ["mode=755", "size=64m"]),
  // Other users of the host must not read a secret while it is here.
  temporary(stageNames.files, ["mode=700"]),
  temporary(stageNames.state, ["mode=700"]),
];

function mountLines(
  work: string,
  mount: SandboxMount,
  name: string,
  privileged: boolean,
  inUserNamespace: boolean,
): readonly MountLine[] {
  if (mount.kind === "bind" || mount.kind === "file") return [];
  mkdirSync(`${work}/${name}`);
  if (mount.kind === "overlay")
    return [unionLine(work, `${name}-`, name, mount, privileged, inUserNamespace)];
  const mode = `mode=${(mount.mode ?? 0o1777).toString(8)}`;
  return [temporary(name, mount.size === undefined ? [mode] : [mode, `size=${mount.size}`])];
}

function temporary(name: string, options: readonly string[]): MountLine {
  return {
    source: "tmpfs",
    target: name,
    type: "tmpfs",
    options: [...options, "nosuid", "nodev"],
  };
}

interface Union {
  readonly lowers: readonly string[];
  readonly upper: string;
  readonly work: string;
}

/**
 * The upper folder becomes a layer, so it must say all by itself: no redirects to where a folder was,
 * no files without contents. `volatile` spares a sync of all that was written. A device node in an
 * image does not work, lest it open a disk of the host.
 */
function unionLine(
  work: string,
  prefix: string,
  target: string,
  { lowers, upper, work: overlayWork }: Union,
  privileged: boolean,
  inUserNamespace: boolean,
): MountLine {
  const link = (suffix: string | number, folder: string): string => {
    symlinkSync(resolve(folder), `${work}/${prefix}${suffix}`);
    return `${prefix}${suffix}`;
  };
  if (lowers.length === 0) mkdirSync(`${work}/${prefix}none`);
  const shown = lowers.length === 0 ? [`${work}/${prefix}none`] : lowers;
  return {
    source: "overlay",
    target,
    type: "overlay",
    options: [
      `lowerdir=${shown.map((folder, index) => link(index, folder)).join(":")}`,
      `upperdir=${link("upper", upper)}`,
      // A folder that was the work of another mount, which was volatile, is refused.
      `workdir=${link("work", mkdtempSync(`${overlayWork}/overlay-`))}`,
      "index=off,metacopy=off,redirect_dir=nofollow,xino=off,volatile",
      ...(inUserNamespace ? ["userxattr"] : []),
      ...(privileged ? [] : ["nodev"]),
    ],
  };
}
