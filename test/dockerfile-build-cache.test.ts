/** Steps of Dockerfiles that are kept, shared and done at the same time; platforms; and how progress is told. */
import assert from "node:assert/strict";
import { readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { run } from "./alpine-root.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import {
  alpineWorld,
  awaitFile,
  carriedOut,
  elsewhere,
  inspect,
  script,
  scratchWorld,
  storeOf,
  withAlpine,
} from "./dockerfile-world.ts";
import { assertFolderIntact } from "./image-integrity.ts";
import { needs } from "./requirements.ts";
import { assertFailure, assertNothingLeft, readLayout, runBivy, succeed } from "./run-bivy.ts";

suite("the cache", { concurrency: 2, ...withAlpine }, () => {
  const dockerfile = `FROM alpine AS early
COPY a /
RUN cat /a > /from-a
ARG WORD=word
RUN echo "$WORD" | wc -c > /length
FROM early
COPY b /b
RUN cat /b > /from-b
LABEL later=1
`;
  const [copyA, runA, length] = [
    "COPY a /",
    "RUN cat /a > /from-a",
    'RUN echo "$WORD" | wc -c > /length',
  ];
  const [copyB, runB] = ["COPY b /b", "RUN cat /b > /from-b"];

  test("a step is carried out anew where something changed that it depends on", async (context) => {
    const { place, build } = await alpineWorld(context);
    const folder = place({ Dockerfile: dockerfile, a: "a", b: "b" });
    const again = async (...words: readonly string[]) =>
      carriedOut(await build([...words, folder]));
    assert.deepEqual(await again(), [copyA, runA, length, copyB, runB].sort());
    assert.deepEqual(await again(), []);
    for (const name of ["a", "b", "."]) utimesSync(join(folder, name), 1, 1);
    place({ unused: "unused", "Dockerfile.dockerignore": "other" });
    assert.deepEqual(await again("--label", "a=b"), [], "times, other files, labels");
    place({ b: "changed" });
    assert.deepEqual(await again(), [copyB, runB].sort(), "the content of a file");
    assert.deepEqual(
      await again("--build-arg", "WORD=four"),
      [length, runB].sort(),
      "an argument: all commands see it, but the first of them made the same as before",
    );
    assert.deepEqual(await again("--build-arg", "WORD=longer"), [length, copyB, runB].sort());
    place({ a: "changed" });
    assert.deepEqual(
      await again(),
      [copyA, runA, length, copyB, runB].sort(),
      "all that comes later",
    );
    place({ a: "a", b: "b" });
    assert.deepEqual(await again(), [], "what was once made is still there");
    assert.deepEqual(await again("--no-cache"), [copyA, runA, length, copyB, runB].sort());
    assert.deepEqual(await again("--no-cache-filter", "EARLY"), [copyA, runA, length].sort());
  });

  test("--cache-to and --cache-from take it to another machine", async (context) => {
    const { workspace, place, build } = await alpineWorld(context);
    const folder = place({ Dockerfile: dockerfile, a: "a", b: "b" });
    const steps = workspace.path("steps");
    const none = await build(["--cache-from", `type=local,src=${steps}`, folder]);
    assert.match(none.stderr, /warning: --cache-from .*steps/);
    const first = await build(["--cache-to", `type=local,dest=${steps}`, folder]);
    assert.deepEqual(carriedOut(first), []);
    assertFolderIntact(steps);
    const there = elsewhere(workspace, "there");
    const second = await build(["--cache-from", `type=local,src=${steps}`, folder], there);
    assert.deepEqual([carriedOut(second), second.digest], [[], first.digest]);
    place({ b: "changed" });
    const third = await build(
      ["--cache-from", `type=local,src=${steps}`, folder],
      elsewhere(workspace, "far"),
    );
    assert.deepEqual(carriedOut(third), [copyB, runB].sort());
  });

  test("bivy image gc frees the steps, and images stay whole", async (context) => {
    const { workspace, place, build } = await alpineWorld(context);
    const large = "RUN head -c 3000000 /dev/urandom > /large";
    const folder = place({
      Dockerfile: `FROM alpine AS large\n${large}\nFROM alpine\nCOPY --from=large /etc/passwd /copy\n`,
    });
    const { digest } = await build(["-t", "kept", folder]);
    const collect = async (...more: readonly string[]) =>
      (await succeed(workspace, ["image", "gc", ...more])).stdout;
    assert.match(await collect(), /^freed 0 B in 0 blobs/);
    assert.deepEqual(carriedOut(await build(["-t", "kept", folder])), []);
    assert.match(await collect("--build-cache", "0"), /^freed 2\.9 MiB in 1 blob/);
    assertFolderIntact(storeOf(workspace.home));
    const out = workspace.path("kept");
    await succeed(workspace, ["image", "copy", "store:kept", `oci:${out}`]);
    assert.equal(readLayout(out).index.manifests[0]!.digest, digest);
    assert.equal(carriedOut(await build([folder])).length, 2);
  });
});

