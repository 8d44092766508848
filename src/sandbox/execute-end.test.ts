/** How executions end: by themselves, by an abort, with the process that started them; and what is refused. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { findTool, needs } from "../../test/requirements.ts";
import { openWorkspace } from "../../test/run-bivy.ts";
import { isBivyError, type ErrorCode } from "../base/index.ts";
import { runtimeNames, type ExecuteRequest } from "./execute-request.ts";
import { executeIn, makePlace, processesWith, type Place } from "./sample-execution.test.ts";
import { unpackRoot } from "./sample-root.test.ts";
import type { ExecuteOrder } from "./sample-program.test.ts";

const usable = needs({
  root: true,
  fixtures: true,
  tools: ["unshare", "nsenter", "setpriv", "tar"],
});
const program = fileURLToPath(new URL("sample-program.test.ts", import.meta.url));
const installed = runtimeNames.filter((name) => findTool(name) !== undefined);

function openPlace(context: TestContext): Place {
  const { folder } = openWorkspace(context);
  return makePlace(folder, unpackRoot(folder));
}

/** A word that marks the processes of one test: how long they would sleep. */
const markOf = (number: number): string => `${5000 + number}.${process.pid}`;

/** A command with a process that left its session and closed its streams, and one that stays. */
const daemons = (mark: string): readonly string[] => [
  "/bin/sh",
  "-c",
  `setsid sleep ${mark} >/dev/null 2>&1 </dev/null & setsid sh -c 'trap "" TERM HUP INT; sleep ${mark}' & echo up; sleep ${mark}`,
];

const mountsIn = ({ folder }: Place): readonly string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(folder));

async function untilGone(mark: string): Promise<void> {
  for (let tries = 0; processesWith(mark).length > 0; tries += 1) {
    assert.ok(tries < 500, `still there: ${processesWith(mark).join(" ")}`);
    await sleep(20);
  }
}

/** The shell goes on once it has forked, before what it forked has become what it will be. */
async function untilThere(mark: string, count: number): Promise<void> {
  for (let tries = 0; processesWith(mark).length < count; tries += 1) {
    assert.ok(tries < 500, `expected ${count}, found: ${processesWith(mark).join(" ")}`);
    await sleep(20);
  }
}

