/** Which user ids this process can give to files and commands: those that its user namespace maps (user_namespaces(7)). */
import { readFileSync } from "node:fs";
import { BivyError } from "../base/index.ts";
import type { ExecuteRequest } from "./execute-request.ts";

type IdMap = "uid_map" | "gid_map";

interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** Empty where the system does not say. */
function readMap(map: IdMap): readonly IdRange[] {
  try {
    return readFileSync(`/proc/self/${map}`, "utf8")
      .trim()
      .split("\n")
      .map((line) => {
        const [first, , count] = line.trim().split(/\s+/).map(Number);
        return { first: first ?? 0, count: count ?? 0 };
      });
  } catch {
    return [];
  }
}

/** How many ids are mapped; 0 where the system does not say. */
export function mappedIds(map: IdMap = "uid_map"): number {
  return readMap(map).reduce((sum, { count }) => sum + count, 0);
}

/** Whether files can be given to any user that packages name. */
export function canSetOwners(): boolean {
  return process.geteuid?.() === 0 && mappedIds("uid_map") > 1 && mappedIds("gid_map") > 1;
}

/** The machine itself maps every id; whatever maps fewer is a namespace. */
export function inUserNamespace(): boolean {
  return mappedIds("uid_map") < 0xffff_ffff;
}

export function isMapped(map: IdMap, id: number): boolean {
  return readMap(map).some(({ first, count }) => id >= first && id < first + count);
}

/** What cannot work for commands of an image, however they are run. */
export interface IdentityLimits {
  /**
   * Only root is mapped: a command cannot become another user or give files away, and every file that
   * it sees belongs to root.
   */
  readonly onlyRoot: boolean;
  /** Supplementary groups cannot be set; those that are asked for root are left out. */
  readonly noGroups: boolean;
}

export function identityLimits(): IdentityLimits {
  return {
    onlyRoot: mappedIds("uid_map") <= 1 || mappedIds("gid_map") <= 1,
    noGroups: readText("/proc/self/setgroups").trim() === "deny",
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Refuses users, groups and owners that do not exist in this user namespace. */
export function requireIdentities({ user, mounts }: ExecuteRequest): void {
  requireMapped("uid_map", user.uid, "the command's user");
  requireMapped("gid_map", user.gid, "the command's group");
  if (!identityLimits().noGroups)
    for (const group of user.groups) requireMapped("gid_map", group, "a group of the command");
  for (const mount of mounts) {
    if (mount.kind !== "file") continue;
    requireMapped("uid_map", mount.uid, `the owner of ${mount.target}`);
    requireMapped("gid_map", mount.gid, `the group of ${mount.target}`);
  }
}

function requireMapped(map: IdMap, id: number, what: string): void {
  if (isMapped(map, id)) return;
  const isAlone = mappedIds(map) <= 1;
  throw new BivyError(
    "sandbox-unavailable",
    `${what} is ${id}, and this user namespace maps ${isAlone ? "root only" : `${mappedIds(map)} ids`}`,
    {
      hint: `Run bivy as root, or add a wide range for your user to ${map === "uid_map" ? "/etc/subuid" : "/etc/subgid"} and install the uidmap tools.`,
    },
  );
}
