/** bivy verify: where every file of an image comes from, and whether that can be proven. */
import type { Command } from "commander";
import { BivyError } from "../base/index.ts";
import type { Inventory } from "../inventory/index.ts";
import type { LocatedImage } from "../oci/index.ts";
import type { SignaturePolicy, SignatureReport } from "../sign/index.ts";
import type { FailOn, Finding, VerifyReport } from "../verify/index.ts";
import {
  addImageFlags,
  imageArgumentForms,
  chosenPart,
  locateArgument,
  platformOf,
  type ImageFlags,
} from "./image-source.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "./result.ts";
import { collect, withSession, type Session } from "./session.ts";
import { trySignedPlace, type SignedPlace } from "./signature-place.ts";
import {
  addSignaturePolicyFlags,
  signaturePolicyOf,
  type SignaturePolicyFlags,
} from "./signature-policy.ts";
import { addEvidenceFlags, evidenceSources, type EvidenceFlags } from "./verify/evidence-flags.ts";

interface VerifyFlags
  extends ImageFlags, ResultFlags<"table" | "tree" | "json">, EvidenceFlags, SignaturePolicyFlags {
  readonly failOn?: readonly string[];
  readonly all?: boolean;
}

export function configure(command: Command): void {
  const checked = addEvidenceFlags(command.argument("<IMAGE>", imageArgumentForms)).option(
    "--fail-on <KINDS>",
    "exit with 1 when there is a finding of these kinds, such as changed,missing (or all)",
    collect,
  );
  const reported = addResultFlags(checked, ["table", "tree", "json"]).option(
    "--all",
    "show whole lists instead of their beginning",
  );
  addImageFlags(addSignaturePolicyFlags(reported))
    .addHelpText(
      "before",
      `Examples:
  $ bivy verify alpine:3.20
  $ bivy verify my-app --fail-on changed-system,missing,replaced,unknown-key
  $ bivy verify oci:out --repository https://example.com/v1 --key example.rsa.pub
  $ bivy verify my-app --lock bivy.lock --deep --offline
  $ bivy verify registry.example.com/app:1 --signature-key release.pub
  $ bivy verify dir:/mnt/root --format tree --all
`,
    )
    .action((image: string, flags: VerifyFlags) =>
      withSession(flags, (session) => verify(image, flags, session)),
    );
}

async function verify(argument: string, flags: VerifyFlags, session: Session): Promise<void> {
  const { gatherEvidence, parseFailOn, summarize, verifyInventory } =
    await import("../verify/index.ts");
  const policy = await signaturePolicyOf(flags, session);
  const failOn = parseFailOn(flags.failOn ?? []);
  requireMeans(failOn, flags, policy);
  const sources = await evidenceSources(flags, session);
  const signed = policy === undefined ? undefined : await signedImage(argument, flags, session);
  const located: LocatedImage =
    signed === undefined
      ? await locateArgument(argument, flags, session)
      : { kind: "image", image: signed.image };
  const chosen = await chosenPart(located, argument, flags);
  const inventory = await inventoryWithChecksums(chosen, argument, flags, session);
  const evidence = await gatherEvidence(inventory, sources, session.access);
  const signatures =
    signed === undefined || policy === undefined
      ? undefined
      : await checkSignatures(signed, inventory, policy, session);
  const report = verifyInventory(
    inventory,
    evidence,
    signatures === undefined ? {} : { signatures },
  );
  session.progress.end();
  // Who names a signer asks for the signature.
  const fails = (finding: Finding) => finding.kind === "unsigned" || failOn.chooses(finding);
  const failing = report.findings.filter(fails).length;
  if (flags.format === "json")
    await writeResult(formatJson({ ...report, summary: summarize(report) }), flags);
  else await writeResult(await formatReport(report, flags, failing), flags);
  if (failing > 0) process.exitCode = 1;
}

/** A check that cannot find what it is to fail on would pass whatever the image is. */
function requireMeans(
  { words }: FailOn,
  { deep }: VerifyFlags,
  policy: SignaturePolicy | undefined,
): void {
  if (words.includes("unsigned") && policy === undefined)
    throw new BivyError("usage", "--fail-on unsigned: expected a signer with it, found none", {
      hint: "Name a key with --signature-key, or an identity with --certificate-identity.",
    });
  if (words.includes("forged") && deep !== true)
    throw new BivyError("usage", "--fail-on forged: expected --deep with it", {
      hint: "An edited database is found only by comparing it with the packages themselves.",
    });
}

async function signedImage(
  argument: string,
  flags: VerifyFlags,
  session: Session,
): Promise<SignedPlace> {
  const signed = await trySignedPlace(argument, flags, session);
  if (signed !== undefined) return signed;
  throw new BivyError(
    "usage",
    `${argument}: expected an image in a registry, in the local store, or in a layout, beside which its signatures are`,
    { hint: "Archives and root file systems have none: leave the flags about signers out." },
  );
}

/** What is signed may be the index that the argument names, or the image that was chosen from it. */
async function checkSignatures(
  { image, place }: SignedPlace,
  inventory: Inventory,
  policy: SignaturePolicy,
  { limits }: Session,
): Promise<SignatureReport> {
  const { describe } = await import("../oci/index.ts");
  const { verifyImageSignatures } = await import("../sign/index.ts");
  const chosen = inventory.image;
  const images = [
    image,
    ...(chosen === undefined || chosen.digest === image.digest ? [] : [chosen]),
  ];
  return verifyImageSignatures(images.map(describe), place, policy, limits);
}

/** SHA-256 of every file is computed only where a database has such checksums, which few have. */
async function inventoryWithChecksums(
  located: LocatedImage,
  subject: string,
  flags: VerifyFlags,
  { limits, signal }: Session,
): Promise<Inventory> {
  const { readInventory } = await import("../inventory/index.ts");
  const { keepsDocuments, needsSha256 } = await import("../verify/index.ts");
  const platform = await platformOf(flags);
  const read = (checksums: readonly ("sha1" | "sha256")[]) =>
    readInventory(located, {
      subject,
      checksums,
      keeps: keepsDocuments(),
      limits,
      signal,
      ...(platform === undefined ? {} : { platform }),
    });
  const inventory = await read(["sha1"]);
  const installed = inventory.packages.map((each) => each.installed);
  return needsSha256(installed) ? read(["sha1", "sha256"]) : inventory;
}

async function formatReport(
  report: VerifyReport,
  { format, all = false }: VerifyFlags,
  failing: number,
): Promise<string> {
  if (format === "tree") {
    const { formatTree } = await import("./verify/tree.ts");
    return formatTree(report, all);
  }
  const { formatFindings } = await import("./verify/table.ts");
  return formatFindings(report, all, failing);
}
