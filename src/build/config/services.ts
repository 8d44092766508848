/** Service bundles: the folder from which s6 supervises the services of an image, laid out as apko does. */

export interface ServiceBundle {
  /** Executable files, mode 0755, at plain paths in the image. */
  readonly files: readonly {
    readonly path: string;
    readonly content: string;
    readonly permissions: number;
  }[];
  readonly entrypoint: readonly string[];
  /** What has to be installed for it to run. */
  readonly packages: readonly string[];
}

/**
 * `sv/NAME/run` for each service, a script for execlineb, the command language of s6 (it knows quotes,
 * but neither variables nor operators of the shell), and `s6-svscan`, which starts and watches them all.
 */
export function serviceBundle(services: Readonly<Record<string, string>>): ServiceBundle {
  return {
    files: Object.entries(services)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, command]) => ({
        path: `sv/${name}/run`,
        content: `#!/bin/execlineb\n${command.trimEnd()}\n`,
        permissions: 0o755,
      })),
    entrypoint: ["/bin/s6-svscan", "/sv"],
    packages: ["s6"],
  };
}
