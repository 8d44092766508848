/** Dockerfiles and who builds them: root, a user with subordinate ids, one without; and where, and when. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { run } from "./alpine-root.ts";
import {
  alpineWorld,
  carriedOut,
  elsewhere,
  fromRun,
  unfinished,
  withAlpine,
  wordsOf,
  type World,
} from "./dockerfile-world.ts";
import { addUser, asUser, installForOthers } from "./other-user.ts";
import { needs } from "./requirements.ts";
import { assertFailure, runBivy, type RunOptions } from "./run-bivy.ts";

/** Whose id has no others below it. */
const single = 54321;

interface Person {
  readonly name: string;
  readonly options: RunOptions;
}

/** Root, a user with subordinate ids, and one with a single id, each with a home of its own. */
function people(
  context: TestContext,
  { workspace }: World,
): Record<"root" | "many" | "one", Person> {
  const program = installForOthers(workspace);
  const user = addUser(context, workspace);
  const person = (name: string, prefix: readonly string[], uid = 0): Person => {
    const [home, temporary] = ["home", "tmp"].map((folder) => workspace.path(name, folder));
    for (const folder of [home!, temporary!]) mkdirSync(folder, { recursive: true });
    run("chown", ["-R", `${uid}:${uid}`, workspace.path(name)]);
    return { name, options: { program, prefix, environment: { HOME: home, TMPDIR: temporary } } };
  };
  return {
    root: person("root", []),
    many: person("many", asUser(user.uid, user.gid), user.uid),
    one: person("one", asUser(single), single),
  };
}

const asOthers = needs({
  root: true,
  fixtures: true,
  tools: wordsOf("unshare nsenter setpriv newuidmap useradd userdel usermod"),
});

/** Nothing in it depends on who owns what. */
const plain = `FROM alpine AS made
RUN adduser -D -H app && mkdir -p /srv/app && echo text > /srv/app/file && ln -s file /srv/app/link && \\
    ln /srv/app/file /srv/app/same && chmod 4750 /srv/app/file && rm -r /etc/apk && mkdir /etc/apk
WORKDIR /srv/app/work
RUN --mount=type=cache,target=/c --mount=type=bind,target=/context cp /context/sub/a . && mkfifo pipe
FROM alpine AS other
RUN sed -i s/Alpine/Mountain/ /etc/os-release
FROM alpine
COPY --from=made /srv /srv
COPY --from=made /etc/passwd /etc/shadow /etc/
COPY --from=other /etc/os-release /etc/
COPY --chmod=600 --chown=7:8 sub /sub/
ADD archive.tar /unpacked/
RUN rm /usr/bin/wget && wc -l < /etc/passwd > /lines && find /srv /sub /unpacked | sort > /listing
CMD ["/srv/app/file"]
`;

/** Files have many owners, which only many ids can have. */
const owned = `FROM alpine
RUN adduser -D app && addgroup -g 2000 team && touch /shared && chown 1000:2000 /shared && chmod 2755 /shared
COPY --chown=app:team sub /home/app/sub
USER app
WORKDIR /home/app/work
RUN id > id && touch file && ls -ln /home/app | cut -c1-40 > listing
USER 3000:3001
RUN id > /tmp/id
`;

function placeContext({ place }: World, name: string, dockerfile: string): string {
  const folder = place({ Dockerfile: dockerfile, "sub/a": "a", "sub/b/c": "c" }, name);
  symlinkSync("b/c", join(folder, "sub", "link"));
  const packed = place({ x: "x" }, "packed");
  const tar = wordsOf("--owner=1:1 --group=2:2 --mtime=@1000 --mode=0640 -cf");
  run("tar", ["-C", packed, ...tar, join(folder, "archive.tar"), "x"]);
  run("chmod", ["-R", "a+rX", folder]);
  return folder;
}

/** The digests must be one; a failure says whose differs. */
function assertSame(digests: Readonly<Record<string, string>>): void {
  assert.equal(new Set(Object.values(digests)).size, 1, JSON.stringify(digests, null, 2));
}

