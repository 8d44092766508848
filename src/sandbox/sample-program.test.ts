/**
 * A program for tests that need a process of their own: one of another user, or one that is killed. It
 * takes a word that says what to do, and JSON that says with what. It has no tests of its own; the name
 * keeps it out of the published package.
 */
import { writeSync } from "node:fs";
import { isBivyError, messageOf } from "../base/index.ts";
import { runtimeNames, type ExecuteRequest, type RuntimeName } from "./execute-request.ts";
import { identityLimits } from "./identity-map.ts";
import { executeIn, makePlace } from "./sample-execution.test.ts";
import { runCase, sampleCases } from "./sample-cases.test.ts";

const standardOutput = 1;

export interface CasesOrder {
  readonly folder: string;
  readonly lower: string;
  readonly runtimes: readonly RuntimeName[];
}

export interface ExecuteOrder {
  readonly folder: string;
  readonly lower: string;
  readonly command: readonly string[];
  readonly request: Partial<ExecuteRequest>;
}

/** A line of what `cases` prints. */
export interface CaseReport {
  readonly name: string;
  readonly error: string | undefined;
}

/** Prints the outcome of each case that can be had as this user. */
async function carryOutCases({ folder, lower, runtimes }: CasesOrder): Promise<void> {
  const { onlyRoot } = identityLimits();
  const pending = runtimeNames
    .filter((name) => runtimes.includes(name))
    .flatMap((runtime) => sampleCases.map((sample) => ({ runtime, sample })))
    .filter(({ runtime, sample: { needs, not } }) => {
      if (needs === "root" || (needs === "ids" && onlyRoot)) return false;
      return not?.includes(runtime) !== true;
    });
  const work = async (): Promise<void> => {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      const { runtime, sample } = next;
      const report: CaseReport = {
        name: `${runtime} ${sample.name}`,
        error: await failureOf(runCase(makePlace(folder, lower), runtime, sample)),
      };
      writeSync(standardOutput, `${JSON.stringify(report)}\n`);
    }
  };
  await Promise.all([work(), work(), work()]);
}

async function failureOf(work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return isBivyError(error) ? `${error.code}: ${error.message}` : messageOf(error);
  }
}

/** Passes the output of one command on, and then says how it ended. */
async function carryOutOne({ folder, lower, command, request }: ExecuteOrder): Promise<void> {
  const place = makePlace(folder, lower);
  const onOutput: ExecuteRequest["onOutput"] = (_, chunk) => void writeSync(standardOutput, chunk);
  try {
    const { exitCode } = await executeIn(place, command, { ...request, onOutput });
    writeSync(standardOutput, `exit ${exitCode}\n`);
  } catch (error) {
    writeSync(
      standardOutput,
      `${isBivyError(error) ? error.code : "error"}: ${messageOf(error)}\n`,
    );
  }
}

const [, , task, order] = process.argv;
if (task === "cases") await carryOutCases(JSON.parse(order!) as CasesOrder);
if (task === "one") await carryOutOne(JSON.parse(order!) as ExecuteOrder);
