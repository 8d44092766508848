/** What a new user is told when the build of a Dockerfile fails: the thing, its line, what to do, the exit code. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import {
  alpineWorld,
  scratchWorld,
  unfinished,
  withAlpine,
  withInput,
} from "./dockerfile-world.ts";
import { asUser, giveTo, installForOthers } from "./other-user.ts";
import { needs } from "./requirements.ts";
import { assertFailure, assertNothingLeft, runBivy, type ExpectedFailure } from "./run-bivy.ts";

interface Mistake extends ExpectedFailure {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** FOLDER is the context. Default: the context alone. */
  readonly words?: readonly string[];
  /** What else is said on the way. */
  readonly said?: RegExp;
  /** What must not have begun, since the mistake could be seen before. */
  readonly unsaid?: RegExp;
}

const copy = "FROM scratch\nCOPY Dockerfile /\n";

/** Those that can be told without running a command. */
const mistakes: readonly Mistake[] = [
  {
    name: "a typo in an instruction",
    files: { Dockerfile: "FROM scratch\nCOPPY a /a\n" },
    exitCode: 2,
    code: "dockerfile-invalid",
    message:
      /Dockerfile:2:1: unknown instruction "COPPY"; did you mean COPY\?\n +2 \| COPPY a \/a\n +\| \^{5}/,
  },
  {
    name: "a typo in a flag",
    files: { Dockerfile: "FROM scratch\nCOPY --chwon=1 a /a\n" },
    exitCode: 2,
    code: "dockerfile-invalid",
    message:
      /Dockerfile:2:6: COPY has no flag --chwon; did you mean --chown\?\n +2 \| COPY --chwon=1/,
  },
  {
    name: "a file that is called otherwise",
    files: { Dockerfile: "FROM scratch\n\nCOPY package.jsn /\n", "package.json": "{}" },
    exitCode: 3,
    code: "file-not-found",
    message:
      /Dockerfile:3:1: COPY package\.jsn: no such file or folder in the build context\n +3 \| COPY package\.jsn \//,
    hint: /^Did you mean package\.json\?/,
  },
  {
    name: "a file in a folder that is called otherwise",
    files: { Dockerfile: "FROM scratch\nCOPY scr/main.js /\n", "src/main.js": "" },
    exitCode: 3,
    code: "file-not-found",
    message: /COPY scr\/main\.js: no such file/,
    hint: /^Did you mean src\/main\.js\?/,
  },
  {
    name: "a file that the ignore file leaves out",
    files: {
      Dockerfile: "FROM scratch\nCOPY build.log /\n",
      ".dockerignore": "*.log\n",
      "build.log": "",
    },
    exitCode: 3,
    code: "file-not-found",
    message: /Dockerfile:2:1: COPY build\.log: the ignore file leaves it out.*\n +2 \| COPY/,
    hint: /!build\.log.*\.dockerignore/,
  },
  {
    name: "a file of another stage",
    files: {
      Dockerfile:
        "FROM scratch AS made\nCOPY Dockerfile /app/main\nFROM scratch\nCOPY --from=made /app/mian /\n",
    },
    exitCode: 3,
    code: "file-not-found",
    message: /Dockerfile:4:1: COPY \/app\/mian: no such file or folder in stage (made|0)/,
    hint: /^Did you mean app\/main\?/,
  },
  {
    name: "an unknown target",
    files: { Dockerfile: `${copy}FROM scratch AS builder\n` },
    words: ["--target", "bilder", "FOLDER"],
    exitCode: 2,
    code: "usage",
    message: /target "bilder": expected a stage of .*Dockerfile/,
    hint: /^Did you mean builder\?/,
  },
  {
    name: "an unknown stage in --from",
    files: { Dockerfile: "FROM scratch AS builder\nFROM scratch\nCOPY --from=bilder /a /a\n" },
    words: ["--offline", "FOLDER"],
    exitCode: 3,
    code: "offline",
    message: /Dockerfile:3:\d+: .*bilder.*\n +3 \| COPY --from=bilder/,
    hint: /builder/,
  },
  {
    name: "a file of figures in a folder that is not there",
    files: { Dockerfile: copy },
    words: ["--metadata-file", "FOLDER/no/figures.json", "FOLDER"],
    exitCode: 3,
    code: "file-not-found",
    message: /--metadata-file .*no\/figures\.json: its folder .*no does not exist/,
    hint: /Make the folder/,
    unsaid: /COPY/,
  },
  {
    name: "a tar of two platforms",
    files: { Dockerfile: copy },
    words: ["--platform", "linux/amd64,linux/arm64", "-o", "-", "FOLDER"],
    exitCode: 2,
    code: "usage",
    message: /type=tar: expected one platform, found several/,
    hint: /type=local,dest=DIR/,
    unsaid: /COPY/,
  },
  {
    name: "no Dockerfile, but something like it",
    files: { Dockerfil: copy },
    exitCode: 3,
    code: "file-not-found",
    message: /context: expected a Dockerfile or image\.yaml in this folder, found neither/,
    hint: /^Did you mean Dockerfil\? Name it with -f\./,
  },
  {
    name: "no Dockerfile at all",
    files: { "main.js": "" },
    exitCode: 3,
    code: "file-not-found",
    message: /context: expected a Dockerfile/,
    hint: /-f/,
  },
  {
    name: "a Dockerfile of another name",
    files: { "app.Dockerfile": copy },
    words: ["-f", "FOLDER/ap.Dockerfile", "FOLDER"],
    exitCode: 3,
    code: "file-not-found",
    message: /--file .*ap\.Dockerfile: no such file/,
    hint: /^Did you mean app\.Dockerfile\?/,
  },
  {
    name: "a folder that is not there",
    files: {},
    words: ["FOLDER/nowhere"],
    exitCode: 3,
    code: "file-not-found",
    message: /nowhere: no such file or folder/,
    hint: /folder of a Dockerfile/,
  },
  {
    name: "a registry that does not answer",
    files: { Dockerfile: "FROM 127.0.0.1:1/base:1\n" },
    exitCode: 3,
    code: "http-unreachable",
    message:
      /Dockerfile:1:6: .*127\.0\.0\.1:1.*connection refused.*\n +1 \| FROM 127\.0\.0\.1:1\/base:1/,
    hint: /network.*--offline/,
  },
  {
    name: "an image that is not kept, offline",
    files: { Dockerfile: "FROM nginx:1\n" },
    words: ["--offline", "FOLDER"],
    exitCode: 3,
    code: "offline",
    message: /Dockerfile:1:6: nginx:1: the local store has no such image/,
    hint: /bivy image pull nginx:1/,
  },
  {
    name: "a Dockerfile beyond the limit",
    files: { Dockerfile: copy },
    words: ["--limit", "document-size=10", "FOLDER"],
    exitCode: 3,
    code: "limit-exceeded",
    message: /Dockerfile: .*10/,
    hint: /--limit document-size/,
  },
  {
    name: "a layout where a file is",
    files: { Dockerfile: copy, file: "" },
    words: ["-o", "oci:FOLDER/file/layout", "FOLDER"],
    exitCode: 3,
    code: "file-not-found",
    message: /file\/layout.*not a folder/,
    hint: /path/,
  },
  {
    name: "an archive in a folder that is not there",
    files: { Dockerfile: copy },
    words: ["-o", "oci-archive:FOLDER/no/image.tar", "FOLDER"],
    exitCode: 3,
    code: "file-not-found",
    message: /its folder .*no does not exist/,
    hint: /Make the folder/,
    unsaid: /COPY/,
  },
  {
    name: "a folder where a file is",
    files: { Dockerfile: copy, file: "" },
    words: ["-o", "type=local,dest=FOLDER/file", "FOLDER"],
    exitCode: 2,
    code: "usage",
    message: /file: expected a folder to write to, found a file/,
    hint: /type=tar/,
  },
  ...(
    [
      [
        "an output of no type",
        ["-o", "type=foo"],
        /--output type=foo: expected one of the types/,
        /type=local/,
      ],
      [
        "an output without a place",
        ["-o", "type=local"],
        /--output type=local: expected dest=/,
        /type=local,dest=DIR/,
      ],
      ["a push of nothing", ["--push"], /--push: expected a name/, /-t /],
      [
        "a build argument without a name",
        ["--build-arg", "=x"],
        /--build-arg =x: expected NAME=VALUE/,
        /./,
      ],
      [
        "a build context without a place",
        ["--build-context", "x"],
        /--build-context x: expected NAME=PLACE/,
        /./,
      ],
      [
        "a platform of too many parts",
        ["--platform", "a/b/c/d"],
        /platform "a\/b\/c\/d"/,
        /linux\/amd64/,
      ],
      [
        "a volume of one part",
        ["--volume", "x"],
        /--volume x: expected HOST:TARGET/,
        /\.\/packages/,
      ],
      [
        "a host without an address",
        ["--add-host", "x"],
        /--add-host x: expected NAME:ADDRESS/,
        /db:/,
      ],
      ["an unknown right", ["--allow", "everything"], /--allow everything/, /insecure/],
      [
        "a cache of no type",
        ["--cache-to", "type=foo"],
        /--cache-to type=foo: expected type=/,
        /type=local,dest=/,
      ],
      [
        "an unknown provenance",
        ["--provenance", "all"],
        /--provenance all: expected min or max/,
        /min/,
      ],
      [
        "an agent where there is none",
        ["--ssh", "default"],
        /--ssh default: expected SSH_AUTH_SOCK/,
        /ssh-agent/,
      ],
      [
        "a secret without an id",
        ["--secret", "src=x"],
        /--secret src=x: expected an id/,
        /id=NAME,src=FILE/,
      ],
    ] as const
  ).map(([name, words, message, hint]): Mistake => ({
    name,
    files: { Dockerfile: copy },
    words: [...words, "FOLDER"],
    exitCode: 2,
    code: "usage",
    message,
    hint,
    unsaid: /COPY/,
  })),
];

