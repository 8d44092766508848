/** bivy build: an image from a Dockerfile, or from a declarative configuration. */
import { Option, type Command } from "commander";
import { BivyError } from "../base/index.ts";
import {
  addDockerfileFlags,
  dockerfileOnly,
  type DockerfileFlags,
} from "./build/dockerfile-flags.ts";
import type { DeclarativeFlags } from "./build/declarative.ts";
import { keepCompiled } from "./compile-cache.ts";
import type { SharedFlags } from "./build/shared-flags.ts";
import { addRegistryFlags } from "./registry-flags.ts";
import { addSessionFlags, collect, withSession } from "./session.ts";
import { requireHome } from "./settings.ts";

export type BuildFlags = SharedFlags & DeclarativeFlags & DockerfileFlags;

export function configure(command: Command): void {
  command
    .argument(
      "[PATH]",
      "the folder of a Dockerfile, an image configuration, or - for a Dockerfile from standard input",
      ".",
    )
    .option(
      "-t, --tag <NAME>",
      "keep the image in the local store under this name (may be repeated)",
      collect,
    )
    .option(
      "-o, --output <PLACE>",
      "write oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], docker://NAME, a folder, or type=…,dest=… (may be repeated)",
      collect,
    )
    .option("--locked", "use exactly the packages of the lock")
    .addOption(
      new Option(
        "--lock <FILE>",
        "use exactly the packages of this lock (default: bivy.lock beside the file that is built)",
      ).implies({ locked: true }),
    )
    .addOption(
      new Option("--compression <KIND>", "of the layers")
        .choices(["gzip", "zstd", "none"])
        .default("gzip"),
    )
    .addOption(
      new Option("--format <FORMAT>", "of the result").choices(["text", "json"]).default("text"),
    )
    .option("--sbom", "attach a list of what is inside (SPDX)")
    .option(
      "--sbom-in-image [FORMAT]",
      "put a list of what is inside into the image, too: spdx (default) or cyclonedx",
    )
    .option("--allow-untrusted", "take repositories without a trusted signature (dangerous)");
  addSessionFlags(addRegistryFlags(command));
  addDockerfileFlags(command);
  command
    .optionsGroup("Image configurations:")
    .option(
      "--arch <ARCH>",
      "build for this architecture instead of the configured ones (may be repeated)",
      collect,
    )
    .option("--context <DIR>", "the folder that `files` come from (default: the configuration's)")
    .option("--no-scripts", "leave package scripts out, whatever the configuration says")
    .option("--keep-going", "make the image even if a package script fails")
    .addHelpText(
      "before",
      `Examples:
  $ bivy build -t hello .
  $ bivy build -f app.Dockerfile --target test --build-arg VERSION=2 .
  $ bivy build -o oci-archive:hello.tar -o docker-archive:hello-docker.tar:hello:latest .
  $ bivy build --platform linux/amd64,linux/arm64 -t registry.example.com/app --push .
  $ bivy build --locked .
  $ bivy build image.yaml --arch x86_64 --arch aarch64 -o oci:out
`,
    )
    .action((argument: string, flags: BuildFlags) => run(argument, flags));
}

async function run(argument: string, flags: BuildFlags): Promise<void> {
  const { runInUserNamespace, wantsUserNamespace } = await import("../sandbox/index.ts");
  requireHome(process.env);
  if (flags.scripts && wantsUserNamespace()) {
    const exitCode = await runInUserNamespace();
    if (exitCode !== undefined) return void (process.exitCode = exitCode);
  }
  keepCompiled(flags.cacheDir);
  const { readBuildArgument } = await import("./build/argument.ts");
  const found = await readBuildArgument(argument, flags.file);
  if (found.kind === "dockerfile") {
    for (const name of ["arch", "context", "keepGoing"] as const)
      if (flags[name] !== undefined) throw misplaced(name, "an image configuration");
    const { buildFromDockerfile } = await import("./build/dockerfile.ts");
    return withSession(flags, (session) => buildFromDockerfile(found, flags, session));
  }
  for (const name of dockerfileOnly)
    if (flags[name] !== undefined) throw misplaced(name, "a Dockerfile");
  if (flags.cacheFilter !== true) throw misplaced("noCacheFilter", "a Dockerfile");
  const { buildConfiguration } = await import("./build/declarative.ts");
  return withSession(flags, (session) => buildConfiguration(found.path, flags, session));
}

function misplaced(name: string, what: string): BivyError {
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return new BivyError("usage", `${flag}: it is for ${what}, and this is none`, {
    hint: "See bivy build --help.",
  });
}
