import assert from "node:assert/strict";
import { test } from "node:test";
import { adviceOn } from "./step-failure.ts";

const selecting =
  "ERROR: unable to select packages:\n  nodjs (no such package):\n    required by: world[nodjs]\n";

test("what apk says of a failure becomes advice", () => {
  const place = "https://dl-cdn.alpinelinux.org/alpine/v3.19/main";
  const cases: readonly [said: string, advice: RegExp][] = [
    [selecting, /^No repository of the image has nodjs: check the name/],
    [`${selecting}  b (no such package):\n`, /has nodjs or b:/],
    [
      `fetch ${place}/x86_64/APKINDEX.tar.gz\nWARNING: fetching ${place}: DNS lookup error\n${selecting}`,
      /^apk could not reach https:\S+\/main: check the network/,
    ],
    ["make: *** No rule to make target 'all'\n", /^What it printed is above\.$/],
    ["", /^What it printed is above\.$/],
  ];
  for (const [said, advice] of cases) assert.match(adviceOn(said), advice);
});
