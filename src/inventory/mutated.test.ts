/** Databases, release files and settings that were damaged: an inventory is taken of them, or they are refused. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { layerTar } from "../../test/layered-root.ts";
import { defaultLimits, encodeName, isBivyError } from "../base/index.ts";
import { readLayers } from "../tree/index.ts";
import { dependencyGraph, packageRepositories, pathsFromWorld, takeInventory } from "./index.ts";

const example = (path: string) =>
  readFileSync(new URL(`../../examples/scan/root/${path}`, import.meta.url), "utf8");

const files = {
  "lib/apk/db/installed": `${example("lib/apk/db/installed")}F:etc\nM:0:0:755\nR:motd\na:0:0:644\nZ:Q1XmduVVNURHQ27TvYp1Lr5TMtFcA=\n`,
  "etc/os-release": example("etc/os-release"),
  "etc/alpine-release": example("etc/alpine-release"),
  "etc/apk/world": example("etc/apk/world"),
  "etc/apk/repositories": example("etc/apk/repositories"),
} as const;

type Path = keyof typeof files;

const paths = Object.keys(files) as readonly Path[];

const pieces = fc.oneof(
  fc.constantFrom(
    "",
    "\n",
    "\n\n",
    "\0",
    ":",
    "P:",
    "V:",
    "F:",
    "R:",
    "Z:Q1",
    "a:",
    "D:",
    "p:so:x=",
    "i:",
    "\udcff",
    "=",
    '"',
    "'",
    "\\",
    "$(",
    "../",
    "@edge ",
    "http://",
    "_alpha",
    "9".repeat(40),
  ),
  fc.string({ maxLength: 8 }),
);

async function takeFrom(path: Path, text: string): Promise<void> {
  const contents = { ...files, [path]: encodeName(text) };
  const tree = await readLayers([{ subject: "layer", tar: () => layerTar(contents) }]);
  const inventory = await takeInventory({ subject: "root", layers: [{}], tree }, defaultLimits);
  const installed = inventory.packages.map((each) => each.installed);
  const repositoryOf = packageRepositories(inventory.repositories, inventory.distribution?.branch);
  for (const each of installed) repositoryOf(each);
  pathsFromWorld(dependencyGraph(installed, inventory.world));
  assert.ok(inventory.owners.size >= 0);
}

test("10,000 mutated databases, release files and settings are read or refused", async () => {
  await fc.assert(
    fc.asyncProperty(
      // The database is most of what there is to go wrong.
      fc.oneof({ weight: 3, arbitrary: fc.constant(paths[0]!) }, fc.constantFrom(...paths)),
      fc.nat(2000),
      fc.nat(60),
      pieces,
      async (path, at, length, piece) => {
        const whole = files[path];
        const begin = at % (whole.length + 1);
        try {
          await takeFrom(path, whole.slice(0, begin) + piece + whole.slice(begin + length));
        } catch (error) {
          assert.ok(isBivyError(error, "database-invalid", "limit-exceeded"), String(error));
        }
      },
    ),
    { numRuns: 10_000 },
  );
});
