import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAtoms, satisfies } from "../atom.ts";
import { parseIndex } from "../index-text.ts";
import type { Package } from "../package.ts";
import { ProviderIndex } from "./providers.ts";
import { unsatisfiableError } from "./error-text.ts";
import { explainFailure } from "./error.ts";
import { solve, type SolverInput } from "./solver.ts";

/** Packages from lines such as `a-1 D:b c=1 p:x=1 i:y k:5`. */
function repository(...lines: readonly string[]): Package[] {
  const records = lines.map((line, at) => {
    const [label, ...fields] = line.split(/ (?=[A-Za-z]:)/);
    const dash = label!.lastIndexOf("-");
    const identity = `Q1${Buffer.alloc(20, `${line}#${at}`).toString("base64")}`;
    return [
      `C:${identity}`,
      `P:${label!.slice(0, dash)}`,
      `V:${label!.slice(dash + 1)}`,
      "I:1",
      ...fields,
    ].join("\n");
  });
  return parseIndex(records.join("\n\n"), { subject: "index" });
}

function plan(
  world: string,
  packages: readonly Package[],
  more: Partial<SolverInput> = {},
): string[] | undefined {
  const result = solve({
    world: parseAtoms(world),
    supply: { installed: [], repositories: [{ packages }] },
    ...more,
  });
  if (result.kind === "failure") return undefined;
  return result.changes.map(({ next, previous }) =>
    next === undefined ? `-${previous!.name}` : `${next.name}-${next.version}`,
  );
}

test("dependencies come before what depends on them, the newest version first", () => {
  const packages = repository("a-1 D:b>1", "b-1", "b-2 D:c", "c-1", "c-0.9");
  assert.deepEqual(plan("a", packages), ["c-1", "b-2", "a-1"]);
});

test("an unversioned provide is taken only with a priority, or by its own name", () => {
  const packages = repository("x-1 p:mail", "y-1 p:mail", "z-1 p:post k:3", "w-1 p:post k:9");
  assert.equal(plan("mail", packages), undefined);
  assert.deepEqual(plan("mail y", packages), ["y-1"]);
  assert.deepEqual(plan("post", packages), ["w-1"]);
});

test("install-if joins when all of its rule is there", () => {
  const packages = repository("a-1", "docs-1", "a-doc-1 i:a=1 docs", "a-not-1 i:a !docs");
  assert.deepEqual(plan("a docs", packages), ["a-1", "docs-1", "a-doc-1"]);
  assert.deepEqual(plan("a", packages), ["a-1", "a-not-1"]);
});

test("what is installed stays until an upgrade is wished for", () => {
  const installed = repository("a-1");
  const supply = { installed, repositories: [{ packages: repository("a-2") }] };
  assert.deepEqual(plan("a", [], { supply }), ["a-1"]);
  assert.deepEqual(plan("a", [], { supply, preferences: { upgrade: true } }), ["a-2"]);
  assert.deepEqual(plan("", [], { supply }), ["-a"]);
});

test("a tagged repository counts only for what asks for its tag, and what that depends on", () => {
  const supply = {
    installed: [],
    repositories: [
      { packages: repository("a-1 D:b", "b-1") },
      { packages: repository("a-2 D:b>1", "b-2"), tag: "edge" },
    ],
  };
  assert.deepEqual(plan("a", [], { supply }), ["b-1", "a-1"]);
  assert.deepEqual(plan("a@edge", [], { supply }), ["b-2", "a-2"]);
});

test("broken atoms of world can be dropped", () => {
  const packages = repository("a-1", "b-1 D:missing");
  assert.equal(plan("a b", packages), undefined);
  assert.deepEqual(plan("a b nowhere", packages, { dropBrokenWorld: true }), ["a-1"]);
});

