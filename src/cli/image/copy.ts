/** bivy image copy: an image from any place to any other; digests, platforms and signatures stay. */
import type { Command } from "commander";
import { BivyError } from "../../base/index.ts";
import type { ImageLocator } from "../../oci/index.ts";
import {
  addImageFlags,
  imageArgumentForms,
  locate,
  platformOf,
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
  const platform = await platformOf(flags);
  const part =
    platform === undefined
      ? await writablePart(located.image, source, destination)
      : { image: await oci.selectPlatform(located.image, platform) };
  const { image } = part;
  const registries = () => registriesOf(flags, session);
  await oci.writeImage(image, destination, {
    ...("includes" in part ? { includes: part.includes } : {}),
    store,
    registries,
    events: session.progress.report,
    standardOutput: writeResultBytes,
  });
  let referrers = 0;
  if (flags.referrers) {
    const places = { store, registries, limits: session.limits };
    const [left, right] = [
      await oci.placeOf(source, places),
      await oci.placeOf(destination, places),
    ];
    if (left !== undefined && right !== undefined)
      referrers = await oci.copyReferrers(image, left, right);
  }
  session.progress.end();
  const print = oci.isStandardOutput(destination) ? printNote : printResult;
  print(`${oci.formatImageLocator(destination)}@${image.digest}`);
  if (referrers > 0) printNote(`with ${referrers} signatures and attestations`);
}

/** A name without a prefix means a registry: the local store is written to as store:NAME. */
function asDestination(locator: ImageLocator): ImageLocator {
  return locator.kind === "reference" ? { ...locator, kind: "registry" } : locator;
}
