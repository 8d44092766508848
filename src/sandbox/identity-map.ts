/** Which user ids this process can give to files: those that its user namespace maps (user_namespaces(7)). */
import { readFileSync } from "node:fs";

/** How many ids are mapped; 0 where the system does not say. */
export function mappedIds(map: "uid_map" | "gid_map" = "uid_map"): number {
  try {
    return readFileSync(`/proc/self/${map}`, "utf8")
      .trim()
      .split("\n")
      .reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2] ?? 0), 0);
  } catch {
    return 0;
  }
}

/** Whether files can be given to any user that packages name. */
export function canSetOwners(): boolean {
  return process.geteuid?.() === 0 && mappedIds("uid_map") > 1 && mappedIds("gid_map") > 1;
}
