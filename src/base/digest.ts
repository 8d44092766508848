/** Digests: content addresses as OCI writes them (`sha256:<hex>`) and plain hashes. */
import { createHash, hash } from "node:crypto";

/** A content address, `sha256:` and 64 lower-case hex digits (OCI image spec, descriptor.md). */
export type Digest = `sha256:${string}`;

export type HashAlgorithm = "sha1" | "sha256" | "sha512";

export interface Hasher {
  update(chunk: Uint8Array): void;
  hex(): string;
  bytes(): Uint8Array;
}

const digestForm = /^sha256:[0-9a-f]{64}$/;

export function tryParseDigest(text: string): Digest | undefined {
  return digestForm.test(text) ? (text as Digest) : undefined;
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${hashHex("sha256", bytes)}`;
}

export function hashHex(algorithm: HashAlgorithm, bytes: Uint8Array): string {
  return hash(algorithm, bytes, "hex");
}

export function hashBytes(algorithm: HashAlgorithm, bytes: Uint8Array): Uint8Array {
  return hash(algorithm, bytes, "buffer");
}

/** A running hash; `hex` and `bytes` end it. */
export function startHash(algorithm: HashAlgorithm): Hasher {
  const running = createHash(algorithm);
  return {
    update: (chunk) => void running.update(chunk),
    hex: () => running.digest("hex"),
    bytes: () => running.digest(),
  };
}
