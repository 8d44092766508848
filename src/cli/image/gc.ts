/** bivy image gc: frees what no image of the local store, and no running command, needs any more. */
import type { Command } from "commander";
import { BivyError } from "../../base/index.ts";
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
    recordsSince: Date.now() - parseAge(flags.buildCache),
    events: session.progress.report,
  });
  session.progress.end();
  const verb = dryRun ? "would free" : "freed";
  printResult(`${verb} ${formatBytes(bytes)} in ${countOf(removed.length, "blob")}`);
}

const unitMilliseconds: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A number and its unit, in milliseconds. */
function parseAge(word: string): number {
  if (word === "0") return 0;
  const match = /^(\d{1,6})([smhdw])$/.exec(word);
  if (match !== null) return Number(match[1]) * unitMilliseconds[match[2]!]!;
  throw new BivyError("usage", `--build-cache ${word}: expected an age such as 12h or 7d`, {
    hint: "The units are s, m, h, d and w; 0 forgets all build steps.",
  });
}
