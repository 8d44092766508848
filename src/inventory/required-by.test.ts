import assert from "node:assert/strict";
import { test } from "node:test";
import { createInstalled, createPackage, parseAtom, type Package } from "../apk/index.ts";
import { dependencyGraph } from "./dependencies.ts";
import { pathsFromWorld } from "./required-by.ts";

type Words = Readonly<{ depends?: string; provides?: string; installIf?: string }>;

function pathsOf(packages: Readonly<Record<string, Words>>, world: string) {
  const atoms = (text = "") => text.split(" ").filter(Boolean).map(parseAtom);
  const installed = Object.entries(packages).map(([name, { depends, provides, installIf }]) => {
    const fields: Partial<Package> = {
      depends: atoms(depends),
      provides: atoms(provides),
      installIf: atoms(installIf),
    };
    return createInstalled(createPackage({ name, version: "1-r0", ...fields }));
  });
  const paths = pathsFromWorld(dependencyGraph(installed, atoms(world)));
  return Object.fromEntries(
    Array.from(paths, ([node, { inWorld, names }]) => [
      node.package.name,
      `${inWorld ? "world " : ""}${names.join(" > ")}`,
    ]),
  );
}

test("the shortest way from world, through what is provided", () => {
  const packages = {
    curl: { depends: "so:libcurl.so.4 ca-certificates" },
    libcurl: { provides: "so:libcurl.so.4=4", depends: "libssl3" },
    libssl3: {},
    "ca-certificates": { depends: "libssl3" },
    stray: {},
  };
  assert.deepEqual(pathsOf(packages, "curl"), {
    curl: "world curl",
    libcurl: "curl > libcurl",
    libssl3: "curl > ca-certificates > libssl3",
    "ca-certificates": "curl > ca-certificates",
    stray: "",
  });
});

test("what world names is its own way, and circles end", () => {
  const packages = { a: { depends: "b" }, b: { depends: "a" } };
  assert.deepEqual(pathsOf(packages, "a b"), { a: "world a", b: "world b" });
  assert.deepEqual(pathsOf(packages, "a"), { a: "world a", b: "a > b" });
});

test("what a rule brought in comes after its conditions", () => {
  const packages = { app: {}, docs: {}, "app-doc": { installIf: "app docs" } };
  assert.deepEqual(pathsOf(packages, "app docs"), {
    app: "world app",
    docs: "world docs",
    "app-doc": "app > app-doc",
  });
});
