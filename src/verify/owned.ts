/** Owned files: the state of everything that packages claim, by comparing it with what they say of it. */
import { identityKey, type InstalledPackage } from "../apk/index.ts";
import type { Inventory } from "../inventory/index.ts";
import { findNode, type TreeNode } from "../tree/index.ts";
import type { Claims, FileClaim } from "./claims.ts";
import {
  compareNode,
  expectationOf,
  type Comparable,
  type Comparison,
  type Expectation,
} from "./compare.ts";
import type { Documents } from "./documents.ts";
import { explainChange, findNewUsers } from "./explain.ts";
import { isApkFolder } from "./makers/apk.ts";
import { isMountedOver } from "./makers/runtime.ts";
import type { ContentsByPackage } from "./package-contents.ts";
import { packagedExpectation, type AccountIds } from "./records.ts";
import type { Difference, FileReport } from "./report.ts";

export interface Ownership {
  readonly inventory: Inventory;
  readonly claims: Claims;
  readonly contents: ContentsByPackage;
  readonly documents: Documents;
  readonly accounts: AccountIds;
  readonly comparable: Comparable;
}

/** By path in the tree, missing ones among them. */
export function judgeOwned(ownership: Ownership): Map<string, FileReport> {
  const { claims, inventory, documents } = ownership;
  const reports = new Map<string, FileReport>();
  const passwd = claims.files.get("etc/passwd")?.flatMap((claim) => candidateOf(claim, ownership));
  const packagedUsers = passwd?.[0]?.expected.checksum;
  const users = documents.get("etc/passwd");
  const context: Context = {
    ...ownership,
    removals: findRemovals(inventory),
    newUsers:
      users === undefined || packagedUsers === undefined ? [] : findNewUsers(users, packagedUsers),
  };
  for (const [path, claimed] of claims.directories) {
    if (path === "") continue;
    const node = findNode(inventory.tree.top, path);
    // A folder that is not there, where something is mounted when the image runs.
    if (node === undefined && isMountedOver(path)) continue;
    const candidates = claimed.map((claim) => ({
      package: claim.package,
      expected: expectationOf(claim.directory, claim.package),
    }));
    reports.set(path, judge(path, node, candidates, context));
  }
  for (const [path, claimed] of claims.files) {
    const candidates = claimed.flatMap((claim) => candidateOf(claim, ownership));
    // The database made it up: nobody has it.
    if (candidates.length === 0) continue;
    reports.set(path, judge(path, findNode(inventory.tree.top, path), candidates, context));
  }
  return reports;
}

interface Context extends Ownership {
  /** The last layer that removed what stood at a path. */
  readonly removals: ReadonlyMap<string, number>;
  readonly newUsers: readonly string[];
}

function findRemovals({ tree }: Inventory): ReadonlyMap<string, number> {
  const removals = new Map<string, number>();
  for (const [layer, { changes }] of tree.layers.entries())
    for (const { path, kind } of changes) if (kind === "removed") removals.set(path, layer);
  return removals;
}

/** A package that claims a path, and how it should be. */
interface Candidate {
  readonly package: InstalledPackage;
  readonly expected: Expectation;
}

/** None for a file that the package itself, which was read, does not have. */
function candidateOf(claim: FileClaim, { contents, accounts }: Ownership): [Candidate] | [] {
  const { file, written } = claim;
  const known = contents.get(identityKey(claim.package.identity));
  if (known?.kind !== "contents")
    return [{ package: claim.package, expected: expectationOf(file, claim.package) }];
  const entry = known.entries.get(written);
  if (entry === undefined || entry.kind === "directory") return [];
  return [{ package: claim.package, expected: packagedExpectation(entry, file, accounts) }];
}

function judge(
  path: string,
  node: TreeNode | undefined,
  candidates: readonly Candidate[],
  context: Context,
): FileReport {
  const { inventory, removals } = context;
  if (node === undefined) {
    const { package: owner } = chooseOwner(path, candidates, inventory);
    const layer = removals.get(path);
    return {
      path,
      state: "missing",
      ...(layer === undefined ? {} : { layer }),
      package: owner.name,
      ...configurationOf(path),
    };
  }
  const compared = candidates.map((candidate) => ({
    ...candidate,
    comparison: compareClaim(path, node, candidate.expected, context),
  }));
  const fitting =
    compared.find((each) => fits(each) && each.comparison.unprovable === undefined) ??
    compared.find(fits);
  const chosen = fitting ?? chooseOwner(path, compared, inventory);
  const described = {
    ...describeNode(path, node, inventory),
    package: chosen.package.name,
  };
  const { differences, unprovable } = chosen.comparison;
  if (fitting !== undefined)
    return unprovable === undefined
      ? { ...described, state: "packaged" }
      : { ...described, state: "unprovable", reason: unprovable };
  const explanation = explain(path, chosen, context);
  return {
    ...described,
    state: "changed",
    ...configurationOf(path),
    differences,
    ...(explanation === undefined ? {} : { explanation }),
  };
}

function fits({ comparison }: { readonly comparison: Comparison }): boolean {
  return comparison.differences.length === 0;
}

/** What the inventory takes for the owner, where several packages claim a path and none is right. */
function chooseOwner<T extends Candidate>(
  path: string,
  candidates: readonly T[],
  { owners }: Inventory,
): T {
  const owner = owners.get(path)?.package;
  return candidates.find((each) => each.package === owner) ?? candidates.at(-1)!;
}

function compareClaim(
  path: string,
  node: TreeNode,
  expected: Expectation,
  { inventory, comparable }: Ownership,
): Comparison {
  const comparison = compareNode(node, expected, inventory.tree, comparable);
  if (node.kind !== "directory") return comparison;
  const isRight = ({ aspect }: Difference) =>
    isMountedOver(path) ? aspect !== "kind" : aspect === "mode" && isApkFolder(path, node.mode);
  return { differences: comparison.differences.filter((each) => !isRight(each)) };
}

function explain(
  path: string,
  { expected, comparison }: Candidate & { readonly comparison: Comparison },
  { documents, newUsers }: Context,
): FileReport["explanation"] {
  const content = documents.get(path);
  const isContentOnly = comparison.differences.every(({ aspect }) => aspect === "content");
  if (content === undefined || expected.checksum === undefined || !isContentOnly) return undefined;
  return explainChange(path, content, expected.checksum, newUsers);
}

/**
 * Where people are expected to change files, as apk takes it: below etc, but neither the programs in
 * etc/init.d nor what is apk's own.
 */
function configurationOf(path: string): { readonly configuration?: true } {
  return /^etc\/(?!apk\/|init\.d\/)./.test(path) ? { configuration: true } : {};
}

/** What a report says of whatever stands at a path. */
export function describeNode(
  path: string,
  node: TreeNode,
  { tree }: Inventory,
): Omit<FileReport, "state"> {
  const layer = tree.layerOf(path);
  return {
    path,
    kind: node.kind,
    ...(node.kind === "file" ? { size: node.content.size } : {}),
    ...(node.kind === "symlink" ? { target: node.target } : {}),
    ...(layer === undefined ? {} : { layer }),
  };
}
