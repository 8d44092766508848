/** The flags of bivy build that are for Dockerfiles: named as docker build names them. */
import { Option, type Command } from "commander";
import { collect } from "../session.ts";
import type { InputFlags } from "./dockerfile-inputs.ts";

export interface DockerfileFlags extends InputFlags {
  readonly file?: string;
  readonly label?: readonly string[];
  readonly secret?: readonly string[];
  readonly ssh?: readonly string[];
  readonly network?: "default" | "host" | "none";
  readonly volume?: readonly string[];
  readonly addHost?: readonly string[];
  readonly allow?: readonly string[];
  readonly runtime?: "auto" | "crun" | "runc" | "bwrap" | "unshare";
  readonly push?: boolean;
  /** False for `--no-cache`. */
  readonly cache: boolean;
  readonly cacheFrom?: readonly string[];
  readonly cacheTo?: readonly string[];
  /** Of `--no-cache-filter`, which commander takes for the contrary of a flag: true where it is not given. */
  readonly cacheFilter: true | readonly string[];
  readonly debugShell?: boolean;
  readonly iidfile?: string;
  readonly metadataFile?: string;
  readonly provenance?: string | boolean;
  readonly record?: boolean;
  /** Of `--record`: keys that the lock may rest on. */
  readonly key?: readonly string[];
}

/** Those that mean nothing for an image configuration, by the names that commander gives them. */
export const dockerfileOnly: readonly (keyof DockerfileFlags)[] = [
  "file",
  "target",
  "buildArg",
  "buildContext",
  "label",
  "secret",
  "ssh",
  "network",
  "volume",
  "addHost",
  "allow",
  "runtime",
  "pull",
  "cacheFrom",
  "cacheTo",
  "debugShell",
  "provenance",
  "bootstrapBase",
  "record",
];

export function addDockerfileFlags(command: Command): Command {
  const several = (flags: string, text: string) => command.option(flags, text, collect);
  command.optionsGroup("Dockerfiles:");
  command.option(
    "-f, --file <FILE>",
    "the Dockerfile (default: Dockerfile in the folder; - for standard input)",
  );
  command.option("--target <STAGE>", "build this stage instead of the last one");
  several("--build-arg <NAME[=VALUE]>", "set an ARG; without a value, from the environment");
  several(
    "--build-context <NAME=PLACE>",
    "a folder, oci-layout://DIR or docker-image://NAME in place of the image or stage NAME",
  );
  several("--label <NAME=VALUE>", "add a label to the image");
  several("--platform <OS/ARCH>", "build for this platform (may be repeated, or a list)");
  several(
    "--secret <id=ID[,src=FILE|,env=NAME]>",
    "give RUN --mount=type=secret this file or variable",
  );
  several("--ssh <ID[=SOCKET|KEY]>", "give RUN --mount=type=ssh an agent (default: SSH_AUTH_SOCK)");
  command.addOption(
    new Option("--network <MODE>", "of RUN where it does not say").choices([
      "default",
      "host",
      "none",
    ]),
  );
  several("--volume <HOST:TARGET[:ro]>", "a folder of this machine that every RUN sees");
  several("--add-host <NAME:ADDRESS>", "a line for /etc/hosts of RUN");
  several("--allow <RIGHT>", "allow security.insecure: RUN --security=insecure");
  command.addOption(
    new Option("--runtime <NAME>", "what runs commands").choices([
      "auto",
      "crun",
      "runc",
      "bwrap",
      "unshare",
    ]),
  );
  command.option("--pull", "ask the registry for base images even if the local store has them");
  command.option("--push", "push the image to the registry of each tag");
  command.option("--no-cache", "carry out every step anew");
  command.option(
    "--no-cache-filter <STAGE>",
    "carry out the steps of this stage anew",
    (value: string, before: true | readonly string[]) =>
      collect(value, before === true ? [] : before),
  );
  several(
    "--cache-from <PLACE>",
    "begin with the steps kept in type=registry,ref=NAME or type=local,src=DIR",
  );
  several("--cache-to <PLACE>", "keep the steps in type=registry,ref=NAME or type=local,dest=DIR");
  command.option("--debug-shell", "open a shell where a RUN failed");
  command.option(
    "--bootstrap-base",
    "make FROM alpine:X from the packages of that release where no registry gives it",
  );
  command.option("--record", "let RUN use the network, and add what it installed to the lock");
  command.option("--provenance [MODE]", "attach how it was built (SLSA; min or max)");
  command.option("--iidfile <FILE>", "write the image id to this file");
  command.option("--metadata-file <FILE>", "write what was built to this file, as JSON");
  return command.optionsGroup("Options:");
}