const withRegistry = needs({
  root: true,
  fixtures: true,
  tools: ["unshare", "docker-registry", "skopeo"],
});

test(
  "a registry: --push, --cache-to, --pull and docker-image://",
  withRegistry,
  async (context) => {
    const { workspace, place, build, read } = await alpineWorld(context);
    const { host } = await startDockerRegistry(context, { logs: false });
    const folder = place({
      Dockerfile: "FROM alpine\nCOPY word /\nRUN cat /word > /ran\n",
      word: "first",
    });
    const words = ["--insecure", "-t", `${host}/app:1`, "--push", folder];
    const steps = `type=registry,ref=${host}/steps`;
    const first = await build(["--cache-to", steps, "-o", `docker://${host}/app:2`, ...words]);
    for (const tag of ["1", "2"])
      assert.equal(inspect(`docker://${host}/app:${tag}`).Digest, first.digest);
    const there = elsewhere(workspace, "there");
    const second = await build(["--cache-from", steps, ...words], there);
    assert.deepEqual([carriedOut(second), second.digest], [[], first.digest]);

    const user = elsewhere(workspace, "user");
    const from = place(
      {
        Dockerfile: `FROM ${host}/app:1 AS one\nFROM scratch\nCOPY --from=one /ran /one\nCOPY --from=two /ran /two\n`,
      },
      "from",
    );
    const take = async (...more: readonly string[]) => {
      const named = ["--build-context", `two=docker-image://${host}/app:2`];
      await build(["--insecure", ...named, ...more, "-o", workspace.path("out"), from], user);
      return ["one", "two"].map((name) => read("out", name));
    };
    assert.deepEqual(await take(), ["first", "first"]);
    place({ word: "second" });
    await build(words);
    assert.deepEqual(await take(), ["first", "first"], "the store has it");
    assert.deepEqual(await take("--offline"), ["first", "first"]);
    assert.deepEqual(await take("--pull"), ["second", "first"]);
    const archive = workspace.path("saved.tar");
    run("skopeo", [
      "copy",
      "-q",
      "--src-tls-verify=false",
      `docker://${host}/app:1`,
      `docker-archive:${archive}:app:1`,
    ]);
    const third = ["--build-context", `${host}/app:1=docker-archive:${archive}`, "--offline"];
    assert.deepEqual(await take(...third), ["second", "first"]);
  },
);

