import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  createInstalled,
  createPackage,
  parseAtom,
  parseAtoms,
  readAtoms,
  satisfies,
  type Atom,
  type InstalledPackage,
} from "../apk/index.ts";
import {
  dependencyGraph,
  reachableFrom,
  shareOf,
  type Dependency,
  type DependencyGraph,
  type PackageNode,
} from "./dependencies.ts";

interface Sample {
  readonly version?: string;
  readonly depends?: string;
  readonly provides?: string;
  readonly installIf?: string;
}

function sample(name: string, fields: Sample = {}): InstalledPackage {
  const { version = "1-r0", depends = "", provides = "", installIf = "" } = fields;
  return createInstalled(
    createPackage({
      name,
      version,
      identity: `Q1${name}`,
      depends: readAtoms(depends).atoms,
      provides: parseAtoms(provides),
      installIf: parseAtoms(installIf),
    }),
  );
}

function graphOf(samples: Readonly<Record<string, Sample>>, world: string): DependencyGraph {
  const packages = Object.entries(samples).map(([name, fields]) => sample(name, fields));
  return dependencyGraph(packages, world.split(" ").filter(Boolean).map(parseAtom));
}

const namesOf = (nodes: Iterable<PackageNode>) => [...nodes].map((node) => node.package.name);

function satisfiersOf(graph: DependencyGraph, name: string): Record<string, string[]> {
  const node = graph.nodes.find((each) => each.package.name === name)!;
  const list = (each: Dependency) => [
    `${each.atom.name}${each.atom.operator === "any" ? "" : each.atom.operator}${each.atom.version}`,
    namesOf(each.satisfiedBy),
  ];
  return Object.fromEntries(node.dependencies.map(list));
}

const small: Readonly<Record<string, Sample>> = {
  curl: { depends: "so:libcurl.so.4=4.8.0 ca so:libc.so !libressl broken>9 virtual" },
  libcurl: { version: "8.5-r0", provides: "so:libcurl.so.4=4.8.0", depends: "so:libc.so" },
  libc: { provides: "so:libc.so" },
  ca: { version: "2-r1" },
  broken: { version: "3" },
  one: { provides: "virtual" },
  two: { provides: "virtual=1" },
};

test("dependencies are satisfied by name and by what is provided", () => {
  assert.deepEqual(satisfiersOf(graphOf(small, ""), "curl"), {
    "so:libcurl.so.4=4.8.0": ["libcurl"],
    ca: ["ca"],
    "so:libc.so": ["libc"],
    "broken>9": [],
    virtual: ["one", "two"],
  });
});

test("an unversioned provide does not satisfy a version, and a broken atom is never satisfied", () => {
  const graph = graphOf(
    {
      app: { depends: "virtual>0 virtual~1 none=1..2" },
      one: { provides: "virtual" },
      two: { provides: "virtual=1.2" },
      none: {},
    },
    "",
  );
  assert.deepEqual(satisfiersOf(graph, "app"), {
    "virtual>0": ["two"],
    "virtual~1": ["two"],
    "none=1..2": [],
  });
});

test("reverse edges name the dependency, and a package is no dependent of itself", () => {
  const graph = graphOf({ a: { depends: "x b", provides: "x" }, b: { depends: "so:c b" } }, "");
  const [a, b] = graph.nodes as [PackageNode, PackageNode];
  assert.deepEqual(a.dependents, []);
  assert.deepEqual(
    b.dependents.map(({ node, kind, dependency }) => [node, kind, dependency.atom.name]),
    [[a, "depends", "b"]],
  );
});

test("entries of world hold or do not", () => {
  const graph = graphOf(
    { curl: { version: "8-r0", provides: "cmd:curl=8" } },
    ["curl", "cmd:curl", "curl@edge>7", "curl<8", "gone", "!gone", "!curl", "!curl>8"].join(" "),
  );
  assert.deepEqual(
    graph.world.map(({ satisfiedBy, holds }) => [namesOf(satisfiedBy), holds]),
    [
      [["curl"], true],
      [["curl"], true],
      [["curl"], true],
      [[], false],
      [[], false],
      [[], true],
      [[], false],
      [[], false],
    ],
  );
});