/** Those of commands, and of what they are given. */
const failures: readonly Mistake[] = [
  {
    name: "a command that fails",
    files: {
      Dockerfile:
        "FROM alpine\nRUN true\n\nRUN echo one && \\\n    echo two >&2 && \\\n    exit 7\n",
    },
    exitCode: 3,
    code: "step-failed",
    message:
      /Dockerfile:4:1: the command ended with exit code 7\n +4 \| RUN echo one && \\\n +\| \^/,
    hint: /--debug-shell/,
    said: /\[stage-0 3\/3\] RUN echo one && echo two >&2 && exit 7\n#\d+ [\d.]+ one\n#\d+ [\d.]+ two\n#\d+ ERROR/,
  },
  {
    name: "a command that is not there",
    files: { Dockerfile: "FROM alpine\nRUN gcc main.c\n" },
    exitCode: 3,
    code: "step-failed",
    message: /Dockerfile:2:1: .*exit code 127, which says that a command was not found/,
    hint: /--debug-shell/,
    said: /gcc: not found/,
  },
  {
    name: "a package that no repository has",
    files: { Dockerfile: "FROM alpine\nRUN apk add --no-network nosuchpackage\n" },
    exitCode: 3,
    code: "step-failed",
    message: /Dockerfile:2:1: .*exit code 1\n +2 \| RUN apk add/,
    hint: /^No repository of the image has nosuchpackage: .*--debug-shell/,
    said: /nosuchpackage \(no such package\)/,
  },
  {
    name: "an unknown user",
    files: { Dockerfile: "FROM alpine\nUSER ap\nRUN id\n" },
    exitCode: 3,
    code: "file-not-found",
    message: /Dockerfile:3:1: USER ap: the stage has no user "ap" in \/etc\/passwd\n +3 \| RUN id/,
    hint: /adduser/,
  },
  {
    name: "an owner that is no user",
    files: { Dockerfile: "FROM alpine\nCOPY --chown=nobdy Dockerfile /\n" },
    exitCode: 2,
    code: "dockerfile-invalid",
    message: /Dockerfile:2:1: --chown=nobdy: the image has no user "nobdy" in \/etc\/passwd/,
    hint: /^Did you mean nobody\?/,
  },
  {
    name: "a secret that is not given",
    files: { Dockerfile: "FROM alpine\nRUN --mount=type=secret,id=token,required true\n" },
    exitCode: 2,
    code: "usage",
    message: /Dockerfile:2:1: secret "token": expected it to be given/,
    hint: /--secret id=token,src=FILE/,
  },
  {
    name: "a secret whose file is not there",
    files: { Dockerfile: "FROM alpine\nRUN --mount=type=secret,id=token true\n" },
    words: ["--secret", "id=token,src=FOLDER/no", "FOLDER"],
    exitCode: 3,
    code: "file-not-found",
    message: /no: .*no such file/,
    hint: /path/,
  },
  {
    name: "an agent that is not given",
    files: { Dockerfile: "FROM alpine\nRUN --mount=type=ssh,required true\n" },
    exitCode: 2,
    code: "usage",
    message: /Dockerfile:2:1: ssh agent "default": expected it to be given/,
    hint: /--ssh default/,
  },
  {
    name: "a platform that the base does not have",
    files: { Dockerfile: "FROM alpine\nCOPY Dockerfile /\n" },
    words: ["--platform", "linux/arm64", "FOLDER"],
    exitCode: 3,
    code: "platform-not-found",
    message: /Dockerfile:1:6: alpine: expected an image for linux\/arm64, found linux\/amd64/,
    hint: /--platform/,
  },
];

