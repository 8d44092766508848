/** Layers against a plain statement of the rules: whiteouts first, on what is below, then the entries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isBivyError, parentPath, pathPrefixes } from "../base/index.ts";
import { readLayers, walkTree, type LayeredTree } from "./index.ts";
import { sampleLayer, type SampleEntry } from "../../test/sample-layers.ts";

type Step =
  | { readonly do: "file"; readonly path: string; readonly text: string; readonly mode: number }
  | { readonly do: "directory"; readonly path: string; readonly mode: number }
  | { readonly do: "link"; readonly path: string; readonly target: string }
  | { readonly do: "whiteout"; readonly path: string }
  | { readonly do: "opaque"; readonly path: string };

const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const mode = fc.constantFrom(0o755, 0o700);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("file" as const), path, text: fc.constantFrom("", "x"), mode }),
  fc.record({ do: fc.constant("directory" as const), path, mode }),
  fc.record({ do: fc.constant("link" as const), path, target: path }),
  fc.record({ do: fc.constant("whiteout" as const), path }),
  fc.record({ do: fc.constant("opaque" as const), path: fc.oneof(path, fc.constant("")) }),
);
const layers = fc.array(fc.array(step, { maxLength: 10 }), { minLength: 1, maxLength: 4 });

/** What stands at a path of the model. */
interface Thing {
  readonly kind: "file" | "directory";
  readonly mode: number;
  readonly text: string;
  /** The same for all names of a file. */
  readonly identity: object;
  /** The layer that brought this name, or that first implied the folder. */
  readonly layer: number;
  readonly isImplied: boolean;
}
type Model = Map<string, Thing>;

const isBelow = (below: string, folder: string): boolean =>
  folder === "" ? below !== "" : below.startsWith(`${folder}/`);

/** Applies a layer to the model, and gives those of its steps that it could carry out. */
function applyToModel(model: Model, steps: readonly Step[], layer: number): readonly Step[] {
  for (const each of steps)
    for (const at of model.keys())
      if (
        each.do === "whiteout"
          ? at === each.path || isBelow(at, each.path)
          : each.do === "opaque" && isBelow(at, each.path)
      )
        model.delete(at);
  return steps.filter((each) => {
    if (each.do === "whiteout" || each.do === "opaque") return true;
    const parents = pathPrefixes(parentPath(each.path));
    if (parents.some((parent) => model.get(parent)?.kind === "file")) return false;
    const target = each.do === "link" ? model.get(each.target) : undefined;
    // Only what this layer brought: the rest depends on the order.
    if (
      each.do === "link" &&
      (target?.kind !== "file" ||
        target.layer < layer ||
        each.path === each.target ||
        isBelow(each.target, each.path))
    )
      return false;
    for (const parent of parents)
      if (!model.has(parent))
        model.set(parent, {
          kind: "directory",
          mode: 0o755,
          text: "",
          identity: {},
          layer,
          isImplied: true,
        });
    const old = model.get(each.path);
    if (each.do === "directory" && old?.kind === "directory") {
      if (old.mode !== each.mode || old.isImplied)
        model.set(each.path, { ...old, mode: each.mode, layer, isImplied: false });
      return true;
    }
    for (const at of model.keys()) if (isBelow(at, each.path)) model.delete(at);
    const made =
      each.do === "link"
        ? target!
        : {
            kind: each.do,
            mode: each.mode,
            text: each.do === "file" ? each.text : "",
            identity: {},
          };
    model.set(each.path, { ...made, layer, isImplied: false });
    return true;
  });
}

function entryOf(each: Step): SampleEntry {
  switch (each.do) {
    case "file":
      return [`${each.path}=${each.text}`, { mode: each.mode }];
    case "directory":
      return [`${each.path}/`, { mode: each.mode }];
    case "link":
      return `${each.path} => ${each.target}`;
    case "whiteout":
      return each.path.replace(/[^/]+$/, ".wh.$&");
    case "opaque":
      return each.path === "" ? ".wh..wh..opq" : `${each.path}/.wh..wh..opq`;
  }
}

function describeModel(model: Model): readonly string[] {
  const numbers = new Map<object, number>();
  return [...model]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([at, thing]) => {
      if (!numbers.has(thing.identity)) numbers.set(thing.identity, numbers.size);
      const link = thing.kind === "file" ? numbers.get(thing.identity) : "";
      const { kind, mode: bits, text, layer, isImplied } = thing;
      return `${at} ${kind} ${bits.toString(8)} ${text.length} ${link} @${isImplied ? "-" : layer}`;
    });
}

function describeTree(tree: LayeredTree): readonly string[] {
  const numbers = new Map<object, number>();
  return [...walkTree(tree.top)]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path: at, node }) => {
      if (!numbers.has(node)) numbers.set(node, numbers.size);
      const [size, link] = node.kind === "file" ? [node.content.size, numbers.get(node)] : [0, ""];
      return `${at} ${node.kind} ${node.mode.toString(8)} ${size} ${link} @${tree.layerOf(at) ?? "-"}`;
    });
}

/** What a layer did to the layers below it: each thing that is no more, or stands there no more. */
function modelChanges(before: Model, after: Model): readonly string[] {
  return [...before]
    .filter(([at, thing]) => after.get(at) !== thing)
    .map(([at, { layer }]) => `${after.has(at) ? "changed" : "removed"} ${at} @${layer}`)
    .sort();
}

test("layers give what the rules say, in whatever order whiteouts stand", async () => {
  let applied = 0;
  await fc.assert(
    fc.asyncProperty(layers, async (stack) => {
      const model: Model = new Map();
      const expectedChanges: (readonly string[])[] = [];
      const samples = stack.map((steps, index) => {
        const before = new Map(model);
        const done = applyToModel(model, steps, index);
        expectedChanges.push(modelChanges(before, model));
        return sampleLayer(...done.map(entryOf));
      });
      let tree: LayeredTree;
      try {
        tree = await readLayers(samples);
      } catch (error) {
        // A file in the way is an error also where a whiteout of it follows.
        assert.ok(isBivyError(error, "image-invalid") && error.message.includes("stands below"));
        return;
      }
      applied += 1;
      assert.deepEqual(describeTree(tree), describeModel(model));
      for (const [index, { changes }] of tree.layers.entries())
        assert.deepEqual(
          changes
            .filter(({ beforeLayer }) => beforeLayer < index)
            .map(({ kind, path: at, beforeLayer }) => `${kind} ${at} @${beforeLayer}`)
            .sort(),
          expectedChanges[index],
        );
    }),
    { numRuns: 1500 },
  );
  assert.ok(applied > 1000, `only ${applied} were applied`);
});
