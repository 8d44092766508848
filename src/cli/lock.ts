/** bivy lock: the exact packages, and of a Dockerfile also the base images, written beside what is built. */
import { Option, type Command } from "commander";
import type { DeclarativeLockFlags } from "./lock/declarative.ts";
import type { DockerfileLockFlags } from "./lock/dockerfile.ts";
import { addRegistryFlags } from "./registry-flags.ts";
import { addSessionFlags, collect, withSession } from "./session.ts";

type LockFlags = DeclarativeLockFlags & DockerfileLockFlags;

export function configure(command: Command): void {
  addSessionFlags(
    command
      .argument("[PATH]", "the folder of a Dockerfile, or an image configuration", ".")
      .option("--allow-untrusted", "take repositories without a trusted signature (dangerous)")
      .addOption(
        new Option("--format <FORMAT>", "of the result").choices(["text", "json"]).default("text"),
      )
      .option("--lock <FILE>", "where to write (default: bivy.lock beside what is locked)")
      .option(
        "--vendor <DIR>",
        "keep the signed packages in this folder too, because mirrors drop old revisions",
      ),
  );
  addRegistryFlags(command);
  command
    .optionsGroup("Dockerfiles:")
    .option("-f, --file <FILE>", "the Dockerfile (default: Dockerfile in the folder)")
    .option("--target <STAGE>", "lock what this stage needs, instead of the last one")
    .option("--build-arg <NAME[=VALUE]>", "set an ARG (may be repeated)", collect)
    .option(
      "--build-context <NAME=PLACE>",
      "as for bivy build: a folder, oci-layout://DIR or docker-image://NAME (may be repeated)",
      collect,
    )
    .option("--platform <OS/ARCH>", "lock for this platform (may be repeated, or a list)", collect)
    .option(
      "--key <FILE>",
      "trust this key for repositories other than Alpine's (may be repeated)",
      collect,
    )
    .option("--pull", "ask the registry for base images even if the local store has them")
    .option("--bootstrap-base", "as for bivy build")
    .option(
      "--update [PACKAGE...]",
      "say what a new lock changes; with names, change these packages and what they need",
    )
    .addHelpText(
      "before",
      `Examples:
  $ bivy lock .
  $ bivy lock . --vendor packages
  $ bivy lock . --update curl
  $ bivy build --locked .
  $ bivy lock image.yaml
`,
    )
    .action((argument: string, flags: LockFlags) => run(argument, flags));
}

async function run(typed: string, typedFlags: LockFlags): Promise<void> {
  const { argument, flags } = withoutPath(typed, typedFlags);
  const { readBuildArgument } = await import("./build/argument.ts");
  const found = await readBuildArgument(argument, flags.file);
  if (found.kind === "dockerfile") {
    const { lockFromDockerfile } = await import("./lock/dockerfile.ts");
    return withSession(flags, (session) => lockFromDockerfile(found, flags, session));
  }
  const { lockConfiguration } = await import("./lock/declarative.ts");
  return withSession(flags, (session) => lockConfiguration(found.path, flags, session));
}

/** `bivy lock --update .`: a word that can be no package's name is what is to be locked. */
function withoutPath(
  argument: string,
  flags: LockFlags,
): { readonly argument: string; readonly flags: LockFlags } {
  const { update } = flags;
  if (!Array.isArray(update)) return { argument, flags };
  const paths = update.filter((word: string) => /^\.|\//.test(word));
  const names = update.filter((word: string) => !paths.includes(word));
  return {
    argument: paths[0] ?? argument,
    flags: { ...flags, update: names.length === 0 ? true : names },
  };
}
