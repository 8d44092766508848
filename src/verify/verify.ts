/**
 * Verifying: holds an inventory against evidence, and accounts for every file of it.
 *
 * Packages come first: the identity of each is looked for among the vouchers. Then every path of the
 * tree gets exactly one state. What a package claims is compared with what the package says of it: the
 * record in the image's database, or the package itself where its contents were read. What nobody
 * claims is shown to the makers, which know the files that appear without a package. What is left is
 * owned by nobody; what is claimed and not there is missing.
 */
import { BivyError, compareNames } from "../base/index.ts";
import type { Inventory } from "../inventory/index.ts";
import type { SignatureReport } from "../sign/index.ts";
import { walkTree } from "../tree/index.ts";
import { archsOf } from "./archs.ts";
import { readClaims } from "./claims.ts";
import { collectFindings } from "./collect.ts";
import { findComparable } from "./comparable.ts";
import { noEvidence, type Evidence } from "./evidence.ts";
import { judgeKeys, type KeyOwner } from "./keys.ts";
import { isApkDevice } from "./makers/apk.ts";
import { certificateBundle, recogniseBundle } from "./makers/certificates.ts";
import type { Scene } from "./makers/maker.ts";
import { judgeOwned } from "./owned.ts";
import { reportPackages } from "./packages.ts";
import { readAccountIds } from "./records.ts";
import type {
  FileReport,
  LayerReport,
  PackageReport,
  SpecialFile,
  VerifyReport,
} from "./report.ts";
import { specialKinds } from "./special.ts";
import { judgeUnclaimed } from "./unclaimed.ts";

export interface VerifyOptions {
  /** What is known of signatures of the image itself. */
  readonly signatures?: SignatureReport;
}

/** Throws `database-missing` for what apk never installed into. */
export function verifyInventory(
  inventory: Inventory,
  evidence: Evidence = noEvidence,
  options: VerifyOptions = {},
): VerifyReport {
  if (!inventory.hasDatabase) throw noDatabase(inventory);
  const claims = readClaims(
    inventory.packages.map(({ installed }) => installed),
    inventory.tree.top,
  );
  const accounts = readAccountIds(evidence.documents);
  const packages = reportPackages(inventory.packages, {
    ...evidence,
    incomplete: evidence.repositories.some(({ indexes }) =>
      indexes.some(({ failure }) => failure !== undefined),
    ),
    claims,
    accounts,
  });
  const comparable = findComparable(inventory);
  const owned = judgeOwned({ ...evidence, inventory, claims, accounts, comparable });
  const keys = judgeKeys(inventory.keys, evidence.keys, keyOwners(owned, packages));
  const scene: Scene = {
    ...evidence,
    inventory,
    claims,
    owned,
    keys: new Map(keys.map((key) => [key.path, key])),
    comparable,
  };
  explainCertificates(scene, owned);
  const unclaimed = judgeUnclaimed(scene);
  const files = [...owned.values(), ...unclaimed.files].sort((a, b) =>
    compareNames(a.path, b.path),
  );
  const { subject, image } = inventory;
  const report = {
    subject,
    ...(image === undefined ? {} : { digest: image.digest }),
    ...describeDistribution(inventory),
    archs: archsOf(inventory),
    layers: describeLayers(inventory),
    ...(options.signatures === undefined ? {} : { signatures: options.signatures }),
    repositories: evidence.repositories,
    keys,
    packages,
    files,
    special: findSpecial(inventory, files),
    notes: [...inventory.problems, ...evidence.notes, ...comparable.notes, ...unclaimed.notes],
  };
  return { ...report, findings: collectFindings(report) };
}

function noDatabase({ subject, distribution }: Inventory): BivyError {
  const found = distribution === undefined ? "" : `; it is ${distribution.name}`;
  return new BivyError(
    "database-missing",
    `${subject}: expected an apk database (lib/apk/db/installed), found none${found}`,
    {
      hint: "This is for images whose packages apk installed: Alpine, Wolfi, and what is built on them.",
    },
  );
}

function describeDistribution({ distribution }: Inventory): Pick<VerifyReport, "distribution"> {
  if (distribution === undefined) return {};
  const { path: _path, ...described } = distribution;
  return { distribution: described };
}

function describeLayers({ layers }: Inventory): LayerReport[] {
  return layers.map(({ mediaType: _mediaType, comment: _comment, ...described }) => described);
}

function keyOwners(
  owned: ReadonlyMap<string, FileReport>,
  packages: readonly PackageReport[],
): (path: string) => KeyOwner | undefined {
  const proven = new Set(
    packages.filter(({ state }) => state === "proven").map(({ name }) => name),
  );
  return (path) => {
    const { package: owner, state } = owned.get(path) ?? {};
    if (owner === undefined) return undefined;
    return { package: owner, proven: state === "packaged" && proven.has(owner) };
  };
}

/** The bundle of certificates is a file of one package, which the trigger of another makes anew. */
function explainCertificates(scene: Scene, owned: Map<string, FileReport>): void {
  const bundle = owned.get(certificateBundle);
  if (bundle?.differences?.every(({ aspect }) => aspect === "content") !== true) return;
  const made = recogniseBundle(scene);
  if (made === undefined) return;
  const explanation =
    "refused" in made
      ? { text: made.refused, harmless: false }
      : { text: `made anew of ${made.reason}`, harmless: true };
  owned.set(certificateBundle, { ...bundle, explanation });
}

function findSpecial({ tree }: Inventory, files: readonly FileReport[]): SpecialFile[] {
  const reports = new Map(files.map((file) => [file.path, file]));
  const special: SpecialFile[] = [];
  for (const { path, node } of walkTree(tree.top)) {
    const kinds = specialKinds(node);
    if (kinds.length === 0) continue;
    const { state, package: owner, layer } = reports.get(path)!;
    const { kind: entry, mode, uid, gid } = node;
    special.push({
      path,
      kinds,
      entry,
      mode,
      uid,
      gid,
      state,
      ...(owner === undefined ? {} : { package: owner }),
      ...(layer === undefined ? {} : { layer }),
      ...(isApkDevice(path, node) ? { expected: true } : {}),
    });
  }
  return special;
}
