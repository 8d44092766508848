import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBuildSummary, type BuildSummary, type PlatformSummary } from "./build-summary.ts";
import { displayWidth } from "./display-width.ts";

const MiB = 1024 * 1024;

const amd64: PlatformSummary = {
  platform: "linux/amd64",
  base: { name: "alpine:3.19", size: 3.3 * MiB },
  layers: [
    { size: 12.2 * MiB, instruction: "RUN apk add \\\n  curl" },
    { size: 0.1 * MiB, instruction: "COPY app /usr/bin/app" },
  ],
  packages: {
    added: [
      { name: "curl", version: "8.5.0-r0" },
      { name: "libcurl", version: "8.5.0-r0" },
    ],
    removed: [{ name: "ssl_client", version: "1.36.1-r15" }],
    upgraded: [{ name: "busybox", before: "1.36.1-r15", after: "1.36.1-r19" }],
  },
};

const small: BuildSummary = {
  digest: "sha256:2c26b46b",
  names: ["app:latest", "oci-archive:app.tar"],
  platforms: [amd64],
  cost: {
    milliseconds: 12_340,
    steps: [
      { stage: "1/4", text: "FROM alpine:3.19", milliseconds: 700 },
      { stage: "2/4", text: "RUN apk add curl", milliseconds: 10_200 },
      { stage: "3/4", text: "WORKDIR /app", milliseconds: 2 },
      { stage: "4/4", text: "COPY app /usr/bin/app", milliseconds: 90 },
    ],
    cachedSteps: 1,
    downloadedBytes: 15 * MiB,
  },
  hints: [{ line: 2, text: "pin the version of curl" }],
};

test("a summary tells what was made and what it cost", () => {
  assert.deepEqual(formatBuildSummary(small, 80).split("\n"), [
    "sha256:2c26b46b",
    "  app:latest, oci-archive:app.tar",
    "linux/amd64: 15.6 MiB compressed, +12.3 MiB over alpine:3.19",
    "       SIZE  LAYER",
    "   12.2 MiB  RUN apk add \\ curl",
    "  102.4 KiB  COPY app /usr/bin/app",
    "  added 2 packages: curl-8.5.0-r0, libcurl-8.5.0-r0",
    "  removed 1 package: ssl_client-1.36.1-r15",
    "  upgraded 1 package: busybox 1.36.1-r15 -> 1.36.1-r19",
    "built in 12.3s, 1 of 5 steps cached, 15.0 MiB downloaded",
    "  slowest  10.2s  [2/4] RUN apk add curl",
    "            0.7s  [1/4] FROM alpine:3.19",
    "            0.1s  [4/4] COPY app /usr/bin/app",
    "hint on line 2: pin the version of curl",
  ]);
});

test("platforms with the same changes of packages tell them once", () => {
  const arm64 = { ...amd64, platform: "linux/arm64" };
  const text = formatBuildSummary({ ...small, platforms: [amd64, arm64] }, 80);
  assert.match(text, /\nadded 2 packages on each platform: curl-8\.5\.0-r0, libcurl-8\.5\.0-r0\n/);
  assert.equal(text.match(/libcurl/g)!.length, 1);
  const other = { ...arm64, packages: { added: [], removed: [], upgraded: [] } };
  const different = formatBuildSummary({ ...small, platforms: [amd64, other] }, 80);
  assert.match(different, /\n {2}added 2 packages: curl/);
});

test("what is absent is not told of", () => {
  const summary: BuildSummary = {
    digest: "sha256:2c26b46b",
    names: [],
    platforms: [{ platform: "linux/arm64", base: undefined, layers: [], packages: undefined }],
    cost: { milliseconds: 90, steps: [], cachedSteps: 0, downloadedBytes: 0 },
    hints: [],
  };
  assert.deepEqual(formatBuildSummary(summary, 80).split("\n"), [
    "sha256:2c26b46b",
    "linux/arm64: 0 B compressed",
    "built in 0.1s, 0 B downloaded",
  ]);
});

function many<T>(count: number, make: (at: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

test("what is known of vulnerabilities stands on as many lines as it takes", () => {
  const known = "3 known (worst: CVE-2024-9143, libcrypto3 3.1.7-r0)";
  const rest = "2 packages without fix data";
  const linesOf = (next: string, width: number) =>
    formatBuildSummary({ ...small, vulnerabilities: { facts: [known, rest], next } }, width)
      .split("\n")
      .filter((line) => /vulnerabilities|without fix data|bivy scan/.test(line));
  const short = "bivy scan app:latest says more";
  const long = "bivy scan registry.example.com/team/app:latest says more";
  assert.deepEqual(linesOf(short, Infinity), [`vulnerabilities: ${known}, ${rest}; ${short}`]);
  assert.deepEqual(linesOf(short, 80), [`vulnerabilities: ${known},`, `    ${rest}; ${short}`]);
  assert.deepEqual(linesOf(long, 80), [
    `vulnerabilities: ${known},`,
    `    ${rest};`,
    `    ${long}`,
  ]);
});

const large: BuildSummary = {
  ...small,
  names: many(30, (at) => `registry.example/team/app:tag-${at}`),
  platforms: [
    {
      ...amd64,
      layers: many(40, (at) => ({ size: (at % 7) * MiB, instruction: `RUN step ${at}` })),
      packages: {
        added: many(200, (at) => ({ name: `package-${at}`, version: `1.${at}-r0` })),
        removed: many(9, (at) => ({ name: `old-${at}`, version: "1.0-r0" })),
        upgraded: many(90, (at) => ({ name: `lib-${at}`, before: "1.0-r0", after: "1.1-r0" })),
      },
    },
  ],
  hints: many(12, (at) => ({ line: at + 1, text: "something\u001b[2J\nto say" })),
};

test("a large build has a short summary", () => {
  const lines = formatBuildSummary(large, 60).split("\n");
  assert.ok(lines.length <= 20, `${lines.length} lines`);
  for (const line of lines) assert.ok(displayWidth(line) <= 60, line);
  assert.deepEqual(lines.slice(1, 13), [
    "  registry.example/team/app:tag-0, … and 29 more",
    "linux/amd64: 118.3 MiB compressed, +115.0 MiB over alpine:3…",
    "      SIZE  LAYER",
    "   6.0 MiB  RUN step 6",
    "   6.0 MiB  RUN step 13",
    "   6.0 MiB  RUN step 20",
    "   6.0 MiB  RUN step 27",
    "  91.0 MiB  … and 36 smaller layers",
    "  added 200 packages: package-0-1.0-r0, package-1-1.1-r0,",
    "    package-2-1.2-r0, package-3-1.3-r0, … and 196 more",
    "  removed 9 packages: old-0-1.0-r0, … and 8 more",
    "  upgraded 90 packages: lib-0 1.0-r0 -> 1.1-r0, … and 89 mo…",
  ]);
  assert.deepEqual(lines.slice(-3), [
    "hint on line 1: something\ufffd[2J to say",
    "hint on line 2: something\ufffd[2J to say",
    "… and 10 more hints",
  ]);
});

test("a file takes longer lines, but no endless ones", () => {
  const added = formatBuildSummary(large, Infinity)
    .split("\n")
    .find((line) => line.startsWith("  added"))!;
  assert.match(added, /package-19-1\.19-r0, … and 180 more$/);
});
