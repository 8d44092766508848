/** The result of a build: one image, the index of several, or an index with what is said of them. */
import { BivyError } from "../../base/index.ts";
import type { DockerfileBuild, DockerfileBuildOptions } from "../../build/index.ts";
import type { ImageOrIndex } from "../../oci/index.ts";
import type { DockerfileArgument } from "./argument.ts";
import type { DockerfileFlags } from "./dockerfile-flags.ts";
import { parseBuildArguments } from "./inputs.ts";
import { referencesOf, type Output } from "./outputs.ts";
import type { SharedFlags } from "./shared-flags.ts";

export async function resultOf(
  builds: readonly DockerfileBuild[],
  argument: DockerfileArgument,
  flags: Omit<DockerfileFlags & SharedFlags, "provenance"> & {
    readonly provenance: ProvenanceMode | undefined;
  },
  outputs: readonly Output[],
  { store, limits, signal }: Pick<DockerfileBuildOptions, "store" | "limits" | "signal">,
): Promise<ImageOrIndex> {
  const { makeIndex } = await import("../../oci/index.ts");
  const { provenance } = flags;
  if (flags.sbom === true || provenance !== undefined) {
    const { attestBuilds } = await import("../../build/index.ts");
    const { version } = await import("../version.ts");
    return attestBuilds(builds, {
      sbom: flags.sbom === true,
      ...(provenance === undefined ? {} : { provenance }),
      input: {
        version,
        dockerfile: { path: argument.subject, content: argument.text },
        ...(flags.target === undefined ? {} : { target: flags.target }),
        buildArguments: parseBuildArguments(flags.buildArg ?? [], process.env),
        contexts: namesOf(flags.buildContext),
        secrets: namesOf(flags.secret),
        ssh: namesOf(flags.ssh),
        downloads: [],
        commits: [],
        packages: [],
      },
      references: referencesOf(outputs),
      blobs: store.blobs,
      limits,
      signal,
    });
  }
  return builds.length === 1
    ? builds[0]!.image
    : makeIndex(builds.map((built) => ({ image: built.image })));
}

/** What comes before the value: the names alone may be told. */
function namesOf(words: readonly string[] | undefined): string[] {
  return (words ?? []).map((word) => /^(?:id=)?([^,=]*)/.exec(word)?.[1] ?? "");
}

type ProvenanceMode = "min" | "max";

export function provenanceMode(flag: DockerfileFlags["provenance"]): ProvenanceMode | undefined {
  if (flag === undefined || flag === "false") return undefined;
  const mode = typeof flag === "string" ? flag.replace(/^mode=/, "") : "min";
  if (mode === "min" || mode === "max") return mode;
  if (mode === "true") return "min";
  throw new BivyError("usage", `--provenance ${String(flag)}: expected min or max`, {
    hint: "min tells of images and packages, max also of arguments and steps.",
  });
}
