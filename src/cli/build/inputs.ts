/** Inputs of a Dockerfile's build, as its flags give them: arguments, platforms, contexts, volumes. */
import { resolve } from "node:path";
import { BivyError } from "../../base/index.ts";
import type { DockerfileBuildOptions, NamedContext } from "../../build/index.ts";
import type { Platform } from "../../oci/index.ts";

/**
 * `NAME=VALUE`, or a name whose value is that of the environment's variable. SOURCE_DATE_EPOCH of the
 * environment is given by itself, as buildx does: a stage that declares it sees it.
 */
export function parseBuildArguments(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const values: Record<string, string> = {};
  const epoch = environment["SOURCE_DATE_EPOCH"];
  if (epoch !== undefined && epoch !== "") values["SOURCE_DATE_EPOCH"] = epoch;
  for (const word of words) {
    const equals = word.indexOf("=");
    const name = equals === -1 ? word : word.slice(0, equals);
    if (name === "")
      throw new BivyError("usage", `--build-arg ${word}: expected NAME=VALUE`, {
        hint: "Such as --build-arg VERSION=1.2.",
      });
    const value = equals === -1 ? environment[name] : word.slice(equals + 1);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

export async function parsePlatforms(words: readonly string[]): Promise<Platform[]> {
  const { formatPlatform, parsePlatform } = await import("../../oci/index.ts");
  const platforms = words
    .flatMap((word) => word.split(","))
    .filter((word) => word !== "")
    .map(parsePlatform);
  return [...new Map(platforms.map((each) => [formatPlatform(each), each])).values()];
}

export async function parseContexts(words: readonly string[]): Promise<Map<string, NamedContext>> {
  const { parseImageLocator, parseReference } = await import("../../oci/index.ts");
  const contexts = new Map<string, NamedContext>();
  for (const word of words) {
    const equals = word.indexOf("=");
    const name = word.slice(0, Math.max(0, equals));
    const place = word.slice(equals + 1);
    if (name === "" || place === "")
      throw new BivyError("usage", `--build-context ${word}: expected NAME=PLACE`, {
        hint: "Such as --build-context assets=./assets or --build-context alpine=docker-image://alpine:3.20.",
      });
    const image = place.startsWith("docker-image://")
      ? ({
          kind: "reference",
          reference: parseReference(place.slice("docker-image://".length)),
        } as const)
      : place.startsWith("oci-layout://")
        ? parseImageLocator(`oci:${place.slice("oci-layout://".length)}`)
        : /^(?:oci|oci-archive|docker-archive|store):/.test(place)
          ? parseImageLocator(place)
          : undefined;
    contexts.set(
      name,
      image === undefined ? { kind: "folder", path: place } : { kind: "image", locator: image },
    );
  }
  return contexts;
}

/** `HOST:TARGET[:ro]`, as buildah and podman take it. */
export function parseVolume(word: string): DockerfileBuildOptions["run"]["volumes"][number] {
  const [source = "", target = "", mode = "rw", ...more] = word.split(":");
  if (source !== "" && target.startsWith("/") && more.length === 0 && /^(?:ro|rw)$/.test(mode))
    return { source: resolve(source), target, readOnly: mode === "ro" };
  throw new BivyError("usage", `--volume ${word}: expected HOST:TARGET[:ro]`, {
    hint: "Such as --volume ./packages:/packages:ro.",
  });
}

/** What `--allow` allows, which is one thing. */
export function allowsPrivileged(words: readonly string[]): boolean {
  const unknown = words.find((word) => word !== "security.insecure");
  if (unknown !== undefined)
    throw new BivyError("usage", `--allow ${unknown}: expected security.insecure`, {
      hint: "Write --allow security.insecure, with which RUN --security=insecure has all rights of root; the network needs no permission.",
    });
  return words.length > 0;
}

/** `NAME=VALUE`; a name alone has an empty value. */
export function parseLabels(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf("=");
      const name = equals === -1 ? word : word.slice(0, equals);
      if (name === "") throw new BivyError("usage", `--label ${word}: expected NAME=VALUE`);
      return [name, equals === -1 ? "" : word.slice(equals + 1)];
    }),
  );
}
