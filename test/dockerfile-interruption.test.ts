/**
 * Interruptions of a Dockerfile's build: at any moment, by any signal, nothing of it stays on the machine
 * but what is whole, and the next build comes out as if nothing had happened.
 *
 * BIVY_KILLS says how many builds are ended, BIVY_KILL_SEED chooses their moments.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./alpine-root.ts";
import {
  alpineWorld,
  damagedBlobs,
  mountsWith,
  processesWith,
  scratchWorld,
  storeOf,
  unfinished,
  until,
  withAlpine,
  wordsOf,
  workFolderOf,
  type DockerfileResult,
  type World,
} from "./dockerfile-world.ts";
import { assertFolderIntact } from "./image-integrity.ts";
import { addUser, asUser, giveTo, installForOthers } from "./other-user.ts";
import { needs } from "./requirements.ts";
import {
  assertNothingLeft,
  openWorkspace,
  projectFolder,
  startBivy,
  succeed,
  type RunOptions,
  type Workspace,
} from "./run-bivy.ts";

const kills = Number(process.env["BIVY_KILLS"] ?? 20);
const seed = Number(process.env["BIVY_KILL_SEED"] ?? 1);

/** Stages that run at once, with all that is hard to end: children, daemons, large and many files. */
const dockerfile = `FROM alpine AS loops
RUN for i in 1 2 3 4; do (for j in 1 2 3 4 5 6; do sleep 0.02; done) & done; wait; echo loops > /made
FROM alpine AS daemons
RUN setsid sh -c 'trap "" TERM INT HUP; while :; do sleep 0.05; done' > /dev/null 2>&1 & \\
    (setsid setsid sleep 1000 &) & sleep 0.1; echo daemons > /made
FROM alpine AS writes
RUN --mount=type=cache,target=/cache,sharing=locked for i in 1 2 3; do \\
    dd if=/dev/zero of=/large bs=1M count=4 2> /dev/null; cp /large /cache/$i; done; echo writes > /made
FROM alpine
COPY many /many
RUN --mount=type=bind,target=/context --mount=type=tmpfs,target=/t cp -r /context/many /t && adduser -D app
COPY --from=loops /made /loops
COPY --from=daemons /made /daemons
COPY --from=writes /made /large /writes/
RUN mkdir /deep && cd /deep && for i in $(seq 40); do mkdir d$i && echo $i > d$i/file; done
`;

/** What each round ends, and how. */
interface Round {
  readonly signal: NodeJS.Signals;
  readonly runtime: string;
  readonly byRoot: boolean;
  /** Of the time that a build takes. */
  readonly moment: number;
}

const signals = ["SIGKILL", "SIGKILL", "SIGINT", "SIGKILL", "SIGTERM"] as const;
const runtimes = ["crun", "runc", "unshare", "bwrap"];

/** The moments are spread over the build, each by chance within its part. */
function planRounds(count: number): Round[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, (_, index) => ({
    signal: signals[index % signals.length]!,
    runtime: runtimes[Math.floor(index / 3) % runtimes.length]!,
    byRoot: index % 4 !== 3,
    moment: (((index * 7) % count) + random()) / count,
  }));
}

