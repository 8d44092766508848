/** Creating packages and indexes of format 2, and signing them (apk-package(5), apk-index(8)). */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from "node:crypto";
import {
  encodeTarHeader,
  gzipBytes,
  tarEnd,
  tarHeader,
  tarPadding,
  type TarHeader,
} from "../archive/index.ts";
import {
  BivyError,
  concatBytes,
  encodeText,
  hashBytes,
  hashHex,
  messageOf,
} from "../base/index.ts";
import { formatAtom } from "./atom.ts";
import { formatChecksum } from "./identity.ts";
import { formatIndex } from "./index-text.ts";
import { createPackage, type Package } from "./package.ts";
import { scriptKinds, type ScriptKind } from "./package-file.ts";
import { parsePackageInfo, type PackageInfo } from "./pkginfo.ts";
import { signatureEntryName, signatureHash, type SignatureAlgorithm } from "./signature.ts";

export interface SigningKey {
  /** The name of the public key's file, such as `me@example.org-5f1c2a3b.rsa.pub`. */
  readonly name: string;
  readonly privateKey: KeyObject;
}

/** A file of a package to be; `content` is for regular files. */
export interface PackedFile {
  readonly header: Partial<TarHeader> & Pick<TarHeader, "path" | "type">;
  readonly content?: Uint8Array;
}

export interface PackageRecipe {
  readonly info: Partial<PackageInfo> & Pick<PackageInfo, "name" | "version">;
  readonly files: readonly PackedFile[];
  readonly scripts?: Readonly<Partial<Record<ScriptKind, string>>>;
}

export interface CreatedPackage {
  /** What an index says of it. */
  readonly package: Package;
  /** The `.apk` file. */
  readonly bytes: Uint8Array;
}

