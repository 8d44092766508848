import assert from "node:assert/strict";
import { test } from "node:test";
import { formatImageLocator, parseImageLocator } from "./locator.ts";
import { parseReference } from "./reference.ts";
import { fails } from "./sample-images.test.ts";

const digest = `sha256:${"c".repeat(64)}`;

test("locators name a place or a reference", () => {
  const cases: readonly [string, ReturnType<typeof parseImageLocator>][] = [
    ["oci:dir", { kind: "oci", path: "dir" }],
    ["oci:/a/dir:3.20", { kind: "oci", path: "/a/dir", name: "3.20" }],
    ["oci:dir:alpine:3.20", { kind: "oci", path: "dir", name: "alpine:3.20" }],
    [`oci:dir@${digest}`, { kind: "oci", path: "dir", name: digest }],
    [`oci:dir:a@${digest}`, { kind: "oci", path: "dir", name: `a@${digest}` }],
    ["oci-archive:a.tar:t", { kind: "oci-archive", path: "a.tar", name: "t" }],
    ["docker-archive:-", { kind: "docker-archive", path: "-" }],
    [
      "docker-archive:a.tar:localhost:5000/x:1",
      { kind: "docker-archive", path: "a.tar", name: "localhost:5000/x:1" },
    ],
    ["dir:/a:b", { kind: "dir", path: "/a:b" }],
    ["./x", { kind: "path", path: "./x" }],
    ["../x:y", { kind: "path", path: "../x:y" }],
    ["/x", { kind: "path", path: "/x" }],
    [".", { kind: "path", path: "." }],
    ["image.tar", { kind: "path", path: "image.tar" }],
    ["out/image.tar.gz", { kind: "path", path: "out/image.tar.gz" }],
    ["image.tgz", { kind: "path", path: "image.tgz" }],
    ["image:tar", { kind: "reference", reference: parseReference("image:tar") }],
    ["alpine:3.20", { kind: "reference", reference: parseReference("alpine:3.20") }],
    ["oci", { kind: "reference", reference: parseReference("oci") }],
    ["docker://alpine", { kind: "registry", reference: parseReference("alpine") }],
    ["store:alpine:3", { kind: "store", reference: parseReference("alpine:3") }],
  ];
  for (const [text, locator] of cases) {
    assert.deepEqual(parseImageLocator(text), locator, text);
    assert.equal(formatImageLocator(locator).replace(`:a@${digest}`, `:a@${digest}`), text);
  }
});

test("what bivy does not read says what to do instead", async () => {
  await fails(() => parseImageLocator("oci:"), "usage", /expected a path after oci:/);
  await fails(() => parseImageLocator("oci::tag"), "usage", /expected a path/);
  await fails(() => parseImageLocator("oci:dir:"), "usage", /expected a tag/);
  await fails(() => parseImageLocator("docker-daemon:alpine"), "usage", /does not read/);
  await fails(() => parseImageLocator("https://a.example/x"), "reference-invalid", /URL of a page/);
  await fails(() => parseImageLocator("Alpine"), "reference-invalid", /Alpine/);
});
