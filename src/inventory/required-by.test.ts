import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
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
  const later = {
    app: { depends: "docs-viewer" },
    "docs-viewer": { depends: "docs" },
    docs: {},
    "app-doc": { installIf: "app docs" },
  };
  assert.equal(pathsOf(later, "app")["app-doc"], "app > docs-viewer > docs > app-doc");
});

test("a rule of which world meets only a part brings nothing in", () => {
  const packages = { app: {}, docs: {}, "app-doc": { installIf: "app docs" } };
  assert.equal(pathsOf(packages, "app")["app-doc"], "");
});

test("property: a path is as long as the steps, and none of its length comes before it", () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  const needs = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)));
  const roots = fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 });
  fc.assert(
    fc.property(needs, roots, (edges, world) => {
      const needsOf = (name: string) => edges.filter(([from]) => from === name).map(([, to]) => to);
      const packages = Object.fromEntries(
        names.map((name) => [name, { depends: needsOf(name).join(" ") }]),
      );
      const expected = new Map<string, string>();
      let paths = world.map((name) => [name]);
      for (let step = 0; step < names.length; step++) {
        for (const path of paths.sort((a, b) => (a.join() < b.join() ? -1 : 1))) {
          const name = path.at(-1)!;
          if (!expected.has(name))
            expected.set(name, `${step === 0 ? "world " : ""}${path.join(" > ")}`);
        }
        paths = paths.flatMap((path) => needsOf(path.at(-1)!).map((name) => [...path, name]));
        paths = [...new Map(paths.map((path) => [path.join(), path])).values()];
      }
      const found = pathsOf(packages, world.join(" "));
      for (const name of names) assert.equal(found[name], expected.get(name) ?? "");
    }),
  );
});

test("paths that would fill the memory are left out", () => {
  const chain = Array.from({ length: 20_000 }, (_, at) => [`p${at}`, { depends: `p${at + 1}` }]);
  const paths = pathsOf(Object.fromEntries(chain) as Record<string, Words>, "p0");
  assert.equal(paths["p2"], "p0 > p1 > p2");
  assert.equal(paths["p19999"], undefined);
});
