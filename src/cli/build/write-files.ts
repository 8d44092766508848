/** Writing the files of an image to a folder or a tar; those of one among several platforms to a folder there. */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeTar } from "../../archive/index.ts";
import { BivyError, fileError, makeFolders } from "../../base/index.ts";
import type { DockerfileBuild } from "../../build/index.ts";
import { removeUnfinishedFiles, replaceFile } from "../../oci/index.ts";
import { exportTree, flatItems } from "../../tree/index.ts";
import type { Session } from "../session.ts";
import { writeResultBytes } from "../term/streams.ts";
import type { Output } from "./outputs.ts";

export async function writeFiles(
  built: DockerfileBuild,
  output: Exclude<Output, { kind: "image" }>,
  hasOthers: boolean,
  { signal, progress }: Session,
): Promise<void> {
  const tree = await built.files.tree();
  if (output.kind === "folder") {
    const { os, architecture, variant } = built.plan.target.platform;
    const own = [os, architecture, variant].filter((part) => part !== undefined).join("_");
    const path = hasOthers ? join(output.path, own) : output.path;
    await prepareFolder(path);
    const skipped = await exportTree(tree, path, { signal });
    if (skipped > 0)
      progress.report({
        type: "warning",
        text: `${output.path}: ${skipped} device nodes were left out: only root can make them`,
      });
    return;
  }
  const tar = writeTar(flatItems(tree, signal));
  if (output.path === "-") return writeResultBytes(tar);
  await removeUnfinishedFiles(dirname(output.path)).catch(() => undefined);
  await replaceFile(output.path, tar);
}

async function prepareFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && !found.isDirectory())
    throw new BivyError("usage", `${path}: expected a folder to write to, found a file`, {
      hint: "Name a folder, or write type=tar,dest=FILE.",
    });
  await makeFolders(path).catch((error: unknown) => {
    throw fileError(error, "making", path);
  });
}
