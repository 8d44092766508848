/**
 * Executions for the tests of this folder, over the root of Alpine's minirootfs. It has no tests of its
 * own; the name keeps it out of the published package.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execute } from "./execute.ts";
import type { ExecuteRequest, ExecuteResult } from "./execute-request.ts";

/** A folder of one test. */
export interface Place {
  readonly folder: string;
  /** The unpacked minirootfs. */
  readonly lower: string;
  readonly upper: string;
  readonly work: string;
}

/** A new upper and work folder below `folder`. */
export function makePlace(folder: string, lower: string): Place {
  const place = mkdtempSync(join(folder, "place-"));
  const [upper, work] = [join(place, "upper"), join(place, "work")];
  mkdirSync(upper);
  mkdirSync(work);
  return { folder: place, lower, upper, work };
}

export const samplePath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
export const root = { uid: 0, gid: 0, groups: [] } as const;

export interface Outcome extends ExecuteResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Executes a command with what `request` changes about a plain one. */
export async function executeIn(
  place: Place,
  command: readonly string[],
  request: Partial<ExecuteRequest> = {},
): Promise<Outcome> {
  const chunks: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  const result = await execute({
    lowers: [place.lower],
    upper: place.upper,
    work: place.work,
    command,
    environment: [samplePath, "HOME=/root"],
    directory: "/",
    user: root,
    network: "none",
    privileged: false,
    mounts: [],
    onOutput: (stream, chunk) => chunks[stream].push(chunk),
    ...request,
  });
  return {
    ...result,
    stdout: Buffer.concat(chunks.stdout),
    stderr: Buffer.concat(chunks.stderr),
  };
}

/** Processes whose arguments hold a word. */
export function processesWith(word: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(word);
      } catch {
        return false;
      }
    })
    .map(Number);
}
