import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDockerfile } from "../../dockerfile/index.ts";
import { hintsOf } from "./hints.ts";
import { planDockerfile } from "./plan.ts";

function hints(text: string): readonly string[] {
  const plan = planDockerfile(parseDockerfile(text, { subject: "Dockerfile" }), {
    platform: { os: "linux", architecture: "amd64" },
    base: () => ({ config: {} }),
  });
  return hintsOf(plan).map(({ line, text: said }) => `${line}: ${said.split(/[: ]/)[0]}`);
}

test("hints name the line, and only what is hardly ever wrong", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["FROM alpine\nRUN true", ["1: alpine"]],
    ["FROM alpine:3.20\nRUN true", []],
    ["FROM alpine@sha256:" + "0".repeat(64) + "\nRUN true", []],
    ["FROM alpine:3.20\nRUN apk add curl", ["2: apk"]],
    ["FROM alpine:3.20\nRUN apk update && apk add --no-cache curl", []],
    ["FROM alpine:3.20\nRUN apk -U add curl && rm -rf /var/cache/apk/*", []],
    ["FROM alpine:3.20\nRUN --mount=type=cache,target=/var/cache/apk apk add curl", []],
    ["FROM alpine:3.20 AS a\nRUN apk add gcc\nFROM alpine:3.20\nCOPY --from=a /x /x", []],
    ['FROM alpine:3.20\nRUN true\nCMD ["x"]', ["2: the"]],
    ['FROM alpine:3.20\nRUN true\nUSER app\nCMD ["x"]', []],
  ];
  for (const [text, expected] of cases) assert.deepEqual(hints(text), expected, text);
});
