/**
 * ADD of a repository: the files of one commit, without those of git unless they are wanted.
 *
 * Which commit it is, the server is asked first, so that a step whose key is known fetches nothing. Then
 * one commit is fetched, without its history where the server can do that, and checked out into a folder
 * of its own. The files are dated as the commit, and have the modes 0644 or 0755, as BuildKit gives them.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { BivyError, fileError, isBivyError } from "../../../base/index.ts";
import { redactCredentials } from "../../../http/index.ts";
import {
  findNode,
  readDirectoryTree,
  resolveInRoot,
  type DirectoryNode,
  type FileNode,
  type TreeNode,
} from "../../../tree/index.ts";
import { type CopyStep } from "../steps.ts";
import { runGit, type GitOptions } from "./git-program.ts";
import { type GitReference } from "./git-reference.ts";
import { onceOnly, type RemoteFiles, type RemoteOptions, type RemoteSource } from "./remote.ts";
import { plainSource } from "./sources.ts";

/** What a reference leads to. */
interface Resolved {
  readonly commit: string;
  /** What a server knows it by, such as refs/heads/main; undefined for a commit. */
  readonly name: string | undefined;
}

export async function resolveGit(
  step: CopyStep,
  source: string,
  reference: GitReference,
  options: RemoteOptions,
): Promise<RemoteSource> {
  const { access, scratch, sshSocket } = options;
  const { client, limits, signal } = access;
  const git: GitOptions = {
    subject: `ADD ${redactCredentials(source)}`,
    limits,
    signal,
    sshSocket,
  };
  if (client.offline)
    throw new BivyError("offline", `${git.subject}: a repository is fetched, and bivy is offline`, {
      hint: "Run it without --offline, or copy the files into the build context.",
    });
  const checksum = oneChecksum(step.checksum, reference.checksum, git.subject);
  const resolved = await findCommit(reference, checksum, scratch, git);
  const keeps = (step.keepGitDirectory || reference.keepGitDirectory) && reference.folder === "";
  const { folder, submodules } = reference;
  const open = onceOnly(() => checkOut(reference, resolved, keeps, scratch, git));
  return {
    source,
    identity: JSON.stringify(["git", resolved.commit, plainSource(folder), keeps, submodules]),
    open,
  };
}

function oneChecksum(
  flag: string | undefined,
  query: string | undefined,
  subject: string,
): string | undefined {
  const checksum = flag ?? query;
  const expectation = "expected the commit in hex, or its beginning";
  if (checksum !== undefined && !/^[0-9a-f]{1,64}$/i.test(checksum))
    throw new BivyError("dockerfile-invalid", `${subject}: checksum ${checksum}: ${expectation}`, {
      hint: "git rev-parse REF^{commit} says it.",
    });
  if (flag !== undefined && query !== undefined && flag !== query)
    throw new BivyError(
      "dockerfile-invalid",
      `${subject}: --checksum=${flag} and the address, which says ${query}, differ`,
      { hint: "Leave one of them out." },
    );
  return checksum?.toLowerCase();
}

const commitForm = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** What the server has for a reference; a branch goes before a tag of the same name, as with git. */
async function findCommit(
  { remote, ref }: GitReference,
  checksum: string | undefined,
  scratch: string,
  git: GitOptions,
): Promise<Resolved> {
  if (ref !== undefined && commitForm.test(ref)) {
    requireChecksum(checksum, [ref], git.subject);
    return { commit: ref, name: undefined };
  }
  const wanted = ref ?? "HEAD";
  const printed = await runGit(scratch, ["ls-remote", "--", remote, wanted, `${wanted}^{}`], git);
  const ids = new Map(
    printed.split("\n").map((line) => line.split("\t").reverse() as [string, string]),
  );
  const names =
    ref === undefined
      ? ["HEAD"]
      : [
          `refs/${withoutPrefix(ref, "refs/")}`,
          below("refs/heads/", ref),
          below("refs/tags/", ref),
        ];
  const name = names.find((each) => ids.has(each));
  const found = [ids.get(`${name}^{}`), ids.get(name ?? "")].filter((id) => id !== undefined);
  const [commit] = found;
  if (name === undefined || commit === undefined || !commitForm.test(commit))
    throw new BivyError("file-not-found", `${git.subject}: the repository has no ${wanted}`, {
      hint: "Name a branch, a tag, or a whole commit after the #.",
    });
  requireChecksum(checksum, found, git.subject);
  return { commit, name };
}

function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function below(prefix: string, ref: string): string {
  return `${prefix}${withoutPrefix(ref, prefix)}`;
}

