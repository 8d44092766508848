/**
 * History: which step of an image's making made which layer, and what its instruction was (OCI
 * image-spec, config.md: `history`).
 */
import { type HistoryEntry, type ImageConfig } from "./config.ts";

export interface HistoryStep {
  readonly entry: HistoryEntry;
  /** The layer that it made; lowest 0. Absent for a step that made none. */
  readonly layer?: number;
}

/**
 * The steps of the history with their layers: those that are not empty match the layers in order.
 * Where they are not as many, nobody knows which belong together, and no step has a layer.
 */
export function historySteps(config: ImageConfig): readonly HistoryStep[] {
  const history = config.history ?? [];
  const made = history.filter(makesLayer).length;
  if (made !== config.rootfs.diff_ids.length) return history.map((entry) => ({ entry }));
  let layer = 0;
  return history.map((entry) => (makesLayer(entry) ? { entry, layer: layer++ } : { entry }));
}

function makesLayer(entry: HistoryEntry): boolean {
  return entry.empty_layer !== true;
}

/** For each layer, lowest first, the entry of the step that made it, where that is known. */
export function layerHistory(config: ImageConfig): readonly (HistoryEntry | undefined)[] {
  const entries: (HistoryEntry | undefined)[] = config.rootfs.diff_ids.map(() => undefined);
  for (const { entry, layer } of historySteps(config))
    if (layer !== undefined) entries[layer] = entry;
  return entries;
}

/** How builders write an instruction into `created_by`: what stands before it, and what it becomes. */
const builderForms: readonly (readonly [RegExp, string])[] = [
  // The classic builder and buildah mark what is not a command.
  [/^(?:RUN )?\/bin\/sh -c #\(nop\) */, ""],
  // Build arguments stand before a command, their number first.
  [/^(?:RUN )?\|\d+ (?:.*? )??\/bin\/sh -c /, "RUN "],
  [/^(?:RUN )?\/bin\/sh -c /, "RUN "],
];

/** The `created_by` of an entry as the Dockerfile has the instruction, in one line. */
export function formatInstruction(createdBy: string): string {
  const line = createdBy.replace(/\s+/g, " ").trim();
  const bare = line.replace(/ # buildkit$/, "");
  for (const [form, replacement] of builderForms)
    if (form.test(bare)) return bare.replace(form, replacement);
  return bare;
}
