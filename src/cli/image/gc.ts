/** bivy image gc: frees what no image of the local store, and no running command, needs any more. */
import type { Command } from "commander";
import { parseAge } from "../age.ts";
import { addSessionFlags, withSession, type Session, type SessionFlags } from "../session.ts";
import { countOf, formatBytes } from "../term/progress.ts";
import { printResult } from "../term/streams.ts";

interface CollectFlags extends SessionFlags {
  readonly dryRun?: boolean;
  readonly buildCache: string;
}

export function configure(command: Command): void {
  addSessionFlags(
    command
      .option("-n, --dry-run", "say what would be freed, and free nothing")
      .option(
        "--build-cache <AGE>",
        "forget build steps that were not used for so long, such as 12h or 30d; 0 for all of them",
        "7d",
      ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image gc
  $ bivy image gc --dry-run
  $ bivy image gc --build-cache 0
`,
    )
    .action((flags: CollectFlags) => withSession(flags, (session) => collect(flags, session)));
}

async function collect(flags: CollectFlags, session: Session): Promise<void> {
  const { openStore } = await import("../../oci/index.ts");
  const dryRun = flags.dryRun === true;
  const { removed, bytes } = await openStore({ limits: session.limits }).collect({
    dryRun,
    recordsSince: Date.now() - parseAge(flags.buildCache, "--build-cache") * 1000,
    events: session.progress.report,
  });
  session.progress.end();
  const verb = dryRun ? "would free" : "freed";
  printResult(`${verb} ${formatBytes(bytes)} in ${countOf(removed.length, "blob")}`);
}
