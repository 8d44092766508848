/**
 * The first process of a sandbox: a shell in namespaces of its own, which mounts what is to be seen
 * there and then stays. When it ends, for whatever reason, the kernel kills all other processes of the
 * sandbox and takes its mounts back; and it ends when this process does.
 *
 * It reports on descriptor 3 and is told to go on by descriptor 4, a word at a time:
 *
 *     staged PID   the first table is mounted; PID is the shell's, as this process sees it
 *         go       the second table is written
 *     ready        all is in place: what fails from then on is the command
 *
 * The command of a plain sandbox enters from outside; meanwhile the shell waits for a child, because
 * only a waiting shell takes away the processes that others leave behind. The end of descriptor 4
 * ends it. A container runtime is started by the shell itself.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { BivyError, messageOf } from "../base/index.ts";
import { stageNames } from "./stage.ts";
import { findTool, requireTools, type ToolPaths } from "./tools.ts";

export const holderTools = ["unshare", "mount", "setpriv", "sh", "nsenter"] as const;
export type HolderTools = ToolPaths<(typeof holderTools)[number]>;

export function requireHolderTools(): HolderTools {
  return requireTools(process.env["PATH"] ?? "", holderTools);
}

/**
 * The network comes up beside the mounts. The host's name is written where that is allowed; in a user
 * namespace only the system call is, which hostname(1) makes. Without that, and without a tool for
 * networks, the command is still confined: it sees the host's name, and its loopback device is down.
 * Descriptors 5 and 6 are pipes for the command's output: most shells make one of a short here-document,
 * without a process for it.
 */
const setup = `
set -e
umask 022
ulimit -c 0
if [ -n "$ip" ]; then "$ip" link set lo up & loopback=$!
elif [ -n "$ifconfig" ]; then "$ifconfig" lo up & loopback=$!
fi
exec 5<<END 6<<END
a
END
b
END
if [ -p /proc/self/fd/5 ] && [ -p /proc/self/fd/6 ]; then read -r word <&5; read -r word <&6
else mkfifo out err; exec 5<>out 6<>err
fi
{ echo "$name" >/proc/sys/kernel/hostname; } 2>/dev/null || "$hostname" "$name" 2>/dev/null || true
"$mount" -n -i -a -T ${stageNames.firstTable}
[ -z "$loopback" ] || wait "$loopback"
read -r pid rest </proc/self/stat
echo "staged $pid" >&3
read -r word <&4
"$mount" -n -i -a -T ${stageNames.secondTable}
`;

/**
 * Moving the root over / leaves no way back to the host's files, unlike a mere chroot. It is this
 * shell's working folder, by which the command is led to it.
 */
const waitForCommand = `
cd ${stageNames.root}
"$mount" -n --move . /
echo ready >&3
exec 3>&-
{ read -r word; } <&4 &
exec 4<&-
wait
`;

/** A runtime that writes no pid file did not get to start the command. */
const startRuntime = `
echo ready >&3
status=0
"$@" </dev/null >/proc/self/fd/5 2>/proc/self/fd/6 3>&- 4<&- 5<&- 6<&- || status=$?
[ -e ${stageNames.state}/pid ] || echo refused >&3
exit "$status"
`;

export interface HolderRequest {
  readonly tools: HolderTools;
  /** The working folder, where the stage is laid out. */
  readonly folder: string;
  readonly network: "none" | "host";
  readonly hostname: string;
  /** A container runtime and its arguments; undefined in a plain sandbox. */
  readonly runtime: readonly string[] | undefined;
}

export interface HolderEnd {
  /** 128 + n for signal n. */
  readonly exitCode: number;
  /** Whether the container runtime did not start the command. */
  readonly wasRefused: boolean;
  /** What was said while setting up. */
  readonly said: string;
}

export class NamespaceHolder {
  /** Resolves when all processes of the sandbox are gone; it never rejects. */
  readonly end: Promise<HolderEnd>;
  readonly #child: ChildProcess;
  readonly #words: AsyncIterator<string>;
  #pid: number | undefined;
  #wasRefused = false;
  #isOver = false;
  #said = "";

