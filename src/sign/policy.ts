/** Signature policies: who may sign an image, and what a signature must say. */
import { BivyError } from "../base/index.ts";
import type { CertificateSigner } from "./certificate-signer.ts";
import type { PublicKey } from "./public-key.ts";
import type { TrustedRoot } from "./trusted-root.ts";

/** Text is compared as a whole; a pattern must match the whole. */
export type IdentityMatch = string | RegExp;

/** A signer with a certificate: who it is, and who vouched for that. */
export interface AcceptedIdentity {
  readonly identity: IdentityMatch;
  readonly issuer: IdentityMatch;
}

/** What is signed by any of the keys or identities counts. */
export interface SignaturePolicy {
  readonly keys?: readonly PublicKey[];
  readonly certificates?: {
    readonly root: TrustedRoot;
    readonly identities: readonly AcceptedIdentity[];
  };
  /** Each must stand in a signature with this value; attestations have none. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A pattern as the user writes it, without anchors: an identity that merely contains it is another's. */
export function parseIdentityPattern(text: string, flag: string): RegExp {
  try {
    // On its own first: one that closes a group that it did not open would get rid of the anchors.
    void new RegExp(text, "u");
    return new RegExp(`^(?:${text})$`, "u");
  } catch (cause) {
    throw new BivyError("usage", `${flag} ${text}: expected a regular expression`, {
      cause,
      hint: "Such as 'https://github\\.com/example/.*'. It must match the whole identity.",
    });
  }
}

export function acceptsIdentity(
  { identity, issuer }: CertificateSigner,
  accepted: readonly AcceptedIdentity[],
): boolean {
  // A certificate that names nobody is not anybody's, whatever a pattern says.
  if (identity === "") return false;
  return accepted.some((each) => matches(identity, each.identity) && matches(issuer, each.issuer));
}

function matches(found: string, expected: IdentityMatch): boolean {
  return typeof expected === "string" ? found === expected : expected.test(found);
}
