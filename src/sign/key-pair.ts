/** Key pairs: made, and written to two files that nobody else can read, and that replace nothing. */
import { generateKeyPairSync } from "node:crypto";
import { open, unlink } from "node:fs/promises";
import { fileError } from "../base/index.ts";
import { sealKey } from "./sealed-key.ts";

export interface KeyPair {
  /** PEM: sealed as cosign seals it where there is a passphrase, else plain PKCS#8. */
  readonly privateKey: string;
  /** PEM: SubjectPublicKeyInfo. */
  readonly publicKey: string;
}

/** A new ECDSA key pair on P-256, which every verifier of sigstore's formats takes. */
export async function makeKeyPair(passphrase?: string): Promise<KeyPair> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const sealed =
    passphrase === undefined
      ? privateKey.export({ type: "pkcs8", format: "pem" })
      : await sealKey(privateKey.export({ type: "pkcs8", format: "der" }), passphrase);
  return {
    privateKey: sealed as string,
    publicKey: publicKey.export({ type: "spki", format: "pem" }) as string,
  };
}

export interface KeyPairPaths {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Writes `PREFIX.key` (mode 0600) and `PREFIX.pub`; fails with `file-exists` where either is there. */
export async function writeKeyPair(prefix: string, pair: KeyPair): Promise<KeyPairPaths> {
  const paths = { privateKey: `${prefix}.key`, publicKey: `${prefix}.pub` };
  await writeNewFile(paths.publicKey, pair.publicKey, 0o644);
  try {
    await writeNewFile(paths.privateKey, pair.privateKey, 0o600);
  } catch (error) {
    // Half a pair would be taken for a whole one.
    await unlink(paths.publicKey).catch(() => undefined);
    throw error;
  }
  return paths;
}

async function writeNewFile(path: string, text: string, mode: number): Promise<void> {
  try {
    const file = await open(path, "wx", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, "writing", path);
  }
}
