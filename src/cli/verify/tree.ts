/** A verify report as a tree: every file under the package, maker or layer that it comes from. */
import type { FileReport, PackageReport, VerifyReport } from "../../verify/index.ts";
import { countOf } from "../term/progress.ts";
import { printable } from "../term/streams.ts";
import { layerText } from "./layer-text.ts";

/** Files of a branch unless all are asked for. */
const mostFiles = 10;

interface Branch {
  readonly title: string;
  readonly leaves: readonly string[];
}

/** Without `all`, files that are as they should be are counted and not listed. */
export function formatTree(report: VerifyReport, all: boolean): string {
  const files = Map.groupBy(report.files, originOf);
  const packages = report.packages.map((subject) => ({
    title: describePackage(subject),
    leaves: leavesOf(files.get(`package ${subject.name}`) ?? [], all),
  }));
  const others = [...files]
    .filter(([origin]) => !origin.startsWith("package "))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([origin, found]) => ({
      title: titleOf(origin, found[0]!, report),
      leaves: leavesOf(found, all),
    }));
  return [printable(report.subject), ...drawBranches([...packages, ...others])].join("\n");
}

function originOf({ package: owner, maker, layer }: FileReport): string {
  if (owner !== undefined) return `package ${owner}`;
  if (maker !== undefined) return `made by ${maker}`;
  return layer === undefined ? "of no package" : `of no package, layer ${layer}`;
}

function describePackage({ name, version, state, proof, reason }: PackageReport): string {
  const why =
    proof === undefined ? reason : `by ${proof.by} ${proof.subject}, signed by ${proof.key}`;
  return `${name}-${version}: ${state}${why === undefined ? "" : `, ${why}`}`;
}

function titleOf(origin: string, { state, layer }: FileReport, report: VerifyReport): string {
  if (state !== "unowned" || layer === undefined) return origin;
  return `of no package, ${layerText(layer, report)}`;
}

function leavesOf(files: readonly FileReport[], all: boolean): string[] {
  const telling = all ? files : files.filter((file) => !isAsItShould(file));
  const shown = all ? telling : telling.slice(0, mostFiles);
  const rest = files.length - telling.length;
  return [
    ...shown.map(describeFile),
    ...(telling.length > shown.length
      ? [`… and ${telling.length - shown.length} more (--all shows them)`]
      : []),
    ...(rest > 0 ? [`${countOf(rest, "file")} as ${rest === 1 ? "it" : "they"} should be`] : []),
  ];
}

function isAsItShould({ state }: FileReport): boolean {
  return state === "packaged" || state === "generated";
}

function describeFile(file: FileReport): string {
  const { path, kind, state, target, differences, explanation, reason } = file;
  const name = kind === "directory" ? `${path}/` : path;
  const link = target === undefined ? "" : ` -> ${target}`;
  if (isAsItShould(file)) return name + link;
  const more = [
    state,
    ...(differences ?? []).map(({ aspect }) => aspect),
    ...(explanation === undefined ? [] : [explanation.text]),
    ...(reason === undefined ? [] : [reason]),
  ];
  return `${name}${link}: ${more.join(", ")}`;
}

function drawBranches(branches: readonly Branch[]): string[] {
  return branches.flatMap(({ title, leaves }, at) => {
    const isLast = at === branches.length - 1;
    return [
      `${isLast ? "╰─" : "├─"} ${printable(title)}`,
      ...leaves.map((leaf, below) => {
        const stem = isLast ? " " : "│";
        return `${stem}  ${below === leaves.length - 1 ? "╰─" : "├─"} ${printable(leaf)}`;
      }),
    ];
  });
}
