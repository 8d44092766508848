/**
 * Images, folders and tools for the tests of this folder. It has no tests of its own; the name keeps
 * it out of the published package.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type TestContext } from "node:test";
import { tarHeader, writeTar } from "../archive/index.ts";
import {
  bytesContent,
  concatBytes,
  encodeText,
  isBivyError,
  type Chunks,
  type ErrorCode,
} from "../base/index.ts";
import {
  makeImage,
  makeIndex,
  memoryBlobs,
  parsePlatform,
  writeLayer,
  type Image,
  type ImageIndex,
  type Layer,
  type LayerCompression,
} from "./index.ts";

/** A folder that is removed when the test ends. */
export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bivy-oci-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A tar of one folder and these files. */
export function sampleTar(files: Readonly<Record<string, string | Uint8Array>>): Chunks {
  const items = Object.entries(files).map(([path, text]) => {
    const bytes = typeof text === "string" ? encodeText(text) : text;
    return {
      header: tarHeader({ path: `etc/${path}`, type: "file", size: bytes.byteLength }),
      content: bytesContent(bytes),
    };
  });
  return writeTar([{ header: tarHeader({ path: "etc", type: "directory" }) }, ...items]);
}

export function sampleLayer(
  name: string,
  compression: LayerCompression = "gzip",
  content: string | Uint8Array = `the file ${name}\n`,
): Promise<Layer> {
  return writeLayer(sampleTar({ [name]: content }), memoryBlobs(), { compression });
}

/** An image of two layers, which says its platform in a file. */
export async function sampleImage(
  platform = "linux/amd64",
  compression: LayerCompression = "gzip",
): Promise<Image> {
  return makeImage({
    platform: parsePlatform(platform),
    config: { Env: ["PATH=/bin"], Cmd: ["/bin/sh"], Labels: { b: "2", a: "1" } },
    layers: [
      await sampleLayer("base", compression),
      await sampleLayer(platform.replaceAll("/", "-"), compression),
    ],
    history: [
      { created_by: "base" },
      { created_by: "ENV", empty_layer: true },
      { created_by: "platform" },
    ],
    created: 1_700_000_000,
  });
}

export async function sampleIndex(...platforms: readonly string[]): Promise<ImageIndex> {
  const images = await Promise.all(platforms.map((platform) => sampleImage(platform)));
  return makeIndex(images.map((image) => ({ image })));
}

export async function collect(chunks: Chunks): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return concatBytes(parts);
}

export async function fails(work: () => unknown, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(
    async () => work(),
    (error) => {
      assert.ok(isBivyError(error), String((error as Error).stack));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    },
  );
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** All files below a folder, by path, with the SHA-256 of their contents. */
export function hashFolder(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return Object.fromEntries(
    names.sort().map((name) => [name, sha256(readFileSync(join(folder, name)))]),
  );
}

/** Why a test of what must be there is skipped; in CI, absence fails instead. */
export function skipUnless(present: boolean, name: string): string | false {
  if (present) return false;
  if (process.env["CI"] === undefined) return `${name} is not here`;
  throw new Error(`${name} is not here, and CI must not skip its tests`);
}

export function isInstalled(command: string): boolean {
  return spawnSync(command, ["--version"]).status === 0;
}

/** Runs a client, and fails with what it printed. */
export function run(command: string, ...words: readonly string[]): string {
  const result = spawnSync(command, words, { encoding: "utf8" });
  assert.equal(result.status, 0, `${command} ${words.join(" ")}: ${result.stderr}${result.stdout}`);
  return result.stdout;
}
