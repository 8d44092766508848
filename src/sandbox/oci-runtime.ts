/**
 * Running a command with crun or runc, in a bundle of the OCI runtime specification. The root is
 * complete with all of its mounts but /proc when they start, so they only confine: a process and a
 * mount namespace of the command's own, capabilities, seccomp, user. Their state is on a file system of
 * the sandbox and vanishes with it.
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { grantedCapabilities } from "./capabilities.ts";
import type { ExecuteRequest } from "./execute-request.ts";
import { identityLimits } from "./identity-map.ts";
import { procGuards } from "./kernel-mounts.ts";
import type { MountLine } from "./mount-table.ts";
import { seccompProfile } from "./seccomp-profile.ts";
import { stageNames } from "./stage.ts";
import type { ToolPaths } from "./tools.ts";

export type BundleRequest = Pick<
  ExecuteRequest,
  "command" | "environment" | "directory" | "user" | "privileged" | "work"
>;

type HookTools = ToolPaths<"sh" | "mount">;

const { root, state } = stageNames;

/** The name means nothing: the state that it must be unique in belongs to one sandbox. */
const containerName = "command";

/** Paths are absolute: crun looks for some of them from the bundle, for others from where it starts. */
export function ociWords(name: "crun" | "runc", program: string, work: string): readonly string[] {
  const bundle = resolve(work, state);
  return [
    program,
    "--root",
    `${bundle}/containers`,
    "--log",
    `${bundle}/log`,
    // Control groups would outlive a sandbox that is killed.
    ...(name === "crun" ? ["--cgroup-manager=disabled"] : ["--rootless=true"]),
    "run",
    "--bundle",
    bundle,
    "--pid-file",
    `${bundle}/pid`,
    containerName,
  ];
}

/** What the runtimes themselves look at: processes as the sandbox numbers them, and cgroups that they cannot write. */
export const ociMounts: readonly MountLine[] = [
  { source: "sandbox-proc", target: "/proc", type: "proc", options: ["nosuid", "nodev", "noexec"] },
  {
    source: "sandbox-cgroup",
    target: "/sys/fs/cgroup",
    type: "cgroup2",
    options: ["ro", "nosuid", "nodev", "noexec"],
  },
];

/**
 * `stage` is the working folder as this process sees it; `tools` are given for crun. The environment may
 * hold secrets, so the file is on no disk.
 */
export function writeBundle(
  stage: string,
  tools: HookTools | undefined,
  request: BundleRequest,
): void {
  writeFileSync(`${stage}/${state}/config.json`, JSON.stringify(runtimeSpec(tools, request)), {
    mode: 0o600,
  });
}

/**
 * crun mounts the root on itself, and forgets that device nodes in it must not work. A hook that does not
 * read what it is told makes crun fail.
 */
function keepDevicesOut({ sh, mount }: HookTools, place: string): object {
  const script = 'read -r state; exec "$0" -n -o remount,bind,nodev "$1"';
  return { path: sh, args: ["sh", "-c", script, mount, place], env: ["LC_ALL=C"] };
}

function inProc(name: string): string {
  return `/proc/${name}`;
}

export function runtimeSpec(tools: HookTools | undefined, request: BundleRequest): object {
  const { command, environment, directory, user, privileged, work } = request;
  const capabilities = grantedCapabilities(privileged);
  const names = capabilities.map((name) => `CAP_${name.toUpperCase()}`);
  const place = resolve(work, root);
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: {
        uid: user.uid,
        gid: user.gid,
        umask: 0o022,
        ...(identityLimits().noGroups ? {} : { additionalGids: user.groups }),
      },
      args: command,
      env: environment,
      cwd: directory,
      capabilities: { bounding: names, effective: names, permitted: names },
      noNewPrivileges: false,
    },
    root: { path: place, readonly: false },
    // A /dev that is mounted keeps them from making devices there.
    mounts: [
      {
        destination: "/proc",
        type: "proc",
        source: "proc",
        options: ["nosuid", "nodev", "noexec"],
      },
      {
        destination: "/dev",
        type: "bind",
        source: `${place}/dev`,
        options: ["rbind", ...(privileged ? [] : ["nosuid", "nodev"])],
      },
    ],
    ...(tools === undefined || privileged
      ? {}
      : { hooks: { createContainer: [keepDevicesOut(tools, place)] } }),
    linux: {
      // The command is the first process of its own, and those that it leaves behind end with it.
      namespaces: [{ type: "mount" }, { type: "pid" }],
      rootfsPropagation: "private",
      ...(privileged
        ? {}
        : {
            maskedPaths: [...procGuards.hiddenFiles, ...procGuards.hiddenFolders].map(inProc),
            readonlyPaths: procGuards.readOnly.map(inProc),
            seccomp: seccompProfile(capabilities),
          }),
    },
  };
}
