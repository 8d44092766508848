/**
 * Alpine's root file system: the few files that Alpine puts into its minirootfs and its official image
 * from a package that it does not install (alpine-base, before alpine-release took its place). Their
 * text follows from the version, so it is compared whole.
 */
import { decodeName } from "../../base/index.ts";
import type { Maker, Recognition, Scene } from "./maker.ts";

const osRelease = new RegExp(
  [
    '^NAME="Alpine Linux"',
    "ID=alpine",
    String.raw`VERSION_ID=((\d+\.\d+)\.\d+)`,
    String.raw`PRETTY_NAME="Alpine Linux v\2"`,
    String.raw`HOME_URL="(?:http://alpinelinux\.org|https://alpinelinux\.org/)"`,
    String.raw`BUG_REPORT_URL="(?:http://bugs\.alpinelinux\.org|https://bugs\.alpinelinux\.org/|https://gitlab\.alpinelinux\.org/alpine/aports/-/issues)"`,
    "$",
  ].join("\n"),
);

export function alpineFiles({ documents }: Scene): Maker {
  const [release, version, branch] =
    osRelease.exec(decodeName(documents.get("etc/os-release") ?? new Uint8Array(0))) ?? [];
  const texts: ReadonlyMap<string, string> = new Map(
    version === undefined || branch === undefined
      ? []
      : [
          ["etc/os-release", release!],
          ["etc/alpine-release", `${version}\n`],
          ["etc/issue", `Welcome to Alpine Linux ${branch}\nKernel \\r on an \\m (\\l)\n\n`],
          [
            "etc/secfixes.d/alpine",
            ["main", "community"]
              .map((name) => `https://secdb.alpinelinux.org/v${branch}/${name}.json\n`)
              .join(""),
          ],
        ],
  );
  return (path, node) => {
    if (node.kind === "directory")
      return path === "etc/secfixes.d" && node.mode === 0o755 && texts.size > 0
        ? recognised
        : undefined;
    const text = texts.get(path);
    const found = documents.get(path);
    if (node.kind !== "file" || text === undefined || found === undefined) return undefined;
    return decodeName(found) === text ? recognised : undefined;
  };
}

const recognised: Recognition = {
  maker: "alpine",
  verified: true,
  reason: "what Alpine's root file system has for this version",
};