suite("at the same time", { concurrency: 2, ...withAlpine }, () => {
  const meet = (here: string, there: string) =>
    `touch /meet/${here}; ${awaitFile(`/meet/${there}`)}`;
  const meeting = "--mount=type=cache,id=meeting,target=/meet";

  test("stages that do not need each other", async (context) => {
    const { place, build } = await alpineWorld(context);
    const folder = place({
      Dockerfile: `FROM alpine AS left
RUN ${meeting} ${meet("left", "right")}
FROM alpine AS right
RUN ${meeting} ${meet("right", "left")}
FROM alpine
COPY --from=left /etc/passwd /left
COPY --from=right /etc/passwd /right
`,
    });
    assert.equal(carriedOut(await build([folder])).length, 4);
  });

  test("cache mounts: shared by two builds, locked for one, private to each", async (context) => {
    const { workspace, place, build } = await alpineWorld(context);
    const cache = (sharing: string) =>
      `--mount=type=cache,id=${sharing},sharing=${sharing},target=/c`;
    const locked = script(
      "test ! -e /c/busy",
      "touch /c/busy",
      "sleep 0.3",
      "echo $ME >> /c/all",
      "rm /c/busy",
    );
    const owned = script("test ! -e /c/owner", "echo $ME > /c/owner", meet("$ME-in", "$OTHER-in"));
    const folder = place({
      Dockerfile: `FROM alpine
ARG ME
ARG OTHER
RUN ${meeting} ${cache("shared")} touch /c/$ME; ${meet("$ME", "$OTHER")}; test -e /c/$OTHER
RUN ${cache("locked")} ${locked}
RUN ${meeting} ${cache("private")} ${owned}
`,
    });
    const both = [
      ["one", "two"],
      ["two", "one"],
    ].map(([me, other]) =>
      build(["--build-arg", `ME=${me}`, "--build-arg", `OTHER=${other}`, "-t", me!, folder]),
    );
    for (const { platforms } of await Promise.all(both)) assert.equal(platforms[0]!.layers, 4);
    const look = place(
      {
        Dockerfile: `FROM alpine AS run
RUN mkdir /out
RUN ${cache("locked")} sort /c/all > /out/locked
RUN ${cache("private")} cat /c/owner > /out/private
FROM scratch
COPY --from=run /out /
`,
      },
      "look",
    );
    await build(["-o", workspace.path("out"), look]);
    assert.equal(readFileSync(workspace.path("out/locked"), "utf8"), "one\ntwo\n");
    assert.match(readFileSync(workspace.path("out/private"), "utf8"), /^(one|two)\n$/);
  });

  test("builds of one Dockerfile", async (context) => {
    const { workspace, place, build } = await alpineWorld(context);
    const folder = place({
      Dockerfile: "FROM alpine AS a\nRUN echo a > /a\nFROM a\nCOPY Dockerfile /\nRUN cat /a > /b\n",
    });
    const all = await Promise.all(["one", "two", "three"].map((tag) => build(["-t", tag, folder])));
    assert.equal(new Set(all.map(({ digest }) => digest)).size, 1);
    assertFolderIntact(storeOf(workspace.home));
    assertNothingLeft(workspace);
  });
});