  constructor({ tools, folder, network, hostname, runtime }: HolderRequest) {
    const path = process.env["PATH"] ?? "";
    const loopback = network === "none" ? path : undefined;
    const script = setup + (runtime === undefined ? waitForCommand : startRuntime);
    writeFileSync(`${folder}/${stageNames.setup}`, script);
    this.#child = spawn(
      tools.setpriv,
      [
        "--pdeathsig",
        "KILL",
        tools.unshare,
        "--mount",
        "--pid",
        "--ipc",
        "--uts",
        "--cgroup",
        ...(network === "none" ? ["--net"] : []),
        "--fork",
        "--kill-child=KILL",
        "--propagation",
        "private",
        "--",
        tools.sh,
        // As a file, and thus not among the arguments, which the command can read.
        stageNames.setup,
        ...(runtime ?? []),
      ],
      {
        cwd: folder,
        // Nothing of the command's environment: it could turn the host's tools against the host.
        env: {
          PATH: path,
          LC_ALL: "C",
          // The newer interface limits each option of a mount to 256 bytes.
          LIBMOUNT_FORCE_MOUNT2: "always",
          mount: tools.mount,
          name: hostname,
          hostname: findTool("hostname", path) ?? "hostname",
          ip: loopback === undefined ? "" : findTool("ip", loopback),
          ifconfig: loopback === undefined ? "" : findTool("ifconfig", loopback),
        },
        // A session of its own, so that Ctrl-C at a terminal leaves the end to this process.
        detached: true,
        stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
      },
    );
    this.#child.stderr!.on("data", (chunk: Buffer) => (this.#said += chunk.toString()));
    // Telling a sandbox that has just died is no failure of its own.
    this.#control.on("error", () => undefined);
    this.#words = createInterface({ input: this.#child.stdio[3] as Readable })[
      Symbol.asyncIterator
    ]();
    this.end = new Promise((resolve) => {
      this.#child.on("error", (error) => (this.#said += messageOf(error)));
      this.#child.on("close", (code, signal) => {
        this.#isOver = true;
        resolve({
          exitCode: code === null || code < 0 ? 128 + constants.signals[signal ?? "SIGKILL"] : code,
          wasRefused: this.#wasRefused,
          said: this.#said.trim(),
        });
      });
    });
  }

  get #control(): Writable {
    return this.#child.stdio[4] as Writable;
  }

  /** The process id of the shell on the host, once the first table is mounted. */
  async staged(): Promise<number> {
    const [word, pid] = (await this.#nextWord()).split(" ");
    if (word !== "staged") throw await this.#failure();
    this.#pid = Number(pid);
    return this.#pid;
  }

  /** Has the second table mounted. */
  async makeReady(): Promise<void> {
    this.#control.write("go\n");
    if ((await this.#nextWord()) !== "ready") throw await this.#failure();
    void this.#nextWord().then((word) => (this.#wasRefused = word === "refused"));
  }

  /** Ends a plain sandbox in peace. */
  release(): void {
    this.#control.end();
  }

  /**
   * The shell's own death is what the kernel answers by killing all others, before it counts as dead.
   * Before its number is known, unshare(1) is killed, and takes the shell with it, unless it has only just
   * made it; then the shell ends for want of words.
   */
  kill(): void {
    if (this.#isOver) return;
    this.#control.destroy();
    if (this.#pid === undefined) this.#child.kill("SIGKILL");
    else killProcess(this.#pid);
  }

  async #nextWord(): Promise<string> {
    const next = await this.#words.next();
    return next.done === true ? "" : next.value;
  }

  async #failure(): Promise<BivyError> {
    this.kill();
    const { said } = await this.end;
    return new BivyError("sandbox-unavailable", `setting up a sandbox failed: ${inShort(said)}`);
  }
}

/** Of what tools print, without mount's advice to read the kernel's messages. */
const longestReason = 400;

function inShort(said: string): string {
  const lines = said.split("\n").filter((line) => line.trim() !== "" && !line.includes("dmesg"));
  return lines.join("; ").slice(0, longestReason) || "it ended early";
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
