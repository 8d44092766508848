import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeText, isBivyError } from "../base/index.ts";
import { encodeConfig, formatCreated, nameSet, parseConfig } from "./config.ts";
import { fails } from "./sample-images.test.ts";

const diffId = `sha256:${"a".repeat(64)}`;

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

test("a config is written in a fixed order, with sorted maps, and unknown fields last", () => {
  const config = parseConfig(
    encodeText(
      JSON.stringify({
        zeta: { keep: [1, null] },
        rootfs: { diff_ids: [diffId], type: "layers" },
        os: "linux",
        docker_version: "18.06.1-ce",
        config: {
          Hostname: "",
          Labels: { b: "2", __proto__x: "0", a: "1" },
          Healthcheck: { Retries: 3, Interval: 30_000_000_000, Test: ["CMD", "true"], Odd: 1 },
          Volumes: null,
          ExposedPorts: { "80/tcp": {}, "8080/tcp": null },
          Cmd: ["sh"],
          Env: ["A=1"],
        },
        architecture: "arm",
        variant: "v7",
        history: [{ empty_layer: true, created_by: "x", extra: "y" }],
      }),
    ),
    "test",
  );
  assert.deepEqual(config.config?.ExposedPorts, { "80/tcp": {}, "8080/tcp": {} });
  assert.equal(config.config?.Healthcheck?.Interval, 30_000_000_000);
  assert.equal(config.config?.Volumes, undefined);
  assert.equal(
    text(encodeConfig(config)),
    '{"architecture":"arm","os":"linux","variant":"v7","config":{"ExposedPorts":{"80/tcp":{},"8080/tcp":{}},"Env":["A=1"],"Cmd":["sh"],' +
      '"Labels":{"__proto__x":"0","a":"1","b":"2"},"Healthcheck":{"Test":["CMD","true"],"Interval":30000000000,"Retries":3,"Odd":1},"Hostname":""},' +
      `"rootfs":{"type":"layers","diff_ids":["${diffId}"]},"history":[{"created_by":"x","empty_layer":true,"extra":"y"}],` +
      '"docker_version":"18.06.1-ce","zeta":{"keep":[1,null]}}',
  );
});

test("a label may be named __proto__", () => {
  const raw = `{"architecture":"amd64","os":"linux","config":{"Labels":{"__proto__":"x"}},"rootfs":{"type":"layers","diff_ids":[]}}`;
  assert.equal(text(encodeConfig(parseConfig(encodeText(raw), "test"))), raw);
});

test("a field of the wrong form is refused by name", async () => {
  const cases: readonly [unknown, RegExp][] = [
    [[], /test: expected an object, found \[\]/],
    [{ config: { Env: "A=1" } }, /test: config: Env: expected a list, found "A=1"/],
    [{ config: { Env: [1] } }, /Env\[0\]: expected a string, found 1/],
    [{ config: { Labels: { a: 1 } } }, /Labels\.a: expected a string/],
    [{ config: { Healthcheck: { Interval: "30s" } } }, /Interval: expected a whole number/],
    [{ rootfs: { diff_ids: ["sha256:x"] } }, /diff_ids\[0\]: expected sha256/],
    [{ rootfs: { diff_ids: [`sha512:${"a".repeat(128)}`] } }, /expected sha256/],
    [{ history: [{ empty_layer: "yes" }] }, /empty_layer: expected true or false/],
    [{ os: 1 }, /os: expected a string/],
  ];
  for (const [document, message] of cases)
    await fails(
      () => parseConfig(encodeText(JSON.stringify(document)), "test"),
      "image-invalid",
      message,
    );
  await fails(() => parseConfig(encodeText("{"), "test"), "image-invalid", /expected a JSON/);
  const deep = `{"x":${"[".repeat(200)}${"]".repeat(200)}}`;
  await fails(() => parseConfig(encodeText(deep), "test"), "image-invalid", /nests deeper/);
  await fails(() => parseConfig(Uint8Array.of(0x22, 0xff, 0x22), "t"), "image-invalid", /JSON/);
});

test("any JSON either is a config, which survives, or is refused as one", () => {
  const known = fc.constantFrom(
    "config",
    "rootfs",
    "history",
    "os",
    "Env",
    "Labels",
    "Volumes",
    "x",
  );
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 0, "x"),
      fc.array(tie("value"), { maxLength: 2 }),
      fc.dictionary(known, tie("value"), { maxKeys: 3 }),
    ),
  })).value;
  fc.assert(
    fc.property(json, (document) => {
      try {
        const once = encodeConfig(parseConfig(encodeText(JSON.stringify(document)), "test"));
        assert.equal(text(encodeConfig(parseConfig(once, "test"))), text(once));
      } catch (error) {
        assert.ok(isBivyError(error, "image-invalid"), String(error));
      }
    }),
  );
});

test("times are whole seconds in UTC, names are maps to nothing", () => {
  assert.equal(formatCreated(1_700_000_000), "2023-11-14T22:13:20Z");
  assert.equal(formatCreated(0.9), "1970-01-01T00:00:00Z");
  assert.equal(JSON.stringify(nameSet(["80/tcp", "__proto__"])), '{"80/tcp":{},"__proto__":{}}');
});