/** An annotated tag has an id of its own, which is as good as that of its commit. */
function requireChecksum(
  checksum: string | undefined,
  found: readonly string[],
  subject: string,
): void {
  if (checksum === undefined || found.some((id) => id.startsWith(checksum))) return;
  throw new BivyError(
    "digest-mismatch",
    `${subject}: expected the commit ${checksum}, found ${found.join(" or ")}`,
    {
      hint: "The reference was moved, or is not the one that was meant. Look before you trust it.",
    },
  );
}

async function checkOut(
  reference: GitReference,
  resolved: Resolved,
  keeps: boolean,
  scratch: string,
  git: GitOptions,
): Promise<RemoteFiles> {
  const folder = await mkdtemp(join(scratch, "git-")).catch((error: unknown) => {
    throw fileError(error, "making a folder", scratch);
  });
  const run = (...words: string[]) => runGit(folder, words, git);
  const { commit } = resolved;
  await run("init", "--quiet", "--template=");
  // What a submodule's address is relative to.
  await run("remote", "add", "origin", reference.remote);
  await fetchCommit(reference.remote, resolved, run);
  await run("checkout", "--quiet", "--force", "--detach", commit);
  const hasSubmodules = (await run("ls-files", "--", ".gitmodules")) !== "";
  if (reference.submodules && hasSubmodules)
    await run("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1");
  const time = Number((await run("show", "-s", "--format=%ct", commit)).trim());
  if (keeps) await tidy(folder, reference, resolved, run);
  const { top } = await readDirectoryTree(folder, {
    limits: git.limits,
    ...(git.signal === undefined ? {} : { signal: git.signal }),
  });
  return { name: "", node: settle(folderOf(top, reference, git.subject), time, keeps) };
}

type Run = (...words: string[]) => Promise<string>;

/** From the least that can be fetched to the most: not every server gives a commit, or cuts its history. */
async function fetchCommit(remote: string, { commit, name }: Resolved, run: Run): Promise<void> {
  const attempts = [
    ...(name === undefined ? [] : [["--depth=1", "--no-tags", "--", remote, name]]),
    ["--depth=1", "--no-tags", "--", remote, commit],
    ["--no-tags", "--", remote, "+refs/heads/*:refs/bivy/heads/*", "+refs/tags/*:refs/bivy/tags/*"],
  ];
  let failure: unknown;
  for (const words of attempts) {
    try {
      await run("fetch", "--quiet", "--no-recurse-submodules", ...words);
      await run("cat-file", "-e", `${commit}^{commit}`);
      return;
    } catch (error) {
      if (!isBivyError(error, "io-failed")) throw error;
      failure = error;
    }
  }
  throw failure;
}

/**
 * Leaves a repository that works: its remote, and the reference that was fetched. The index is written
 * anew, without the inodes and times of this machine.
 */
async function tidy(
  folder: string,
  { remote }: GitReference,
  { commit, name }: Resolved,
  run: Run,
): Promise<void> {
  // Of ssh, the user is part of the address, and the keys are elsewhere.
  const origin = remote.startsWith("ssh://") ? remote : redactCredentials(remote);
  await run("remote", "set-url", "origin", origin);
  await run("submodule", "--quiet", "sync", "--recursive");
  if (name?.startsWith("refs/")) await run("update-ref", "--no-deref", name, commit);
  await rm(join(folder, ".git/FETCH_HEAD"), { force: true });
  await rm(join(folder, ".git/index"), { force: true });
  await run("read-tree", "HEAD");
}

function folderOf(top: DirectoryNode, { folder }: GitReference, subject: string): DirectoryNode {
  const path = resolveInRoot({ lookup: (at) => findNode(top, at) }, plainSource(folder));
  const node = findNode(top, path);
  if (node?.kind === "directory" && !`/${path}/`.includes("/.git/")) return node;
  throw new BivyError("file-not-found", `${subject}: the repository has no folder ${folder}`, {
    hint: "Check what follows the colon: it is a folder of that commit.",
  });
}

/** The node as the commit has it, whatever the machine's own rules made of it. */
function settle(node: TreeNode, time: number, keeps: boolean): TreeNode {
  const settled = new Map<TreeNode, FileNode>();
  const at = (each: TreeNode): TreeNode => {
    const shared = { uid: 0, gid: 0, mtime: time };
    if (each.kind === "directory") {
      const kept = [...each.children].filter(([name]) => keeps || name !== ".git");
      const children = new Map(kept.map(([name, child]) => [name, at(child)]));
      return { ...shared, kind: "directory", mode: 0o755, children };
    }
    if (each.kind !== "file") return { ...each, ...shared };
    const mode = (each.mode & 0o111) === 0 ? 0o644 : 0o755;
    const file = settled.get(each) ?? { ...shared, kind: "file", mode, content: each.content };
    settled.set(each, file);
    return file;
  };
  return at(node);
}
