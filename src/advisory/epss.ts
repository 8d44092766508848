/**
 * EPSS: how likely a vulnerability is exploited within 30 days (https://www.first.org/epss), as the
 * daily file of all scores: a remark with the date, a line of titles, then `cve,epss,percentile`.
 */
import { BivyError } from "../base/index.ts";

export interface ExploitProbability {
  /** From 0 to 1. */
  readonly probability: number;
  /** The share of all vulnerabilities that are not likelier, from 0 to 1. */
  readonly percentile: number;
}

export interface EpssRow extends ExploitProbability {
  readonly id: string;
}

const rowForm = /^(CVE-\d{4}-\d{4,10}),(\d(?:\.\d+)?(?:e-\d+)?),(\d(?:\.\d+)?(?:e-\d+)?)$/i;
/** The file has some 300,000 lines of 30 characters. */
const longestLine = 1024;

/** The rows of the file, as they come by. Throws `advisories-invalid` where nothing in it is a score. */
export async function* readEpss(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  subject: string,
): AsyncGenerator<EpssRow> {
  let rest = "";
  let rows = 0;
  const decoder = new TextDecoder("utf-8");
  const read = function* (lines: readonly string[]): Generator<EpssRow> {
    for (const line of lines) {
      const [, id, probability, percentile] = rowForm.exec(line.trimEnd()) ?? [];
      if (id === undefined) continue;
      rows++;
      yield { id, probability: Number(probability), percentile: Number(percentile) };
    }
  };
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    if (rest.length > longestLine) throw notScores(subject);
    yield* read(lines);
  }
  yield* read([rest]);
  if (rows === 0) throw notScores(subject);
}

function notScores(subject: string): BivyError {
  return new BivyError("advisories-invalid", `${subject}: expected lines of cve,epss,percentile`, {
    hint: "This is no file of EPSS scores, or a damaged one.",
  });
}
