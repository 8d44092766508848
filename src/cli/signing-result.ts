/** Signing results: what `sign` and `attest` put beside an image, and how it is verified. */
import type { Attached } from "../sign/index.ts";
import { formatJson, writeResult } from "./result.ts";
import { sourceDateEpoch } from "./session.ts";
import type { SigningFlags } from "./signing-flags.ts";
import { printNote } from "./term/streams.ts";

/** Now, unless the user wants another time to stand there. */
export function createdTime(): number {
  return sourceDateEpoch(process.env) ?? Math.floor(Date.now() / 1000);
}

/** What was put beside which image; a person is told, too, how it is verified. */
export async function writeAttached(
  done: "signed" | "attested",
  attached: readonly Attached[],
  argument: string,
  flags: SigningFlags,
  isStore: boolean,
): Promise<void> {
  if (flags.format === "json") return writeResult(formatJson({ [done]: attached }), flags);
  const lines = attached.map(
    ({ digest, isNew }) => `${digest}  ${isNew ? done : `${done} already`}`,
  );
  await writeResult(lines.join("\n"), flags);
  if (isStore && flags.quiet !== true)
    printNote("kept in the local store: bivy image copy takes it along, image push does not");
  // To verify is to ask for a signature; attestations are shown with it.
  const what = done === "signed" ? "it" : "it and the image's signature";
  if (flags.quiet !== true) printNote(`verify ${what}: ${verification(argument, flags)}`);
}

/** How others verify what was signed. */
function verification(argument: string, { key }: SigningFlags): string {
  const by =
    key === undefined
      ? "--certificate-identity WHO --certificate-oidc-issuer URL"
      : `--signature-key ${key.replace(/(?:\.key|\.pem)?$/, ".pub")}`;
  return `bivy verify ${argument} ${by}`;
}
