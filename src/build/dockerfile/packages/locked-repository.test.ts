import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openRealAlpine, readFixture, withRealApk } from "../../../../test/alpine-fixtures.ts";
import { sourceOf } from "../../../../test/package-parts.ts";
import { refuses } from "../../../../test/refusals.ts";
import { temporaryFolder } from "../../../../test/root-installation.ts";
import { packSample, sampleKey } from "../../../../test/signed-repository.ts";
import {
  fetchPackage,
  generateSigningKey,
  identityKey,
  parseInstalled,
  type InstalledPackage,
  type PackageSource,
} from "../../../apk/index.ts";
import { defaultLimits } from "../../../base/index.ts";
import { type LockedPackage } from "../../lock.ts";
import { type LockedStep } from "./dockerfile-lock.ts";
import { writeLockedRepository, type LockedRepository } from "./locked-repository.ts";
import { openProject, samples, type SampleFiles } from "./sample-lock.test.ts";

const signer = generateSigningKey("bivy-build.rsa.pub", 2048);
const mountedAt = "/dev/bivy-packages";

function runTool(tool: string, words: readonly string[]) {
  const result = spawnSync(tool, words, { encoding: "utf8" });
  if (result.error !== undefined) throw result.error;
  return result;
}

function lockedStep(step: Partial<LockedStep>): LockedStep {
  return {
    id: "0/0123456789ab",
    arch: "x86_64",
    commands: [],
    variables: new Map(),
    packages: [],
    removed: [],
    tags: [],
    unresolved: [],
    recorded: false,
    ...step,
  };
}

function optionsFor(context: TestContext, source: (locked: LockedPackage) => PackageSource) {
  const folder = join(temporaryFolder(context), "repository");
  return {
    folder,
    mountedAt,
    installed: [],
    key: signer.key,
    publicPem: signer.publicPem,
    source,
    limits: defaultLimits,
  };
}

/** The text files of a root on disk that locking looks at. */
function settingsOf(folder: string): SampleFiles {
  const names = ["lib/apk/db/installed", "etc/apk/world", "etc/apk/repositories", "etc/apk/arch"];
  const keys = readdirSync(join(folder, "etc/apk/keys")).map((name) => `etc/apk/keys/${name}`);
  return Object.fromEntries(
    [...names, ...keys, "etc/alpine-release"].map((name) => [
      name,
      readFileSync(join(folder, name), "latin1"),
    ]),
  );
}

/** Serves the 180 packages of the fixtures as two repositories, and gives the real root that trusts them. */
async function openAlpine(context: TestContext) {
  const project = await openProject(context);
  const { server } = project;
  const stub = "repo/v3.17-stub/main/x86_64";
  for (const name of readdirSync(
    new URL(`../../../../../shared/fixtures/${stub}`, import.meta.url),
  ))
    for (const folder of ["main", "tagged"])
      server.files.set(`${folder}/x86_64/${name}`, readFixture(`${stub}/${name}`));
  const { folder: root } = openRealAlpine(context);
  const keyName = "fixture@bivy-6743a001.rsa.pub";
  writeFileSync(join(root, "etc/apk/keys", keyName), readFixture(`repo/keys/${keyName}`));
  writeFileSync(join(root, "etc/apk/repositories"), `${server.url}/main\n`);
  return { project, root, url: server.url };
}

