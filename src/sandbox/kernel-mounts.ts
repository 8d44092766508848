/**
 * The file systems of the kernel in a sandbox: /proc, /sys and /dev, with the paths hidden and made
 * read-only that Docker hides, since root without capabilities could still change the host there.
 */
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { bindLine, type MountLine } from "./mount-table.ts";
import type { Surroundings } from "./surroundings.ts";

export interface KernelMountRequest {
  readonly network: "none" | "host";
  readonly privileged: boolean;
}

/** Folders of the root that are covered, as plain paths. */
export const kernelFolders = ["proc", "sys", "dev"] as const;

/** Paths of /proc that Docker hides, and those that it makes read-only. */
export const procGuards = {
  hiddenFiles: ["kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug"],
  hiddenFolders: ["acpi", "scsi"],
  readOnly: ["bus", "fs", "irq", "sys", "sysrq-trigger"],
} as const;
const hiddenInSys = ["firmware", "devices/virtual/powercap"];

const devices = ["null", "zero", "full", "random", "urandom", "tty"];
/** What a privileged command needs for loop devices, FUSE, tunnels and virtual machines. */
const privilegedDevices = [
  "fuse",
  "kvm",
  "net/tun",
  "loop-control",
  ...Array.from({ length: 8 }, (_, number) => `loop${number}`),
];

const links: Readonly<Record<string, string>> = {
  fd: "/proc/self/fd",
  stdin: "/proc/self/fd/0",
  stdout: "/proc/self/fd/1",
  stderr: "/proc/self/fd/2",
  core: "/proc/kcore",
  ptmx: "pts/ptmx",
};

const sealed = ["nosuid", "nodev", "noexec"];

/** The devices of the host that a command gets, as paths below /dev. */
function givenDevices(privileged: boolean): readonly string[] {
  return [...devices, ...(privileged ? privilegedDevices : [])].filter((name) =>
    existsSync(`/dev/${name}`),
  );
}

/** Fills the file system that becomes /dev. Devices are mounted on empty files: a user namespace allows no others. */
export function fillDeviceFolder(folder: string, privileged: boolean): void {
  for (const [name, target] of Object.entries(links)) symlinkSync(target, `${folder}/${name}`);
  for (const name of ["pts", "shm", "mqueue"]) mkdirSync(`${folder}/${name}`);
  for (const name of givenDevices(privileged)) {
    if (name.includes("/")) {
      const parent = `${folder}/${name.slice(0, name.lastIndexOf("/"))}`;
      mkdirSync(parent);
      chmodSync(parent, 0o755);
    }
    writeFileSync(`${folder}/${name}`, "");
  }
}

/**
 * What stands in /sys and /dev. `root` and `deviceFolder` are the folders of the root and of what becomes
 * /dev, as tables name them.
 */
export function kernelMounts(
  root: string,
  deviceFolder: string,
  request: KernelMountRequest,
  surroundings: Surroundings,
): readonly MountLine[] {
  return [
    ...sysMounts(root, request, surroundings),
    ...deviceMounts(root, deviceFolder, request, surroundings),
  ];
}

export function procMounts(root: string, privileged: boolean): readonly MountLine[] {
  const proc = { source: "proc", target: `${root}/proc`, type: "proc", options: sealed };
  if (privileged) return [proc];
  return [
    proc,
    ...inProc(procGuards.hiddenFiles).map((path) => bindLine("/dev/null", `${root}/${path}`)),
    ...inProc(procGuards.hiddenFolders).map((path) => hide(root, path)),
    ...inProc(procGuards.readOnly)
      .map((path) => `${root}/${path}`)
      .map((path) => bindLine(path, path, ["ro", ...sealed])),
  ];
}

/**
 * A new /sys shows the devices of the sandbox's own network, and a user namespace may mount one only
 * for a network of its own. Root of the machine could write to the host's cgroups of version 1, so
 * these are left out.
 */
function sysMounts(
  root: string,
  { network, privileged }: KernelMountRequest,
  { ownSys, inUserNamespace, hasUnifiedCgroups }: Surroundings,
): readonly MountLine[] {
  const flags = [privileged ? "rw" : "ro", ...sealed];
  const isOwn = ownSys && !(inUserNamespace && network === "host");
  const cgroups = `${root}/sys/fs/cgroup`;
  const sys: MountLine = isOwn
    ? { source: "sysfs", target: `${root}/sys`, type: "sysfs", options: flags }
    : { source: "/sys", target: `${root}/sys`, type: "none", options: ["rbind", "ro", ...sealed] };
  const hidden = privileged ? [] : hiddenInSys.map((name) => `sys/${name}`).filter(isOnHost);
  const lines = [sys, ...hidden.map((path) => hide(root, path))];
  if (hasUnifiedCgroups)
    return [...lines, { source: "cgroup", target: cgroups, type: "cgroup2", options: flags }];
  return isOwn || !isOnHost("sys/fs/cgroup") ? lines : [...lines, hide(root, "sys/fs/cgroup")];
}

/** What a command makes of device nodes in /dev does not work, for the file system itself holds none. */
function deviceMounts(
  root: string,
  deviceFolder: string,
  { privileged }: KernelMountRequest,
  { hasTtyGroup, hasMessageQueues }: Surroundings,
): readonly MountLine[] {
  const dev = `${root}/dev`;
  const terminals = ["ptmxmode=0666", "mode=0620", ...(hasTtyGroup ? ["gid=5"] : [])];
  return [
    bindLine(deviceFolder, dev),
    ...givenDevices(privileged).map((name) => bindLine(`/dev/${name}`, `${dev}/${name}`)),
    {
      source: "devpts",
      target: `${dev}/pts`,
      type: "devpts",
      options: ["newinstance", ...terminals, "nosuid", "noexec"],
    },
    {
      source: "shm",
      target: `${dev}/shm`,
      type: "tmpfs",
      options: ["mode=1777", "size=64m", ...sealed],
    },
    ...(hasMessageQueues
      ? [{ source: "mqueue", target: `${dev}/mqueue`, type: "mqueue", options: sealed }]
      : []),
  ];
}

function hide(root: string, path: string): MountLine {
  return {
    source: "tmpfs",
    target: `${root}/${path}`,
    type: "tmpfs",
    options: ["ro", "mode=555", "size=4k", ...sealed],
  };
}

function inProc(names: readonly string[]): readonly string[] {
  return names.map((name) => `proc/${name}`).filter(isOnHost);
}

/** A new /proc and /sys have what the host's have. */
function isOnHost(path: string): boolean {
  return existsSync(`/${path}`);
}
