/** A shell where a RUN failed: with its files as they are then, its variables, user and mounts. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FailedCommand } from "../../build/index.ts";
import { newOwner } from "../../base/index.ts";
import { printNote } from "../term/streams.ts";

/** Stays until the user leaves the shell. What is changed in it goes with it. */
export async function openDebugShell(failed: FailedCommand): Promise<void> {
  const { execute } = await import("../../sandbox/index.ts");
  const { lowers, step, user, environment, directory, mounts, exitCode } = failed;
  printNote(
    `the command ended with exit code ${exitCode}; this is a shell where it did, in ${directory}`,
  );
  printNote(`it ran: ${step.words.join(" ")}`);
  printNote("leave it with exit; what you change here is not kept");
  const place = join(dirname(lowers[0]!), `shell-${newOwner()}`);
  const [upper, work] = [join(place, "upper"), join(place, "work")];
  for (const folder of [place, upper, work]) await mkdir(folder);
  await execute({
    lowers,
    upper,
    work,
    command: ["/bin/sh"],
    environment: [...environment, `TERM=${process.env["TERM"] ?? "linux"}`],
    directory,
    user,
    network: "host",
    privileged: false,
    mounts,
    onOutput: () => {},
    interactive: true,
  });
}
