import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { samplePackages, type SampleInstalled } from "../../test/layered-root.ts";
import { formatAtom, parseAtoms } from "../apk/index.ts";
import {
  dependencyGraph,
  reachableFrom,
  type DependencyGraph,
  type PackageNode,
} from "../inventory/index.ts";
import { mostCounted, shortestPaths, type ReasonPath } from "./paths.ts";

function graphOf(samples: Readonly<Record<string, SampleInstalled>>, world: string) {
  return dependencyGraph(samplePackages(samples), parseAtoms(world));
}

function pathsTo(graph: DependencyGraph, name: string, most = 100) {
  const target = graph.nodes.find((node) => node.package.name === name)!;
  return shortestPaths(graph, reachableFrom(graph, graph.world), target, most);
}

/** Such as `world[curl] curl > depends[so:x] x`. */
const textOf = (path: ReasonPath) =>
  path
    .map(
      ({ node, kind, atoms }) => `${kind}[${atoms.map(formatAtom).join(" ")}] ${node.package.name}`,
    )
    .join(" > ");

test("all shortest paths are found, each with the dependencies that it goes by", () => {
  const graph = graphOf(
    {
      app: { depends: "lib tool" },
      base: { depends: "tool" },
      deep: { depends: "so:x" },
      lib: { depends: "so:x x>0 other" },
      tool: { depends: "so:x" },
      x: { provides: "so:x=1" },
      other: { depends: "x" },
    },
    "app",
  );
  assert.deepEqual(pathsTo(graph, "x").paths.map(textOf), [
    "world[app] app > depends[lib] lib > depends[so:x x>0] x",
    "world[app] app > depends[tool] tool > depends[so:x] x",
  ]);
});

test("a package that world names is there for that alone", () => {
  const graph = graphOf({ a: { depends: "b" }, b: { provides: "cmd:b=1" } }, "a b cmd:b");
  assert.deepEqual(pathsTo(graph, "b").paths.map(textOf), ["world[b] b", "world[cmd:b] b"]);
});

test("a package that nothing in world brings in has no path", () => {
  const graph = graphOf({ a: {}, b: { depends: "c" }, c: { depends: "b" } }, "a");
  assert.deepEqual(pathsTo(graph, "c"), { paths: [], count: 0 });
});

test("a rule is followed to what completes it", () => {
  const graph = graphOf(
    {
      docs: {},
      app: { depends: "lib" },
      lib: {},
      "lib-doc": { installIf: "docs lib=1-r0" },
    },
    "docs app",
  );
  assert.deepEqual(pathsTo(graph, "lib-doc").paths.map(textOf), [
    "world[app] app > depends[lib] lib > install-if[docs lib=1-r0] lib-doc",
  ]);
});

test("the number of paths is known without listing them", () => {
  const stages = 30;
  const samples: Record<string, SampleInstalled> = { end: {} };
  for (let stage = 0; stage < stages; stage++)
    for (const side of ["a", "b"])
      samples[`${side}${stage}`] = {
        depends: stage === stages - 1 ? "end" : `a${stage + 1} b${stage + 1}`,
      };
  const graph = graphOf(samples, "a0 b0");
  const { paths, count } = pathsTo(graph, "end", 3);
  assert.equal(count, mostCounted);
  assert.deepEqual(
    paths.map((path) => path.length),
    [31, 31, 31],
  );
  assert.equal(new Set(paths.map(textOf)).size, 3);
  assert.equal(pathsTo(graph, "a4", 5).count, 2 ** 4);
});

test("a chain of thousands does not overflow", () => {
  const samples = Object.fromEntries(
    Array.from({ length: 5000 }, (_, at) => [`p${at}`, { depends: `p${at + 1}` }]),
  );
  const { paths, count } = pathsTo(graphOf(samples, "p0"), "p4999");
  assert.equal(count, 1);
  assert.equal(paths[0]?.length, 5000);
});

test("lists of any length are no trouble", { timeout: 20_000 }, () => {
  const many = 150_000;
  const twice = graphOf({ a: { depends: "b ".repeat(many) }, b: {} }, "a");
  assert.equal(pathsTo(twice, "b").paths[0]?.[1]?.atoms.length, many);
  const samples: Record<string, SampleInstalled> = { rule: { installIf: "x" } };
  for (let at = 0; at < many; at++) samples[`p${at}`] = { provides: "x" };
  assert.equal(pathsTo(graphOf(samples, "p7"), "rule").count, 1);
});

const names = ["a", "b", "c", "d", "e", "f"];
const line = fc.array(fc.constantFrom(...names), { maxLength: 3 }).map((words) => words.join(" "));
const fields = fc.record({ depends: line, installIf: fc.oneof(fc.constant(""), line) });

/** All sequences of packages of that length in which each brings the next one in. */
function naivePaths(
  graph: DependencyGraph,
  steps: ReadonlyMap<PackageNode, number>,
  target: PackageNode,
): string[] {
  const found: string[] = [];
  const brings = (from: PackageNode, to: PackageNode, step: number) => {
    const isNeeded = from.dependencies.some(({ satisfiedBy }) => satisfiedBy.includes(to));
    const isMet = to.installIf.every(({ satisfiedBy }) =>
      satisfiedBy.some((node) => (steps.get(node) ?? Infinity) < step),
    );
    const completes = to.installIf.some(
      ({ satisfiedBy }) =>
        satisfiedBy.includes(from) &&
        satisfiedBy.every((node) => (steps.get(node) ?? Infinity) >= step - 1),
    );
    return [...(isNeeded ? ["depends"] : []), ...(isMet && completes ? ["install-if"] : [])];
  };
  const extend = (way: readonly PackageNode[], text: string) => {
    const last = way.at(-1)!;
    if (way.length - 1 === steps.get(target)) {
      if (last === target) found.push(text);
      return;
    }
    for (const next of graph.nodes)
      for (const kind of brings(last, next, way.length))
        if (steps.get(next) === way.length)
          extend([...way, next], `${text} ${kind} ${next.package.name}`);
  };
  for (const { atom, satisfiedBy } of graph.world)
    for (const node of satisfiedBy) extend([node], `${atom.name} ${node.package.name}`);
  return found.sort();
}

test("property: the paths are those that the definition gives", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...names), fields, { noNullPrototype: true }),
      line,
      (samples, world) => {
        const graph = graphOf(samples, world);
        const steps = reachableFrom(graph, graph.world);
        for (const target of graph.nodes) {
          const { paths, count } = shortestPaths(graph, steps, target, 1000);
          const texts = paths.map((path) =>
            path
              .map(
                ({ node, kind, atoms }) =>
                  `${kind === "world" ? atoms[0]!.name : kind} ${node.package.name}`,
              )
              .join(" "),
          );
          assert.deepEqual(texts.sort(), steps.has(target) ? naivePaths(graph, steps, target) : []);
          assert.equal(count, texts.length);
        }
      },
    ),
    { numRuns: 300 },
  );
});