for (const [title, table, needed] of [
  ["mistakes", mistakes, {}],
  ["commands that cannot be", failures, withAlpine],
] as const)
  suite(title, { concurrency: 2, ...needed }, () => {
    for (const { name, files, words = ["FOLDER"], said, unsaid, ...expected } of table)
      test(name, async (context) => {
        const world = table === failures ? await alpineWorld(context) : scratchWorld(context);
        const { workspace } = world;
        const folder = world.place(files);
        const command = words.map((word) => word.replace("FOLDER", folder));
        const outcome = await runBivy(workspace, ["build", ...world.words, ...command]);
        assertFailure(outcome, expected);
        if (said !== undefined) assert.match(outcome.stderr, said);
        if (unsaid !== undefined) assert.doesNotMatch(outcome.stderr, unsaid);
        assertNothingLeft(workspace);
        assert.deepEqual(unfinished(workspace.folder), []);
      });
  });

const asAnother = needs({ root: true, tools: ["setpriv"] });

suite("without the rights", { concurrency: 2, ...asAnother }, () => {
  for (const [name, spoil, words, message] of [
    [
      "to the context",
      (folder: string) => chmodSync(folder, 0o700),
      [],
      /context.*: .*permission denied/,
    ],
    [
      "to the Dockerfile",
      (folder: string) => chmodSync(join(folder, "Dockerfile"), 0o600),
      [],
      /Dockerfile: .*permission denied/,
    ],
    [
      "to a folder in it",
      (folder: string) => chmodSync(join(folder, "src"), 0o700),
      [],
      /src.*: .*permission denied/,
    ],
    [
      "to where the image goes",
      () => {},
      ["-o", "oci:/bivy-cannot-be-here"],
      /\/bivy-cannot-be-here: .*permission denied/,
    ],
    [
      "to where the files go",
      () => {},
      ["-o", "/bivy-cannot-be-here"],
      /\/bivy-cannot-be-here: .*permission denied/,
    ],
  ] as const)
    test(name, async (context) => {
      const { workspace, place } = scratchWorld(context);
      const folder = place({ Dockerfile: "FROM scratch\nCOPY src /src\n", "src/a": "a" });
      const program = installForOthers(workspace);
      giveTo(workspace, 54321);
      spoil(folder);
      const options = { program, prefix: asUser(54321) };
      const outcome = await runBivy(workspace, ["build", ...words, folder], options);
      assertFailure(outcome, { exitCode: 3, code: "file-denied", message, hint: /permissions/ });
      assertNothingLeft(workspace);
      assert.ok(!existsSync("/bivy-cannot-be-here"));
    });
});

