/** Modelled pull times as text. */
import { defaultTransfers, type PullComparison, type SizeReport } from "../../size/index.ts";
import { formatSection } from "./section.ts";

/** Empty for what cannot be pulled, such as a root folder. */
export function formatPull(
  pull: readonly PullComparison[],
  reports: readonly Pick<SizeReport, "totals">[],
): string {
  if (reports.every(({ totals }) => totals.compressed === undefined)) return "";
  const latency = (pull[0]!.link.latencySeconds * 1000).toFixed(0);
  const columns = reports.length === 1 ? ["time"] : reports.map((_, at) => `[${at + 1}]`);
  const isStored = reports.some(({ totals }) => totals.isCompressed === false);
  const section = formatSection(
    {
      title: `PULL TIME (a model: ${defaultTransfers} transfers at once, ${latency} ms per round trip)`,
      columns: ["Mbit/s", ...columns, ""],
      row: ({ link, estimates }: PullComparison) => [
        formatRate(link.bitsPerSecond),
        ...estimates.map((estimate) =>
          estimate === undefined
            ? "-"
            : `${estimate.seconds.toFixed(estimate.seconds < 10 ? 2 : 0)} s`,
        ),
        presentNote(estimates),
      ],
    },
    pull,
    pull.length,
  );
  return isStored ? `${section}\nOf layers as they are stored, not compressed.` : section;
}

function formatRate(bitsPerSecond: number): string {
  return String(Number((bitsPerSecond / 1e6).toPrecision(4)));
}

function presentNote(estimates: PullComparison["estimates"]): string {
  const present = estimates.map((estimate) => estimate?.presentLayers ?? 0);
  return present.every((count) => count === 0) ? "" : `layers present: ${present.join(", ")}`;
}