for (const [number, runtime] of installed.entries()) {
  test(`${runtime}: an abort ends all processes, and then rejects`, usable, async (context) => {
    const place = openPlace(context);
    const mark = markOf(number);
    const abort = new AbortController();
    const work = executeIn(place, daemons(mark), {
      runtime,
      signal: abort.signal,
      onOutput: () => abort.abort(),
    });
    await assert.rejects(work, (error) => isBivyError(error, "aborted"));
    assert.deepEqual(processesWith(mark), []);
    assert.deepEqual(mountsIn(place), []);
  });

  test(`${runtime}: nothing outlives a killed process`, usable, async (context) => {
    const place = openPlace(context);
    const mark = markOf(100 + number);
    const order: ExecuteOrder = {
      folder: place.folder,
      lower: place.lower,
      command: daemons(mark),
      request: { runtime },
    };
    const child = spawn(process.execPath, [program, "one", JSON.stringify(order)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await untilThere(mark, 3);
    child.kill("SIGKILL");
    await ended;
    await untilGone(mark);
    assert.deepEqual(mountsIn(place), []);
  });

  test(`${runtime}: nothing outlives a command`, usable, async (context) => {
    const mark = markOf(200 + number);
    const command = [
      "/bin/sh",
      "-c",
      `setsid sleep ${mark} & setsid sleep ${mark} >/dev/null 2>&1 & exit 7`,
    ];
    const { exitCode } = await executeIn(openPlace(context), command, { runtime });
    assert.equal(exitCode, 7);
    assert.deepEqual(processesWith(mark), []);
  });
}

test("an abort before the start runs nothing", usable, async (context) => {
  const request = { signal: AbortSignal.abort() };
  await assert.rejects(executeIn(openPlace(context), ["/bin/true"], request), (error) =>
    isBivyError(error, "aborted"),
  );
});

test("an abort at any moment ends all processes", usable, async (context) => {
  const { folder } = openWorkspace(context);
  const lower = unpackRoot(folder);
  const mark = markOf(300);
  for (const runtime of installed)
    for (const delay of [0, 1, 2, 4, 8, 12, 16, 24, 32]) {
      const signal = AbortSignal.timeout(delay);
      const work = executeIn(makePlace(folder, lower), daemons(mark), { runtime, signal });
      await assert.rejects(work, (error) => isBivyError(error, "aborted"), `${runtime} ${delay}`);
      assert.deepEqual(processesWith(mark), [], `${runtime} ${delay}`);
    }
});

test("files are made with the usual modes, whatever the umask is", usable, (context) => {
  const place = openPlace(context);
  for (const runtime of installed) {
    const order: ExecuteOrder = {
      folder: place.folder,
      lower: place.lower,
      command: ["/bin/sh", "-c", "umask; touch /new; stat -c %a /new /deep /deep/er /dev /dev/shm"],
      request: { runtime, mounts: [{ kind: "tmpfs", target: "/deep/er/a" }] },
    };
    const { stdout } = spawnSync(
      "sh",
      ["-c", 'umask 077; exec "$@"', "sh", process.execPath, program, "one", JSON.stringify(order)],
      { encoding: "utf8" },
    );
    assert.equal(stdout, "0022\n644\n755\n755\n755\n1777\nexit 0\n", runtime);
  }
});

test("an interactive command has the streams of this process", usable, (context) => {
  const place = openPlace(context);
  const order: ExecuteOrder = {
    folder: place.folder,
    lower: place.lower,
    command: ["/bin/sh", "-c", "read -r line; echo got $line; echo err >&2; exit 4"],
    request: { interactive: true },
  };
  const { stdout, stderr } = spawnSync(process.execPath, [program, "one", JSON.stringify(order)], {
    input: "typed\n",
    encoding: "utf8",
  });
  assert.equal(stdout, "got typed\nexit 4\n");
  assert.equal(stderr, "err\n");
});

test("a command can talk to a socket of the host", usable, async (context) => {
  const place = openPlace(context);
  const source = join(place.folder, "agent.sock");
  const server = createServer((socket) => socket.end("hello\n"));
  await new Promise<void>((resolve) => server.listen(source, resolve));
  context.after(() => server.close());
  for (const readOnly of [false, true]) {
    const { stdout } = await executeIn(
      makePlace(place.folder, place.lower),
      ["/usr/bin/nc", "local:/run/agent.sock"],
      { mounts: [{ kind: "bind", source, target: "/run/agent.sock", readOnly }] },
    );
    assert.equal(stdout.toString(), "hello\n");
  }
});

interface Refusal {
  readonly name: string;
  readonly command?: readonly string[];
  readonly request?: (place: Place) => Partial<ExecuteRequest>;
  readonly code: ErrorCode;
  readonly message: RegExp;
}

const tmpfs = (target: string): Partial<ExecuteRequest> => ({
  mounts: [{ kind: "tmpfs", target }],
});

const refusals: readonly Refusal[] = [
  { name: "no command", command: [], code: "config-invalid", message: /command is empty/ },
  { name: "a NUL byte", command: ["a\0b"], code: "config-invalid", message: /NUL byte/ },
  {
    name: "a variable without a name",
    request: () => ({ environment: ["=a"] }),
    code: "config-invalid",
    message: /environment =a: expected NAME=VALUE/,
  },
  {
    name: "a relative folder",
    request: () => ({ directory: "tmp" }),
    code: "config-invalid",
    message: /directory tmp: expected an absolute path/,
  },
  {
    name: "a host name that is a path",
    request: () => ({ hostname: "a/b" }),
    code: "config-invalid",
    message: /host name a\/b/,
  },
  { name: "a mount on the root", request: () => tmpfs("/"), code: "path-unsafe", message: /^\/: / },
  {
    name: "a target that climbs",
    request: () => tmpfs("/a/../b"),
    code: "path-unsafe",
    message: /^\/a\/\.\.\/b: /,
  },
  {
    name: "a target in /proc",
    request: () => tmpfs("/proc/sys"),
    code: "config-invalid",
    message: /nothing can be mounted in \/proc/,
  },
  {
    name: "a folder on a file",
    request: () => tmpfs("/etc/motd"),
    code: "config-invalid",
    message: /\/etc\/motd: etc\/motd is not a folder/,
  },
  {
    name: "a target behind a symbolic link",
    request: () => tmpfs("/var/run/a"),
    code: "path-unsafe",
    message: /\/var\/run\/a: var\/run is a symbolic link/,
  },
  {
    name: "a source that is not there",
    request: () => ({
      mounts: [{ kind: "bind", source: "/nowhere", target: "/a", readOnly: true }],
    }),
    code: "file-not-found",
    message: /\/nowhere/,
  },
  {
    name: "a source behind a symbolic link",
    request: ({ folder }) => {
      const [lower, upper, work] = ["l", "u", "w"].map((name) => join(folder, name));
      for (const each of [lower!, upper!, work!]) mkdirSync(each);
      symlinkSync("/etc", join(lower!, "link"));
      const union = { lowers: [lower!], upper: upper!, work: work!, readOnly: true };
      return { mounts: [{ kind: "overlay", ...union, subpath: "link/passwd", target: "/a" }] };
    },
    code: "path-unsafe",
    message: /\/a: link is a symbolic link/,
  },
  {
    name: "a root whose /dev leads elsewhere",
    request: ({ folder, lower }) => {
      const layer = join(folder, "layer");
      mkdirSync(layer);
      symlinkSync("/etc", join(layer, "dev"));
      return { lowers: [layer, lower] };
    },
    code: "path-unsafe",
    message: /\/dev: dev is a symbolic link/,
  },
  {
    name: "an upper folder on overlayfs",
    request: ({ folder }) => ({
      upper: join(folder, "overlaid/upper"),
      work: join(folder, "overlaid/work"),
    }),
    code: "sandbox-unavailable",
    message: /overlaid\/upper lies on overlayfs/,
  },
  {
    name: "loader variables without env(1)",
    request: ({ folder }) => {
      mkdirSync(join(folder, "empty"));
      return {
        lowers: [join(folder, "empty")],
        runtime: "unshare",
        environment: ["LD_PRELOAD=/x"],
      };
    },
    code: "sandbox-unavailable",
    message: /LD_PRELOAD is set, and the image has no \/usr\/bin\/env/,
  },
];

test("what cannot be is refused before anything runs", usable, async (context) => {
  const { folder } = openWorkspace(context);
  const lower = unpackRoot(folder);
  for (const { name, command = ["/bin/echo", "ran"], request, code, message } of refusals)
    await context.test(name, async (subtest) => {
      const place = makePlace(folder, lower);
      if (name.includes("overlayfs")) mountOverlay(subtest, place);
      await assert.rejects(executeIn(place, command, request?.(place) ?? {}), (error) => {
        assert.ok(isBivyError(error), String(error));
        assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
        assert.ok(error.hint !== undefined && error.hint.endsWith("."));
        return true;
      });
    });
});

/** A file system that cannot hold the changes of an overlay. */
function mountOverlay(context: TestContext, { folder }: Place): void {
  const [lower, upper, work, overlaid] = ["ol", "ou", "ow", "overlaid"].map((name) =>
    join(folder, name),
  );
  for (const each of [lower!, upper!, work!, overlaid!]) mkdirSync(each);
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const { status } = spawnSync("mount", ["-t", "overlay", "overlay", "-o", options, overlaid!]);
  assert.equal(status, 0);
  context.after(() => spawnSync("umount", [overlaid!]));
  for (const name of ["upper", "work"]) mkdirSync(join(overlaid!, name));
}