suite("whoever builds", asOthers, () => {
  test("the image is the same, for one without subordinate ids where owners do not matter", async (context) => {
    const world = await alpineWorld(context);
    const { workspace, build } = world;
    const folders = {
      plain: placeContext(world, "plain", plain),
      owned: placeContext(world, "owned", owned),
    };
    const { root, many, one } = people(context, world);
    for (const [folder, persons] of [
      [folders.plain, [root, many, one]],
      [folders.owned, [root, many]],
    ] as const) {
      const digests: Record<string, string> = {};
      for (const { name, options } of persons)
        digests[name] = (await build([folder], options)).digest;
      assertSame(digests);
    }
    for (const { name } of [root, many, one]) {
      assert.deepEqual(unfinished(workspace.path(name)), []);
      assert.deepEqual(readdirSync(workspace.path(name, "tmp")), []);
    }
  });

  test("with a single id, another USER than root is refused before anything is done", async (context) => {
    const world = await alpineWorld(context);
    const folder = world.place({
      Dockerfile: "FROM alpine\nRUN adduser -D -H app\n\nUSER app\nRUN id\n",
    });
    const { one } = people(context, world);
    const outcome = await runBivy(world.workspace, ["build", ...world.words, folder], one.options);
    assertFailure(outcome, {
      exitCode: 3,
      code: "sandbox-unavailable",
      message: /Dockerfile:[45]:1: .*\bapp\b.*\n +[45] \| (USER app|RUN id)/,
      hint: /\/etc\/subuid/,
    });
    assert.doesNotMatch(outcome.stderr, /adduser/, "nothing was begun");
  });
});

suite("wherever and whenever", { concurrency: 2, ...withAlpine }, () => {
  test("folder, home, umask, time zone and locale do not matter", async (context) => {
    const world = await alpineWorld(context);
    const first = placeContext(world, "first", owned);
    const second = placeContext(world, "another folder/with a longer name", owned);
    run("chmod", ["-R", "go-rwx", world.workspace.path("another folder")]);
    const umask = (mask: string) => ({ prefix: ["sh", "-c", `umask ${mask}; exec "$@"`, "sh"] });
    const surroundings: Readonly<
      Record<string, readonly [string, RunOptions, Record<string, string>?]>
    > = {
      "the first": [first, {}],
      "from another folder": [first, { cwd: "/" }],
      "umask 077, east": [first, umask("077"), { TZ: "Pacific/Kiritimati", LANG: "tr_TR.UTF-8" }],
      "umask 000, west": [first, umask("000"), { TZ: "America/St_Johns", LC_ALL: "C" }],
    };
    const digests: Record<string, string> = {};
    for (const [name, [folder, options, variables]] of Object.entries(surroundings)) {
      const { environment } = elsewhere(world.workspace, `home of ${name}`);
      const all = { ...options, environment: { ...environment, ...variables } };
      const built = await world.build(["-t", "sample", folder], all);
      assert.ok(carriedOut(built).length > 0, name);
      digests[name] = built.digest;
    }
    assertSame(digests);
    // Modes of files count, and these differ.
    assert.notEqual((await world.build(["-t", "sample", second])).digest, digests["the first"]);
    run("chmod", ["-R", "a+rX", world.workspace.path("another folder")]);
    assert.equal((await world.build(["-t", "sample", second])).digest, digests["the first"]);
  });

  test("commands do not see when files of the context were written", async (context) => {
    const { workspace, place, build, read } = await alpineWorld(context);
    const folder = place({
      Dockerfile: fromRun(
        "COPY sub /sub/",
        "ADD a /added",
        "WORKDIR /made",
        "RUN mkdir /out && stat -c '%n %Y' /sub /sub/* /added /made > /out/times",
      ),
      "sub/a": "a",
      a: "a",
    });
    const times: string[] = [];
    for (const [index, time] of [1_500_000_000, 1_600_000_000].entries()) {
      for (const name of ["sub/a", "sub", "a", "."]) utimesSync(join(folder, name), time, time);
      const home = elsewhere(workspace, `home ${index}`);
      await build(["-o", workspace.path("out"), folder], home);
      times.push(read("out/times"));
    }
    assert.equal(times[1], times[0]);
  });

  test("a step that was cached is to later ones as it was when it was carried out", async (context) => {
    const { workspace, place, build } = await alpineWorld(context);
    const steps = "COPY a /\nRUN touch /b && mkdir /d\nWORKDIR /made\n";
    const last = "RUN stat -c '%n %Y %y' /a /b /d /made > /times\n";
    const dockerfile = `FROM alpine\n${steps}`;
    const folder = place({ Dockerfile: `${dockerfile}${last}`, a: "a" });
    const whole = await build([folder], elsewhere(workspace, "at once"));
    const twice = elsewhere(workspace, "in two parts");
    place({ Dockerfile: dockerfile });
    await build([folder], twice);
    place({ Dockerfile: `${dockerfile}${last}` });
    const parts = await build([folder], twice);
    assert.deepEqual(carriedOut(parts), [last.trim()]);
    assert.equal(parts.digest, whole.digest);
  });
});
