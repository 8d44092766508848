/** sign: signatures and attestations of images in sigstore's formats: making, finding, verifying. */
export { makeKeyPair, writeKeyPair, type KeyPair, type KeyPairPaths } from "./key-pair.ts";
export {
  parseIdentityPattern,
  type AcceptedIdentity,
  type IdentityMatch,
  type SignaturePolicy,
} from "./policy.ts";
export { missingFields, parsePredicateType } from "./predicate-type.ts";
export { parsePrivateKey, type PrivateKey } from "./private-key.ts";
export { parsePublicKey, type PublicKey } from "./public-key.ts";
export {
  attestImage,
  signImage,
  type Attached,
  type AttestOptions,
  type Predicate,
  type Signing,
  type SignOptions,
} from "./sign.ts";
export { type SigningCertificateOptions } from "./signing-certificate.ts";
export { signingTargets } from "./targets.ts";
export {
  fetchTrustedRoot,
  parseTrustedRoot,
  type FetchTrustedRootOptions,
  type TrustedRoot,
} from "./trusted-root.ts";
export { type CertificateSigner } from "./certificate-signer.ts";
export {
  verifyImageSignatures,
  type CheckedSignature,
  type SignatureFault,
  type SignatureReport,
  type Signer,
  type Verdict,
} from "./verify.ts";
