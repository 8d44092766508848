import assert from "node:assert/strict";
import { test } from "node:test";
import { spellOutInsecure } from "./insecure-words.ts";

const cases: readonly (readonly [typed: string, spelled: string])[] = [
  ["image pull x", "image pull x"],
  ["image pull --insecure 127.0.0.1:5000/x", "image pull --insecure=loopback 127.0.0.1:5000/x"],
  ["image pull --insecure alpine:3", "image pull --insecure=loopback alpine:3"],
  ["image pull --insecure alpine:3.20", "image pull --insecure=loopback alpine:3.20"],
  ["image pull x --insecure", "image pull x --insecure=loopback"],
  ["image pull --insecure --quiet x", "image pull --insecure=loopback --quiet x"],
  ["pull --insecure registry.local:5000 x", "pull --insecure=registry.local:5000 x"],
  ["pull --insecure 10.0.0.5 x", "pull --insecure=10.0.0.5 x"],
  ["pull --insecure localhost:1 x", "pull --insecure=localhost:1 x"],
  ["pull --insecure [::1]:5000 x", "pull --insecure=[::1]:5000 x"],
  ["pull --insecure=a --insecure b.c x", "pull --insecure=a --insecure=b.c x"],
  ["pull x -- --insecure b.c", "pull x -- --insecure b.c"],
];

test("a bare --insecure means this machine, and takes a host only where one stands behind it", () => {
  for (const [typed, spelled] of cases)
    assert.equal(spellOutInsecure(typed.split(" ")).join(" "), spelled);
});
