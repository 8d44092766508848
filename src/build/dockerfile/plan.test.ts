import assert from "node:assert/strict";
import { test } from "node:test";
import { isBivyError } from "../../base/index.ts";
import { parseDockerfile } from "../../dockerfile/index.ts";
import { formatPlatform, type ContainerConfig, type ImageConfig } from "../../oci/index.ts";
import { planDockerfile, type BuildPlan, type PlanOptions } from "./plan.ts";

const platform = { os: "linux", architecture: "amd64" };
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function plan(text: string, options: Partial<PlanOptions> = {}): BuildPlan {
  const dockerfile = parseDockerfile(text, { subject: "Dockerfile" });
  return planDockerfile(dockerfile, {
    platform,
    buildPlatform: platform,
    base: () => undefined,
    ...options,
  });
}

function faultOf(text: string, options: Partial<PlanOptions> = {}): string {
  try {
    plan(text, options);
  } catch (error) {
    assert.ok(isBivyError(error));
    return `${error.message}${error.hint === undefined ? "" : `\n${error.hint}`}`;
  }
  throw new Error(`${text}: planned`);
}

const historyOf = ({ target }: BuildPlan) => target.history.map(({ created_by: text }) => text);
const baseOf = (config: ContainerConfig) => (): Partial<ImageConfig> => ({ config });

test("each instruction changes the config and the history as BuildKit does", () => {
  const cases: readonly (readonly [string, ContainerConfig, readonly string[]])[] = [
    ["ENV a=1 b=$a", { Env: [path, "a=1", "b="] }, ["ENV a=1 b="]],
    ["ENV a=1\nENV a=$a$a b=$a", { Env: [path, "a=11", "b=1"] }, ["ENV a=1", "ENV a=11 b=1"]],
    ["ENV a b c", { Env: [path, "a=b c"] }, ["ENV a=b c"]],
    ["ARG X=y\nENV a=${X}z", { Env: [path, "a=yz"] }, ["ARG X=y", "ENV a=yz"]],
    ['LABEL a="b c" d=e', { Labels: { a: "b c", d: "e" } }, ["LABEL a=b c d=e"]],
    [
      "EXPOSE 80 53/UDP 8000-8001",
      { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {} } },
      ["EXPOSE [80/tcp 53/udp 8000/tcp 8001/tcp]"],
    ],
    [
      'ARG p="1 2"\nEXPOSE $p',
      { ExposedPorts: { "1/tcp": {}, "2/tcp": {} } },
      ["ARG p=1 2", "EXPOSE [1/tcp 2/tcp]"],
    ],
    ['VOLUME ["/a", "/b"]', { Volumes: { "/a": {}, "/b": {} } }, ["VOLUME [/a /b]"]],
    ["USER app:grp", { User: "app:grp" }, ["USER app:grp"]],
    [
      "WORKDIR /a/\nWORKDIR b/../c\nWORKDIR ..",
      { WorkingDir: "/a" },
      ["WORKDIR /a/", "WORKDIR /a/c", "WORKDIR /a"],
    ],
    ["WORKDIR x", { WorkingDir: "/x" }, ["WORKDIR /x"]],
    ["CMD echo hi", { Cmd: ["/bin/sh", "-c", "echo hi"] }, ['CMD ["/bin/sh" "-c" "echo hi"]']],
    [
      'SHELL ["/bin/ash","-ec"]\nENTRYPOINT a "b"',
      { Shell: ["/bin/ash", "-ec"], Entrypoint: ["/bin/ash", "-ec", 'a "b"'] },
      ["SHELL [/bin/ash -ec]", 'ENTRYPOINT ["/bin/ash" "-ec" "a \\"b\\""]'],
    ],
    ["STOPSIGNAL SIGRTMIN+3", { StopSignal: "SIGRTMIN+3" }, ["STOPSIGNAL SIGRTMIN+3"]],
    [
      "HEALTHCHECK --interval=90s --retries=2 CMD a || b",
      { Healthcheck: { Test: ["CMD-SHELL", "a || b"], Interval: 90e9, Retries: 2 } },
      [
        "HEALTHCHECK {Test:[CMD-SHELL a || b] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:2}",
      ],
    ],
    ["ONBUILD RUN $a", { OnBuild: ["RUN $a"] }, []],
  ];
  for (const [text, config, history] of cases) {
    const planned = plan(`FROM scratch\n${text}`);
    const expected = { Env: [path], WorkingDir: "/", ...config };
    assert.deepEqual(planned.target.config, expected, text);
    assert.deepEqual(historyOf(planned), history, text);
  }
  assert.equal(plan("FROM scratch\nMAINTAINER me $x").target.author, "me $x");
});