suite("platforms", { concurrency: 2 }, () => {
  test("two, of which one can run commands here", withAlpine, async (context) => {
    const { workspace, place, build } = await alpineWorld(context);
    const folder = place({
      Dockerfile: `FROM --platform=$BUILDPLATFORM alpine AS cross
ARG TARGETPLATFORM
RUN echo "$TARGETPLATFORM" > /target
FROM scratch
COPY --from=cross /target /target
`,
    });
    const out = workspace.path("layout");
    const platforms = ["linux/amd64", "linux/s390x"];
    const { digest } = await build([
      ...platforms.flatMap((name) => ["--platform", name]),
      "-o",
      `oci:${out}`,
      folder,
    ]);
    const { json } = readLayout(out);
    assert.deepEqual(
      json(digest).manifests.map(({ platform }) => platform.architecture),
      ["amd64", "s390x"],
    );
    for (const name of platforms) {
      const files = workspace.path(name);
      await build(["--platform", name, "-o", files, folder]);
      assert.equal(readFileSync(join(files, "target"), "utf8"), `${name}\n`);
    }
  });

  test("commands of a platform that cannot run here are refused before any work", async (context) => {
    const { workspace, place } = scratchWorld(context);
    const folder = place({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\nRUN ["/program"]\n' });
    for (const platform of ["linux/s390x", "linux/amd64,linux/s390x"]) {
      const outcome = await runBivy(workspace, ["build", "--platform", platform, folder]);
      assertFailure(outcome, {
        exitCode: 3,
        code: "sandbox-unavailable",
        message:
          /Dockerfile:3:1: this machine cannot run commands for linux\/s390x\n +3 \| RUN \["\/program"\]/,
        hint: /qemu|--platform=\$BUILDPLATFORM/,
      });
      assert.doesNotMatch(outcome.stderr, /COPY/, "nothing was begun");
    }
  });
});

suite("progress", { concurrency: 2, ...withAlpine }, () => {
  const dockerfile = "FROM alpine AS one\nRUN echo said; echo wrong >&2\n";

  test("plain: numbered steps with their output", async (context) => {
    const { workspace, words, place } = await alpineWorld(context);
    const folder = place({ Dockerfile: dockerfile });
    const plain = ["build", "--progress", "plain", ...words, folder];
    const { stdout, stderr } = await succeed(workspace, plain);
    assert.match(
      stderr,
      /^#(\d+) \[one 2\/2\] RUN echo said; .*\n#\1 [\d.]+ said\n#\1 [\d.]+ wrong\n#\1 DONE [\d.]+s$/m,
    );
    assert.match(stdout, /^sha256:[0-9a-f]{64}\n {2}docker\.io\/library\/context:latest\n/);
    assert.match(stdout, /^built in .*, 0 of 1 step cached/m);
    const again = await succeed(workspace, plain);
    assert.match(again.stderr, /^#(\d+) \[one 2\/2\] RUN echo said; .*\n#\1 CACHED$/m);
    assert.match(again.stdout, /1 of 1 step cached/);
    assert.equal(again.stdout.split("\n")[0], stdout.split("\n")[0]);
  });

  test("json: an object a line", async (context) => {
    const { workspace, words, place } = await alpineWorld(context);
    const folder = place({ Dockerfile: dockerfile });
    const { stderr } = await succeed(workspace, ["build", "--progress", "json", ...words, folder]);
    const events = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const steps = events
      .filter(({ type }) => type === "step")
      .map(({ stage, state }) => `${stage} ${state}`);
    assert.deepEqual(steps, ["one 1/2 cached", "one 2/2 started", "one 2/2 done"]);
    const said = events
      .filter(({ type }) => type === "output")
      .map(({ stream, text }) => `${stream} ${text}`);
    assert.deepEqual(said.sort(), ["stderr wrong\n", "stdout said\n"]);
    place({ Dockerfile: `${dockerfile}RUN exit 4\n` });
    const failed = await runBivy(workspace, ["build", "--progress", "json", ...words, folder]);
    const last = JSON.parse(failed.stderr.trim().split("\n").at(-1)!);
    assert.deepEqual([failed.exitCode, last.type, last.code], [3, "error", "step-failed"]);
  });

  test("quiet: nothing, unless a command fails", async (context) => {
    const { workspace, words, place } = await alpineWorld(context);
    const folder = place({ Dockerfile: dockerfile });
    for (const quiet of [["--quiet"], ["--progress", "quiet"]]) {
      const { stderr } = await succeed(workspace, ["build", ...quiet, ...words, folder]);
      assert.equal(stderr, "");
    }
    place({ Dockerfile: "FROM alpine\nRUN echo unseen\nRUN echo said; exit 4\n" });
    const { stderr } = await runBivy(workspace, ["build", "-q", ...words, folder]);
    assert.match(stderr, /\[stage-0 3\/3\] RUN echo said; exit 4:\nsaid\n/);
    assert.doesNotMatch(stderr, /^unseen/m);
  });
});
