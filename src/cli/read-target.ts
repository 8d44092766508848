/**
 * Targets: what a command that judges packages is pointed at: an image, a root, or a file with a bill of
 * materials.
 */
import { open } from "node:fs/promises";
import { fileError, limitExceeded, readUserFile } from "../base/index.ts";
import type { Inventory, InventoryOptions } from "../inventory/index.ts";
import type { SbomDocument } from "../sbom/index.ts";
import { inventoryOf, type ImageFlags } from "./image-source.ts";
import type { Session } from "./session.ts";

export type Target =
  | { readonly kind: "inventory"; readonly inventory: Inventory }
  | { readonly kind: "sbom"; readonly document: SbomDocument };

/** How a target is written, for the help of a command that takes one. */
export const targetForms =
  "alpine:3.20, registry/x@sha256:…, oci:DIR[:TAG], oci-archive:F, docker-archive:F, dir:ROOTFS, a file, or an SBOM: F.json, sbom:F";

/** As with archives, a bare name is that of an image, so that a stray file cannot stand in for one. */
const sbomPrefix = "sbom:";
const sbomName = /^[^:@]*\.(?:json|xml|spdx)$/s;
const pathForm = /^\.{0,2}\//;
/** What is called an archive is opened as one, and need not be looked at for anything else. */
const archiveName = /\.(?:tar|tgz|tar\.[a-z0-9]+)$/;

/** What an argument names, read. What kind of thing a path leads to, its content says. */
export async function readTarget(
  argument: string,
  flags: ImageFlags,
  session: Session,
  options: Omit<InventoryOptions, "platform" | "limits" | "signal"> = {},
): Promise<Target> {
  const path = await findSbom(argument);
  if (path === undefined)
    return { kind: "inventory", inventory: await inventoryOf(argument, flags, session, options) };
  const { parseSbom } = await import("../sbom/index.ts");
  const { limits } = session;
  const { size } = await readEnds(path);
  if (size > limits["sbom-size"]) throw limitExceeded("sbom-size", limits, path);
  return { kind: "sbom", document: parseSbom(await readUserFile(path), { subject: path, limits }) };
}

/** The path of the bill of materials that an argument names; undefined where it names something else. */
async function findSbom(argument: string): Promise<string | undefined> {
  if (argument.startsWith(sbomPrefix)) return argument.slice(sbomPrefix.length);
  if (sbomName.test(argument)) return argument;
  if (!pathForm.test(argument) || archiveName.test(argument)) return undefined;
  const { looksLikeSbom } = await import("../sbom/index.ts");
  return looksLikeSbom((await readEnds(argument)).ends) ? argument : undefined;
}

/** Bytes of each end of a file that tell what it is. */
const endSize = 64 * 1024;

/** The beginning and the end of a file; nothing of a folder. */
async function readEnds(
  path: string,
): Promise<{ readonly ends: Uint8Array; readonly size: number }> {
  try {
    const file = await open(path);
    try {
      const stats = await file.stat();
      const size = stats.isFile() ? stats.size : 0;
      const ends = Buffer.alloc(Math.min(size, 2 * endSize));
      const head = Math.min(size, endSize);
      const tail = ends.byteLength - head;
      await file.read(ends, 0, head, 0);
      await file.read(ends, head, tail, size - tail);
      return { ends, size };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, "reading", path);
  }
}
