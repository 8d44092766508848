/** bivy image copy: an image from any place to any other; digests, platforms and signatures stay. */
import type { Command } from "commander";
import { BivyError } from "../../base/index.ts";
import type { AttachedImage, ImageLocator } from "../../oci/index.ts";
import {
  addImageFlags,
  chooseImage,
  imageArgumentForms,
  locate,
  type ImageFlags,
} from "../image-source.ts";
import { registriesOf } from "../registry-flags.ts";
import { withSession, type Session } from "../session.ts";
import { printNote, printResult, writeResultBytes } from "../term/streams.ts";
import { writablePart } from "./whole.ts";

interface CopyFlags extends ImageFlags {
  readonly referrers: boolean;
}

export function configure(command: Command): void {
  addImageFlags(
    command
      .argument("<SOURCE>", imageArgumentForms)
      .argument(
        "<DESTINATION>",
        "a registry's reference, oci:DIR[:TAG], oci-archive:F[:TAG], docker-archive:F[:NAME], or store:NAME",
      )
      .option("--no-referrers", "leave signatures, attestations and SBOMs that refer to it behind"),
    "only this image of an index, such as linux/arm64 (default: all of it)",
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image copy docker://alpine:3.20 oci:alpine
  $ bivy image copy alpine:3.20 registry.example.com/mirror/alpine:3.20
  $ bivy image copy oci:out docker-archive:app.tar:app:1 --platform linux/arm64
`,
    )
    .action((source: string, destination: string, flags: CopyFlags) =>
      withSession(flags, (session) => copy(source, destination, flags, session)),
    );
}

async function copy(from: string, to: string, flags: CopyFlags, session: Session): Promise<void> {
  const oci = await import("../../oci/index.ts");
  const store = oci.openStore({ limits: session.limits });
  const source = oci.parseImageLocator(from);
  const destination = asDestination(oci.parseImageLocator(to));
  await oci.checkDestination(destination);
  const located = await locate(source, store, flags, session);
  if (located.kind !== "image")
    throw new BivyError("usage", `${from}: expected an image, found a root file system`, {
      hint: "It has no manifest and no config, so there is nothing to copy as an image.",
    });
  const part =
    flags.platform === undefined && destination.kind !== "docker-archive"
      ? await writablePart(located.image, source, destination)
      : { image: await chooseImage(located.image, from, flags) };
  const { image } = part;
  const registries = () => registriesOf(flags, session);
  const places = { store, registries, limits: session.limits };
  const beside =
    flags.referrers && keepsReferrers.has(destination.kind)
      ? await oci.placeOf(source, places)
      : undefined;
  const gathering = beside === undefined ? noReferrers : oci.gatherReferrers(image, beside);
  // What becomes of it is asked for once the image is there.
  gathering.catch(() => undefined);
  await oci.writeImage(image, destination, {
    ...("includes" in part ? { includes: part.includes } : {}),
    store,
    registries,
    events: session.progress.report,
    standardOutput: writeResultBytes,
  });
  const gathered = await gathering;
  const place = gathered.length === 0 ? undefined : await oci.placeOf(destination, places);
  if (place !== undefined) await oci.putReferrers(gathered, place);
  session.progress.end();
  const print = oci.isStandardOutput(destination) ? printNote : printResult;
  print(`${oci.formatImageLocator(destination)}@${image.digest}`);
  const isOneOfMany = image.digest !== located.image.digest;
  if (isOneOfMany && flags.platform === undefined && destination.kind === "docker-archive")
    printNote(
      `${to}: one image of the index, the one for ${(await oci.platformsOf(image)).map(oci.formatPlatform).join()} (all of it: oci-archive:FILE)`,
    );
  if (gathered.length === 1) printNote("with 1 signature or attestation");
  if (gathered.length > 1) printNote(`with ${gathered.length} signatures and attestations`);
}

const noReferrers: Promise<readonly AttachedImage[]> = Promise.resolve([]);

/** An archive has no place for what stands beside an image. */
const keepsReferrers: ReadonlySet<ImageLocator["kind"]> = new Set(["registry", "store", "oci"]);

/** A name without a prefix means a registry: the local store is written to as store:NAME. */
function asDestination(locator: ImageLocator): ImageLocator {
  return locator.kind === "reference" ? { ...locator, kind: "registry" } : locator;
}
