/** The program: which commands there are, and how one of them is run. */
import { Command, CommanderError } from "commander";
import { BivyError } from "../base/index.ts";
import { spellOutInsecure } from "./insecure-words.ts";
import { addCommands, type LazyCommand } from "./lazy-command.ts";
import { printFailure } from "./term/failure.ts";
import { printNote, printResult } from "./term/streams.ts";

const commands: readonly LazyCommand[] = [
  { name: "build", summary: "build an image", load: () => import("./build.ts") },
  {
    name: "lock",
    summary: "write down the exact packages of a build",
    load: () => import("./lock.ts"),
  },
  {
    name: "image",
    summary: "list, inspect, move and compare images",
    load: () => import("./image.ts"),
  },
  {
    name: "scan",
    summary: "say which known vulnerabilities an image really has, and what mends them",
    load: () => import("./scan.ts"),
  },
  {
    name: "db",
    summary: "fetch, show, move and compare the advisory database",
    load: () => import("./db.ts"),
  },
  {
    name: "sbom",
    summary: "say what is inside an image, as a bill of materials",
    load: () => import("./sbom.ts"),
  },
  {
    name: "verify",
    summary: "account for every file of an image, down to the signing key",
    load: () => import("./verify.ts"),
  },
  {
    name: "size",
    summary: "say what makes an image large",
    load: () => import("./size.ts"),
  },
  {
    name: "why",
    summary: "say why a package, file, library or command is in an image",
    load: () => import("./why.ts"),
  },
  { name: "sign", summary: "sign an image", load: () => import("./sign.ts") },
  {
    name: "attest",
    summary: "attach a signed statement to an image",
    load: () => import("./attest.ts"),
  },
  {
    name: "demo",
    summary: "build a small image from packages made here, and show every verified link",
    load: () => import("./demo.ts"),
  },
];

/** What docker, podman, skopeo and crane call them. */
const habits = {
  copy: "image copy",
  cp: "image copy",
  diff: "image diff",
  history: "image history",
  images: "image ls",
  inspect: "image inspect",
  list: "image ls",
  load: "image load",
  ls: "image ls",
  manifest: "image inspect --raw",
  prune: "image gc",
  pull: "image pull",
  push: "image push",
  rm: "image rm",
  rmi: "image rm",
  save: "image save",
  tag: "image tag",
  version: "--version",
};

const examples = `
Examples:
  $ bivy build image.yaml -t hello            build into the local store
  $ bivy build image.yaml -o oci-archive:hello.tar
  $ bivy lock image.yaml                      write bivy.lock beside it
  $ bivy build image.yaml --locked --offline  repeat the build, byte for byte
  $ bivy image pull alpine:3.20               get an image from its registry
  $ bivy verify alpine:3.20                   where does every file come from?
  $ bivy scan alpine:3.20                     what is vulnerable, and what mends it?
  $ bivy why alpine:3.20 libcrypto.so.3       why is this here?
  $ bivy demo                                 see it work, without network or rights
`;

/** Runs the command line and gives its exit code; never throws. */
export async function runProgram(typed: readonly string[]): Promise<number> {
  const argv = spellOutInsecure(typed);
  const asJson = argv.some(
    (word, at) => word === "--progress=json" || (word === "json" && argv[at - 1] === "--progress"),
  );
  const program = new Command("bivy")
    .description(
      "Builds, verifies, locks and explains container images on Alpine Linux, without a daemon.",
    )
    .option("--version", "print the version")
    .addHelpText("before", examples.trimStart())
    .showSuggestionAfterError()
    .showHelpAfterError("See bivy --help.")
    .exitOverride()
    .configureOutput({
      writeOut: printResult,
      writeErr: (text) => void (asJson || printNote(text.replace(/\n$/, ""))),
    })
    // Also beside the longest option a text is wrapped, so that the help fits 80 columns.
    .configureHelp({ minWidthToWrap: 24 });
  await addCommands(program, commands, argv.slice(2), habits);
  try {
    if (argv.length <= 2) program.outputHelp();
    else await program.parseAsync(argv);
    // A command that another process carried out has set what that one ended with.
    return typeof process.exitCode === "number" ? process.exitCode : 0;
  } catch (error) {
    if (!(error instanceof CommanderError)) return printFailure(error, asJson);
    if (error.exitCode === 0) return 0;
    // A person was told already.
    return asJson ? printFailure(usageError(error), asJson) : 2;
  }
}

/** What the parser of the command line has to say, such as `unknown option '--fro'`. */
function usageError({ message }: CommanderError): BivyError {
  const [what = "", ...suggestions] = message.replace(/^error: /, "").split("\n");
  const hint = suggestions.join(" ").replace(/^\((.*)\)$/, "$1");
  return new BivyError("usage", what, { hint: hint === "" ? "See bivy --help." : hint });
}
