/** Signing flags: with what key or identity `sign` and `attest` sign, and in which form. */
import type { Command } from "commander";
import { BivyError, decodeName, readUserFile } from "../base/index.ts";
import type { PrivateKey, Signing } from "../sign/index.ts";
import { addRegistryFlags, type RegistryFlags } from "./registry-flags.ts";
import { addResultFlags, type ResultFlags } from "./result.ts";
import { addSessionFlags, type Session, type SessionFlags } from "./session.ts";

export interface SigningFlags extends SessionFlags, RegistryFlags, ResultFlags<"text" | "json"> {
  readonly key?: string;
  readonly keyPasswordFile?: string;
  readonly bundle?: boolean;
  readonly keyless?: boolean;
  readonly fulcioUrl?: string;
  readonly rekorUrl?: string;
  readonly identity?: string;
}

/** The flags that both commands have. */
export function addSigningFlags(command: Command): Command {
  return addRegistryFlags(
    addSessionFlags(
      addResultFlags(
        command
          .option("-k, --key <FILE>", "sign with this private key (PEM, or cosign.key)")
          .option(
            "--key-password-file <FILE>",
            "read the key's passphrase here (default: $BIVY_KEY_PASSWORD, $COSIGN_PASSWORD)",
          )
          .option("--bundle", "write a sigstore bundle that refers to the image, as cosign 3 does")
          .option(
            "--keyless",
            "sign with a certificate for $SIGSTORE_ID_TOKEN or the CI service's identity; it stands in a public log",
          )
          .option("--fulcio-url <URL>", "of the authority (default: sigstore's public one)")
          .option("--rekor-url <URL>", "of the transparency log (default: sigstore's public one)")
          .option("--identity <NAME>", "the image's name in what is signed (default: its own)"),
        ["text", "json"],
      ),
    ),
  );
}

/** The passphrase of the private key; undefined where there is none, which is not an empty one. */
export async function passphraseOf(
  { keyPasswordFile }: Pick<SigningFlags, "keyPasswordFile">,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (keyPasswordFile !== undefined)
    return decodeName(await readUserFile(keyPasswordFile)).replace(/\r?\n$/, "");
  return environment["BIVY_KEY_PASSWORD"] ?? environment["COSIGN_PASSWORD"];
}

/** How the flags say that is signed. */
export async function signingOf(flags: SigningFlags, session: Session): Promise<Signing> {
  const { key, keyless = false, bundle = false, fulcioUrl, rekorUrl } = flags;
  if ((key === undefined) === !keyless)
    throw new BivyError(
      "usage",
      `expected either --key FILE or --keyless, found ${keyless ? "both" : "neither"}`,
      { hint: "Make a key pair with bivy sign --generate-key NAME." },
    );
  if (key !== undefined)
    return { kind: "key", key: await readKey(key, flags), form: bundle ? "bundle" : "tag" };
  return {
    kind: "certificate",
    offline: session.access.client.offline,
    ...(fulcioUrl === undefined ? {} : { fulcioUrl }),
    ...(rekorUrl === undefined ? {} : { rekorUrl }),
  };
}

async function readKey(path: string, flags: SigningFlags): Promise<PrivateKey> {
  const { parsePrivateKey } = await import("../sign/index.ts");
  const pem = decodeName(await readUserFile(path));
  return parsePrivateKey(pem, path, await passphraseOf(flags, process.env));
}