test("ENTRYPOINT drops the CMD of the base, but not that of its own stage", () => {
  const base = baseOf({ Cmd: ["/bin/sh"], Env: [path] });
  assert.equal(plan('FROM a\nENTRYPOINT ["x"]', { base }).target.config.Cmd, undefined);
  const own = plan('FROM a\nCMD ["y"]\nENTRYPOINT ["x"]', { base }).target.config;
  assert.deepEqual(own.Cmd, ["y"]);
  const stage = plan('FROM a AS b\nCMD ["y"]\nFROM b\nENTRYPOINT ["x"]', { base });
  assert.equal(stage.target.config.Cmd, undefined);
});

test("arguments before FROM are seen in a stage once it declares them", () => {
  const text =
    "ARG v=3.20\nFROM alpine:$v AS base\nRUN a\nARG v\nRUN b\nFROM base\nRUN c\nENV v=e\nRUN d";
  const planned = plan(text);
  assert.deepEqual(historyOf(planned), [
    "RUN /bin/sh -c a # buildkit",
    "ARG v=3.20",
    "RUN |1 v=3.20 /bin/sh -c b # buildkit",
    "RUN |1 v=3.20 /bin/sh -c c # buildkit",
    "ENV v=e",
    "RUN |1 v=e /bin/sh -c d # buildkit",
  ]);
  const given = plan(text, { buildArguments: { v: "edge" } });
  assert.deepEqual(given.images[0]?.origin, {
    kind: "image",
    reference: { registry: "docker.io", repository: "library/alpine", tag: "edge" },
  });
  const [, run] = given.stages[0]!.steps;
  assert.ok(run?.kind === "run");
  assert.deepEqual(run.environment, [path, "v=edge"]);
});

test("proxies reach commands and stay out of environment and history", () => {
  const buildArguments = { http_proxy: "http://p", NAME: "x", NAEM: "y" };
  const planned = plan("FROM a\nARG NAME\nRUN b", { buildArguments });
  assert.deepEqual(planned.proxies, ["HTTP_PROXY=http://p", "http_proxy=http://p"]);
  assert.deepEqual(historyOf(planned), ["ARG NAME=x", "RUN |1 NAME=x /bin/sh -c b # buildkit"]);
  assert.deepEqual(planned.warnings, [
    {
      rule: "build-argument-unused",
      message: 'build argument "NAEM": no ARG declares it',
      hint: "Did you mean NAME?",
    },
  ]);
});

test("platforms of stages, and the arguments that name them", () => {
  const text =
    "FROM --platform=$BUILDPLATFORM a AS b\nARG TARGETARCH BUILDARCH\nRUN x\nFROM b AS c\nFROM d\nCOPY --from=c / /\nCOPY --from=e / /";
  const planned = plan(text, { platform: { os: "linux", architecture: "arm", variant: "v7" } });
  assert.deepEqual(
    planned.stages.map((stage) => formatPlatform(stage.platform)),
    ["linux/amd64", "linux/amd64", "linux/arm/v7"],
  );
  assert.match(
    historyOf({ ...planned, target: planned.stages[0]! })[1]!,
    /TARGETARCH=arm BUILDARCH=amd64/,
  );
  assert.deepEqual(
    planned.images.map(({ origin, platform: of, isBase, locations }) => [
      origin.kind === "image" ? origin.reference.repository : origin.name,
      of.architecture,
      isBase,
      locations.map(({ line }) => line),
    ]),
    [
      ["library/a", "amd64", true, [1]],
      ["library/d", "arm", true, [5]],
      ["library/e", "arm", false, [7]],
    ],
  );
});

test("only what the target needs is planned, each stage after those it needs", () => {
  const text =
    "FROM a AS one\nFROM b AS two\nFROM c AS three\nCOPY --from=0 / /\nFROM d AS four\nRUN --mount=from=three,target=/x y\nFROM e AS five";
  const names = (target: string) => plan(text, { target }).stages.map(({ name }) => name);
  assert.deepEqual(names("FOUR"), ["one", "three", "four"]);
  assert.deepEqual(names("1"), ["two"]);
  assert.deepEqual(names(""), ["five"]);
  assert.match(faultOf(text, { target: "tow" }), /Did you mean two\?/);
});

