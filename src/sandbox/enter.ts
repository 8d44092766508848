/**
 * Entering a plain sandbox: nsenter(1) joins the namespaces, setpriv(1) gives up powers and groups, and
 * unshare(1) changes root, folder and user, in that order, and becomes the command. All three are the
 * host's programs: the image need not have a shell.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { BivyError } from "../base/index.ts";
import { dockerCapabilities } from "./capabilities.ts";
import type { ExecuteRequest, SandboxUser } from "./execute-request.ts";
import { identityLimits } from "./identity-map.ts";
import type { HolderTools } from "./namespace-holder.ts";

export type CommandRequest = Pick<
  ExecuteRequest,
  "command" | "environment" | "directory" | "user" | "network" | "privileged"
>;

/**
 * Variables by which an image could have the host's own programs load what it likes on the way: those
 * of the loaders (ld.so(8)), of character sets, and of translated messages. The image's env(1) sets
 * them.
 */
const steersHost =
  /^(?:LD_\w+|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|MUSL_LOCPATH|NLSPATH|OUTPUT_CHARSET)=|^LANGUAGE=.*\//s;
const environmentSetter = "/usr/bin/env";

/** `holder` is the process id of the sandbox's first process, whose working folder is the root. */
export function enterSandbox(
  tools: HolderTools,
  holder: number,
  request: CommandRequest,
  stdio: readonly (number | "ignore")[],
  isInteractive: boolean,
): ChildProcess {
  const steering = request.environment.filter((entry) => steersHost.test(entry));
  if (steering.length > 0 && !existsEntry(`/proc/${holder}/cwd${environmentSetter}`))
    throw new BivyError(
      "sandbox-unavailable",
      `${steering[0]!.split("=")[0]} is set, and the image has no ${environmentSetter} to set it with`,
      { hint: "Install crun or runc, which need no program of the image." },
    );
  const command =
    steering.length > 0
      ? [environmentSetter, ...steering, ...request.command]
      : [...request.command];
  return withUmask(0o022, () =>
    spawn(
      tools.nsenter,
      [
        ...joinWords(holder, request.network),
        ...setprivWords(tools, request),
        ...unshareWords(tools, request),
        ...command,
      ],
      {
        cwd: "/",
        env: readEnvironment(request.environment.filter((entry) => !steersHost.test(entry))),
        stdio: [...stdio],
        // A session of its own: whatever runs in it cannot type at this process's terminal.
        detached: !isInteractive,
      },
    ),
  );
}

function existsEntry(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function joinWords(holder: number, network: "none" | "host"): readonly string[] {
  return [
    "--target",
    `${holder}`,
    "--mount",
    "--pid",
    "--ipc",
    "--uts",
    "--cgroup",
    ...(network === "none" ? ["--net"] : []),
    // The host's programs stay in reach; the working folder is the root that the holder has moved.
    "--root=/",
    `--wd=/proc/${holder}/cwd`,
    "--",
  ];
}

/** Powers and groups change while the user is still root, who may change them. */
function setprivWords(
  { setpriv }: HolderTools,
  { user, privileged }: CommandRequest,
): readonly string[] {
  const kept = dockerCapabilities.map((name) => `,+${name}`).join("");
  return [
    setpriv,
    ...(privileged ? [] : ["--bounding-set", `-all${kept}`]),
    "--inh-caps=-all",
    ...groupWords(user),
    "--",
  ];
}

/** The groups of the command, as setpriv is told. */
export function groupWords({ gid, groups }: SandboxUser): readonly string[] {
  if (identityLimits().noGroups) return ["--keep-groups"];
  const others = groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join(",")];
  return ["--regid", `${gid}`, ...others];
}

function unshareWords(
  { unshare }: HolderTools,
  { user, directory }: CommandRequest,
): readonly string[] {
  const become = user.uid === 0 ? [] : ["--setuid", `${user.uid}`];
  return [unshare, "--root=.", `--wd=${directory}`, ...become, "--"];
}

function readEnvironment(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf("=");
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/** Children inherit the mask, and Node can only change its own; spawn returns before anything else runs. */
function withUmask<T>(mask: number, work: () => T): T {
  const present = /^Umask:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  if (present !== undefined && Number.parseInt(present, 8) === mask) return work();
  const former = process.umask(mask);
  try {
    return work();
  } finally {
    process.umask(former);
  }
}
