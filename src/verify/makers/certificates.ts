/**
 * Certificates: what update-ca-certificates, the trigger of package ca-certificates, makes below
 * etc/ssl/certs: a bundle of all certificates, a link to each of them, and links by the hash of their
 * subject. The bundle is proven certificate by certificate to be made of unchanged files of packages.
 */
import { baseName, joinPath, parentPath } from "../../base/index.ts";
import { findNode } from "../../tree/index.ts";
import { isIntact, type Maker, type Recognition, type Refusal, type Scene } from "./maker.ts";

const folder = "etc/ssl/certs";
export const certificateBundle = `${folder}/ca-certificates.crt`;

const sources = /^usr\/(?:local\/)?share\/ca-certificates\/.+\.crt$/;
/** Bundles that packages bring whole: ca-certificates-bundle and libressl. */
const packagedBundles: ReadonlySet<string> = new Set([
  "etc/ssl/cert.pem",
  "etc/ssl1.1/cert.pem",
  "etc/libressl/cert.pem",
]);

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;

export function certificateFiles(scene: Scene): Maker {
  return (path, node) => {
    if (node.kind === "directory")
      return path === folder && node.mode === 0o755 ? made("the folder of the bundle") : undefined;
    if (node.kind === "file")
      return path === certificateBundle ? recogniseBundle(scene) : undefined;
    if (node.kind !== "symlink" || parentPath(path) !== folder) return undefined;
    return recogniseLink(baseName(path), node.target, scene);
  };
}

function made(reason: string): Recognition {
  return { maker: "ca-certificates", verified: true, reason };
}

/** `ca-cert-NAME.pem` leads to the certificate NAME.crt, and `HASH.N` to such a link. */
function recogniseLink(name: string, target: string, scene: Scene): Recognition | undefined {
  const certificate = /^ca-cert-(.+)\.pem$/.exec(name)?.[1];
  if (certificate !== undefined) {
    const path = target.replace(/^\//, "");
    if (!sources.test(path) || baseName(path) !== `${certificate}.crt`) return undefined;
    return isIntact(path, scene) ? made(`a link to ${target}`) : undefined;
  }
  if (!/^[0-9a-f]{8}\.\d$/.test(name) || !/^ca-cert-[^/]+\.pem$/.test(target)) return undefined;
  const link = findNode(scene.inventory.tree.top, joinPath(folder, target));
  if (link?.kind !== "symlink" || recogniseLink(target, link.target, scene) === undefined)
    return undefined;
  return made(`a link to ${target} by its hash`);
}

/** Also says of a bundle that a package has, and that was made anew, what it is made of. */
export function recogniseBundle(scene: Scene): Recognition | Refusal | undefined {
  const { documents } = scene;
  const bundle = documents.get(certificateBundle);
  if (bundle === undefined) return undefined;
  const known = new Set<string>();
  for (const [path, bytes] of documents)
    if ((sources.test(path) || packagedBundles.has(path)) && isIntact(path, scene))
      for (const each of blocksOf(bytes)) known.add(each);
  if (known.size === 0) return undefined;
  const blocks = blocksOf(bundle);
  const foreign = blocks.filter((each) => !known.has(each)).length;
  if (foreign > 0)
    return { refused: `${foreign} of ${blocks.length} certificates in it are of no package` };
  return made(`certificates of packages (${blocks.length})`);
}

function blocksOf(bytes: Uint8Array): string[] {
  return Buffer.from(bytes).toString("latin1").match(block) ?? [];
}
