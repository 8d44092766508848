/** bivy image load: the images of a file into the local store. */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import {
  BivyError,
  fileError,
  isBivyError,
  makeScratchFolder,
  removeScratchFolder,
} from "../../base/index.ts";
import type { ArchiveEntry, ImageArchive, ImageStore, Reference } from "../../oci/index.ts";
import { addSessionFlags, withSession, type Session, type SessionFlags } from "../session.ts";
import { printResult } from "../term/streams.ts";

interface LoadFlags extends SessionFlags {
  readonly input?: string;
  readonly tag?: string;
}

export function configure(command: Command): void {
  addSessionFlags(
    command
      .argument(
        "[FILE]",
        "an oci-archive, or what docker save, podman save or bivy image save wrote",
      )
      .option("-i, --input <FILE>", "the same, as docker load has it (default: standard input)")
      .option("-t, --tag <NAME>", "the name of the image, where the file has none or one image"),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image load alpine.tar
  $ docker save app:1 | bivy image load
  $ bivy image load app.oci.tar -t app:1
`,
    )
    .action((file: string | undefined, flags: LoadFlags) =>
      withSession(flags, (session) => load(file ?? flags.input ?? "-", flags, session)),
    );
}

async function load(path: string, flags: LoadFlags, session: Session): Promise<void> {
  if (path !== "-") return loadFile(path, flags, session);
  if (process.stdin.isTTY)
    throw new BivyError("usage", "expected an archive, found a terminal", {
      hint: "Name a file, or pipe an archive in: docker save app:1 | bivy image load",
    });
  // An archive is entered at many places; a pipe has only one.
  const folder = await makeScratchFolder("load");
  try {
    const file = join(folder, "archive.tar");
    await pipeline(process.stdin, createWriteStream(file, { mode: 0o600 }), {
      signal: session.signal,
    }).catch((error: unknown) => {
      throw session.signal.aborted
        ? session.signal.reason
        : fileError(error, "keeping standard input in", file);
    });
    await loadFile(file, flags, session, "standard input");
  } finally {
    await removeScratchFolder(folder);
  }
}

/** `subject` is what messages call the file. */
async function loadFile(
  path: string,
  flags: LoadFlags,
  session: Session,
  subject = path,
): Promise<void> {
  const { openArchive, openStore, parseReference, withDefaultTag } =
    await import("../../oci/index.ts");
  const archive = await openArchive(path, { limits: session.limits }).catch(
    async (error: unknown) => {
      throw await unloadable(error, path, subject);
    },
  );
  const store = openStore({ limits: session.limits });
  const named = flags.tag === undefined ? undefined : withDefaultTag(parseReference(flags.tag));
  for (const [entry, references] of nameEntries(archive, subject, named))
    await keep(entry, references, store, session);
}

/** Why no archive could be opened, for who took something else for one. */
async function unloadable(error: unknown, path: string, subject: string): Promise<unknown> {
  if (!isBivyError(error)) return error;
  const message = error.message.replace(path, subject);
  const { isLayout, parseImageLocator } = await import("../../oci/index.ts");
  const locator = parseImageLocator(path);
  const folder = locator.kind === "oci" ? locator.path : path;
  if (await isLayout(folder))
    return new BivyError("usage", `${subject}: expected an archive, found an OCI layout`, {
      cause: error,
      hint: `Copy it into the store: bivy image copy oci:${folder} store:NAME`,
    });
  const hint =
    error.code === "image-invalid" && message.endsWith("without them")
      ? "If it is a root file system: bivy verify, size, why and image diff read it as it is."
      : error.hint;
  return new BivyError(error.code, message, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function nameEntries(
  { entries }: ImageArchive,
  subject: string,
  named: Reference | undefined,
): readonly (readonly [ArchiveEntry, readonly Reference[]])[] {
  if (named !== undefined && entries.length !== 1)
    throw new BivyError(
      "usage",
      `${subject}: expected one image to name, found ${entries.length}`,
      {
        hint: "Leave --tag out: each image gets the name that it has in the file.",
      },
    );
  return entries.map((entry) => {
    const references = named === undefined ? entry.references : [named];
    if (references.length > 0) return [entry, references] as const;
    throw new BivyError("usage", `${subject}: an image in it has no name`, {
      hint: "Give it one with --tag NAME.",
    });
  });
}

async function keep(
  entry: ArchiveEntry,
  references: readonly Reference[],
  store: ImageStore,
  session: Session,
): Promise<void> {
  const { formatReference, interruptible, presentChildren, withDefaultTag } =
    await import("../../oci/index.ts");
  const image = interruptible(await entry.open(), session.signal);
  const { present, absent } = await presentChildren(image);
  for (const reference of references.map(withDefaultTag)) {
    await store.put(image, reference, {
      events: session.progress.report,
      ...(absent === 0 ? {} : { includes: ({ digest }) => present.has(digest) }),
    });
    session.progress.end();
    printResult(formatReference({ ...reference, digest: image.digest }));
  }
}