/** A new key pair: the signing key, and its public half in PEM. */
export function generateSigningKey(
  name: string,
  bits = 4096,
): { key: SigningKey; publicPem: string; privatePem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  return {
    key: { name, privateKey },
    publicPem: publicKey.export({ type: "spki", format: "pem" }) as string,
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

/** Reads a private key in PEM. `name` is the public key's file name. */
export function parseSigningKey(name: string, pem: string): SigningKey {
  try {
    return { name, privateKey: createPrivateKey(pem) };
  } catch (cause) {
    throw new BivyError(
      "key-invalid",
      `key ${name}: expected a private key in PEM form: ${messageOf(cause)}`,
      {
        cause,
        hint: "It starts with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----.",
      },
    );
  }
}

export function publicPemOf(key: SigningKey): string {
  return createPublicKey(key.privateKey).export({ type: "spki", format: "pem" }) as string;
}

/** Packs files, scripts and metadata. The same recipe gives the same bytes. */
export function createPackageFile(
  recipe: PackageRecipe,
  signers: readonly { key: SigningKey; algorithm: SignatureAlgorithm }[],
): CreatedPackage {
  const data = gzipBytes(concatBytes([...recipe.files.flatMap(packFile), tarEnd]));
  const installedSize = recipe.files.reduce(
    (sum, file) => sum + (file.content?.byteLength ?? 0),
    0,
  );
  const text = formatPackageInfo({ installedSize, ...recipe.info }, hashHex("sha256", data));
  const time = recipe.info.buildTime ?? 0;
  const control = gzipBytes(concatBytes(packControl(text, recipe, time)));
  const signature = signers.map(({ key, algorithm }) => signEntry(control, key, algorithm, time));
  const bytes = concatBytes([
    ...(signature.length === 0 ? [] : [packSignatures(signature.flat())]),
    control,
    data,
  ]);
  const info = parsePackageInfo(encodeText(text), recipe.info.name);
  return { package: describe(info, control, bytes.byteLength), bytes };
}

function describe(info: PackageInfo, control: Uint8Array, size: number): Package {
  const {
    triggers: _triggers,
    dataHash: _dataHash,
    replaces: _replaces,
    replacesPriority: _priority,
    ...fields
  } = info;
  return createPackage({ ...fields, size, identity: formatChecksum(hashBytes("sha1", control)) });
}

/** APKINDEX.tar.gz of the packages, in the given order. */
export function createIndexFile(
  packages: readonly Package[],
  description: string,
  signers: readonly { key: SigningKey; algorithm: SignatureAlgorithm }[],
): Uint8Array {
  const content = gzipBytes(
    concatBytes([
      ...packBytes({ path: "DESCRIPTION", type: "file" }, encodeText(`${description}\n`)),
      ...packBytes({ path: "APKINDEX", type: "file" }, encodeText(formatIndex(packages))),
      tarEnd,
    ]),
  );
  if (signers.length === 0) return content;
  const signature = signers.flatMap(({ key, algorithm }) => signEntry(content, key, algorithm, 0));
  return concatBytes([packSignatures(signature), content]);
}

/** Not compressed: a signature cannot be, and so the size of a package does not depend on its key. */
function packSignatures(parts: readonly Uint8Array[]): Uint8Array {
  return gzipBytes(concatBytes(parts), { level: 0 });
}

function signEntry(
  signed: Uint8Array,
  key: SigningKey,
  algorithm: SignatureAlgorithm,
  mtime: number,
): Uint8Array[] {
  return packBytes(
    { path: signatureEntryName(algorithm, key.name), type: "file", mtime },
    sign(signatureHash(algorithm), signed, key.privateKey),
  );
}

function packControl(info: string, recipe: PackageRecipe, mtime: number): Uint8Array[] {
  const parts = packBytes({ path: ".PKGINFO", type: "file", mtime }, encodeText(info));
  for (const kind of scriptKinds) {
    const script = recipe.scripts?.[kind];
    if (script !== undefined)
      parts.push(
        ...packBytes({ path: `.${kind}`, type: "file", mode: 0o755, mtime }, encodeText(script)),
      );
  }
  return parts;
}

function packFile(file: PackedFile): Uint8Array[] {
  const { header, content } = file;
  if (header.type !== "file" && header.type !== "symlink")
    return [encodeTarHeader(tarHeader(header))];
  const hashed =
    header.type === "file" ? (content ?? new Uint8Array(0)) : encodeText(header.linkPath ?? "");
  const pax = new Map(header.pax).set(
    "APK-TOOLS.checksum.SHA1",
    encodeText(hashHex("sha1", hashed)),
  );
  return header.type === "file"
    ? packBytes({ ...header, pax }, hashed)
    : [encodeTarHeader(tarHeader({ ...header, pax }))];
}

function packBytes(header: PackedFile["header"], content: Uint8Array): Uint8Array[] {
  return [
    encodeTarHeader(tarHeader({ ...header, size: content.byteLength })),
    content,
    tarPadding(content.byteLength),
  ];
}

function formatPackageInfo(info: PackageRecipe["info"], dataHash: string): string {
  const lines: string[] = [];
  const add = (key: string, value: string | number | undefined) => {
    if (value !== undefined && value !== "" && value !== 0) lines.push(`${key} = ${value}\n`);
  };
  add("pkgname", info.name);
  add("pkgver", info.version);
  add("pkgdesc", info.description);
  add("url", info.url);
  add("builddate", info.buildTime);
  add("size", info.installedSize);
  add("arch", info.arch ?? "noarch");
  add("origin", info.origin ?? info.name);
  add("commit", info.commit);
  add("maintainer", info.maintainer);
  add("license", info.license);
  for (const atom of info.replaces ?? []) add("replaces", formatAtom(atom));
  add("replaces_priority", info.replacesPriority);
  for (const atom of info.depends ?? []) add("depend", formatAtom(atom));
  for (const atom of info.provides ?? []) add("provides", formatAtom(atom));
  add("provider_priority", info.providerPriority);
  for (const atom of info.installIf ?? []) add("install_if", formatAtom(atom));
  if (info.triggers !== undefined && info.triggers.length > 0)
    add("triggers", info.triggers.join(" "));
  add("datahash", dataHash);
  return lines.join("");
}
