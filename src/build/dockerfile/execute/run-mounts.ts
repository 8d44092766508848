/**
 * The mounts of RUN: what each `--mount` makes visible, found and made ready for the sandbox. Secrets and
 * sockets of agents are given by the caller; for caches see ./cache-mounts.ts.
 */
import { posix } from "node:path";
import { BivyError } from "../../../base/index.ts";
import { type SandboxMount } from "../../../sandbox/index.ts";
import { findNode, resolveInRoot, type DirectoryNode } from "../../../tree/index.ts";
import { type PlannedMount } from "../steps.ts";
import { makeFolder, type StageFiles, type Workshop } from "./stage-files.ts";

/** Secrets and agents by id, as the user gave them. */
export interface Credentials {
  /** Undefined where there is none of that id. */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** The path of an agent's socket on this machine. */
  agent(id: string, access: SocketAccess): Promise<string | undefined>;
}

/** Who may talk to an agent. */
export interface SocketAccess {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface MountSources extends Workshop {
  readonly credentials: Credentials;
  /** Where cache mounts are kept. */
  readonly caches: string;
  /** The files that a bind or cache mount takes from: a stage, an image, or the context. */
  filesOf(mount: PlannedMount): Promise<StageFiles>;
}

/** What the mounts of a command come to. */
export interface ReadyMounts {
  readonly mounts: readonly SandboxMount[];
  /** `NAME=VALUE` of secrets and agents: for the command alone. */
  readonly environment: readonly string[];
}

export async function prepareMounts(
  planned: readonly PlannedMount[],
  tree: DirectoryNode,
  caches: ReadonlyMap<PlannedMount, string>,
  sources: MountSources,
): Promise<ReadyMounts> {
  const mounts: SandboxMount[] = [];
  const environment: string[] = [];
  let agents = 0;
  for (const mount of planned) {
    const target = resolveTarget(tree, mount.target);
    if (mount.type === "tmpfs")
      mounts.push({
        kind: "tmpfs",
        target,
        ...(mount.size === undefined ? {} : { size: mount.size }),
      });
    else if (mount.type === "bind") mounts.push(await bindMount(mount, target, sources));
    else if (mount.type === "cache")
      mounts.push({
        kind: "bind",
        source: caches.get(mount)!,
        target,
        readOnly: mount.readOnly,
      });
    else if (mount.type === "secret") await addSecret(mount, tree, sources, mounts, environment);
    else await addAgent(mount, agents++, tree, sources, mounts, environment);
  }
  return { mounts, environment };
}

/** The place in the root that a path leads to, as the sandbox takes it. */
export function resolveTarget(tree: DirectoryNode, path = "/"): string {
  const lookup = (below: string) => findNode(tree, below);
  return `/${resolveInRoot({ lookup }, path)}`;
}

async function bindMount(
  mount: PlannedMount,
  target: string,
  sources: MountSources,
): Promise<SandboxMount> {
  const files = await sources.filesOf(mount);
  const tree = await files.tree();
  const subpath = resolveTarget(tree, posix.join("/", mount.source ?? "/")).slice(1);
  if (findNode(tree, subpath) === undefined)
    throw new BivyError(
      "file-not-found",
      `--mount: ${JSON.stringify(mount.source)}: there is no such file or folder in what it takes from`,
      { hint: "Check the source, and whether .dockerignore leaves it out." },
    );
  return {
    kind: "overlay",
    lowers: await files.lowers(),
    subpath,
    target,
    readOnly: mount.readOnly,
    upper: await makeFolder(sources),
    work: await makeFolder(sources),
  };
}

async function addSecret(
  mount: PlannedMount,
  tree: DirectoryNode,
  { credentials }: MountSources,
  mounts: SandboxMount[],
  environment: string[],
): Promise<void> {
  const wanted = mount.target === undefined || mount.target === "" ? undefined : mount.target;
  const id = mount.id ?? mount.source ?? posix.basename(wanted ?? "") ?? mount.env ?? "";
  const name = id === "" ? (mount.env ?? "") : id;
  const content = await credentials.secret(name);
  if (content === undefined) {
    if (!mount.required) return;
    throw new BivyError("usage", `secret ${JSON.stringify(name)}: expected it to be given`, {
      hint: `Give it with --secret id=${name},src=FILE or --secret id=${name},env=VARIABLE.`,
    });
  }
  if (mount.env !== undefined)
    environment.push(`${mount.env}=${Buffer.from(content).toString("utf8")}`);
  // A secret that goes into a variable is a file only where a target says so.
  if (mount.env !== undefined && wanted === undefined) return;
  mounts.push({
    kind: "file",
    target: resolveTarget(tree, wanted ?? `/run/secrets/${name}`),
    content,
    mode: mount.mode ?? 0o400,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  });
}

async function addAgent(
  mount: PlannedMount,
  position: number,
  tree: DirectoryNode,
  { credentials }: MountSources,
  mounts: SandboxMount[],
  environment: string[],
): Promise<void> {
  const id = mount.id ?? "default";
  const access = { uid: mount.uid ?? 0, gid: mount.gid ?? 0, mode: mount.mode ?? 0o600 };
  const source = await credentials.agent(id, access);
  if (source === undefined) {
    if (!mount.required) return;
    throw new BivyError("usage", `ssh agent ${JSON.stringify(id)}: expected it to be given`, {
      hint: `Give it with --ssh ${id}, while SSH_AUTH_SOCK is set, or --ssh ${id}=SOCKET.`,
    });
  }
  const target = mount.target || `/run/buildkit/ssh_agent.${position}`;
  mounts.push({ kind: "bind", source, target: resolveTarget(tree, target), readOnly: false });
  if (position === 0) environment.push(`SSH_AUTH_SOCK=${target}`);
}

/** How a mount enters the key of its step (see ../cache/step-key.ts). */
export function keyOfMount(mount: PlannedMount, source: string | undefined): unknown {
  const { type, target, readOnly, id, env, size, mode, uid, gid, sharing } = mount;
  return {
    type,
    target,
    readOnly,
    id,
    env,
    size,
    mode,
    uid,
    gid,
    sharing,
    source,
    path: mount.source,
  };
}
