/** Which images to rebuild, in which order, for people. */
import { joinByOrigin, nextSteps, type RebuildPlan } from "../../scan/index.ts";
import { printable } from "../term/streams.ts";
import { formatTable } from "../term/table.ts";

export function formatRebuilds({ affected, unaffected, notJudged }: RebuildPlan): string {
  const others = [
    ...(unaffected.length === 0
      ? []
      : ["Not affected:", ...unaffected.map((name) => `  ${printable(name)}`)]),
    ...(notJudged.length === 0 ? [] : ["Not judged, which is not the same:"]),
    ...notJudged.map(({ reason }) => `  ${printable(reason)}`),
  ]
    .map((line) => `\n${line}`)
    .join("");
  if (affected.length === 0) return `${describeNone(unaffected.length, notJudged.length)}${others}`;
  const rows = affected.map(({ position, name, risk, added }) => {
    const [worst] = added;
    const ids = new Set(added.map(({ id }) => id));
    const more = ids.size > 1 ? ` +${ids.size - 1}` : "";
    return [
      String(position),
      printable(name),
      risk.toFixed(1),
      printable(`${worst!.id}${more}`),
      printable(mendedBy(added)),
    ];
  });
  const table = formatTable(
    [
      { title: "#", align: "right" },
      { title: "REBUILD" },
      { title: "RISK", align: "right" },
      { title: "NEW" },
      { title: "MENDED BY" },
    ],
    rows,
  );
  return `${table}${others}`;
}

function describeNone(unaffected: number, notJudged: number): string {
  if (notJudged === 0) return "None of the images has to be rebuilt.";
  if (unaffected === 0) return "None of the images could be judged.";
  return "None of the images that could be judged has to be rebuilt.";
}

/** The command of the step that mends most; names that no shell should see are not in it. */
function mendedBy(added: RebuildPlan["affected"][number]["added"]): string {
  const [step] = nextSteps(joinByOrigin(added));
  return step?.command?.join(" ") ?? step?.text ?? "";
}
