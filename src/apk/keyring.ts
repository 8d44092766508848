/**
 * Keyring: the keys that may sign, and for which repositories.
 *
 * apk trusts any key for any repository, so a third party's key could replace `musl`. Here a key is
 * tied to repositories:
 *   - Alpine's own keys are built in and count for Alpine's repositories and their mirrors only, and
 *     wherever the user names them;
 *   - Alpine's repositories accept no other key, unless the user names it for that very repository;
 *   - a key given for one repository counts there and nowhere else;
 *   - a key given without a repository counts for every repository that is not Alpine's and that names
 *     no keys of its own.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { BivyError, hashHex } from "../base/index.ts";
import { showUrl } from "../http/index.ts";
import { alpineKeys } from "./alpine-keys.ts";
import { isAlpineRepository, isAlpineTree, repositoryAt, type Repository } from "./repositories.ts";
import { parsePublicKey, signatureHash, signatureHolds, type Signature } from "./signature.ts";

export interface Key {
  /** The file name that signatures refer to. */
  readonly name: string;
  readonly publicKey: KeyObject;
  /** SHA-256 of the key in DER, in hex: names that collide are told apart by it. */
  readonly fingerprint: string;
  /** The repository that the key was given for; undefined for a key without one. */
  readonly repository?: string;
  readonly builtIn: boolean;
}

export interface Keyring {
  readonly keys: readonly Key[];
}

/** A key from a PEM text. `repository` is the URL it is given for, as the user wrote the repository. */
export function parseKey(name: string, pem: string, repository?: string): Key {
  if (!/^[^/\0]+$/.test(name) || name === "." || name === "..")
    throw new BivyError("key-invalid", `key ${JSON.stringify(name)}: expected a plain file name`, {
      hint: "Name the key as its signatures name it, such as me@example.org-5f1c2a3b.rsa.pub.",
    });
  const publicKey = parsePublicKey(pem, `key ${name}`);
  const key = { name, publicKey, fingerprint: fingerprintOf(publicKey), builtIn: false };
  return repository === undefined ? key : { ...key, repository: repositoryAt(repository).url };
}

function fingerprintOf(key: KeyObject): string {
  return hashHex("sha256", key.export({ type: "spki", format: "der" }));
}

/** Alpine's keys for an architecture, which are those that its alpine-keys package trusts there; or all. */
export function builtInKeys(arch?: string): Key[] {
  return alpineKeys
    .filter((key) => arch === undefined || key.archs.includes(arch))
    .map(({ name, publicKey }) => new BuiltInKey(name, Buffer.from(publicKey, "base64")));
}

/** A key that is read only when a signature names it: most never are, and reading one costs a millisecond. */
class BuiltInKey implements Key {
  readonly name: string;
  readonly builtIn = true;
  readonly #der: Buffer;
  #publicKey: KeyObject | undefined;

  constructor(name: string, der: Buffer) {
    this.name = name;
    this.#der = der;
  }

  get publicKey(): KeyObject {
    this.#publicKey ??= createPublicKey({ key: this.#der, format: "der", type: "spki" });
    return this.#publicKey;
  }

  get fingerprint(): string {
    return hashHex("sha256", this.#der);
  }
}

/** The PEM text of a key, as it stands below etc/apk/keys. */
export function keyToPem(key: Key): string {
  return key.publicKey.export({ type: "spki", format: "pem" }) as string;
}

/** Whether `key` may sign for `repository`. */
export function maySign(key: Key, repository: Repository): boolean {
  if (key.repository !== undefined) return key.repository === repository.url;
  if (repository.scoped) return key.builtIn && repository.alpineKeys;
  if (isAlpineRepository(repository.url)) return key.builtIn;
  return key.builtIn ? isAlpineTree(repository.url) : true;
}

export interface Verified {
  readonly key: Key;
  readonly signature: Signature;
}

/**
 * Finds the signature that makes `signed` trusted for `repository`: the first whose key is known and
 * may sign there decides. Keys may share a name; one of them must fit.
 */
export function verifySignatures(
  signatures: readonly Signature[],
  signed: Uint8Array,
  keyring: Keyring,
  repository: Repository | undefined,
  subject: string,
): Verified {
  const counting = signatures.filter(({ algorithm }) => signatureHash(algorithm) !== undefined);
  if (counting.length === 0) throw noSignature(signatures, subject);
  let refused: Key | undefined;
  for (const signature of counting) {
    const named = keyring.keys.filter((key) => key.name === signature.keyName);
    const allowed = named.filter((key) => repository === undefined || maySign(key, repository));
    const key = allowed.find((candidate) => signatureHolds(signature, candidate.publicKey, signed));
    if (key !== undefined) return { key, signature };
    if (allowed.length > 0) throw badSignature(signature, subject);
    refused ??= named[0];
  }
  if (refused !== undefined && repository !== undefined)
    throw notAllowed(refused, repository, subject);
  throw unknownKey(counting, subject);
}

function noSignature(signatures: readonly Signature[], subject: string): BivyError {
  const others = list(signatures.map(({ algorithm }) => algorithm));
  return new BivyError(
    "signature-missing",
    others === ""
      ? `${subject}: it is not signed`
      : `${subject}: signed with ${others} only; expected RSA, RSA256 or RSA512`,
    { hint: "Sign it with a key that you trust; --allow-untrusted takes it as it is." },
  );
}

/** The first words of what may be a very long list. */
function list(words: readonly string[]): string {
  const unique = [...new Set(words)];
  const more = unique.length > 4 ? ` and ${unique.length - 4} more` : "";
  return unique.slice(0, 4).join(", ") + more;
}

function badSignature(signature: Signature, subject: string): BivyError {
  return new BivyError(
    "signature-invalid",
    `${subject}: the signature by ${signature.keyName} does not fit its content`,
    {
      hint: "It was changed after signing, or another key has the same name. Fetch it again; if that does not help, do not trust it.",
    },
  );
}

function notAllowed(key: Key, repository: Repository, subject: string): BivyError {
  return new BivyError(
    "key-not-allowed",
    `${subject}: signed by ${key.name}, which may sign for ${scopeOf(key, repository)} only, not for ${showUrl(repository.url)}`,
    {
      hint: "If that repository's owner really uses this key, name the key among that repository's keys.",
    },
  );
}

function scopeOf(key: Key, repository: Repository): string {
  if (key.builtIn) return "Alpine's repositories and their mirrors";
  if (key.repository !== undefined) return showUrl(key.repository);
  return repository.scoped
    ? "repositories that name no keys of their own"
    : "repositories other than Alpine's";
}

function unknownKey(signatures: readonly Signature[], subject: string): BivyError {
  const names = list(signatures.map((signature) => signature.keyName));
  const none = signatures.length === 1 ? "which is not" : "none of which is";
  return new BivyError("key-unknown", `${subject}: signed by ${names}, ${none} in the keyring`, {
    hint: "Get the key from the repository's owner, and name it for that repository: keys in the configuration, --key FILE of verify.",
  });
}
