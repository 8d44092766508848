/** bivy attest: a signed statement about an image, such as its SBOM or provenance, beside it. */
import type { Command } from "commander";
import { BivyError, decodeName, encodeText, readUserFile } from "../base/index.ts";
import { signedPlace } from "./signature-place.ts";
import { withSession, type Session } from "./session.ts";
import { addSigningFlags, signingOf, type SigningFlags } from "./signing-flags.ts";
import { createdTime, writeAttached } from "./signing-result.ts";

interface AttestFlags extends SigningFlags {
  readonly predicate: string;
  readonly type: string;
}

export function configure(command: Command): void {
  addSigningFlags(
    command
      .argument(
        "<IMAGE>",
        "in a registry, the local store (store:NAME), or a layout (oci:DIR[:TAG])",
      )
      .requiredOption("--predicate <FILE>", "what is stated: a JSON document")
      .requiredOption(
        "--type <TYPE>",
        "of the predicate: slsaprovenance, slsaprovenance1, spdx, cyclonedx, vuln, openvex, link, or a URI",
      ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy attest registry.example.com/app:1 --key release.key --type cyclonedx --predicate bom.json
  $ bivy attest oci:out --key release.key --type slsaprovenance1 --predicate provenance.json
  $ bivy attest app --keyless --type https://example.com/review/v1 --predicate review.json
`,
    )
    .action((image: string, flags: AttestFlags) =>
      withSession(flags, (session) => attest(image, flags, session)),
    );
}

async function attest(argument: string, flags: AttestFlags, session: Session): Promise<void> {
  const { attestImage, parsePredicateType } = await import("../sign/index.ts");
  const type = parsePredicateType(flags.type);
  const bytes = await readPredicate(flags.predicate, type, session);
  const signing = await signingOf(flags, session);
  const { image, place, isStore, reference } = await signedPlace(argument, flags, session);
  const name = flags.identity ?? reference;
  const attached = await attestImage(
    image,
    place,
    signing,
    { type, bytes },
    {
      ...(name === undefined ? {} : { reference: name }),
      created: createdTime(),
      limits: session.limits,
    },
  );
  session.progress.end();
  await writeAttached("attested", [attached], argument, flags, isStore);
}

/** JSON goes into the statement as it stands; an SPDX document in its own text form, as a string. */
async function readPredicate(path: string, type: string, session: Session): Promise<Uint8Array> {
  const { missingFields } = await import("../sign/index.ts");
  const bytes = await readUserFile(path);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    const text = decodeName(bytes);
    if (type === "https://spdx.dev/Document" && /^SPDXVersion:/m.test(text))
      return encodeText(JSON.stringify(text));
    throw new BivyError("config-invalid", `${path}: expected a JSON document`, {
      cause,
      hint: "The predicate of an attestation is JSON in UTF-8.",
    });
  }
  const missing = missingFields(type, value);
  if (missing.length > 0)
    session.progress.report({
      type: "warning",
      text: `${path}: has no ${missing.join(" and no ")}, as a predicate of ${type} should`,
      hint: "Check --type, and that it is the right file.",
    });
  return bytes;
}
