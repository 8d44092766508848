/**
 * The layout of a sandbox whose stage is mounted: fills /dev, writes secrets, makes the mount points
 * that are missing, and writes the second mount table. It is done by this process, through
 * `/proc/PID/cwd` of a process in the sandbox's mount namespace; nothing of the image runs yet, so what
 * was looked at cannot change.
 */
import { chmodSync, chownSync, statSync, writeFileSync } from "node:fs";
import { BivyError, fileError } from "../base/index.ts";
import type { ExecuteRequest, FileMount, SandboxMount } from "./execute-request.ts";
import { fillDeviceFolder, kernelFolders, kernelMounts } from "./kernel-mounts.ts";
import { mountFlagsOf } from "./mount-flags.ts";
import { makeMountPoint, mountedKind, type MountPointKind } from "./mount-points.ts";
import { bindLine, formatMountTable, type MountLine } from "./mount-table.ts";
import { stagedName, stageNames } from "./stage.ts";
import type { Surroundings } from "./surroundings.ts";

export type LayoutRequest = Pick<ExecuteRequest, "mounts" | "network" | "privileged">;

/** A mount that others may lie on: where it is in the root, and where its contents are now. */
interface Ground {
  /** A plain path. */
  readonly target: string;
  /** Seen from this process. */
  readonly folder: string;
}

/**
 * `stage` is the working folder as the sandbox sees it. Gives the plain paths of what was made in the
 * root. `lastLines` are mounted after all others.
 */
export function layOut(
  stage: string,
  request: LayoutRequest,
  surroundings: Surroundings,
  lastLines: readonly MountLine[],
): readonly string[] {
  const root = `${stage}/${stageNames.root}`;
  const devices = `${stage}/${stageNames.devices}`;
  fillDeviceFolder(devices, request.privileged);
  const stubs = kernelFolders.flatMap((name) => makeMountPoint(root, name, "folder", `/${name}`));
  const grounds: Ground[] = [
    { target: "", folder: root },
    { target: "dev", folder: devices },
  ];
  const lines: MountLine[] = [
    ...kernelMounts(stageNames.root, stageNames.devices, request, surroundings),
  ];
  for (const [index, mount] of request.mounts.entries()) {
    const source = showSource(stage, mount, index, request.privileged);
    const target = plainTarget(mount.target);
    const ground = grounds.findLast((candidate) => isAtOrBelow(target, candidate.target))!;
    const isRoot = ground.target === "";
    const below = isRoot ? target : target.slice(ground.target.length + 1);
    const made = makeMountPoint(ground.folder, below, source.kind, mount.target);
    if (isRoot) stubs.push(...made);
    lines.push(bindLine(source.name, `${stageNames.root}/${target}`, source.flags));
    if (source.kind === "folder") grounds.push({ target, folder: source.folder });
  }
  writeFileSync(`${stage}/${stageNames.secondTable}`, formatMountTable([...lines, ...lastLines]));
  return stubs;
}

interface Source {
  /** As mount tables name it. */
  readonly name: string;
  /** As this process sees it. */
  readonly folder: string;
  readonly kind: MountPointKind;
  readonly flags: readonly string[];
}

function showSource(
  stage: string,
  mount: SandboxMount,
  index: number,
  privileged: boolean,
): Source {
  const noDevices = privileged ? [] : ["nodev"];
  switch (mount.kind) {
    case "bind": {
      const flags = mountFlagsOf(mount.source);
      const wanted = [...flags, ...noDevices, ...(mount.readOnly ? ["ro"] : [])];
      return {
        name: mount.source,
        folder: mount.source,
        kind: statSync(mount.source).isDirectory() ? "folder" : "file",
        flags: [...new Set(wanted)],
      };
    }
    case "overlay": {
      const name = stagedName(index);
      const path = mount.subpath === "" ? "" : `/${mount.subpath}`;
      return {
        name: `${name}${path}`,
        folder: `${stage}/${name}${path}`,
        kind: mountedKind(`${stage}/${name}`, mount.subpath, mount.target),
        flags: [...noDevices, ...(mount.readOnly ? ["ro"] : [])],
      };
    }
    case "tmpfs": {
      const name = stagedName(index);
      return { name, folder: `${stage}/${name}`, kind: "folder", flags: [] };
    }
    case "file": {
      const name = `${stageNames.files}/${index}`;
      writeContent(`${stage}/${name}`, mount);
      const flags = ["ro", "nosuid", "nodev"];
      return { name, folder: `${stage}/${name}`, kind: "file", flags };
    }
  }
}

function writeContent(path: string, { content, mode, uid, gid, target }: FileMount): void {
  try {
    writeFileSync(path, content, { flag: "wx", mode: 0o600 });
    chownSync(path, uid, gid);
    chmodSync(path, mode);
  } catch (error) {
    throw fileError(error, "writing the contents of a mount", target);
  }
}

/** A mount in /proc or /sys would lie on what the kernel makes up. */
function plainTarget(target: string): string {
  const parts = target.split("/").slice(1);
  const isPlain = target.startsWith("/") && parts.every((part) => !["", ".", ".."].includes(part));
  if (!isPlain)
    throw new BivyError("path-unsafe", `${target}: it is not the plain absolute path of a target`, {
      hint: "Name the target without `.`, `..` and doubled slashes; the root itself cannot be one.",
    });
  if (parts[0] === "proc" || parts[0] === "sys")
    throw new BivyError("config-invalid", `${target}: nothing can be mounted in /${parts[0]}`, {
      hint: "Choose another target for the mount.",
    });
  return parts.join("/");
}

function isAtOrBelow(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}
