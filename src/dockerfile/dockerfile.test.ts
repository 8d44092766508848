import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { isBivyError } from "../base/index.ts";
import { parseDockerfile, parseTrigger, readDockerfile } from "./dockerfile.ts";
import { type Instruction } from "./instruction.ts";
import { runCommandOf } from "./instructions/command.ts";
import { type Word } from "./syntax.ts";

const options = { subject: "Dockerfile" };

interface ProblemCase {
  readonly dockerfile: string;
  readonly says: readonly string[];
  readonly hint?: string;
}

const problemCases = JSON.parse(
  readFileSync(new URL("problems.json", import.meta.url), "utf8"),
) as readonly ProblemCase[];

test("what is wrong is said with its line, its column and what to do", () => {
  for (const { dockerfile, says, hint } of problemCases)
    assert.throws(
      () => parseDockerfile(dockerfile, options),
      (error) => {
        assert.ok(isBivyError(error, "dockerfile-invalid"));
        assert.deepEqual([...error.message.split("\n"), error.hint], [...says, hint], dockerfile);
        return true;
      },
    );
});

/** The first instruction below `FROM a`. */
function instruction(text: string): Instruction {
  const { stages } = parseDockerfile(`FROM a\n${text}\n`, options);
  assert.equal(stages[0]!.instructions.length, 1, text);
  return stages[0]!.instructions[0]!;
}