/** What a home is that builds cannot work in. */
const homes: readonly (readonly [
  string,
  (home: string) => void,
  ExpectedFailure["code"],
  RegExp,
])[] = [
  [
    "a file where the cache should be",
    (home) => {
      mkdirSync(join(home, ".cache"));
      writeFileSync(join(home, ".cache", "bivy"), "a file");
    },
    "file-not-found",
    /\.cache\/bivy.*not a folder/,
  ],
  [
    "a home of somebody else",
    (home) => chmodSync(home, 0o555),
    "file-denied",
    /home.*permission denied/,
  ],
];

suite("nowhere to work", { concurrency: 2, ...asAnother }, () => {
  for (const [name, spoil, code, message] of homes)
    test(name, async (context) => {
      const { workspace, place } = scratchWorld(context);
      const folder = place({ Dockerfile: copy });
      const program = installForOthers(workspace);
      giveTo(workspace, 54321);
      spoil(workspace.home);
      chownSync(workspace.home, 0, 0);
      const words = ["build", "-o", `oci-archive:${workspace.path("tmp/image.tar")}`, folder];
      const outcome = await runBivy(workspace, words, { program, prefix: asUser(54321) });
      assertFailure(outcome, { exitCode: 3, code, message, hint: /./ });
      assertNothingLeft(workspace);
    });
});

test("a Dockerfile from standard input has no files to copy", async (context) => {
  const { workspace } = scratchWorld(context);
  const input = withInput(workspace, "FROM scratch\nCOPY a /a\n");
  assertFailure(await runBivy(workspace, ["build", "-"], input), {
    exitCode: 3,
    code: "file-not-found",
    message: /Dockerfile:2:1: COPY a: there is no build context.*\n +2 \| COPY a \/a/,
    hint: /context/,
  });
});

test("a flag that does not exist", async (context) => {
  const { workspace, place } = scratchWorld(context);
  const words = ["build", "--traget", "x", place({ Dockerfile: copy })];
  const { exitCode, stdout, stderr } = await runBivy(workspace, words);
  assert.deepEqual([exitCode, stdout], [2, ""]);
  assert.match(stderr, /unknown option '--traget'\n\(Did you mean --target\?\)/);
});