test("the error names the root cause first", () => {
  const packages = repository("a-1 D:b missing", "b-1", "b-2", "c-1 D:b<2 !a");
  const failure = solve({
    world: parseAtoms("a b>1 c"),
    supply: { installed: [], repositories: [{ packages }] },
  });
  assert.ok(failure.kind === "failure");
  assert.ok(explainFailure(failure).length > 1);
  const error = unsatisfiableError(failure);
  assert.equal(error.code, "world-unsatisfiable");
  assert.match(
    error.message,
    /^missing: expected in a repository, found nowhere; asked for by a-1 \(missing\) \(and \d+ more problems? /,
  );
  assert.match(error.hint!, /spelling/);
});

test("of several packages that only a tag gives, the one that was asked for is named", () => {
  const failure = solve({
    world: parseAtoms("tool"),
    supply: {
      installed: [],
      repositories: [{ packages: repository("tool-1 D:a-part", "a-part-1"), tag: "edge" }],
    },
  });
  assert.equal(failure.kind, "failure");
  const { message, hint } = unsatisfiableError(failure);
  assert.match(message, /^tool-1: it is only in @edge; asked for by world \(tool\)/);
  assert.match(hint!, /tool@edge/);
});

test("a chain of dependencies longer than the stack is refused, not fatal", () => {
  const length = 30_000;
  const packages = repository(
    ...Array.from({ length }, (_, at) => `n${at}-1${at + 1 < length ? ` D:n${at + 1}` : ""}`),
  );
  assert.throws(() => plan("n0", packages), { code: "limit-exceeded" });
});

const names = ["a", "b", "c", "d", "e"];
const atom = fc
  .tuple(
    fc.constantFrom("", "", "", "!"),
    fc.constantFrom(...names, "x"),
    fc.constantFrom("", "", "", "=1", ">1", "<2"),
  )
  .map((parts) => parts.join(""));
const packageLine = fc
  .tuple(
    fc.constantFrom(...names),
    fc.constantFrom("1", "2"),
    fc.uniqueArray(atom, { maxLength: 2 }),
    fc.constantFrom("", "", " p:x", " p:x=1", " p:x k:1"),
    fc.constantFrom("", "", "", " i:a b", " i:c !d"),
  )
  .map(
    ([name, version, depends, provides, rule]) =>
      `${name}-${version}${depends.length > 0 ? ` D:${depends.join(" ")}` : ""}${provides}${rule}`,
  );

test("a solution keeps every promise, and solving twice gives the same", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(packageLine, { minLength: 1, maxLength: 10 }),
      fc.uniqueArray(packageLine, { maxLength: 3, selector: (line) => line[0] }),
      fc.uniqueArray(atom, {
        minLength: 1,
        maxLength: 3,
        selector: (text) => text.replace(/^!/, "")[0],
      }),
      (lines, present, wanted) => {
        const world = parseAtoms(wanted.join(" "));
        const supply = new ProviderIndex({
          installed: repository(...present),
          repositories: [{ packages: repository(...lines) }],
        });
        const result = solve({ world, supply });
        assert.deepEqual(solve({ world, supply }), result);
        if (result.kind === "failure") {
          // Without backtracking a failure may leave no reason among the choices, as in apk.
          assert.equal(unsatisfiableError(result).code, "world-unsatisfiable");
          return;
        }
        const chosen = result.changes.flatMap(({ next }) => next ?? []);
        assert.equal(new Set(chosen.map(({ name }) => name)).size, chosen.length);
        for (const dependency of world) assert.ok(isMet(dependency, chosen), "world");
        for (const owner of chosen)
          for (const dependency of owner.depends)
            assert.ok(
              isMet(
                dependency,
                chosen.filter((other) => !dependency.conflict || other !== owner),
              ),
              owner.name,
            );
      },
    ),
    { numRuns: 300 },
  );
});

type Atoms = ReturnType<typeof parseAtoms>;

function isMet(atomOfOwner: Atoms[number], chosen: readonly Package[]): boolean {
  const given = chosen.flatMap(({ name, version, identity, provides }) => [
    ...(name === atomOfOwner.name ? [{ version, identity }] : []),
    ...provides
      .filter((provide) => provide.name === atomOfOwner.name)
      .map((provide) => ({ version: provide.version, identity })),
  ]);
  if (atomOfOwner.conflict) return given.every((provided) => satisfies(provided, atomOfOwner));
  return given.some((provided) => satisfies(provided, atomOfOwner));
}
