/**
 * Mount tables: lists of mounts in the form of fstab(5). mount(8) carries out a whole table in one
 * process; one process for each mount would take longer than all the rest of a sandbox.
 */

export interface MountLine {
  /** A path, or a word of no meaning for file systems without a device. */
  readonly source: string;
  /**
   * Relative paths begin where mount(8) is started. It leaves out a line whose target is called `root`,
   * and one whose source is mounted at its target already.
   */
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

export function formatMountTable(lines: readonly MountLine[]): string {
  return lines
    .map(
      ({ source, target, type, options }) =>
        `${escapeField(source)} ${escapeField(target)} ${type} ${options.join(",")} 0 0\n`,
    )
    .join("");
}

export function bindLine(source: string, target: string, flags: readonly string[] = []): MountLine {
  return { source, target, type: "none", options: ["bind", ...flags] };
}

/** Characters that end a field, and those that begin a comment or an escape. */
function escapeField(text: string): string {
  return text.replace(
    /[ \t\n\r\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}
