/** The program: which commands there are, and how one of them is run. */
import { Command, CommanderError } from "commander";
import { printFailure } from "./term/failure.ts";
import { printNote, printResult } from "./term/streams.ts";

/** A command's file is loaded only when it is called, or its help is asked for. */
const commands: readonly {
  name: string;
  summary: string;
  load: () => Promise<{ configure: (command: Command) => void }>;
}[] = [
  { name: "build", summary: "build an image", load: () => import("./build.ts") },
  {
    name: "lock",
    summary: "write down the exact packages of a build",
    load: () => import("./lock.ts"),
  },
  {
    name: "demo",
    summary: "build a small image from packages made here, and show every verified link",
    load: () => import("./demo.ts"),
  },
];

const examples = `
Examples:
  $ bivy build image.yaml -t hello            build into the local store
  $ bivy build image.yaml -o oci-archive:hello.tar
  $ bivy lock image.yaml                      write bivy.lock beside it
  $ bivy build image.yaml --locked --offline  repeat the build, byte for byte
  $ bivy demo                                 see it work, without network or rights
`;

/** Runs the command line and gives its exit code; never throws. */
export async function runProgram(argv: readonly string[]): Promise<number> {
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
      writeErr: (text) => printNote(text.trimEnd()),
    });
  const wanted = argv.slice(2).find((word) => !word.startsWith("-"));
  const called = wanted === "help" ? argv[argv.indexOf("help") + 1] : wanted;
  for (const { name, summary, load } of commands) {
    const command = program
      .command(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`);
    command.exitOverride().showHelpAfterError(`See bivy ${name} --help.`);
    if (name === called) (await load()).configure(command);
  }
  try {
    if (argv.length <= 2) program.outputHelp();
    else await program.parseAsync(argv);
    // A command that another process carried out has set what that one ended with.
    return typeof process.exitCode === "number" ? process.exitCode : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return printFailure(error, argv.includes("--progress=json"));
  }
}
