/** Signature policy flags: by whom an image must be signed, for commands that verify it. */
import type { Command } from "commander";
import { BivyError, decodeName, readUserFile } from "../base/index.ts";
import type {
  AcceptedIdentity,
  IdentityMatch,
  SignaturePolicy,
  TrustedRoot,
} from "../sign/index.ts";
import { collect, type Session, type SessionFlags } from "./session.ts";

export interface SignaturePolicyFlags extends SessionFlags {
  readonly signatureKey?: readonly string[];
  readonly certificateIdentity?: string;
  readonly certificateIdentityRegexp?: string;
  readonly certificateOidcIssuer?: string;
  readonly certificateOidcIssuerRegexp?: string;
  readonly trustedRoot?: string;
  readonly annotation?: readonly string[];
}

export function addSignaturePolicyFlags(command: Command): Command {
  return command
    .option(
      "--signature-key <FILE>",
      "the image must be signed by this public key (of several, by one)",
      collect,
    )
    .option("--certificate-identity <WHO>", "or with a certificate for this address or URI")
    .option("--certificate-identity-regexp <PATTERN>", "that matches this pattern as a whole")
    .option("--certificate-oidc-issuer <URL>", "for which this issuer vouched")
    .option("--certificate-oidc-issuer-regexp <PATTERN>", "that matches this pattern as a whole")
    .option(
      "--trusted-root <FILE>",
      "the authorities and logs behind certificates (default: sigstore's, fetched)",
    )
    .option(
      "-a, --annotation <KEY=VALUE>",
      "the signature must say this, too (may be repeated)",
      collect,
    );
}

/** The policy that the flags describe; undefined where no signature is asked for. */
export async function signaturePolicyOf(
  flags: SignaturePolicyFlags,
  session: Session,
): Promise<SignaturePolicy | undefined> {
  const { signatureKey: paths = [] } = flags;
  const accepted = await acceptedIdentity(flags);
  const annotations = parseAnnotations(flags.annotation ?? []);
  if (paths.length === 0 && accepted === undefined) {
    const pointless = flags.trustedRoot !== undefined ? "--trusted-root" : undefined;
    const alone = pointless ?? (flags.annotation === undefined ? undefined : "--annotation");
    if (alone === undefined) return undefined;
    throw new BivyError("usage", `${alone}: expected a signer with it, found none`, {
      hint: "Name a key with --signature-key, or an identity with --certificate-identity.",
    });
  }
  const { parsePublicKey } = await import("../sign/index.ts");
  const keys = await Promise.all(
    paths.map(async (path) => parsePublicKey(decodeName(await readUserFile(path)), path)),
  );
  return {
    keys,
    annotations,
    ...(accepted === undefined
      ? {}
      : { certificates: { root: await trustedRootOf(flags, session), identities: [accepted] } }),
  };
}

/** `KEY=VALUE` words as a map. */
export function parseAnnotations(words: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
      throw new BivyError("usage", `--annotation ${word}: expected KEY=VALUE`, {
        hint: "Such as --annotation team=blue.",
      });
    }),
  );
}

/** An identity without an issuer is anybody's: each issuer gives names as it likes. */
async function acceptedIdentity(
  flags: SignaturePolicyFlags,
): Promise<AcceptedIdentity | undefined> {
  const identity = await matchOf(
    flags.certificateIdentity,
    flags.certificateIdentityRegexp,
    "--certificate-identity",
  );
  const issuer = await matchOf(
    flags.certificateOidcIssuer,
    flags.certificateOidcIssuerRegexp,
    "--certificate-oidc-issuer",
  );
  if (identity !== undefined && issuer !== undefined) return { identity, issuer };
  if (identity === undefined && issuer === undefined) return undefined;
  throw new BivyError(
    "usage",
    identity === undefined
      ? "--certificate-oidc-issuer: expected --certificate-identity with it"
      : "--certificate-identity: expected --certificate-oidc-issuer with it",
    {
      hint: "A certificate is somebody's only together with the issuer that vouches for the name.",
    },
  );
}

async function matchOf(
  text: string | undefined,
  pattern: string | undefined,
  flag: string,
): Promise<IdentityMatch | undefined> {
  if (text !== undefined && pattern !== undefined)
    throw new BivyError("usage", `expected either ${flag} or ${flag}-regexp, found both`);
  if (pattern === undefined) return text;
  const { parseIdentityPattern } = await import("../sign/index.ts");
  return parseIdentityPattern(pattern, `${flag}-regexp`);
}

async function trustedRootOf(
  { trustedRoot, cacheDir }: SignaturePolicyFlags,
  session: Session,
): Promise<TrustedRoot> {
  const { fetchTrustedRoot, parseTrustedRoot } = await import("../sign/index.ts");
  if (trustedRoot !== undefined)
    return parseTrustedRoot(await readUserFile(trustedRoot), trustedRoot);
  const { cacheDirectory } = await import("../http/index.ts");
  return fetchTrustedRoot({
    cacheFolder: cacheDir ?? cacheDirectory(process.env),
    offline: session.access.client.offline,
  });
}
