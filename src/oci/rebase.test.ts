import assert from "node:assert/strict";
import { test } from "node:test";
import { makeImage } from "./assemble.ts";
import { type ContainerConfig, type HistoryEntry } from "./config.ts";
import { appendLayers, changeConfig } from "./mutate.ts";
import { parsePlatform } from "./platform.ts";
import { rebaseImage } from "./rebase.ts";
import { fails, sampleLayer } from "./sample-images.test.ts";

async function base(
  names: readonly string[],
  config: ContainerConfig,
  platform = "linux/amd64",
  history: readonly HistoryEntry[] = names.map((name) => ({ created_by: name })),
) {
  const layers = await Promise.all(names.map((name) => sampleLayer(name)));
  return makeImage({ platform: parsePlatform(platform), config, layers, history });
}

const oldSettings: ContainerConfig = {
  Env: ["PATH=/bin", "LANG=C", "GONE=1"],
  Cmd: ["/bin/sh"],
  User: "root",
  Labels: { version: "1", kept: "x" },
};
const newSettings: ContainerConfig = {
  Env: ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"],
  Cmd: ["/bin/ash"],
  User: "root",
  Labels: { version: "2", kept: "x", added: "y" },
  StopSignal: "SIGTERM",
};

test("layers and history of the base are exchanged, those on top stay", async () => {
  const oldBase = await base(["a", "b"], oldSettings);
  const newBase = await base(["c"], newSettings);
  const top = await sampleLayer("top");
  const image = await appendLayers(oldBase, [top], { history: [{ created_by: "COPY top" }] });
  const rebased = await rebaseImage(image, oldBase, newBase);
  assert.deepEqual(
    (await rebased.layers()).map(({ digest }) => digest),
    [(await newBase.layers())[0]!.digest, top.digest],
  );
  const config = await rebased.config();
  assert.deepEqual(
    config.history?.map((entry) => entry.created_by),
    ["c", "COPY top"],
  );
  assert.deepEqual(config.config, newSettings);
});

test("what the image set itself stays, what it inherited is the new base's", async () => {
  const oldBase = await base(["a"], oldSettings);
  const newBase = await base(["c"], newSettings);
  const image = await changeConfig(
    await appendLayers(oldBase, [await sampleLayer("top")], { history: [{ created_by: "RUN" }] }),
    (config) => ({
      ...config,
      Env: ["PATH=/app/bin", "LANG=C", "GONE=1", "OWN=1"],
      Cmd: ["/app"],
      Labels: { ...config.Labels, mine: "1" },
    }),
  );
  const { config } = await (await rebaseImage(image, oldBase, newBase)).config();
  assert.deepEqual(config?.Env?.toSorted(), ["LANG=C.UTF-8", "OWN=1", "PATH=/app/bin"]);
  assert.deepEqual(config?.Cmd, ["/app"]);
  assert.deepEqual(config?.Labels, { version: "2", kept: "x", added: "y", mine: "1" });
  assert.equal(config?.StopSignal, "SIGTERM");
});

test("another base and another platform are refused", async () => {
  const oldBase = await base(["a"], oldSettings);
  const image = await appendLayers(oldBase, [await sampleLayer("top")]);
  const stranger = await base(["x"], {});
  await fails(() => rebaseImage(image, stranger, oldBase), "image-invalid", /layer 0 of the base/);
  const arm = await base(["c"], {}, "linux/arm64");
  await fails(() => rebaseImage(image, oldBase, arm), "platform-not-found", /linux\/arm64/);
});

test("a history that cannot be joined is left out", async () => {
  const oldBase = await base(["a"], oldSettings);
  const newBase = await base(["c"], newSettings, "linux/amd64", []);
  const image = await appendLayers(oldBase, [await sampleLayer("top")]);
  assert.equal((await (await rebaseImage(image, oldBase, newBase)).config()).history, undefined);
});