/** Words as their texts, without places and nodes. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("text" in value && "offset" in value && !("kind" in value)) return (value as Word).text;
  const entries = Object.entries(value)
    .filter(([key, entry]) => !placeKeys.has(key) && entry !== undefined)
    .map(([key, entry]) => [key, plain(entry)]);
  return Object.fromEntries(entries);
}

const placeKeys = new Set(["node", "offset", "end", "line", "column", "word", "terminator"]);

const transfer = { link: false, excludes: [] };
const run = { heredocs: [], mounts: [], network: "default", security: "sandbox", devices: [] };
const heredoc = { delimiter: "E", descriptor: 0, expands: true, stripsTabs: false, content: "x\n" };

const instructions: readonly (readonly [string, object])[] = [
  ["RUN a  b", { ...run, command: { form: "shell", script: "a  b" } }],
  ['RUN ["a", "b"]', { ...run, command: { form: "exec", words: ["a", "b"] } }],
  [
    "RUN --mount=type=cache,target=/x --mount=target=/y --network=none --security=insecure --device=d a",
    {
      ...run,
      command: { form: "shell", script: "a" },
      mounts: ["type=cache,target=/x", "target=/y"],
      network: "none",
      security: "insecure",
      devices: ["d"],
    },
  ],
  ["RUN <<E\nx\nE", { ...run, command: { form: "shell", script: "<<E" }, heredocs: [heredoc] }],
  ["CMD", { command: { form: "shell" } }],
  ["CMD []", { command: { form: "exec", words: [] } }],
  ["ENTRYPOINT a b", { command: { form: "shell", script: "a b" } }],
  ['SHELL ["a", "-c"]', { words: ["a", "-c"] }],
  [
    "COPY a b /c",
    {
      ...transfer,
      sources: [{ kind: "path" }, { kind: "path" }],
      destination: "/c",
      parents: false,
    },
  ],
  [
    'COPY --from=x --chown=1:2 --chmod=0755 --link --parents=TRUE --exclude=a --exclude=b ["a b", "/c"]',
    {
      sources: [{ kind: "path" }],
      destination: "/c",
      from: "x",
      chown: "1:2",
      chmod: "0755",
      link: true,
      parents: true,
      excludes: ["a", "b"],
    },
  ],
  [
    "COPY <<E /c\nx\nE",
    { ...transfer, sources: [{ kind: "heredoc", heredoc }], destination: "/c", parents: false },
  ],
  [
    "ADD --checksum=sha256:0 --keep-git-dir --unpack=false --link=false https://a /c",
    {
      ...transfer,
      sources: [{ kind: "path" }],
      destination: "/c",
      checksum: "sha256:0",
      keepGitDirectory: true,
      unpack: false,
    },
  ],
  [
    "ENV a=$b c='d e'",
    {
      assignments: [
        { name: "a", value: "$b", separator: "=" },
        { name: "c", value: "'d e'", separator: "=" },
      ],
    },
  ],
  ["LABEL a b c", { assignments: [{ name: "a", value: "b c", separator: " " }] }],
  [
    "ARG a b= c=d",
    {
      declarations: [
        { name: "a" },
        { name: "b", defaultValue: "" },
        { name: "c", defaultValue: "d" },
      ],
    },
  ],
  ["EXPOSE 80 443/tcp", { ports: ["80", "443/tcp"] }],
  ["USER a:b", { text: "a:b" }],
  ["WORKDIR /a b", { text: "/a b" }],
  ["STOPSIGNAL SIGINT", { text: "SIGINT" }],
  ["MAINTAINER a <b@c>", { text: "a <b@c>" }],
  ['VOLUME ["/a b", "/c"]', { paths: ["/a b", "/c"] }],
  ["VOLUME /a /b", { paths: ["/a", "/b"] }],
  ["HEALTHCHECK none", {}],
  ["HEALTHCHECK --interval=5s NONE", {}],
  [
    "HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=0s --start-interval=1s --retries=3 CMD a b",
    {
      check: {
        command: { form: "shell", script: "a b" },
        interval: 90e9,
        timeout: 5e8,
        startPeriod: 0,
        startInterval: 1e9,
        retries: 3,
      },
    },
  ],
];

test("instructions are read as typed values", () => {
  for (const [text, expected] of instructions) {
    const { name, ...found } = plain(instruction(text)) as { name: string };
    assert.deepEqual(found, expected, text);
    assert.equal(name, text.split(" ")[0], text);
  }
});

test("ONBUILD keeps the instruction, and its text for the image", () => {
  const kept = instruction("onbuild  RUN a \\\n  <<E  \nx\nE");
  assert.equal(kept.name, "ONBUILD");
  assert.ok(kept.name === "ONBUILD");
  assert.equal(kept.expression, "RUN a   <<E  \nx\nE");
  assert.deepEqual(plain(kept.trigger), plain(parseTrigger(kept.expression, options)));
});

test("a kept text must be one instruction", () => {
  for (const text of ["", "RUN a\nRUN b", "WHAT", "RUN <<E\nx"])
    assert.throws(
      () => parseTrigger(text, { subject: "ONBUILD of alpine" }),
      (error) => isBivyError(error, "dockerfile-invalid"),
      text,
    );
});

const commands: readonly (readonly [string, object])[] = [
  ['RUN ["a", "b"]', { form: "exec", words: ["a", "b"] }],
  ["RUN a \\\n  b", { form: "shell", script: "a   b" }],
  ["RUN <<E\na\nb\nE", { form: "shell", script: "a\nb\n" }],
  ["RUN <<-'E F'\n\ta\n\tE F", { form: "shell", script: "a\n" }],
  ["RUN <<E\n#!/bin/x\na\nE", { form: "file", fileName: "E", content: "#!/bin/x\na\n" }],
  ["RUN <<E python3\na\nE", { form: "shell", script: "<<E python3\na\nE" }],
  ["RUN cat <<-A 3<<B\n\ta\n\tA\nb\nB", { form: "shell", script: "cat <<-A 3<<B\n\ta\nA\nb\nB" }],
];

test("the command of a RUN instruction is made of text and heredocs", () => {
  for (const [text, expected] of commands) {
    const found = instruction(text);
    assert.ok(found.name === "RUN");
    assert.deepEqual(runCommandOf(found), expected, text);
  }
});

test("stages are numbered, named in lower case, and have what follows them", () => {
  const { globals, stages, directives, check } = parseDockerfile(
    "# syntax=x\n# check=skip=A,B;error=true;experimental=all // why\nARG v=1\nARG w\n" +
      "FROM --platform=$p a:$v AS Base\nARG v\nRUN x\nfrom base\nCMD y\n",
    options,
  );
  assert.deepEqual(
    globals.flatMap(({ declarations }) => declarations.map(({ name }) => name.text)),
    ["v", "w"],
  );
  assert.deepEqual(
    stages.map(({ index, name, from, instructions: own }) => ({
      index,
      name,
      image: from.image.text,
      platform: from.platform?.text,
      own: own.map((each) => each.name),
    })),
    [
      { index: 0, name: "base", image: "a:$v", platform: "$p", own: ["ARG", "RUN"] },
      { index: 1, name: undefined, image: "base", platform: undefined, own: ["CMD"] },
    ],
  );
  assert.equal(directives.syntax?.value.text, "x");
  assert.deepEqual(check, { skip: ["A", "B"], experimental: "all", error: true });
});

test("a file with problems is read as far as it goes", () => {
  const {
    stages,
    instructions: all,
    problems,
  } = readDockerfile(
    "FROM a\nRUN x\nRNU y\nCOPY z\nUSER b\nFROM\nUSER c\nFROM d\nUSER e\n",
    options,
  );
  assert.deepEqual(
    stages.map((stage) => stage.instructions.map(({ name }) => name)),
    [["RUN", "USER"], ["USER"]],
  );
  assert.deepEqual(
    all.map(({ name }) => name),
    ["FROM", "RUN", "USER", "USER", "FROM", "USER"],
  );
  assert.deepEqual(
    problems.map(({ rule, severity, line, column }) => [rule, severity, line, column]),
    [
      ["unknown-instruction", "error", 3, 1],
      ["argument-count", "error", 4, 6],
      ["argument-count", "error", 6, 1],
    ],
  );
});

test("a warning does not fail a file", () => {
  const { problems } = parseDockerfile("FROM a\nRUN x \\\n\n  y\n", options);
  assert.deepEqual(
    problems.map(({ rule, severity, line }) => [rule, severity, line]),
    [["empty-continuation", "warning", 3]],
  );
});

test("what is no text is refused", () => {
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("FROM a", "utf16le")]);
  const inputs: readonly (readonly [Uint8Array, RegExp])[] = [
    [utf16, /expected UTF-8 text, found UTF-16/],
    [Buffer.alloc(20_000, 0xff), /found binary data/],
    [Buffer.from("FROM a\nRUN \xff\n", "latin1"), /^Dockerfile:2:5: the byte 0xff is not UTF-8/],
  ];
  for (const [input, message] of inputs)
    assert.throws(
      () => parseDockerfile(input, options),
      (error) => isBivyError(error, "dockerfile-invalid") && message.test(error.message),
    );
});

test("bytes that are no UTF-8 do no harm in comments and heredocs", () => {
  const input = Buffer.from("# \xff\nFROM a\nCOPY <<E /b\n\xe9\nE\n", "latin1");
  const { stages } = parseDockerfile(input, options);
  assert.equal(stages[0]!.instructions.length, 1);
});

test("any text is read or refused with a place in it", () => {
  const keyword = fc.constantFrom(
    ..."ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL USER VOLUME".split(
      " ",
    ),
  );
  const words = fc.array(
    fc.constantFrom(
      "a",
      "a=b",
      "--mount=type=cache,target=/x",
      "--from=b",
      "--interval=1s",
      "[",
      '["a"]',
      "CMD",
      "AS",
      "<<E",
      "'",
      "\\\n",
      "\n",
      "=",
      "--",
      "$",
      "${a",
      "NONE",
      "RUN",
      "COPY",
    ),
    { maxLength: 6 },
  );
  const line = fc.tuple(keyword, words).map(([name, rest]) => `${name} ${rest.join(" ")}\n`);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      const text = lines.join("");
      const { problems } = readDockerfile(text, options);
      for (const { offset, end, line: number } of problems) {
        assert.ok(offset <= end && end <= text.length);
        assert.equal(number, text.slice(0, offset).split("\n").length);
      }
      try {
        parseDockerfile(text, options);
      } catch (error) {
        assert.ok(isBivyError(error, "dockerfile-invalid"));
        assert.match(error.message, /^Dockerfile:\d+:\d+: /);
      }
    }),
    { numRuns: 1000 },
  );
});
