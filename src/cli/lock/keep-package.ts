/** Keeping packages for a lock: each is verified to its last byte, and copied where copies are wanted. */
import { rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { PackageSource } from "../../apk/index.ts";
import { fileError, makeFolders, type Chunks } from "../../base/index.ts";
import type { LockedPackage, ResolvedPackage } from "../../build/index.ts";
import type { Session } from "../session.ts";

/** A package as a lock has it; a copy is kept where `vendor` names a folder. */
export async function lockPackage(
  each: ResolvedPackage,
  source: PackageSource,
  arch: string,
  lockFile: string,
  vendor: string | undefined,
  limits: Session["limits"],
): Promise<LockedPackage> {
  const { readPackageSections, verifyPackage } = await import("../../apk/index.ts");
  await verifyPackage(source, { by: "identity", identity: each.package.identity }, limits);
  const sections = await readPackageSections(source, limits);
  if (vendor === undefined) return { ...each, sections };
  const path = join(vendor, arch, `${each.package.name}-${each.package.version}.apk`);
  await keepCopy(source, path);
  return { ...each, sections, vendored: relative(resolve(dirname(lockFile)), resolve(path)) };
}

async function keepCopy(source: PackageSource, path: string): Promise<void> {
  await makeFolders(dirname(path)).catch((error: unknown) => {
    throw fileError(error, "writing", path);
  });
  await putInPlace(path, path, source.open());
}

/** The file has its content from one moment to the next, or stays as it was. */
export async function putInPlace(
  target: string,
  named: string,
  content: string | Chunks,
): Promise<void> {
  const temporary = `${target}.${process.pid}.part`;
  try {
    await writeFile(temporary, content, { flag: "wx" });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(error, "writing", named);
  }
}
