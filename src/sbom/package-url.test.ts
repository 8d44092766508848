import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseReference } from "../oci/index.ts";
import {
  apkPackageUrl,
  formatPackageUrl,
  imagePackageUrl,
  type PackageUrl,
} from "./package-url.ts";

const digest = `sha256:${"ab".repeat(32)}` as const;

const cases: readonly [PackageUrl, string][] = [
  [{ type: "npm", name: "bivy" }, "pkg:npm/bivy"],
  [
    { type: "docker", namespace: "customer", name: "image", version: digest },
    `pkg:docker/customer/image@${digest}`,
  ],
  [
    { type: "docker", namespace: "host:5000/a b", name: "c", version: "1" },
    "pkg:docker/host:5000/a%20b/c@1",
  ],
  [
    { type: "generic", name: "a/b@c", version: "1+2~3?x#y%" },
    "pkg:generic/a%2Fb%40c@1%2B2~3%3Fx%23y%25",
  ],
  [
    { type: "x", name: "n", qualifiers: { b: "2", a: "https://h/p?q=1&r", c: "", d: undefined } },
    "pkg:x/n?a=https:%2F%2Fh%2Fp%3Fq%3D1%26r&b=2",
  ],
  [{ type: "x", name: "é\udcff" }, "pkg:x/%C3%A9%FF"],
];

test("a package URL is written in its canonical form", () => {
  for (const [parts, expected] of cases) assert.equal(formatPackageUrl(parts), expected);
});

test("any name and version can be read back", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 });
  fc.assert(
    fc.property(text, text, text, (name, version, value) => {
      const purl = formatPackageUrl({ type: "x", name, version, qualifiers: { key: value } });
      const [, ...found] = /^pkg:x\/([^/@?]+)@([^/@?]+)\?key=([^/@?&]+)$/.exec(purl) ?? [];
      assert.deepEqual(found.map(decodeURIComponent), [name, version, value]);
    }),
  );
});

const alpine = { id: "alpine", version: "3.19.1" };
const crypto = { name: "libcrypto3", version: "3.1.4-r5", arch: "x86_64", origin: "openssl" };

const packages: readonly [Parameters<typeof apkPackageUrl>, string][] = [
  [
    [crypto, alpine],
    "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=alpine-3.19.1&upstream=openssl",
  ],
  [
    [{ name: "libstdc++", version: "13_git1-r0", arch: "noarch", origin: "libstdc++" }, alpine],
    "pkg:apk/alpine/libstdc%2B%2B@13_git1-r0?arch=noarch&distro=alpine-3.19.1",
  ],
  [
    [{ name: "R", version: "4-r0", arch: "", origin: "" }, { id: "Wolfi" }],
    "pkg:apk/wolfi/r@4-r0?distro=Wolfi",
  ],
  [[{ ...crypto, origin: "" }, undefined], "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64"],
];

test("the purl of a package names its distribution and its origin", () => {
  for (const [parts, expected] of packages) assert.equal(apkPackageUrl(...parts), expected);
});

test("the purl of an image names its repository", () => {
  assert.equal(
    imagePackageUrl(parseReference("registry.example.com:5000/team/app:1"), digest, {
      architecture: "arm64",
    }),
    `pkg:oci/app@${digest}?arch=arm64&repository_url=registry.example.com:5000%2Fteam%2Fapp&tag=1`,
  );
});