function readSetting(root: string, path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function installedIn(root: string): readonly InstalledPackage[] {
  return parseInstalled(readFileSync(join(root, "lib/apk/db/installed")), { subject: "installed" });
}

/** Locks a Dockerfile, and gives its steps with their scripts. */
async function lockSteps(
  { project, root }: Awaited<ReturnType<typeof openAlpine>>,
  text: string,
): Promise<(readonly [LockedStep, string])[]> {
  const plan = project.plan(text);
  const { lock, findings } = await project.lock(plan, { images: { alpine: settingsOf(root) } });
  assert.deepEqual(findings, []);
  const runs = plan.target.steps.filter((step) => step.kind === "run");
  const { steps } = lock.platforms[0]!;
  assert.equal(steps.length, runs.length);
  return steps.map((step, index) => [step, runs[index]!.script!]);
}

async function optionsOf(
  context: TestContext,
  { project, root }: Awaited<ReturnType<typeof openAlpine>>,
  step: LockedStep,
) {
  const sources = new Map<LockedPackage, PackageSource>();
  for (const each of step.packages) sources.set(each, await fetchPackage(each, project.access));
  const options = optionsFor(context, (each) => sources.get(each)!);
  return { ...options, installed: installedIn(root) };
}

/** Compares what apk says that it did, and what its database says, with the lock. */
function assertLocked(
  root: string,
  before: readonly InstalledPackage[],
  { packages }: LockedStep,
  output: string,
): void {
  const story = output.matchAll(
    /^\(\d+\/\d+\) (?:Installing|Upgrading|Downgrading|Reinstalling|Replacing) (\S+) \((?:.* -> )?(\S+)\)$/gm,
  );
  const done = Array.from(story, ([, name, version]) => `${name!.replace(/@.*/, "")}-${version}`);
  const expected = packages.map(({ package: { name, version } }) => `${name}-${version}`);
  const files = done.filter((label) => !label.startsWith("."));
  assert.deepEqual(files.sort(), expected.sort(), output);
  const old = new Set(before.map(({ identity }) => identityKey(identity)));
  const locked = new Map(packages.map((each) => [identityKey(each.package.identity), each]));
  for (const each of installedIn(root)) {
    const key = identityKey(each.identity);
    if (old.has(key)) continue;
    assert.ok(locked.has(key) || each.name.startsWith("."), `${each.name} is not locked`);
    assert.equal(each.tag, locked.get(key)?.tag);
  }
}

test(
  "the real apk installs exactly what is locked, without a network",
  withRealApk,
  async (context) => {
    const alpine = await openAlpine(context);
    const { root, url } = alpine;
    const steps = await lockSteps(
      alpine,
      `FROM alpine
RUN apk update && apk add --no-cache 'curl=8.1.1-r1' so:libz.so.1 && apk add --virtual .build gcc 'python3=~3.10' && apk del --no-network .build
RUN apk add -X ${url}/tagged git; apk upgrade
RUN echo "@old ${url}/tagged" >> /etc/apk/repositories && apk add htop@old nano
RUN apk add jq@old
RUN apk fix nano; apk del nano git`,
    );
    for (const [step, script] of steps) {
      const before = installedIn(root);
      const repository = await writeLockedRepository(step, await optionsOf(context, alpine, step));
      const run = runWithPath(root, repository, script);
      assert.equal(run.status, 0, run.output);
      assertLocked(root, before, step, run.output);
      assertNoTrace(root);
    }
    assert.equal(readSetting(root, "etc/apk/repositories"), `${url}/main\n@old ${url}/tagged\n`);
    const world = readSetting(root, "etc/apk/world").split("\n");
    for (const atom of ["htop@old", "jq@old", "curl=8.1.1-r1"])
      assert.ok(world.includes(atom), atom);
    // What the lock does not have is not there.
    const nothing = lockedStep({ tags: ["old"] });
    const repository = await writeLockedRepository(
      nothing,
      await optionsOf(context, alpine, nothing),
    );
    const refused = runWithPath(root, repository, "apk add --no-cache vim");
    assert.notEqual(refused.status, 0);
    assert.match(refused.output, /vim \(no such package\)/);
    assert.equal(runWithPath(root, repository, "apk upgrade -a && apk fix").status, 0);
  },
);

test(
  "steps that change the repositories find what is locked all the same",
  withRealApk,
  async (context) => {
    const alpine = await openAlpine(context);
    const { root, url } = alpine;
    const steps = await lockSteps(
      alpine,
      `FROM alpine
RUN echo "${url}/tagged" > /etc/apk/repositories && apk update && apk --repository=${url}/main add -X ${url}/main jq
RUN sed -i 's|${url}|http://mirror.invalid|' /etc/apk/repositories && apk del jq
RUN echo "${url}/main" > /etc/apk/repositories && apk add --repositories-file /etc/apk/repositories -U htop && apk add -t .x "nano" && (PATH=/bin:$PATH; apk add tzdata)
RUN apk add -X ${url}/main --root /rootfs --initdb nginx jq && apk --root /rootfs del jq`,
    );
    for (const [step, script] of steps) {
      const before = installedIn(root);
      const repository = await writeLockedRepository(step, await optionsOf(context, alpine, step));
      const run = runWithPath(root, repository, script);
      assert.equal(run.status, 0, run.output);
      assert.doesNotMatch(run.output, /WARNING/);
      assertLocked(root, before, step, run.output);
      assertNoTrace(root);
      if (step.repositories !== undefined)
        assert.equal(readSetting(root, "etc/apk/repositories"), step.repositories);
    }
    assert.equal(readSetting(root, "etc/apk/repositories"), `${url}/main\n`);
    const nothing = lockedStep({});
    const repository = await writeLockedRepository(
      nothing,
      await optionsOf(context, alpine, nothing),
    );
    const refused = runWithPath(root, repository, `apk add -X ${url}/main vim`);
    assert.notEqual(refused.status, 0);
    assert.match(refused.output, /vim \(no such package\)/);
  },
);

function assertNoTrace(root: string): void {
  const { stdout } = runTool("grep", ["-rlE", "bivy-(build|packages)", root]);
  assert.equal(stdout, "", "files that speak of what was mounted");
}

/** Runs a script in the root with the folder first in PATH, in a namespace without network. */
function runWithPath(
  root: string,
  { folder, programs }: LockedRepository,
  script: string,
): { status: number | null; output: string } {
  const target = join(root, mountedAt);
  mkdirSync(target, { recursive: true });
  const command = `mount --bind -o ro '${folder}' '${target}' && exec chroot '${root}' /bin/sh -c "$1"`;
  const path = `PATH=${programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  const words = ["--mount", "--net", "env", path, "sh", "-c", command, "sh", script];
  const { status, stdout, stderr } = runTool("unshare", words);
  rmSync(target, { recursive: true });
  return { status, output: `${stdout}${stderr}` };
}

test("a false package is refused, and leaves nothing", async (context) => {
  const [jq] = samples("jq");
  const created = packSample(jq!, sampleKey());
  const locked: LockedPackage = {
    package: created.package,
    repository: "http://127.0.0.1/main",
    location: "http://127.0.0.1/main/x86_64/jq-1.0-r0.apk",
  };
  const attempts: readonly (readonly [Uint8Array, Parameters<typeof refuses>[1]])[] = [
    [
      packSample({ ...jq!, version: "2.0-r0" }, sampleKey()).bytes,
      { code: "identity-mismatch", message: "jq", hint: "" },
    ],
    [
      Buffer.concat([created.bytes, Buffer.from("more")]),
      { code: "gzip-invalid", message: "", hint: "" },
    ],
    [created.bytes.subarray(0, -20), { code: "gzip-truncated", message: "", hint: "" }],
  ];
  for (const [bytes, refusal] of attempts) {
    const options = optionsFor(context, () => sourceOf("jq.apk", bytes));
    await refuses(
      () => writeLockedRepository(lockedStep({ packages: [locked] }), options),
      refusal,
    );
    assert.deepEqual(readdirSync(join(options.folder, "packages", "x86_64")), ["APKINDEX.tar.gz"]);
  }
  const options = optionsFor(context, () => sourceOf("jq.apk", created.bytes));
  await writeLockedRepository(lockedStep({ packages: [locked] }), options);
  const path = join(options.folder, "packages", "x86_64", "jq-1.0-r0.apk");
  assert.deepEqual(readFileSync(path), Buffer.from(created.bytes));
  assert.equal(statSync(path).size, created.package.size);
});

test("names that could leave the folder are refused", async (context) => {
  const { package: subject, bytes } = packSample(
    { name: "../../evil", files: { x: "x" } },
    sampleKey(),
  );
  const options = optionsFor(context, () => sourceOf("evil.apk", bytes));
  const packages = [{ package: subject, repository: "r", location: "l" }];
  await refuses(() => writeLockedRepository(lockedStep({ packages }), options), {
    code: "index-invalid",
    message: "../../evil",
    hint: "hostile",
  });
});
