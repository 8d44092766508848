/** Architectures of an image configuration: the names of OCI and of apk, and the words `all` and `host`. */
import { BivyError, nearestName } from "../../base/index.ts";
import { archOfPlatform, hostPlatform } from "../../oci/index.ts";
import { note, quote, text, unexpected, type Reader } from "./reader.ts";

/** OCI's name (Go's GOARCH with its variant) and apk's, sorted by OCI's. */
const architectures: readonly (readonly [oci: string, apk: string])[] = [
  ["386", "x86"],
  ["amd64", "x86_64"],
  ["arm/v6", "armhf"],
  ["arm/v7", "armv7"],
  ["arm64", "aarch64"],
  ["loong64", "loongarch64"],
  ["ppc64le", "ppc64le"],
  ["riscv64", "riscv64"],
  ["s390x", "s390x"],
];

const names = [...new Set(architectures.flat())];

/** The apk name of this machine's architecture. */
export function hostArchitecture(): string {
  return archOfPlatform(hostPlatform()) ?? process.arch;
}

/** apk names, without doubles, in the order of OCI's names, so that the order in the file does not matter. */
export const archs: Reader<readonly string[]> = (node, at, reading) => {
  if (node.kind !== "list")
    return unexpected(reading, node, at, "a list", "Write it as a list: [amd64, arm64].");
  const asked = new Set<string>();
  for (const [index, item] of node.items.entries()) {
    const name = text(item, `${at}[${index}]`, reading);
    if (name === undefined) continue;
    if (name === "all" && node.items.length === 1) return architectures.map(([, apk]) => apk);
    const known = architectures.find(([oci, apk]) => name === oci || name === apk);
    if (known !== undefined) asked.add(known[1]);
    else if (name === "host") asked.add(reading.hostArch);
    else
      note(
        reading,
        item,
        unknownArchitecture(`${at}[${index}]`, name),
        `Architectures are ${names.join(", ")}, and host; or all, alone.`,
      );
  }
  const known = architectures.map(([, apk]) => apk).filter((apk) => asked.has(apk));
  return [...known, ...[...asked].filter((apk) => !known.includes(apk))];
};

function unknownArchitecture(at: string, name: string): string {
  if (name === "all")
    return `${at}: expected all to stand alone, found other architectures beside it`;
  const near = nearestName(name, names);
  return `${at}: expected an architecture, found ${quote(name)}${near === undefined ? "" : `; did you mean ${near}?`}`;
}

/** The apk name of an architecture that a user named in apk's or OCI's way. */
export function parseArch(word: string): string {
  const known = architectures.find(([oci, apk]) => word === oci || word === apk);
  if (known !== undefined) return known[1];
  if (word === "host") return hostArchitecture();
  const near = nearestName(word, names);
  throw new BivyError("arch-invalid", `${quote(word)} is not an architecture that Alpine has`, {
    hint:
      near === undefined
        ? `Architectures are ${names.join(", ")}, and host.`
        : `Did you mean ${near}?`,
  });
}
