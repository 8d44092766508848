/**
 * Trusted roots: the certificate authorities and transparency logs that vouch for signatures with a
 * certificate (sigstore/protobuf-specs, sigstore_trustroot.proto).
 */
import { join } from "node:path";
import type { TrustMaterial } from "@sigstore/verify";
import { BivyError, type JsonObject, messageOf } from "../base/index.ts";
import { verifyCertificateBundle, type CertificateVerdict } from "./certificate-signer.ts";
import { tryParseObject } from "./json-object.ts";

export interface TrustedRoot {
  /** `message` is what was signed where the bundle does not hold it. */
  verify(bundle: JsonObject, message?: Uint8Array): Promise<CertificateVerdict>;
}

/** Reads a trusted root, such as `trusted_root.json` of a sigstore instance of one's own. */
export async function parseTrustedRoot(bytes: Uint8Array, subject: string): Promise<TrustedRoot> {
  const [{ TrustedRoot: Root }, { toTrustMaterial }] = await Promise.all([
    import("@sigstore/protobuf-specs"),
    import("@sigstore/verify"),
  ]);
  const document = tryParseObject(bytes);
  try {
    if (document === undefined) throw new TypeError("it is no JSON object");
    const root = Root.fromJSON(document);
    if (root.certificateAuthorities.length === 0) throw new TypeError("it names no authority");
    return rootOf(toTrustMaterial(root));
  } catch (cause) {
    throw new BivyError(
      "config-invalid",
      `${subject}: expected a trusted root of sigstore: ${messageOf(cause)}`,
      { cause, hint: "Get trusted_root.json from whoever runs the sigstore instance." },
    );
  }
}

function rootOf(material: TrustMaterial): TrustedRoot {
  return { verify: (bundle, message) => verifyCertificateBundle(bundle, material, message) };
}

export interface FetchTrustedRootOptions {
  /** Keeps what was fetched, so that it never goes back to an older root. */
  readonly cacheFolder: string;
  readonly offline: boolean;
}

/**
 * Fetches the trusted root of sigstore's public instance with TUF, from the keys that the library
 * ships.
 */
export async function fetchTrustedRoot(options: FetchTrustedRootOptions): Promise<TrustedRoot> {
  const { cacheFolder, offline } = options;
  const subject = "trusted root of sigstore";
  if (offline)
    throw new BivyError(
      "offline",
      `${subject}: it is fetched anew each time, and bivy is offline`,
      {
        hint: "Give it as a file with --trusted-root FILE, or verify with a key.",
      },
    );
  const [{ getTrustedRoot }, { toTrustMaterial }] = await Promise.all([
    import("@sigstore/tuf"),
    import("@sigstore/verify"),
  ]);
  try {
    const root = await getTrustedRoot({ cachePath: join(cacheFolder, "sigstore") });
    return rootOf(toTrustMaterial(root));
  } catch (cause) {
    throw new BivyError("http-unreachable", `${subject}: fetching it failed: ${messageOf(cause)}`, {
      cause,
      hint: "Check the network and try again, or give it as a file with --trusted-root FILE.",
    });
  }
}
