/** The difference of two databases, for people. */
import type { ChangedFix, DatabaseDifference } from "../../advisory/index.ts";
import { printable } from "../term/streams.ts";
import { formatTable } from "../term/table.ts";

/** Lines of a list that is not shown whole. */
const mostLines = 15;

export function formatChanges(
  { added, withdrawn, newBranches, goneBranches }: DatabaseDifference,
  all: boolean,
): string {
  const parts = [
    ...(newBranches.length === 0 ? [] : [`New branches: ${newBranches.join(", ")}`]),
    ...(goneBranches.length === 0 ? [] : [`Branches that are gone: ${goneBranches.join(", ")}`]),
    formatList("new", added, all),
    formatList("withdrawn", withdrawn, all),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function formatList(what: string, changes: readonly ChangedFix[], all: boolean): string {
  if (changes.length === 0) return `No fixes are ${what}.`;
  const shown = all ? changes : changes.slice(0, mostLines);
  const rows = shown.map(({ branch, repository, origin, version, ids }) =>
    [
      branch,
      repository,
      origin,
      version === "0" ? "never affected" : version,
      shorten(ids, all),
    ].map(printable),
  );
  const columns = ["BRANCH", "REPOSITORY", "ORIGIN", "FIXED", "IDS"].map((title) => ({ title }));
  const rest = changes.length - shown.length;
  const title = `Fixes that are ${what}: ${changes.length}`;
  const more = rest > 0 ? `\n… and ${rest} more; --all shows them` : "";
  return `${title}\n${formatTable(columns, rows)}${more}`;
}

/** So that a line of many ids fits a terminal. */
function shorten(ids: readonly string[], all: boolean): string {
  const [first = "", ...rest] = ids;
  return all || rest.length === 0 ? ids.join(" ") : `${first} +${rest.length}`;
}