/** Numbers below 1, the same for the same seed: a linear congruential generator modulo 2 ** 32. */
function randomNumbers(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Setting {
  readonly folder: string;
  readonly words: readonly string[];
  readonly digest: string;
  /** How long a build takes, in milliseconds. */
  readonly duration: number;
  /** What runs bivy as another user, who has subordinate ids. */
  readonly other: RunOptions;
  readonly uid: number;
}

/** One build that nobody disturbs, and a user. */
async function openSetting(context: TestContext): Promise<Setting> {
  const world: World = await alpineWorld(context);
  const { workspace, words, place } = world;
  const many = Array.from({ length: 300 }, (_, at) => [`many/${at % 20}/${at}`, `${at}`]);
  const folder = place({ Dockerfile: dockerfile, ...Object.fromEntries(many) });
  const user = addUser(context, workspace);
  const other = { program: installForOthers(workspace), prefix: asUser(user.uid, user.gid) };
  mkdirSync(workspace.path("out"));
  const began = performance.now();
  const { digest } = await world.build([...outputsIn(workspace), folder]);
  return { folder, words, digest, duration: performance.now() - began, other, uid: user.uid };
}

/** The variable of a proxy is in the environment of every command, and leaves no trace in an image. */
function outputsIn(workspace: Workspace): string[] {
  const out = workspace.path("out");
  return wordsOf(`-t sample --build-arg no_proxy=${workspace.folder} -o oci:${out}/layout
    -o oci-archive:${out}/image.tar --cache-to type=local,dest=${out}/steps`);
}

/** Builds, ends it in the middle, looks at what is left, and builds again. Says how it ended. */
async function interrupt(context: TestContext, setting: Setting, round: Round): Promise<string> {
  const { signal, runtime, byRoot, moment } = round;
  const workspace = openWorkspace(context);
  mkdirSync(workspace.path("out"));
  if (!byRoot) giveTo(workspace, setting.uid, "out");
  const options = byRoot ? {} : setting.other;
  const words = wordsOf(`build --progress plain --format json --runtime ${runtime}`);
  const command = [...words, ...setting.words, ...outputsIn(workspace), setting.folder];
  const running = startBivy(workspace, command, options);
  await Promise.race([sleep(moment * setting.duration), running.outcome]);
  running.process.kill(signal);
  const { exitCode, signal: endedBy, stderr } = await running.outcome;
  // Before it listens, a process ends as signals end processes: to the one outside of it, that is 143 or 130.
  const wasDeaf = endedBy !== null || ((exitCode === 143 || exitCode === 130) && stderr === "");
  if (!wasDeaf) {
    assert.ok(exitCode === 130 || exitCode === 0, `${exitCode}: ${stderr}`);
    if (exitCode === 130) assert.match(stderr, /^error: .*(interrupted|aborted).* \[aborted\]$/m);
    assertTidy(workspace, stderr);
  }
  await assertGone(workspace);
  const layouts = [
    storeOf(workspace.home),
    ...["layout", "steps"].map((name) => workspace.path("out", name)),
  ];
  for (const folder of layouts) assert.deepEqual(damagedBlobs(folder), [], folder);

  const again = await startBivy(workspace, command, options).outcome;
  assert.equal(again.exitCode, 0, again.stderr);
  assert.equal((JSON.parse(again.stdout) as DockerfileResult).digest, setting.digest);
  for (const folder of layouts) assertFolderIntact(folder);
  assertTidy(workspace, again.stderr);
  await assertGone(workspace);
  return endedBy ?? (exitCode === 0 ? "finished" : "interrupted");
}

/** Of some bytes, and left to who writes there next, or to `image gc`: leases, records, hashes. */
const leftToOthers = /\/(\.bivy-lease-[^/]*|\.bivy-records\/.*|hashes\/.*)$/;

function assertTidy(workspace: Workspace, said: string): void {
  assertNothingLeft(workspace);
  const left = unfinished(workspace.folder);
  assert.deepEqual(
    left.filter((path) => !leftToOthers.test(path)),
    [],
    said,
  );
}

/** No process and no mount of the workspace is left; the kernel may take a moment. */
async function assertGone({ folder }: Workspace): Promise<void> {
  const left = (): string[] => [...processesWith(folder), ...mountsWith(folder)];
  await until(
    () => `these are left:\n${left().join("\n")}`,
    () => left().length === 0,
  );
}

const withAll = needs({
  root: true,
  fixtures: true,
  tools: wordsOf("unshare nsenter setpriv crun runc bwrap newuidmap useradd userdel usermod"),
});

test(`${kills} builds that are ended`, withAll, async (context) => {
  const setting = await openSetting(context);
  const rounds = planRounds(kills);
  const outcomes = new Map<string, number>();
  const work = async (): Promise<void> => {
    for (let round = rounds.shift(); round !== undefined; round = rounds.shift()) {
      const current = round;
      const { signal, runtime, byRoot, moment } = current;
      const at = Math.round(moment * setting.duration);
      const name = `${signal} at ${at} ms with ${runtime} by ${byRoot ? "root" : "another user"}`;
      await context.test(name, async (inner) => {
        const ended = await interrupt(inner, setting, current);
        outcomes.set(ended, (outcomes.get(ended) ?? 0) + 1);
      });
    }
  };
  await Promise.all([work(), work()]);
  const counts = [...outcomes].map(([how, count]) => `${count} ${how}`).join(", ");
  context.diagnostic(`a build takes ${Math.round(setting.duration)} ms; ${counts}`);
});

test("a command that heeds no signal ends with its build", withAlpine, async (context) => {
  const { workspace, words, place } = await alpineWorld(context);
  const folder = place({
    Dockerfile: "FROM alpine\nRUN trap '' INT TERM; echo up; while :; do sleep 0.05; done\n",
  });
  const command = ["--progress", "plain", "--build-arg", `no_proxy=${workspace.folder}`, folder];
  const running = startBivy(workspace, ["build", ...words, ...command]);
  await running.said(" up\n");
  // What the other tests look for is what they would find.
  assert.match(processesWith(workspace.folder).join("\n"), /trap .*while/);
  assert.match(mountsWith(workspace.folder).join("\n"), /overlay/);
  running.process.kill("SIGINT");
  const { exitCode, stderr } = await running.outcome;
  assert.equal(exitCode, 130, stderr);
  assert.match(stderr, /^#\d+ CANCELED/m);
  await assertGone(workspace);
  assertTidy(workspace, stderr);
});

const withAgent = needs({
  root: true,
  fixtures: true,
  tools: wordsOf("unshare nsenter setpriv ssh-keygen ssh-agent ssh-add"),
});

for (const signal of ["SIGKILL", "SIGINT"] as const)
  test(
    `an agent that was started for a build ends with it, by ${signal}`,
    withAgent,
    async (context) => {
      const { workspace, words, place } = await alpineWorld(context);
      const key = workspace.path("key");
      run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
      const folder = place({
        Dockerfile: "FROM alpine\nRUN --mount=type=ssh echo up; while :; do sleep 0.05; done\n",
      });
      const command = ["build", "--progress", "plain", "--ssh", `default=${key}`, ...words, folder];
      const running = startBivy(workspace, command);
      await running.said(" up\n");
      const agents = processesWith(workspace.folder).filter((line) => /^\d+ ssh-agent /.test(line));
      context.after(() => {
        for (const line of agents)
          if (existsSync(`/proc/${parseInt(line, 10)}`)) process.kill(parseInt(line, 10));
      });
      assert.equal(agents.length, 1);
      running.process.kill(signal);
      await running.outcome;
      await assertGone(workspace);
    },
  );

test("what a killed build left is removed by the next", async (context) => {
  const { workspace, place, build } = scratchWorld(context);
  const print = 'import("./src/base/index.ts").then(({ newOwner }) => console.log(newOwner()))';
  const gone = (): string =>
    run("sh", [
      "-c",
      'cd "$0" && exec "$1" -e "$2"',
      projectFolder,
      process.execPath,
      print,
    ]).trim();
  const [work, store] = [workFolderOf(workspace.home), storeOf(workspace.home)];
  const ofBuilds = [
    join(work, `bivy-build-${gone()}`, "1", "file"),
    join(store, `.bivy-unfinished-${gone()}`),
    workspace.path("out", `.bivy-unfinished-${gone()}`),
  ];
  const ofTheStore = [
    join(store, `.bivy-lease-${gone()}`),
    join(store, ".bivy-records", "00", `${"0".repeat(62)}.json.${gone()}`),
  ];
  const there = (paths: readonly string[]): string[] => paths.filter((path) => existsSync(path));
  for (const path of [...ofBuilds, ...ofTheStore])
    workspace.write(relative(workspace.folder, path), "left");
  const [files, image] = ["files", "image"].map((name) => workspace.path("out", `${name}.tar`));
  const folder = place({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
  await build([
    "-t",
    "sample",
    "-o",
    `type=tar,dest=${files}`,
    "-o",
    `oci-archive:${image}`,
    folder,
  ]);
  await succeed(workspace, ["image", "gc", "--build-cache", "0"]);
  assert.deepEqual([...there(ofBuilds), ...there(ofTheStore)], []);
});
