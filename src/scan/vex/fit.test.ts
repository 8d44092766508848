import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { samplePackage, sampleSubject } from "../sample-scan.test.ts";
import { componentOf, productOf } from "./component.ts";
import { closeness, productFit, type Closeness, type VexSubject } from "./fit.ts";

/** How closely each product names the package `crypto` of `subject`. */
const cases = JSON.parse(readFileSync(new URL("fit.json", import.meta.url), "utf8")) as readonly [
  keyof typeof closeness,
  string,
][];

const digest = `sha256:${"ab".repeat(32)}` as const;
const subject = sampleSubject([], { name: "registry.example.com/team/app:1", digest });
const crypto = samplePackage("libcrypto3 3.1.4-r5 openssl");

function nameOf(fit: Closeness): string {
  return Object.entries(closeness).find(([, value]) => value === fit)![0];
}

test("a product names a package, its origin, the image, or something else", () => {
  for (const [expected, text] of cases) {
    const fit = productFit(productOf(text, componentOf([text])), crypto, subject);
    assert.equal(nameOf(fit), expected, text);
  }
});

test("a name with a plus is encoded in a purl", () => {
  const stdc = samplePackage("libstdc++ 13-r0 gcc");
  for (const purl of ["pkg:apk/alpine/libstdc%2B%2B@13-r0", "pkg:apk/alpine/libstdc++"])
    assert.equal(productFit(productOf("", componentOf([purl])), stdc, subject), closeness.package);
});

test("what neither side states does not matter", () => {
  const bare: VexSubject = { name: "rootfs" };
  const { arch: _, ...noArch } = crypto;
  const purl = "pkg:apk/wolfi/libcrypto3@3.1.4-r5?arch=s390x&distro=wolfi-1";
  const product = productOf("", componentOf([purl]));
  assert.equal(productFit(product, noArch, bare), closeness.package);
  assert.equal(productFit(product, crypto, subject), closeness.none);
});

test("other distributions go by their version", () => {
  const distribution = { id: "wolfi", name: "Wolfi", version: "20230201", path: "etc/os-release" };
  const fits = (distro: string) =>
    productFit(productOf("", componentOf([`pkg:apk/wolfi/libcrypto3?distro=${distro}`])), crypto, {
      name: "w",
      distribution,
    }) === closeness.package;
  assert.deepEqual(["wolfi", "wolfi-20230201", "20230201", "wolfi-2", "alpine-3.19"].map(fits), [
    true,
    true,
    true,
    false,
    false,
  ]);
});

test("parts of an image are looked for in it only", () => {
  const parts = (...purls: readonly string[]) => [componentOf(purls)];
  const here = componentOf([digest]);
  const elsewhere = componentOf([`sha256:${"cd".repeat(32)}`]);
  const fits: readonly [Closeness, ReturnType<typeof productOf>][] = [
    [closeness.image, productOf("", here)],
    [closeness.package, productOf("", here, parts("pkg:apk/alpine/libcrypto3"))],
    [closeness.origin, productOf("", here, parts("pkg:npm/x", "pkg:apk/alpine/openssl"))],
    [closeness.none, productOf("", here, parts("pkg:apk/alpine/busybox"))],
    [closeness.none, productOf("", here, parts("pkg:npm/libcrypto3"))],
    [closeness.none, productOf("", here, [])],
    [closeness.none, productOf("", elsewhere, parts("pkg:apk/alpine/libcrypto3"))],
    [closeness.none, productOf("", elsewhere)],
  ];
  for (const [index, [expected, product]] of fits.entries())
    assert.equal(productFit(product, crypto, subject), expected, String(index));
});

test("an image that is named by the digest of its index is of that index", () => {
  const index = `sha256:${"ef".repeat(32)}`;
  const named = { ...subject, name: `registry.example.com/team/app@${index}` };
  const product = productOf("", componentOf([`pkg:oci/app@${index}`]));
  assert.equal(productFit(product, crypto, named), closeness.image);
  assert.equal(productFit(product, crypto, subject), closeness.none);
});
