/**
 * bivy image rm: images of the local store are forgotten, and what nothing needs any more is freed; images
 * of a registry are removed from it where they are named as docker://.
 */
import type { Command } from "commander";
import { BivyError, isBivyError } from "../../base/index.ts";
import type { ImageStore, Reference } from "../../oci/index.ts";
import { addRegistryFlags, registriesOf, type RegistryFlags } from "../registry-flags.ts";
import { addSessionFlags, withSession, type Session, type SessionFlags } from "../session.ts";
import { formatBytes } from "../term/progress.ts";
import { printNote, printResult } from "../term/streams.ts";

interface RemoveFlags extends SessionFlags, RegistryFlags {
  readonly force?: boolean;
  readonly gc: boolean;
}

export function configure(command: Command): void {
  addRegistryFlags(
    addSessionFlags(
      command
        .argument(
          "<IMAGE...>",
          "names; the beginning of a digest or id, for all names of that image; or docker://REFERENCE for one in a registry",
        )
        .option("-f, --force", "do not fail where there is no such image")
        .option("--no-gc", "leave the blobs for bivy image gc"),
    ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image rm app:1 app:2
  $ bivy image rm 3f57d9401f8d
  $ bivy image rm docker://localhost:5000/app:1
`,
    )
    .action((names: string[], flags: RemoveFlags) =>
      withSession(flags, (session) => remove(names, flags, session)),
    );
}

async function remove(
  names: readonly string[],
  flags: RemoveFlags,
  session: Session,
): Promise<void> {
  const { formatReference, openStore } = await import("../../oci/index.ts");
  const store = openStore({ limits: session.limits });
  let missing: BivyError | undefined;
  for (const name of names)
    try {
      const gone = name.startsWith(registryPrefix)
        ? await removeFromRegistry(name, flags, session)
        : await removeFromStore(name, store);
      for (const reference of gone) printResult(formatReference(reference));
    } catch (error) {
      if (!isBivyError(error, "image-not-found")) throw error;
      if (flags.force !== true) missing ??= error;
    }
  if (flags.gc) {
    const { bytes } = await store.collect({ events: session.progress.report });
    if (bytes > 0) printNote(`freed ${formatBytes(bytes)}`);
  }
  if (missing !== undefined) throw missing;
}

const registryPrefix = "docker://";

async function removeFromStore(name: string, store: ImageStore): Promise<readonly Reference[]> {
  const gone: Reference[] = [];
  for (const { reference } of await store.find(name)) gone.push(...(await store.remove(reference)));
  return gone;
}

async function removeFromRegistry(
  name: string,
  flags: RemoveFlags,
  session: Session,
): Promise<readonly Reference[]> {
  const { parseReference, withDefaultTag } = await import("../../oci/index.ts");
  const reference = withDefaultTag(parseReference(name.slice(registryPrefix.length)));
  const repository = (await registriesOf(flags, session)).repository(reference);
  if (await repository.remove(reference)) return [reference];
  throw new BivyError("image-not-found", `${name}: there is no such image in its registry`, {
    hint: `List its tags with bivy image ls ${name.replace(/[:@][^/]*$/, "")}.`,
  });
}
