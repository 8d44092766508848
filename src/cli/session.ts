/** Session: the flags that every working command has, and what they open. */
import { Option, type Command } from "commander";
import type { Access } from "../apk/index.ts";
import { BivyError, parseLimits, type Limits } from "../base/index.ts";
import { loadSettings, parseMirror, requireHome } from "./settings.ts";
import { progressModes, startProgress, type Progress, type ProgressMode } from "./term/progress.ts";

export interface SessionFlags {
  readonly offline?: boolean;
  readonly progress: ProgressMode;
  readonly quiet?: boolean;
  readonly limit?: readonly string[];
  readonly mirror?: readonly string[];
  readonly cacheDir?: string;
}

/** What a command works with. */
export interface Session {
  readonly access: Access;
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

export function addSessionFlags(command: Command): Command {
  return command
    .option("--offline", "use nothing but what is cached, kept or local")
    .option(
      "--mirror <FROM=TO>",
      "fetch URLs that begin with FROM from TO instead (may be repeated)",
      collect,
    )
    .option("--cache-dir <DIR>", "where downloads are kept (default: $XDG_CACHE_HOME/bivy)")
    .option(
      "--limit <NAME=N>",
      "change a limit on untrusted input, such as unpacked-size=4G",
      collect,
    )
    .addOption(
      new Option("--progress <MODE>", "how progress is shown")
        .choices(progressModes)
        .default("auto"),
    )
    .option("-q, --quiet", "show warnings and errors only");
}

/** Nobody presses Ctrl-C twice in less. */
const sameSignalMilliseconds = 250;

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Opens what the flags describe, runs the work, and closes it again, also on Ctrl-C. */
export async function withSession<T>(
  flags: SessionFlags,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  requireHome(process.env);
  const limits = parseLimits(flags.limit ?? []);
  const progress = startProgress(flags.quiet === true ? "quiet" : flags.progress);
  const stop = new AbortController();
  let interruptedAt: number | undefined;
  const interrupt = (signal: NodeJS.Signals) => {
    // A second Ctrl-C does not wait. But npm, timeout, and the bivy that sits outside of a user namespace
    // pass on what the terminal sent here too: one right after the other is the same one.
    const now = performance.now();
    const isSame = now - (interruptedAt ?? now) < sameSignalMilliseconds;
    if (signal !== "SIGHUP" && interruptedAt !== undefined && !isSame) process.exit(130);
    interruptedAt ??= now;
    stop.abort(new BivyError("aborted", "interrupted"));
  };
  for (const signal of stopSignals) process.on(signal, interrupt);
  const { createHttpClient, openCache, cacheDirectory } = await import("../http/index.ts");
  const settings = await loadSettings(process.env);
  const client = createHttpClient({
    events: progress.report,
    limits,
    offline: flags.offline ?? false,
    stallMilliseconds: limits["stall-time"] * 1000,
    mirrors: new Map([...settings.mirrors, ...(flags.mirror ?? []).map(parseMirror)]),
  });
  const cache = openCache(flags.cacheDir ?? cacheDirectory(process.env));
  const access = { client, cache, limits, events: progress.report, signal: stop.signal };
  try {
    return await work({ access, limits, signal: stop.signal, progress });
  } finally {
    // What failed may have left other work going on, which nobody waits for any more.
    stop.abort(new BivyError("aborted", "interrupted"));
    progress.end();
    // The handlers stay: a signal that is passed on late must not end the process with another code.
    await client.close();
  }
}

/** SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/). */
export function sourceDateEpoch(
  environment: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const value = environment["SOURCE_DATE_EPOCH"];
  if (value === undefined || value === "") return undefined;
  if (/^\d{1,11}$/.test(value)) return Number(value);
  throw new BivyError(
    "usage",
    `SOURCE_DATE_EPOCH: expected seconds since 1970, found ${JSON.stringify(value)}`,
    {
      hint: "Such as SOURCE_DATE_EPOCH=$(git log -1 --format=%ct).",
    },
  );
}
