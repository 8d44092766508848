/** What the host offers to sandboxes: its kernel's file systems, and how far this process is root. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { inUserNamespace, isMapped } from "./identity-map.ts";

export interface Surroundings {
  readonly inUserNamespace: boolean;
  /** Whether the group `tty`, which is 5 everywhere, can own terminals. */
  readonly hasTtyGroup: boolean;
  /** Whether a new /sys can be mounted; without, the host's is shown. */
  readonly ownSys: boolean;
  /** Whether the kernel knows POSIX message queues. */
  readonly hasMessageQueues: boolean;
  /** Whether cgroups are the unified ones, of version 2 alone. */
  readonly hasUnifiedCgroups: boolean;
}

/** The type that statfs(2) gives for cgroups of version 2. */
const cgroup2Magic = 0x63677270;

export function readSurroundings(): Surroundings {
  const fileSystems = readFileSync("/proc/filesystems", "utf8").split(/\s+/);
  return {
    inUserNamespace: inUserNamespace(),
    hasTtyGroup: isMapped("gid_map", 5),
    ownSys: true,
    hasMessageQueues: fileSystems.includes("mqueue"),
    hasUnifiedCgroups:
      existsSync("/sys/fs/cgroup") && statfsSync("/sys/fs/cgroup").type === cgroup2Magic,
  };
}
