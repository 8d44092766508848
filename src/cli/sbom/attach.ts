/** Attaching a bill of materials: as an artifact beside the image, which names it as its subject. */
import { BivyError } from "../../base/index.ts";
import { chooseImage, type ImageFlags } from "../image-source.ts";
import { writeResult, type ResultFlags } from "../result.ts";
import type { Session } from "../session.ts";
import { trySignedPlace } from "../signature-place.ts";
import { printNote, printResult } from "../term/streams.ts";

const mediaTypes = {
  cyclonedx: "application/vnd.cyclonedx+json",
  spdx: "application/spdx+json",
} as const;

/** Puts the document there and tells its digest; the same one is not put there twice. */
export async function attachSbom(
  argument: string,
  bytes: Uint8Array,
  flags: ImageFlags & ResultFlags,
  session: Session,
): Promise<void> {
  const { describe, makeArtifact } = await import("../../oci/index.ts");
  const found = await trySignedPlace(argument, flags, session);
  if (found === undefined)
    throw new BivyError(
      "usage",
      `${argument}: expected an image in a registry, in the local store, or in a layout`,
      { hint: "Beside others nothing can be put: copy it to oci:DIR first." },
    );
  const image = await chooseImage(found.image, argument, flags);
  const mediaType = mediaTypes[flags.format as keyof typeof mediaTypes];
  const artifact = await makeArtifact(
    {
      artifactType: mediaType,
      documents: [{ mediaType, bytes }],
      subject: describe(image),
      name: `SBOM of ${argument}`,
    },
    session.limits,
  );
  const there = await found.place.referrers(image.digest, mediaType);
  const isNew = there.every(({ digest }) => digest !== artifact.digest);
  if (isNew) await found.place.put(artifact);
  session.progress.end();
  const text = `${artifact.digest}  ${isNew ? "attached" : "attached already"}`;
  // Where the document has a file, standard output is free.
  if (flags.output === undefined) await writeResult(text, flags);
  else (flags.output === "-" ? printNote : printResult)(text);
  if (found.isStore && flags.quiet !== true)
    printNote("kept in the local store: bivy image copy takes it along, image push does not");
}
