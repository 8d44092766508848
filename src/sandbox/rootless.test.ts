/** Commands as a plain user, who is root of a user namespace with one id, or with many. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { run } from "../../test/alpine-root.ts";
import { addUser, asUser } from "../../test/other-user.ts";
import { findTool, needs } from "../../test/requirements.ts";
import { openWorkspace, projectFolder, type Workspace } from "../../test/run-bivy.ts";
import { runtimeNames, type ExecuteRequest } from "./execute-request.ts";
import type { CaseReport, CasesOrder, ExecuteOrder } from "./sample-program.test.ts";
import { unpackRoot } from "./sample-root.test.ts";

const one = needs({ root: true, fixtures: true, tools: ["unshare", "nsenter", "setpriv", "tar"] });
const many = needs({
  root: true,
  fixtures: true,
  tools: ["unshare", "nsenter", "setpriv", "tar", "newuidmap", "useradd", "usermod"],
});

/** This folder's sources and Node, where other users can read them. */
function installProgram(workspace: Workspace): readonly string[] {
  const place = workspace.path("program");
  for (const name of ["base", "sandbox"])
    cpSync(join(projectFolder, "src", name), join(place, "src", name), { recursive: true });
  writeFileSync(join(place, "package.json"), JSON.stringify({ type: "module" }));
  cpSync(process.execPath, join(place, "node"));
  run("chmod", ["-R", "a+rX", place]);
  return [join(place, "node"), join(place, "src/sandbox/sample-program.test.ts")];
}

interface Guest {
  readonly prefix: readonly string[];
  readonly program: readonly string[];
  readonly folder: string;
  readonly lower: string;
}

function openGuest(context: TestContext, kind: "one" | "many"): Guest {
  const workspace = openWorkspace(context);
  const { uid, gid } = kind === "one" ? { uid: 12345, gid: 12345 } : addUser(context, workspace);
  const folder = workspace.path("files");
  mkdirSync(folder);
  run("chown", [`${uid}:${gid}`, folder]);
  const map = kind === "one" ? [] : ["--map-auto"];
  const prefix = [...asUser(uid, gid), "unshare", "--user", "--map-root-user", ...map, "--"];
  const flags = kind === "one" ? ["--no-same-owner"] : [];
  return {
    prefix,
    program: installProgram(workspace),
    folder,
    lower: unpackRoot(folder, prefix, ...flags),
  };
}

function runProgram(
  { prefix, program }: Guest,
  task: "cases" | "one",
  order: CasesOrder | ExecuteOrder,
): string {
  const [command, ...words] = [...prefix, ...program, task, JSON.stringify(order)];
  const { stdout, stderr, status } = spawnSync(command!, words, {
    encoding: "utf8",
    cwd: "/",
    maxBuffer: 1 << 26,
  });
  assert.equal(status, 0, `${stderr}${stdout}`);
  return stdout;
}

function tryAll(guest: Guest): readonly CaseReport[] {
  const runtimes = runtimeNames.filter((name) => findTool(name) !== undefined);
  const { folder, lower } = guest;
  return runProgram(guest, "cases", { folder, lower, runtimes })
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as CaseReport);
}

for (const [kind, { skip }] of [
  ["one", one],
  ["many", many],
] as const)
  test(
    `a plain user with ${kind} of the system's ids executes as root does`,
    { skip },
    async (context) => {
      const reports = tryAll(openGuest(context, kind));
      assert.ok(reports.length > 100);
      for (const { name, error } of reports)
        await context.test(name, () => assert.equal(error, undefined));
    },
  );

test("with one id, other users are refused before anything runs", one, (context) => {
  const guest = openGuest(context, "one");
  const { folder, lower } = guest;
  const say = (request: Partial<ExecuteRequest>) =>
    runProgram(guest, "one", { folder, lower, command: ["/bin/echo", "ran"], request });
  assert.equal(
    say({ user: { uid: 1000, gid: 0, groups: [] } }),
    "sandbox-unavailable: the command's user is 1000, and this user namespace maps root only\n",
  );
  assert.match(say({ user: { uid: 0, gid: 5, groups: [] } }), /^sandbox-unavailable: .*group is 5/);
  assert.equal(say({ user: { uid: 0, gid: 0, groups: [1, 2] } }), "ran\nexit 0\n");
});

test("a plain user outside of a user namespace is told what is needed", one, (context) => {
  const guest = openGuest(context, "one");
  const { folder, lower } = guest;
  const outside = { ...guest, prefix: asUser(12345) };
  const order = { folder, lower, command: ["/bin/echo", "ran"], request: {} };
  assert.equal(
    runProgram(outside, "one", order),
    "sandbox-unavailable: commands cannot be run in a root: it needs root, of the machine or of a user namespace\n",
  );
});
