/** Keys: whose the keys in an image are. Whoever holds one can sign what apk there installs. */
import { builtInKeys, parseKey, type Key } from "../apk/index.ts";
import { decodeName, isBivyError } from "../base/index.ts";
import type { ShippedKey } from "../inventory/index.ts";
import type { KeyReport, KeyState } from "./report.ts";

/** How a key file is owned: by which package, and whether that proves it. */
export interface KeyOwner {
  readonly package: string;
  readonly proven: boolean;
}

export function judgeKeys(
  shipped: readonly ShippedKey[],
  named: readonly Key[],
  ownerOf: (path: string) => KeyOwner | undefined,
): KeyReport[] {
  const alpine = builtInKeys();
  const alpineFingerprints = new Set(alpine.map(({ fingerprint }) => fingerprint));
  const alpineNames = new Set(alpine.map(({ name }) => name));
  const namedFingerprints = new Set(named.map(({ fingerprint }) => fingerprint));
  return shipped.map(({ path, name, bytes, layer, trusted }) => {
    const fingerprint = fingerprintOf(name, bytes);
    const owner = ownerOf(path);
    const state = ((): KeyState => {
      if (fingerprint !== undefined && alpineFingerprints.has(fingerprint)) return "alpine";
      if (alpineNames.has(name)) return "impostor";
      if (fingerprint === undefined) return "unreadable";
      if (namedFingerprints.has(fingerprint)) return "named";
      return owner?.proven === true ? "packaged" : "unknown";
    })();
    return {
      path,
      name,
      ...(fingerprint === undefined ? {} : { fingerprint }),
      state,
      trusted,
      ...(owner === undefined ? {} : { package: owner.package }),
      ...(layer === undefined ? {} : { layer }),
    };
  });
}

function fingerprintOf(name: string, bytes: Uint8Array): string | undefined {
  try {
    return parseKey(name, decodeName(bytes)).fingerprint;
  } catch (error) {
    if (isBivyError(error)) return undefined;
    throw error;
  }
}
