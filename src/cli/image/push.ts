/** bivy image push: an image of the local store, or of a file, into a registry. */
import type { Command } from "commander";
import { BivyError } from "../../base/index.ts";
import type { ImageLocator, Reference } from "../../oci/index.ts";
import { addImageFlags, chooseImage, locate, type ImageFlags } from "../image-source.ts";
import { registriesOf } from "../registry-flags.ts";
import { withSession, type Session } from "../session.ts";
import { printResult } from "../term/streams.ts";
import { writablePart } from "./whole.ts";

export function configure(command: Command): void {
  addImageFlags(
    command
      .argument("<IMAGE>", "an image of the local store, or oci:DIR, oci-archive:FILE, …")
      .argument("[DESTINATION]", "the reference to push to (default: the image's own name)"),
    "only this image of an index, such as linux/arm64 (default: all of it)",
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image push localhost:5000/app:1
  $ bivy image push app:1 registry.example.com/team/app:1
  $ bivy image push oci:out registry.example.com/team/app:1
`,
    )
    .action((name: string, destination: string | undefined, flags: ImageFlags) =>
      withSession(flags, (session) => push(name, destination, flags, session)),
    );
}

async function push(
  name: string,
  destination: string | undefined,
  flags: ImageFlags,
  session: Session,
): Promise<void> {
  const { formatReference, openStore, parseImageLocator, withDefaultTag } =
    await import("../../oci/index.ts");
  const typed = parseImageLocator(name);
  const to = withDefaultTag(await parseDestination(typed, destination));
  // What is pushed is here: a registry's image is copied with bivy image copy.
  const source = typed.kind === "reference" ? { ...typed, kind: "store" as const } : typed;
  const located = await locate(source, openStore({ limits: session.limits }), flags, session);
  if (located.kind !== "image")
    throw new BivyError("usage", `${name}: expected an image, found a root file system`, {
      hint: "Only images can be pushed.",
    });
  const { image } =
    flags.platform === undefined
      ? await writablePart(located.image, source, { kind: "registry" })
      : { image: await chooseImage(located.image, name, flags) };
  const repository = (await registriesOf(flags, session)).repository(to);
  const digest = await repository.put(image, to, { events: session.progress.report });
  session.progress.end();
  printResult(formatReference({ ...to, digest }));
}

async function parseDestination(
  source: ImageLocator,
  destination: string | undefined,
): Promise<Reference> {
  const { formatImageLocator, parseImageLocator } = await import("../../oci/index.ts");
  const locator = destination === undefined ? source : parseImageLocator(destination);
  if (locator.kind === "reference" || locator.kind === "registry") return locator.reference;
  if (locator.kind === "store" && destination === undefined) return locator.reference;
  throw new BivyError(
    "usage",
    `${formatImageLocator(locator)}: expected the reference to push to, found a place on this machine`,
    {
      hint: "Write bivy image push IMAGE REGISTRY/NAME:TAG; to write elsewhere use bivy image copy.",
    },
  );
}
