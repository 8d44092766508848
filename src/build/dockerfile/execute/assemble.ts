/** The image of a stage: its layers with the config and the history that the plan has for it. */
import { type Limits } from "../../../base/index.ts";
import { formatCreated, imageFromConfig, type Image } from "../../../oci/index.ts";
import { type StagePlan } from "../plan.ts";
import { type StageFiles } from "./stage-files.ts";

export interface AssembleOptions {
  /** How many entries of the history are the base's, and keep the time that they have. */
  readonly ofBase: number;
  /** Labels that the user adds; they are no instruction, and have no entry in the history. */
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: Limits;
}

export function imageOfStage(stage: StagePlan, files: StageFiles, options: AssembleOptions): Image {
  const created = formatCreated(files.time);
  const { author, history, platform } = stage;
  const config =
    Object.keys(options.labels).length === 0
      ? stage.config
      : { ...stage.config, Labels: { ...stage.config.Labels, ...options.labels } };
  return imageFromConfig(
    {
      created,
      ...(author === undefined ? {} : { author }),
      ...platform,
      config,
      rootfs: { type: "layers", diff_ids: [] },
      history: history.map((entry, index) =>
        index < options.ofBase ? entry : { created, ...entry },
      ),
    },
    files.layers,
    undefined,
    options.limits,
  );
}
