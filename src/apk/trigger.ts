/** Triggers: which directories a package's trigger is called with. */
import { matchesGlob } from "./glob.ts";

export interface TriggerOwner {
  /** Globs of absolute paths; with a leading `+` only changed directories count. */
  readonly globs: readonly string[];
  /** A package that was installed in this run sees all directories, others only those that changed. */
  readonly isNew: boolean;
}

/** The absolute paths that a trigger gets, sorted; none means that it does not run. */
export function triggeredDirectories(
  owner: TriggerOwner,
  directories: Iterable<string>,
  changed: ReadonlySet<string>,
): string[] {
  const matches: string[] = [];
  for (const directory of directories) {
    const path = `/${directory}`;
    const fits = owner.globs.some((glob) => {
      const changedOnly = glob.startsWith("+");
      if ((changedOnly || !owner.isNew) && !changed.has(directory)) return false;
      return matchesGlob(changedOnly ? glob.slice(1) : glob, path);
    });
    if (fits) matches.push(path);
  }
  return matches.sort();
}
