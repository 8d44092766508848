/** Another user: a copy of bivy that every user can read, and ways to run as one who is not root. */
import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { run } from "./alpine-root.ts";
import { mainFile, projectFolder, type Workspace } from "./run-bivy.ts";

/** A copy of bivy and of Node, as `program` of a run: the project may lie where only its owner reads. */
export function installForOthers(workspace: Workspace): readonly string[] {
  const place = workspace.path("bivy");
  for (const part of [
    "dist",
    "package.json",
    "examples",
    "node_modules/commander",
    "node_modules/yaml",
  ])
    cpSync(join(projectFolder, part), join(place, part), { recursive: true, dereference: true });
  cpSync(process.execPath, join(place, "node"));
  run("chmod", ["-R", "a+rX", place]);
  return [join(place, "node"), join(place, mainFile.slice(projectFolder.length))];
}

/** A prefix that runs a command as a plain user id, which need not be in /etc/passwd. */
export function asUser(uid: number, gid = uid): readonly string[] {
  return ["setpriv", "--reuid", `${uid}`, "--regid", `${gid}`, "--clear-groups"];
}

/** Gives the user what a run writes to: home, temporary folder, and further folders of the workspace. */
export function giveTo(workspace: Workspace, uid: number, ...names: readonly string[]): void {
  for (const name of ["home", "tmp", ...names])
    run("chown", ["-R", `${uid}:${uid}`, workspace.path(name)]);
}

/** A user of the system with 65,536 subordinate ids, removed when the test ends. */
export function addUser(context: TestContext, workspace: Workspace): { uid: number; gid: number } {
  const name = `bivy-test-${process.pid}`;
  context.after(() => void spawnSync("userdel", [name], { stdio: "ignore" }));
  run("useradd", ["--no-create-home", "--home-dir", workspace.home, "--user-group", name]);
  run("usermod", ["--add-subuids", "700000-765535", "--add-subgids", "700000-765535", name]);
  const [, , uid, gid] = run("getent", ["passwd", name]).split(":");
  return { uid: Number(uid), gid: Number(gid) };
}
