/**
 * Owners: which process a lock or an unfinished file belongs to, so that what a killed process left
 * behind can be told from what a running one still needs.
 *
 * A pid alone does not do: pids are reused, differ between containers, and mean nothing after a
 * reboot. An owner is therefore the host, its boot, the pid namespace, the pid, and the time at which
 * that process started, plus a random part that makes every owner unique.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { encodeText } from "./bytes.ts";
import { hashHex } from "./digest.ts";

const ownerForm = /^([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})-(\d{1,10})-(\d{1,20})-[0-9a-f]{12}$/;

/** A new owner for this process: text that is safe as a file name. */
export function newOwner(): string {
  const { host, boot, namespace } = thisMachine();
  const start = startTime(process.pid) ?? "0";
  return `${host}-${boot}-${namespace}-${process.pid}-${start}-${randomBytes(6).toString("hex")}`;
}

/**
 * Whether the process of an owner is known to be gone. False where that cannot be told: on another
 * host, or in another pid namespace of this one.
 */
export function isOwnerGone(owner: string): boolean {
  const match = ownerForm.exec(owner);
  if (match === null) return false;
  const [, host, boot, namespace, pid, start] = match;
  const here = thisMachine();
  if (host !== here.host) return false;
  if (boot !== here.boot) return true;
  if (namespace !== here.namespace) return false;
  if (start === "0") return !isRunning(Number(pid));
  return startTime(Number(pid)) !== start;
}

interface Machine {
  readonly host: string;
  readonly boot: string;
  readonly namespace: string;
}

let machine: Machine | undefined;

function thisMachine(): Machine {
  machine ??= {
    host: shortHash(hostname()),
    boot: shortHash(attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"))),
    namespace: shortHash(attempt(() => readlinkSync("/proc/self/ns/pid"))),
  };
  return machine;
}

function shortHash(text: string | undefined): string {
  return hashHex("sha256", encodeText(text ?? "")).slice(0, 8);
}

/** Clock ticks between the boot and the start of a process (proc(5), field 22 of stat). */
function startTime(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  // The second field is the command in parentheses, and may itself hold spaces and parentheses.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** Whether a process of this id runs here; one of another user counts. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
