/** Feasibility: what of a plan cannot work on this machine, said before anything is built. */
import { BivyError, type EventSink } from "../../../base/index.ts";
import { type Source } from "../../../dockerfile/index.ts";
import { archOfPlatform, formatPlatform, hostPlatform, type Platform } from "../../../oci/index.ts";
import { canRunArch, identityLimits } from "../../../sandbox/index.ts";
import { type BuildPlan } from "../plan.ts";
import { failureAt } from "./step-failure.ts";

/** A platform whose commands cannot be run here is refused before anything is built. */
export function refuseForeign(plan: BuildPlan, source: Source): void {
  for (const stage of plan.stages) {
    const step = stage.steps.find(({ kind }) => kind === "run");
    if (step === undefined || canRun(stage.platform)) continue;
    const error = new BivyError(
      "sandbox-unavailable",
      `this machine cannot run commands for ${formatPlatform(stage.platform)}`,
      {
        hint: "Register an emulator (qemu-user-static with binfmt, flag F), or do it in a stage FROM --platform=$BUILDPLATFORM.",
      },
    );
    throw failureAt(error, source, step.location);
  }
}

/** What cannot work where only one user id is mapped is said before anything is built. */
export function sayWhatIdentitiesAllow(plan: BuildPlan, source: Source, events: EventSink): void {
  if (!identityLimits().onlyRoot) return;
  const runs = plan.stages.flatMap(({ steps }) => steps.filter(({ kind }) => kind === "run"));
  if (runs.length === 0) return;
  const other = runs.find(({ user }) => !/^(?:root|0)?(?::(?:root|0)?)?$/.test(user));
  const hint =
    "Run bivy as root, or add a wide range for your user to /etc/subuid and /etc/subgid and install the uidmap tools.";
  if (other !== undefined) {
    const message = `the command is to run as ${other.user}, and here there is no user but root`;
    const error = new BivyError("sandbox-unavailable", message, { hint });
    throw failureAt(error, source, other.location);
  }
  events({
    type: "warning",
    text: "commands see no user but root here: giving files to others fails in them",
    hint,
  });
}

function canRun(platform: Platform): boolean {
  const arch = archOfPlatform(platform);
  if (arch !== undefined) return canRunArch(arch);
  return formatPlatform(platform) === formatPlatform(hostPlatform());
}
