/**
 * Sealed private keys, as cosign writes cosign.key: PEM around JSON that names how the passphrase is
 * stretched (scrypt) and the PKCS#8 key is encrypted (NaCl's secretbox, XSalsa20 with Poly1305). The
 * form is that of go-securesystemslib's package `encrypted`.
 */
import { randomBytes, scrypt } from "node:crypto";
import { BivyError, encodeText, type JsonObject, objectField } from "../base/index.ts";
import { encodeBase64, tryDecodeBase64 } from "./base64.ts";
import { textField, tryParseObject } from "./json-object.ts";
import { formatPem, tryParsePem } from "./pem.ts";

const sealedLabel = "ENCRYPTED SIGSTORE PRIVATE KEY";
/** cosign wrote the second until 1.13. */
const sealedLabels: ReadonlySet<string> = new Set([sealedLabel, "ENCRYPTED COSIGN PRIVATE KEY"]);

interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** What cosign writes today. */
const usualCost: ScryptCost = { N: 65_536, r: 8, p: 1 };
/** A key from elsewhere must not take all memory: 16 times what cosign's own takes. */
const mostMemory = 1024 * 1024 * 1024;
const mostPasses = 16;

const keySize = 32;
const nonceSize = 24;
const saltSize = 32;

export function isSealedLabel(label: string): boolean {
  return sealedLabels.has(label);
}

/** Seals a private key in DER (PKCS#8) with a passphrase, which may be empty. */
export async function sealKey(pkcs8: Uint8Array, passphrase: string): Promise<string> {
  const salt = randomBytes(saltSize);
  const nonce = randomBytes(nonceSize);
  const box = await secretbox(await stretch(passphrase, salt, usualCost), nonce);
  const document = {
    kdf: { name: "scrypt", params: usualCost, salt: encodeBase64(salt) },
    cipher: { name: "nacl/secretbox", nonce: encodeBase64(nonce) },
    ciphertext: encodeBase64(box.encrypt(pkcs8)),
  };
  return formatPem({ label: sealedLabel, bytes: encodeText(JSON.stringify(document)) });
}

/** The private key in DER (PKCS#8) of a sealed one. */
export async function openSealedKey(
  pem: string,
  passphrase: string,
  subject: string,
): Promise<Uint8Array> {
  const block = tryParsePem(pem);
  const sealed = block === undefined ? undefined : tryReadSealed(tryParseObject(block.bytes));
  if (sealed === undefined)
    throw new BivyError(
      "key-invalid",
      `${subject}: expected a key sealed with scrypt and nacl/secretbox, found something else`,
      { hint: "The file is damaged, or made by a tool that bivy does not know." },
    );
  const { N, r, p } = sealed.cost;
  if (128 * N * r > mostMemory || p > mostPasses)
    throw new BivyError(
      "limit-exceeded",
      `${subject}: opening it takes scrypt with N=${N}, r=${r}, p=${p}, which is more than any honest key asks for`,
      { hint: "It may be hostile. Use another key." },
    );
  const box = await secretbox(await stretch(passphrase, sealed.salt, sealed.cost), sealed.nonce);
  try {
    return box.decrypt(sealed.ciphertext);
  } catch (cause) {
    throw wrongPassphrase(subject, cause);
  }
}

export function wrongPassphrase(subject: string, cause: unknown): BivyError {
  return new BivyError("key-invalid", `${subject}: the passphrase does not open it`, {
    cause,
    hint: "Check BIVY_KEY_PASSWORD, COSIGN_PASSWORD, or the file of --key-password-file.",
  });
}

interface Sealed {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

function tryReadSealed(document: JsonObject | undefined): Sealed | undefined {
  const kdf = objectField(document, "kdf");
  const cipher = objectField(document, "cipher");
  if (textField(kdf, "name") !== "scrypt" || textField(cipher, "name") !== "nacl/secretbox")
    return undefined;
  const cost = objectField(kdf, "params");
  const [N, r, p] = [cost?.["N"], cost?.["r"], cost?.["p"]];
  const salt = tryDecodeBase64(textField(kdf, "salt") ?? "");
  const nonce = tryDecodeBase64(textField(cipher, "nonce") ?? "");
  const ciphertext = tryDecodeBase64(textField(document, "ciphertext") ?? "");
  // scrypt takes powers of two only (RFC 7914, section 2).
  if (!isCount(N) || !isCount(r) || !isCount(p) || N < 2 || !Number.isInteger(Math.log2(N)))
    return undefined;
  if (salt === undefined || ciphertext === undefined || nonce?.byteLength !== nonceSize)
    return undefined;
  return { cost: { N, r, p }, salt, nonce, ciphertext };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function stretch(passphrase: string, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array> {
  // Node's own bound is 32 MiB; scrypt takes 128·N·r bytes, and a little more for p.
  const maxmem = 2 * 128 * cost.r * (cost.N + cost.p);
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, keySize, { ...cost, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

async function secretbox(key: Uint8Array, nonce: Uint8Array) {
  const { xsalsa20poly1305 } = await import("@noble/ciphers/salsa.js");
  return xsalsa20poly1305(key, nonce);
}