test("named contexts take the place of stages and images", () => {
  const contexts = new Set(["two", "alpine", "files"]);
  const planned = plan(
    "FROM x AS two\nRUN y\nFROM docker.io/library/alpine:latest\nCOPY --from=two / /\nCOPY --from=files a b",
    {
      contexts,
      base: (origin) =>
        origin.kind === "context" && origin.name === "two" ? { config: { User: "u" } } : undefined,
    },
  );
  assert.deepEqual(
    planned.stages.map(({ base, steps }) => [base, steps.length]),
    [
      [{ kind: "context", name: "two" }, 0],
      [{ kind: "context", name: "alpine" }, 2],
    ],
  );
  assert.equal(planned.stages[0]!.config.User, "u");
  const copy = planned.target.steps[1];
  assert.ok(copy?.kind === "copy");
  assert.deepEqual(copy.from, { kind: "context", name: "files" });
});

test("what a base keeps for ONBUILD runs first, and is not handed on", () => {
  const base = baseOf({ OnBuild: ["ARG V=1", "COPY --from=tools a$V /b", "USER u"] });
  const planned = plan("FROM scratch AS tools\nFROM node AS x\nRUN c\nFROM x\nRUN d", { base });
  assert.deepEqual(
    planned.stages.map(({ index, config }) => [index, config.OnBuild]),
    [
      [0, undefined],
      [1, undefined],
      [2, undefined],
    ],
  );
  assert.deepEqual(historyOf(planned), [
    "ARG V=1",
    "COPY a1 /b # buildkit",
    "USER u",
    "RUN |1 V=1 /bin/sh -c c # buildkit",
    "RUN |1 V=1 /bin/sh -c d # buildkit",
  ]);
  assert.deepEqual(
    planned.stages[1]!.steps.map(({ isTrigger, location: { line }, user }) => [
      isTrigger,
      line,
      user,
    ]),
    [
      [true, 2, ""],
      [false, 3, "u"],
    ],
  );
  const own = plan("FROM scratch AS p\nONBUILD WORKDIR /w\nFROM p AS q\nFROM q");
  assert.deepEqual(
    own.stages.map(({ steps }) => steps.length),
    [0, 1, 0],
  );
});

test("steps of COPY and ADD", () => {
  const planned = plan(
    [
      "FROM scratch",
      "WORKDIR /w",
      "ARG n=1",
      "ENV d=out",
      "COPY --chown=$n:2 --chmod=644 --link --exclude=*.md a$n b ./$d/",
      'COPY <<EOF <<"RAW" c /x',
      "v=$d",
      "EOF",
      "v=$d",
      "RAW",
      `ADD --checksum=sha256:${"0".repeat(64)} --unpack https://example.org/a.tgz .`,
    ].join("\n"),
  );
  const [workdir, first, second, third] = planned.target.steps;
  assert.ok(workdir?.kind === "workdir" && workdir.path === "/w");
  assert.ok(first?.kind === "copy" && second?.kind === "copy" && third?.kind === "copy");
  assert.deepEqual(
    [first.destination, first.chown, first.chmod, first.link, first.excludes, third.destination],
    ["/w/out/", "1:2", "644", true, ["*.md"], "/w/"],
  );
  assert.equal(first.history.created_by, "COPY --chown=1:2 --chmod=644 a1 b ./out/ # buildkit");
  assert.deepEqual(second.sources, [
    { kind: "path", path: "c" },
    { kind: "file", name: "EOF", content: "v=out\n" },
    { kind: "file", name: "RAW", content: "v=$d\n" },
  ]);
  assert.equal(second.history.created_by, "COPY c <<EOF <<RAW /x # buildkit");
  assert.equal(third.unpack, true);
});

