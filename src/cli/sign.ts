/** bivy sign: a signature beside an image, in sigstore's formats; and the key pair for it. */
import type { Command } from "commander";
import { BivyError } from "../base/index.ts";
import type { Attached } from "../sign/index.ts";
import { formatJson, writeResult } from "./result.ts";
import { collect, withSession, type Session } from "./session.ts";
import { signedPlace } from "./signature-place.ts";
import { parseAnnotations } from "./signature-policy.ts";
import { addSigningFlags, passphraseOf, signingOf, type SigningFlags } from "./signing-flags.ts";
import { createdTime, writeAttached } from "./signing-result.ts";
import { printNote } from "./term/streams.ts";

interface SignFlags extends SigningFlags {
  readonly annotation?: readonly string[];
  readonly recursive?: boolean;
  readonly generateKey?: string;
}

export function configure(command: Command): void {
  addSigningFlags(
    command
      .argument(
        "[IMAGE]",
        "in a registry, the local store (store:NAME), or a layout (oci:DIR[:TAG])",
      )
      .option("--generate-key <NAME>", "make a key pair, NAME.key and NAME.pub, and sign nothing")
      .option(
        "-a, --annotation <KEY=VALUE>",
        "what else the signature says (may be repeated)",
        collect,
      )
      .option("-r, --recursive", "sign every image of an index, too"),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy sign --generate-key release
  $ bivy sign registry.example.com/app:1 --key release.key
  $ bivy sign oci:out --key release.key --annotation team=blue --recursive
  $ bivy sign registry.example.com/app:1 --keyless
`,
    )
    .action((image: string | undefined, flags: SignFlags) =>
      withSession(flags, (session) => run(image, flags, session)),
    );
}

async function run(image: string | undefined, flags: SignFlags, session: Session): Promise<void> {
  if (image !== undefined && flags.generateKey === undefined) return sign(image, flags, session);
  if (image === undefined && flags.generateKey !== undefined)
    return generateKey(flags.generateKey, flags, session);
  throw new BivyError(
    "usage",
    `expected either an image or --generate-key, found ${image === undefined ? "neither" : "both"}`,
    { hint: "Such as bivy sign --generate-key release, then bivy sign IMAGE --key release.key." },
  );
}

async function generateKey(prefix: string, flags: SignFlags, session: Session): Promise<void> {
  const { makeKeyPair, writeKeyPair } = await import("../sign/index.ts");
  const passphrase = await passphraseOf(flags, process.env);
  const paths = await writeKeyPair(prefix, await makeKeyPair(passphrase));
  session.progress.end();
  if (flags.format === "json")
    return writeResult(formatJson({ ...paths, locked: passphrase !== undefined }), flags);
  await writeResult(
    `${paths.privateKey}: the private key, which signs: keep it to yourself\n${paths.publicKey}: the public key, which verifies: give it to everybody`,
    flags,
  );
  if (passphrase === undefined && flags.quiet !== true)
    printNote(`${paths.privateKey} has no passphrase: set BIVY_KEY_PASSWORD to make one that has`);
}

async function sign(argument: string, flags: SignFlags, session: Session): Promise<void> {
  const { signImage, signingTargets } = await import("../sign/index.ts");
  const annotations = parseAnnotations(flags.annotation ?? []);
  const signing = await signingOf(flags, session);
  const { image, place, isStore, reference } = await signedPlace(argument, flags, session);
  const name = flags.identity ?? reference;
  const attached: Attached[] = [];
  for (const target of await signingTargets(image, flags.recursive ?? false))
    attached.push(
      await signImage(target, place, signing, {
        ...(name === undefined ? {} : { reference: name }),
        annotations,
        created: createdTime(),
        limits: session.limits,
      }),
    );
  session.progress.end();
  await writeAttached("signed", attached, argument, flags, isStore);
}
