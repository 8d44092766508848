/**
 * Running a command in a root, away from the host: in mount, pid, ipc, uts and network namespaces of
 * its own, without network, with the root moved over the host's file tree so that there is no way
 * back, and with few capabilities. It needs root, of the machine or of a user namespace.
 *
 * The command sees /proc and a small /dev; both vanish with the namespaces, whatever happens.
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Readable } from "node:stream";
import { BivyError, messageOf } from "../base/index.ts";
import { TextTail } from "./text-tail.ts";
import { requireTools, type ToolPaths } from "./tools.ts";

export interface RunRequest {
  /** The root's directory on the host. */
  readonly root: string;
  /** The command's path in the root, and its arguments. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMilliseconds: number;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly exitCode: number;
  /** The end of what it printed on both streams, at most `outputKept` bytes. */
  readonly output: string;
}

const outputKept = 64 * 1024;

/** The command's own: what unshare(1) is told. */
const namespaces = [
  "--mount",
  "--pid",
  "--ipc",
  "--uts",
  "--net",
  "--fork",
  "--propagation",
  "private",
] as const;

/** Folders of the root that the sandbox covers; what stands there afterwards is none of the command's. */
export const coveredFolders = ["proc", "dev"] as const;

/**
 * What remains of root's powers: those that a package script needs to place files and change owners.
 * Not mknod: a device node of the host's disk would be a way out.
 */
const capabilities = [
  "chown",
  "dac_override",
  "fowner",
  "fsetid",
  "kill",
  "setgid",
  "setuid",
  "setfcap",
  "sys_chroot",
];

/**
 * $1 root, $2 mount, $3 setpriv, $4 chroot, $5 capability list; then the command. `mount -n` leaves
 * the host's list of mounts alone, which a plain user could not write. Devices are copied where that
 * is allowed, since six mounts take longer than all the rest; in a user namespace it is not. A word on
 * descriptor 3 says that everything is in place: what fails from then on is the command.
 *
 * What a package brings must not become a way out: its device nodes do not work (nodev), and /proc,
 * where root without any capability may still change how the kernel of the host works, is only read.
 * The shell stays as the first process of its pid namespace. It ends when the sandbox is killed, and
 * all others with it; a command in its place could tell the kernel that it does not care, and live on.
 */
const setup = `
set -e
umask 022
ulimit -c 0
root=$1 mount=$2 setpriv=$3 chroot=$4 capabilities=$5
shift 5
"$mount" -n --bind "$root" "$root"
"$mount" -n -o remount,bind,nodev "$root"
cd "$root"
"$mount" -n -t proc -o ro,nosuid,nodev,noexec proc proc
"$mount" -n -t tmpfs -o mode=755,nosuid,size=1m tmpfs dev
command -p cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev 2>/dev/null ||
for device in null zero full random urandom tty; do
  : > "dev/$device"
  "$mount" -n --bind "/dev/$device" "dev/$device"
done
"$mount" -n --move . /
echo ready >&3
exec 3>&-
status=0
"$setpriv" --bounding-set "-all$capabilities" --inh-caps=-all --no-new-privs "$chroot" . "$@" ||
  status=$?
exit "$status"
`;

/** Runs a command; a command that fails is a result, not an error. */
export function runInRoot(request: RunRequest): Promise<RunResult> {
  const tools = requireTools(process.env["PATH"] ?? "");
  for (const folder of coveredFolders) mkdirSync(`${request.root}/${folder}`, { recursive: true });
  return spawnSandboxed(tools, request);
}

function spawnSandboxed(tools: ToolPaths, request: RunRequest): Promise<RunResult> {
  const { setpriv, unshare, sh, mount, chroot } = tools;
  const child = spawn(
    setpriv,
    [
      // Should this process be killed, nothing stays behind it.
      "--pdeathsig",
      "KILL",
      unshare,
      ...namespaces,
      "--kill-child=KILL",
      "--",
      sh,
      "-c",
      setup,
      "sandbox",
      request.root,
      mount,
      setpriv,
      chroot,
      capabilities.map((name) => `,+${name}`).join(""),
      ...request.command,
    ],
    {
      env: request.environment,
      cwd: "/",
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      signal: request.signal,
      killSignal: "SIGKILL",
    },
  );
  let isReady = false;
  (child.stdio[3] as Readable).on("data", () => (isReady = true));
  const output = new TextTail(outputKept);
  child.stdout!.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr!.on("data", (chunk: Buffer) => output.push(chunk));
  return new Promise((resolve, reject) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, request.timeoutMilliseconds);
    child.on("error", (cause) => {
      // An interrupted command is over only once all of its processes are.
      if (request.signal?.aborted === true) return;
      clearTimeout(timer);
      reject(unavailable(messageOf(cause), cause));
    });
    child.on("close", (code, killedBy) => {
      clearTimeout(timer);
      if (request.signal?.aborted === true)
        return reject(new BivyError("aborted", "interrupted", { cause: request.signal.reason }));
      if (!isReady && !timedOut) return reject(unavailable(output.text().trim()));
      const note = timedOut
        ? `\nstopped after ${request.timeoutMilliseconds / 1000} seconds (limit script-time)`
        : "";
      resolve({
        exitCode: code ?? 128 + (killedBy === "SIGKILL" ? 9 : 15),
        output: output.text() + note,
      });
    });
  });
}

function unavailable(reason: string, cause?: unknown): BivyError {
  return new BivyError("sandbox-unavailable", `commands cannot be run in a root: ${reason}`, {
    cause,
    hint: "Allow user namespaces and mounts in them, run as root, or leave package scripts out with --no-scripts.",
  });
}

/** Undefined when commands can be run in a root here and now, else the reason why not. */
export async function whyNoSandbox(): Promise<string | undefined> {
  let tools: ToolPaths;
  try {
    tools = requireTools(process.env["PATH"] ?? "");
  } catch (error) {
    return messageOf(error);
  }
  if (process.geteuid?.() !== 0) return "it needs root, of the machine or of a user namespace";
  return new Promise((resolve) => {
    // A /proc that is partly covered, as in many containers, allows no other one.
    const probe = spawn(
      tools.unshare,
      [...namespaces, "--", tools.mount, "-n", "-t", "proc", "proc", "/proc"],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    probe.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    probe.on("error", (error) => resolve(error.message));
    probe.on("close", (code) =>
      resolve(code === 0 ? undefined : `the kernel does not allow namespaces: ${said.trim()}`),
    );
  });
}
