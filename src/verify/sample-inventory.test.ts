/** Sample inventories: roots with packages installed in memory, what is done to them, and what is then found. */
import assert from "node:assert/strict";
import { install } from "../../test/root-installation.ts";
import { packSample, sampleKey, type SamplePackage } from "../../test/signed-repository.ts";
import type { Access } from "../apk/index.ts";
import { writeTar } from "../archive/index.ts";
import { bytesContent, defaultLimits, encodeText } from "../base/index.ts";
import { createHttpClient, openCache } from "../http/index.ts";
import { takeInventory, type Inventory } from "../inventory/index.ts";
import { layerItems, readLayers, TreeRoot, type Attributes } from "../tree/index.ts";
import { gatherEvidence, type Evidence, type EvidenceSources } from "./evidence.ts";
import type { VerifyReport } from "./report.ts";
import { verifyInventory } from "./verify.ts";

export const plainFile: Attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };

/** A root with these packages, as apk would install them. */
export async function installedRoot(samples: readonly SamplePackage[]): Promise<TreeRoot> {
  const root = new TreeRoot();
  await install(
    root,
    samples.map((sample) => packSample(sample, sampleKey())),
  );
  return root;
}

/** Layers, lowest first, each given as the whole root that it leaves. */
export async function inventoryOf(root: TreeRoot): Promise<Inventory> {
  const top = root.snapshot();
  const tar = () => writeTar(layerItems(top, { newest: Number.MAX_SAFE_INTEGER }));
  const tree = await readLayers([{ subject: "layer", tar }], { checksums: ["sha1", "sha256"] });
  return takeInventory({ subject: "sample", layers: [{}], tree }, defaultLimits);
}

/** Nothing is fetched, and nothing is cached. */
export const localAccess: Access = {
  client: createHttpClient({ offline: true }),
  cache: openCache("/nonexistent"),
  limits: defaultLimits,
};

export async function verifyRoot(
  root: TreeRoot,
  sources: EvidenceSources = {},
): Promise<VerifyReport> {
  const inventory = await inventoryOf(root);
  const report = verifyInventory(inventory, await gatherEvidence(inventory, sources, localAccess));
  assertAccounted(report);
  return report;
}

/** Every path stands in the report once. */
export function assertAccounted({ files }: Pick<VerifyReport, "files">): void {
  assert.equal(new Set(files.map(({ path }) => path)).size, files.length);
}

/** `kind subject` of the findings, without those of packages that nothing vouches for. */
export function findingsOf({ findings }: VerifyReport): string[] {
  return findings
    .filter(({ kind }) => kind !== "unproven")
    .map(({ kind, subject }) => `${kind} ${subject}`);
}

export async function writeText(root: TreeRoot, path: string, text: string): Promise<void> {
  const before = root.lookup(path);
  const attributes = before?.kind === "file" ? before : plainFile;
  await root.writeFile(path, attributes, bytesContent(encodeText(text)));
}

export async function readText(root: TreeRoot, path: string): Promise<string> {
  const file = root.lookup(path);
  assert.equal(file?.kind, "file", path);
  const parts: Uint8Array[] = [];
  for await (const part of file.content.chunks()) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Changes a record of the installed database. */
export async function editDatabase(root: TreeRoot, edit: (text: string) => string): Promise<void> {
  const path = "lib/apk/db/installed";
  const before = await readText(root, path);
  const after = edit(before);
  assert.notEqual(after, before, "the database is edited");
  await writeText(root, path, after);
}

export type { Evidence };