test("steps of RUN", () => {
  const planned = plan(
    [
      "FROM scratch AS s",
      "FROM a",
      "WORKDIR /w",
      "ARG id=k",
      "USER u",
      "RUN --network=none --mount=type=cache,id=$id,target=c --mount=type=secret,id=t --mount=from=s,source=x,target=/y echo $id",
      'RUN ["a", "$id"]',
      "RUN <<EOF",
      "#!/usr/bin/awk -f",
      "EOF",
    ].join("\n"),
  );
  const [, first, second, third] = planned.target.steps;
  assert.ok(first?.kind === "run" && second?.kind === "run" && third?.kind === "run");
  assert.deepEqual(first.words, ["/bin/sh", "-c", "echo $id"]);
  assert.deepEqual([first.network, first.directory, first.user], ["none", "/w", "u"]);
  assert.deepEqual(
    first.mounts.map(({ type, id, target, from }) => [type, id, target, from]),
    [
      ["cache", "k", "/w/c", undefined],
      ["secret", "t", undefined, undefined],
      ["bind", undefined, "/y", { kind: "stage", index: 0 }],
    ],
  );
  assert.deepEqual([second.words, second.script], [["a", "$id"], undefined]);
  assert.deepEqual(third.file, { path: "/dev/pipes/EOF", content: "#!/usr/bin/awk -f\n" });
  assert.deepEqual(third.words, ["/bin/sh", "-c", "/dev/pipes/EOF"]);
});

test("faults name the line", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      "FROM a AS x\nCOPY --from=x / /",
      /Dockerfile:2:\d+: the stage "x" cannot take files from itself/,
    ],
    [
      "FROM a\nCOPY --from=y / /\nFROM b AS y\nFROM scratch\nCOPY --from=0 / /",
      /Dockerfile:2:\d+: .*begins in line 3/,
    ],
    [
      "FROM a\nRUN --mount=from=y,target=/t b\nFROM b AS y\nFROM scratch\nCOPY --from=0 / /",
      /Dockerfile:2:\d+: .*line 3/,
    ],
    ["FROM a\nCOPY --from=7 / /", /Dockerfile:2:\d+: there is no stage 7/],
    ["FROM $X", /Dockerfile:1:6: FROM expects an image[^]*Declare ARG X/],
    ["ARG VERSION=1\nFROM $VERSIN", /Did you mean VERSION\?/],
    ["FROM a AS build\nFROM Build", /Dockerfile:2:6: [^]*Did you mean the stage build\?/],
    ["FROM --platform=lin!ux a", /Dockerfile:1:\d+: expected a platform/],
    ["FROM scratch\nEXPOSE 80/http", /Dockerfile:2:8: expected the protocol/],
    ["FROM scratch\nEXPOSE 9-8", /the range ends before it begins/],
    ["FROM scratch\nSTOPSIGNAL SIGTREM", /Dockerfile:2:12: .*did you mean SIGTERM\?/],
    ["FROM scratch\nCOPY https://example.org/a /b", /Dockerfile:2:6: COPY cannot take a URL/],
    ["FROM scratch\nCOPY --chmod=999 a b", /Dockerfile:2:\d+: --chmod expects/],
    ["FROM scratch\nENV a=${b:?missing}", /Dockerfile:2:\d+: .*b: missing/],
    ["FROM scratch\nRUN --mount=type=cache,target=/ x", /Dockerfile:2:\d+: a mount cannot/],
  ];
  for (const [text, expected] of cases) assert.match(faultOf(text), expected, text);
});

test("a file cannot grow history and environment without end", () => {
  const long = `ARG a=${"x".repeat(50_000)}\n${"RUN a\n".repeat(2000)}`;
  assert.match(faultOf(`FROM scratch\n${long}`), /history/);
  const many = Array.from({ length: 1001 }, (_, index) => `ENV v${index}=1`).join("\n");
  assert.match(faultOf(`FROM scratch\n${many}`), /at most 1000 variables/);
});

test("of ENV and ARG of one name the later counts, and the image keeps ENV", () => {
  const base = baseOf({ Env: [path, "a=base"] });
  const planned = plan(
    "FROM x AS y\nARG a=arg\nRUN b\nENV a=env\nRUN c\nARG a=again\nFROM y\nRUN d",
    {
      base,
    },
  );
  const environments = planned.stages.flatMap(({ steps }) =>
    steps.map((step) => (step.kind === "run" ? step.environment.at(-1) : undefined)),
  );
  assert.deepEqual(environments, ["a=arg", "a=env", "a=env"]);
  assert.deepEqual(planned.target.config.Env, [path, "a=env"]);
});
