import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "../base/index.ts";
import type { HistoryEntry, ImageConfig } from "./config.ts";
import { formatInstruction, historySteps, layerHistory } from "./history.ts";

function configOf(layers: number, history?: readonly HistoryEntry[]): ImageConfig {
  const diffIds = Array.from({ length: layers }, (_, at): Digest => `sha256:${at}`);
  return {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: diffIds },
    ...(history === undefined ? {} : { history }),
  };
}

const add = { created_by: "ADD" };
const cmd = { created_by: "CMD", empty_layer: true };
const run = { created_by: "RUN", empty_layer: false };

test("entries that are not empty match the layers in order", () => {
  const config = configOf(2, [add, cmd, run]);
  assert.deepEqual(historySteps(config), [
    { entry: add, layer: 0 },
    { entry: cmd },
    { entry: run, layer: 1 },
  ]);
  assert.deepEqual(layerHistory(config), [add, run]);
});

test("a history that does not match says nothing about layers", () => {
  for (const history of [[add], [add, run, run], [cmd, cmd]]) {
    const config = configOf(2, history);
    assert.ok(historySteps(config).every(({ layer }) => layer === undefined));
    assert.equal(historySteps(config).length, history.length);
    assert.deepEqual(layerHistory(config), [undefined, undefined]);
  }
});

test("an image without a history has layers without entries", () => {
  assert.deepEqual(historySteps(configOf(1)), []);
  assert.deepEqual(layerHistory(configOf(1)), [undefined]);
  assert.deepEqual(layerHistory(configOf(0, [cmd])), []);
});

test("instructions are told from what builders write around them", () => {
  const cases = [
    ["/bin/sh -c #(nop) ADD file:fe64057f in / ", "ADD file:fe64057f in /"],
    ['/bin/sh -c #(nop)  CMD ["/bin/sh"]', 'CMD ["/bin/sh"]'],
    ["/bin/sh -c apk add --no-cache curl", "RUN apk add --no-cache curl"],
    ["|1 VERSION=3 /bin/sh -c echo $VERSION", "RUN echo $VERSION"],
    ["|2 A=b c D=e /bin/sh -c sh -c /bin/sh -c x", "RUN sh -c /bin/sh -c x"],
    ["RUN /bin/sh -c apk add curl # buildkit", "RUN apk add curl"],
    ["RUN |1 A=b /bin/sh -c make # buildkit", "RUN make"],
    ["COPY . /app # buildkit", "COPY . /app"],
    ["RUN /bin/bash -o pipefail -c make # buildkit", "RUN /bin/bash -o pipefail -c make"],
    ["/bin/sh -c apk add \\\n\t\tcurl \\\n\t\tgit", "RUN apk add \\ curl \\ git"],
    ["apko", "apko"],
    ["", ""],
  ] as const;
  for (const [written, expected] of cases) assert.equal(formatInstruction(written), expected);
});
