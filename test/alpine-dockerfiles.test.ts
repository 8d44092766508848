/**
 * Dockerfiles for Alpine as people write them: each is built in a small world without network, and its
 * image is run. What cannot be built or run fails for a reason that the table of cases gives.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseDockerfile } from "../src/dockerfile/index.ts";
import { openLayout, selectPlatform } from "../src/oci/index.ts";
import {
  dockerfileFolder,
  plainFiles,
  readCases,
  readDockerfiles,
  type CaseBuild,
  type CaseFailure,
  type CaseRun,
} from "./alpine-dockerfiles/cases.ts";
import { runImage } from "./alpine-dockerfiles/container.ts";
import { openWorld } from "./alpine-dockerfiles/world.ts";
import { writeFiles } from "./dockerfiles/files.ts";
import { assertFolderIntact } from "./image-integrity.ts";
import type { PackageServer } from "./package-server.ts";
import { needs } from "./requirements.ts";
import {
  assertFailure,
  assertNothingLeft,
  openWorkspace,
  runBivy,
  type Outcome,
  type Workspace,
} from "./run-bivy.ts";

const dockerfiles =
  existsSync(dockerfileFolder) || process.env["CI"] !== undefined
    ? { skip: false as const }
    : { skip: "needs ../shared/conformance" };
const world = needs({ root: true, fixtures: true, tools: ["umoci", "runc"] });

/** All images go into one layout, so that what they share is written once. */
const layoutName = "images";

interface Setting {
  readonly workspace: Workspace;
  readonly server: PackageServer;
}

test("each Dockerfile has a case, and each case a Dockerfile", dockerfiles, () => {
  assert.deepEqual(Object.keys(readCases()), [...readDockerfiles().keys()]);
});

test("a Dockerfile without FROM is refused where its first instruction stands", dockerfiles, () => {
  const cases = readCases();
  let fragments = 0;
  for (const [name, text] of readDockerfiles()) {
    const { fragment, builds } = cases[name]!;
    const parse = () => parseDockerfile(text, { subject: name });
    assert.equal(builds === undefined, fragment !== undefined, name);
    if (fragment === undefined) {
      assert.ok(parse().stages.length > 0, name);
      continue;
    }
    fragments++;
    assert.throws(parse, {
      code: "dockerfile-invalid",
      message: new RegExp(`^${name}:${fragment}:1: expected FROM, found none in the file$`, "m"),
    });
  }
  assert.equal(fragments, 3);
});

async function checkBuild(
  { workspace, server }: Setting,
  name: string,
  label: string,
  build: CaseBuild,
): Promise<string> {
  const context = workspace.path(`${label}-context`);
  await writeFiles(context, plainFiles(readCases()[name]!.context ?? {}, server.url));
  const file = join(dockerfileFolder, `${name}.Dockerfile`);
  const words = ["-f", file, "-o", `oci:${workspace.path(layoutName)}:${label}`];
  if (build.target !== undefined) words.push("--target", build.target);
  for (const [from, to] of Object.entries(build.instead ?? {}))
    words.push("--build-context", `${from}=docker-image://${to}`);
  const outcome = await runBivy(workspace, ["build", "--offline", ...words, context]);
  if (build.fails !== undefined) {
    assertStepFails(outcome, name, build.fails);
    return `cannot be built: ${build.fails.why}`;
  }
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  await assertSettings(workspace, label, build);
  return `built, ${await checkRun(workspace, label, build.runs!)}`;
}

/** The file's line is named, and what went wrong is said by bivy or by the command. */
function assertStepFails(
  outcome: Outcome,
  name: string,
  { code = "step-failed", line, says }: CaseFailure,
): void {
  assert.notEqual(outcome.exitCode, 0, "it is built");
  assertFailure(outcome, {
    exitCode: 3,
    code,
    message: new RegExp(`${name}\\.Dockerfile:${line}:`),
  });
  assert.match(outcome.stderr, new RegExp(says));
}

async function assertSettings(
  workspace: Workspace,
  label: string,
  { settings = {} }: CaseBuild,
): Promise<void> {
  const layout = await openLayout(workspace.path(layoutName));
  const image = await selectPlatform(await layout.open(label));
  const { config = {} } = await image.config();
  for (const [name, value] of Object.entries(settings))
    assert.deepEqual(config[name as keyof typeof settings], value, name);
}

async function checkRun(workspace: Workspace, label: string, run: CaseRun): Promise<string> {
  const says = new RegExp(run.says, "m");
  const outcome = await runImage(workspace, layoutName, label, {
    ...run,
    ...(run.serves === true ? { until: says } : {}),
  });
  const { stdout, stderr, served, exitCode, user } = outcome;
  assert.match(run.fails === true ? stderr : stdout, says, `${stdout}${stderr}`);
  assert.equal(served, run.serves === true, stderr);
  assert.equal(user, run.user ?? 0);
  if (served) return "serves";
  assert.equal(exitCode !== 0, run.fails === true, stderr);
  return run.fails === true ? `cannot be run: ${run.why}` : "ran";
}

function labelOf({ target, instead = {} }: CaseBuild): string {
  return [
    ...(target === undefined ? [] : [`stage ${target}`]),
    ...Object.entries(instead).map(([from, to]) => `${to} in place of ${from}`),
  ].join(", ");
}

const all = { ...(dockerfiles.skip === false ? world : dockerfiles), concurrency: 2 };

test("Dockerfiles for Alpine are built and run", all, async (context: TestContext) => {
  const workspace = openWorkspace(context);
  const setting = { workspace, server: await openWorld(context, workspace) };
  const builds = Object.entries(readCases()).flatMap(([name, { builds: each = [] }]) =>
    each.map((build, index) => ({ name, build, label: `${name}-${index}` })),
  );
  await Promise.all(
    builds.map(({ name, build, label }) => {
      const title = [name, labelOf(build)].filter((part) => part !== "").join(": ");
      return context.test(title, async (inner) =>
        inner.diagnostic(await checkBuild(setting, name, label, build)),
      );
    }),
  );
  assertFolderIntact(workspace.path(layoutName));
  assertNothingLeft(workspace);
  // Whatever the Dockerfiles reach for is there, but for what fails in the table.
  const { requests, files } = setting.server;
  assert.deepEqual(
    requests.filter((path) => !files.has(path.slice(1))),
    [],
  );
});
