/** bivy image ls: the images of the local store, or the tags of a repository in a registry. */
import type { Command } from "commander";
import type { ImageStore, StoredImage } from "../../oci/index.ts";
import { addRegistryFlags, registriesOf, type RegistryFlags } from "../registry-flags.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "../result.ts";
import { addSessionFlags, withSession, type Session, type SessionFlags } from "../session.ts";
import { formatBytes } from "../term/progress.ts";
import { printable, printNote, printResult } from "../term/streams.ts";
import { formatTable } from "../term/table.ts";

interface ListFlags extends ResultFlags<"table" | "json">, SessionFlags, RegistryFlags {
  readonly digests?: boolean;
  readonly all?: boolean;
}

export function configure(command: Command): void {
  addRegistryFlags(
    addSessionFlags(
      addResultFlags(
        command.argument(
          "[NAME]",
          "only images of this name, with any tag; docker://NAME lists the tags in its registry",
        ),
        ["table", "json"],
      ),
    ),
  )
    .option("--digests", "show whole digests")
    .option("-a, --all", "signatures, attestations and other referrers too")
    .addHelpText(
      "before",
      `Examples:
  $ bivy image ls
  $ bivy image ls alpine
  $ bivy image ls -q                 digests and nothing else
  $ bivy image ls --format json
  $ bivy image ls docker://alpine
`,
    )
    .action((name: string | undefined, flags: ListFlags) =>
      withSession(flags, (session) =>
        name?.startsWith(registryPrefix) === true
          ? listTags(name.slice(registryPrefix.length), flags, session)
          : list(name, flags, session),
      ),
    );
}

const registryPrefix = "docker://";

async function listTags(name: string, flags: ListFlags, session: Session): Promise<void> {
  const { parseReference } = await import("../../oci/index.ts");
  const repository = (await registriesOf(flags, session)).repository(parseReference(name));
  const tags: string[] = [];
  for await (const tag of repository.tags()) tags.push(tag);
  session.progress.end();
  const text = flags.format === "json" ? formatJson(tags) : tags.map(printable).join("\n");
  if (text !== "") await writeResult(text, flags);
}

async function list(
  name: string | undefined,
  flags: ListFlags,
  { limits }: Session,
): Promise<void> {
  const { openStore } = await import("../../oci/index.ts");
  const store = openStore({ limits });
  const wanted = await nameFilter(name);
  const stored = (await store.list()).filter(
    (image) => wanted(image) && (flags.all === true || image.subject === undefined),
  );
  const images: Awaited<ReturnType<typeof describe>>[] = [];
  for (const image of stored) images.push(await describe(image, store));
  images.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  if (flags.quiet === true)
    return printResult([...new Set(images.map((i) => i.digest))].join("\n"));
  if (flags.format === "json") return writeResult(formatJson(images), flags);
  if (images.length === 0 && name === undefined)
    return printNote("The local store is empty: get an image with bivy image pull alpine.");
  if (images.length === 0)
    printNote(
      `The local store has no image ${name}. For the tags in its registry: bivy image ls docker://${name}`,
    );
  const rows = images.map((image) => [
    image.shortName,
    flags.digests === true ? image.digest : image.digest.slice("sha256:".length, 19),
    platformsText(image.platforms),
    image.named?.slice(0, 10) ?? "",
    formatBytes(image.compressedSize),
  ]);
  const table = formatTable(
    [
      { title: "IMAGE" },
      { title: "DIGEST" },
      { title: "PLATFORM" },
      { title: "NAMED" },
      { title: "COMPRESSED", align: "right" },
    ],
    rows,
  );
  const total = await store.sizeOf(stored.map(({ descriptor }) => descriptor));
  const shared =
    images.length > 1 ? `\n${formatBytes(total)} in all, what is shared counted once` : "";
  await writeResult(`${table}${shared}`, flags);
}

async function describe({ reference, descriptor, named, subject }: StoredImage, store: ImageStore) {
  const { formatPlatform, formatReference, shortReference } = await import("../../oci/index.ts");
  const { images, size, isWhole } = await store.contents(descriptor);
  const present = images.filter((image) => image.isWhole);
  return {
    name: formatReference(reference),
    shortName: shortReference(reference),
    digest: descriptor.digest,
    ids: images.map(({ id }) => id),
    platforms: present.flatMap(({ platform }) =>
      platform === undefined ? [] : [formatPlatform(platform)],
    ),
    /** Whether every image of the index is here, as after a pull of all platforms. */
    whole: isWhole,
    ...(named === undefined ? {} : { named }),
    ...(subject === undefined ? {} : { subject }),
    /** Bytes of what is here, as it is stored. */
    compressedSize: size,
  };
}

/** The registry may be left out as elsewhere; a tag narrows further. */
async function nameFilter(name: string | undefined): Promise<(image: StoredImage) => boolean> {
  if (name === undefined) return () => true;
  const { parseReference } = await import("../../oci/index.ts");
  const { registry, repository, tag } = parseReference(name);
  return ({ reference }) =>
    reference.registry === registry &&
    reference.repository === repository &&
    (tag === undefined || reference.tag === tag);
}

function platformsText([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} +${others.length}`;
}
