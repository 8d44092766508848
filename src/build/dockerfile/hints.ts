/**
 * Hints: what is worth a second look in a Dockerfile and costs nothing to see, because the build has
 * planned it anyway. No more than a linter's beginnings: each is hardly ever wrong.
 */
import { type Location } from "../../dockerfile/index.ts";
import { shortReference } from "../../oci/index.ts";
import { type BuildPlan } from "./plan.ts";
import { type RunStep } from "./steps.ts";

export interface BuildHint {
  /** Of the Dockerfile, from 1. */
  readonly line: number;
  readonly text: string;
}

/** In the order of the lines, each text once. */
export function hintsOf(plan: BuildPlan): readonly BuildHint[] {
  const hints: BuildHint[] = [];
  const add = ({ line }: Location, text: string): void => {
    if (!hints.some((hint) => hint.text === text)) hints.push({ line, text });
  };
  for (const { origin, locations } of plan.images)
    if (
      origin.kind === "image" &&
      origin.reference.digest === undefined &&
      origin.reference.tag === "latest"
    )
      add(
        locations[0]!,
        `${shortReference(origin.reference)} is another image every few weeks: name a release, or bivy lock`,
      );
  const { target } = plan;
  for (const step of target.steps)
    if (step.kind === "run" && leavesIndexes(step))
      add(
        step.location,
        "apk leaves its indexes in the layer: apk add --no-cache does without them",
      );
  const starts = (target.config.Cmd ?? target.config.Entrypoint) !== undefined;
  const last = target.steps.at(-1);
  if (starts && last !== undefined && (target.config.User ?? "") === "")
    add(last.location, "the image runs as root: USER names somebody with fewer rights");
  return hints.toSorted((a, b) => a.line - b.line);
}

/** Whether apk keeps what it fetched, in a step that neither mounts nor clears its cache. */
function leavesIndexes({ script = "", mounts }: RunStep): boolean {
  if (mounts.some(({ target }) => /^\/(?:var\/cache|etc)\/apk\b/.test(target ?? ""))) return false;
  if (/--no-cache\b|rm\s+(?:-\w+\s+)*["']?\/var\/cache/.test(script)) return false;
  return /(?:^|[\s;&|(])apk(?:\s+-\S+)*\s+(?:add|update|upgrade)\b/.test(script);
}
