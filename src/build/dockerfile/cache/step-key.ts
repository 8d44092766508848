/**
 * The keys of steps: what a step's result depends on, as one digest. Two steps with one key make the
 * same layer, so that the second need not be carried out.
 *
 * What enters every key:
 *   - the files that the step begins with, by the chain of their layers' diff ids. So it does not matter
 *     how they came about: a stage that was built anew and came out the same is the same.
 *   - the time after which no file is dated, since it is written into the layer.
 * To these each kind of step adds
 *   - RUN: the command with its variables (thereby the arguments that are in force), user, folder,
 *     network and rights; of each mount what it shows: for the context the content of the files, for a
 *     stage or an image the chain of its layers; for caches, secrets and sockets only which they are,
 *     never what is in them. Of a locked step also the packages that it is given.
 *   - COPY and ADD: where to, owner and mode as they are written, and the content of the sources: paths,
 *     kinds, modes, owners, links, bytes. Not their times, which differ in every checkout.
 *   - WORKDIR: the path, and whose it becomes.
 *
 * What does not enter: the machine, the user, the clock, proxies, names of stages, the place in the
 * Dockerfile, settings that only the config of the image has (CMD, LABEL, …), and how the layer is
 * compressed. COPY from another stage has a second, quick key: the chain of that stage in place of the
 * content of the sources, since that is known without reading anything. Whichever is found, counts.
 */
import { digestOf, encodeText, type Digest } from "../../../base/index.ts";

/** To be raised when a step comes to mean something else. */
const keyVersion = 1;

/** The key of a step with these parts, which JSON must be able to hold. */
export function stepKey(
  kind: "run" | "copy" | "copy-quick" | "workdir" | "context",
  before: { readonly identity: Digest; readonly time: number },
  parts: Readonly<Record<string, unknown>>,
): string {
  const text = JSON.stringify([keyVersion, kind, before.identity, before.time, sortKeys(parts)]);
  return `build-step:${digestOf(encodeText(text))}`;
}

/** Undefined and absent are one, and the order of the keys does not matter. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [name, sortKeys(each)]));
}
