/** Remedies: what mends a finding, as the exact command where there is one. */
import type { Availability, Remedy } from "./finding.ts";
import type { ScanPackage, ScanSubject } from "./subject.ts";

export interface RemedySituation {
  readonly subject: Pick<ScanSubject, "kind" | "layers" | "distribution">;
  readonly package: ScanPackage;
  readonly fixed: string;
  readonly branch: string;
  /** All installed packages of the same origin, which must be upgraded together. */
  readonly siblings: readonly string[];
  readonly availability: Availability;
  /** Whether Alpine no longer mends the branch. */
  readonly supportEnded: boolean;
  /** The branch to move to, such as `v3.22`. */
  readonly latestStable: string | undefined;
}

export function remedyOf(situation: RemedySituation): Remedy {
  const { availability, branch, fixed, siblings, supportEnded, latestStable } = situation;
  if (availability.state === "not-available") {
    const has = availability.version === undefined ? "no version of it" : availability.version;
    if (supportEnded && latestStable !== undefined)
      return {
        kind: "move-branch",
        command: `FROM alpine:${latestStable.replace(/^v/, "")}`,
        text: `${branch} gets no more fixes and its repository has ${has}: move to ${latestStable}`,
      };
    return {
      kind: "wait",
      text: `${fixed} is not in the repository yet, which has ${has}; try again later`,
    };
  }
  const command = `apk upgrade ${siblings.join(" ")}`;
  if (isOfBase(situation))
    return {
      kind: "rebuild-base",
      command: `RUN apk upgrade --no-cache ${siblings.join(" ")}`,
      text: "it is in the base image: rebuild on a newer one, or upgrade it in a layer of yours",
    };
  return { kind: "upgrade", command, text: `upgrade to ${fixed} or newer` };
}

/** The first layer is the base image's, unless it is the only one: then the image is a base itself. */
function isOfBase({ subject, package: { layer } }: RemedySituation): boolean {
  return layer === 0 && subject.layers.length > 1;
}
