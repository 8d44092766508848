/** The other side of the comparison: `bivy build` of a case, into an OCI layout. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { openLayout, selectPlatform, type Image } from "../../src/oci/index.ts";
import { assertFolderIntact } from "../image-integrity.ts";
import { listFolder, runBivy, type Outcome, type Workspace } from "../run-bivy.ts";
import type { PlacedCase } from "./place.ts";

export interface BivyBuild {
  readonly outcome: Outcome;
  /** Of the image, where the build succeeded. */
  readonly image: Image | undefined;
}

export interface BivyBuildOptions {
  /** The layout's name in the workspace. */
  readonly layout: string;
  /** Default: the workspace's. */
  readonly home?: string;
}

export async function buildWithBivy(
  workspace: Workspace,
  placed: PlacedCase,
  options: BivyBuildOptions,
): Promise<BivyBuild> {
  const { home = workspace.home } = options;
  const folder = workspace.path(options.layout);
  const words = ["build", ...placed.words, "-o", `oci:${folder}`, placed.context];
  const outcome = await runBivy(workspace, words, { environment: { HOME: home } });
  assertFolderIntact(folder);
  if (outcome.exitCode !== 0) return { outcome, image: undefined };
  return { outcome, image: await selectPlatform(await (await openLayout(folder)).open()) };
}

/** The files below a folder that have one of these texts in them, packed or not. */
export function filesWith(folder: string, texts: readonly string[]): readonly string[] {
  return listFolder(folder)
    .filter((path) => statSync(join(folder, path), { throwIfNoEntry: false })?.isFile() === true)
    .filter((path) => {
      const bytes = readFileSync(join(folder, path));
      return texts.some((text) => bytes.includes(text) || unpacked(bytes).includes(text));
    });
}

function unpacked(bytes: Buffer): Buffer {
  if (bytes.subarray(0, 2).toString("hex") === "1f8b") return gunzipSync(bytes);
  return bytes.subarray(0, 4).toString("hex") === "28b52ffd" ? zstdDecompressSync(bytes) : bytes;
}