test("a rule brings its package in once all its conditions are reached", () => {
  const samples = {
    docs: {},
    curl: {},
    lib: {},
    app: { depends: "lib" },
    "curl-doc": { installIf: "docs curl=1-r0", depends: "more" },
    "lib-doc": { installIf: "docs lib" },
    "gone-doc": { installIf: "docs gone" },
    "other-doc": { installIf: "docs !curl" },
    "plain-doc": { installIf: "docs !gone" },
    "own-doc": { installIf: "docs own-doc" },
    more: {},
  };
  const graph = graphOf(samples, "docs curl app");
  const steps = reachableFrom(graph, graph.world);
  assert.deepEqual(
    Object.fromEntries([...steps].map(([node, step]) => [node.package.name, step])),
    { docs: 0, curl: 0, app: 0, lib: 1, "curl-doc": 1, "plain-doc": 1, more: 2, "lib-doc": 2 },
  );
  assert.deepEqual(namesOf(reachableFrom(graph, graph.world.slice(1)).keys()), [
    "curl",
    "app",
    "lib",
  ]);
  const share = (at: number) => namesOf(shareOf(graph, graph.world[at]!));
  assert.deepEqual(share(0), ["docs", "curl-doc", "lib-doc", "plain-doc", "more"]);
  assert.deepEqual(share(1), ["curl", "curl-doc", "more"]);
  assert.deepEqual(share(2), ["lib", "app", "lib-doc"]);
});

test("what two entries bring in belongs to neither", () => {
  const graph = graphOf({ a: { depends: "c" }, b: { depends: "c" }, c: {}, d: {} }, "a b");
  assert.deepEqual(namesOf(shareOf(graph, graph.world[0]!)), ["a"]);
  assert.deepEqual(namesOf(shareOf(graph, graph.world[1]!)), ["b"]);
});

test("cycles end", () => {
  const graph = graphOf({ a: { depends: "b" }, b: { depends: "a" }, c: { depends: "c" } }, "a");
  assert.deepEqual(namesOf(reachableFrom(graph, graph.world).keys()), ["a", "b"]);
  assert.deepEqual(namesOf(shareOf(graph, graph.world[0]!)), ["a", "b"]);
});

test("a database that makes too many pairs is refused", () => {
  const packages = Array.from({ length: 1500 }, (_, at) =>
    sample(`p${at}`, { provides: "x", depends: `x p${at}` }),
  );
  assert.throws(() => dependencyGraph(packages, []), { code: "limit-exceeded" });
});

const names = ["a", "b", "c", "d", "e", "f", "v", "w"];
const atomText = fc
  .tuple(
    fc.constantFrom("", "", "", "!"),
    fc.constantFrom(...names),
    fc.constantFrom("", "", "=1", ">1", "<2"),
  )
  .map((parts) => parts.join(""));
const provideText = fc
  .tuple(fc.constantFrom(...names), fc.constantFrom("", "=1", "=2"))
  .map((parts) => parts.join(""));
const line = (atom: fc.Arbitrary<string>, most: number) =>
  fc.array(atom, { maxLength: most }).map((atoms) => atoms.join(" "));
const packageFields = fc.record({
  version: fc.constantFrom("1", "2"),
  depends: line(atomText, 3),
  provides: line(provideText, 2),
  installIf: fc.oneof(fc.constant(""), line(atomText, 3)),
});

/** The definition, applied until nothing changes. */
function naiveReach(
  packages: readonly InstalledPackage[],
  world: readonly Atom[],
): Set<InstalledPackage> {
  const meets = (each: InstalledPackage, atom: Atom) =>
    [{ name: each.name, version: each.version }, ...each.provides].some(
      ({ name, version }) =>
        name === atom.name &&
        satisfies({ version, identity: each.identity }, { ...atom, conflict: false }),
    );
  const reached = new Set(
    packages.filter((each) => world.some((atom) => !atom.conflict && meets(each, atom))),
  );
  const isBrought = (each: InstalledPackage) =>
    [...reached].some((other) =>
      other.depends.some((atom) => !atom.conflict && meets(each, atom)),
    ) ||
    (each.installIf.some((atom) => !atom.conflict) &&
      each.installIf.every((atom) =>
        atom.conflict
          ? !packages.some((other) => other !== each && meets(other, atom))
          : [...reached].some((other) => other !== each && meets(other, atom)),
      ));
  for (let before = -1; before !== reached.size;) {
    before = reached.size;
    for (const each of packages) if (isBrought(each)) reached.add(each);
  }
  return reached;
}

test("property: what is reached is what the definition says", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...names), packageFields, { noNullPrototype: true }),
      line(atomText, 3),
      (samples, world) => {
        const graph = graphOf(samples, world);
        const packages = graph.nodes.map((node) => node.package);
        const expected = naiveReach(
          packages,
          graph.world.map(({ atom }) => atom),
        );
        const steps = reachableFrom(graph, graph.world);
        assert.deepEqual(
          packages.filter((each) => expected.has(each)),
          graph.nodes.filter((node) => steps.has(node)).map((node) => node.package),
        );
        for (const entry of graph.world) {
          const others = graph.world.filter((each) => each !== entry);
          const rest = naiveReach(
            packages,
            others.map(({ atom }) => atom),
          );
          assert.deepEqual(
            shareOf(graph, entry).map((node) => node.package),
            packages.filter((each) => expected.has(each) && !rest.has(each)),
          );
        }
      },
    ),
    { numRuns: 500 },
  );
});
