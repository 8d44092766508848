/**
 * Outputs: where what was built goes. Beside bivy's own places (`oci:DIR`, `oci-archive:FILE`, …) they
 * may be written as docker build has them: `type=local,dest=DIR`, or a folder alone.
 */
import { BivyError } from "../../base/index.ts";
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ImageLocator, Platform, Reference } from "../../oci/index.ts";
import { defaultImageName } from "../image-arguments.ts";
import type { DockerfileArgument } from "./argument.ts";

export interface OutputFlags {
  readonly tag?: readonly string[];
  readonly output?: readonly string[];
  readonly push?: boolean;
}

export type Output =
  | { readonly kind: "image"; readonly locator: ImageLocator }
  /** The files of the image in a folder. */
  | { readonly kind: "folder"; readonly path: string }
  /** The files of the image as a tar; `-` is standard output. */
  | { readonly kind: "tar"; readonly path: string };

const types = ["oci", "docker", "local", "tar", "image", "registry"] as const;

/** Reads a word of `--output`. */
async function parseOutput(word: string): Promise<Output> {
  const fields = tryParseFields(word);
  if (fields !== undefined) return typedOutput(word, fields);
  if (word === "-") return { kind: "tar", path: "-" };
  const { parseImageLocator } = await import("../../oci/index.ts");
  const isPlace = /^(?:oci|oci-archive|docker-archive|store|docker):/.test(word);
  if (isPlace) return { kind: "image", locator: parseImageLocator(word) };
  if (word.startsWith("dir:")) return { kind: "folder", path: word.slice("dir:".length) };
  if (word.endsWith(".tar")) return { kind: "image", locator: { kind: "oci-archive", path: word } };
  return { kind: "folder", path: word };
}

function tryParseFields(word: string): ReadonlyMap<string, string> | undefined {
  if (!/(?:^|,)type=/.test(word)) return undefined;
  return new Map(
    word.split(",").map((field) => {
      const equals = field.indexOf("=");
      return equals === -1
        ? [field.trim().toLowerCase(), "true"]
        : [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)];
    }),
  );
}

async function typedOutput(word: string, fields: ReadonlyMap<string, string>): Promise<Output> {
  const { parseReference, withDefaultTag } = await import("../../oci/index.ts");
  const type = fields.get("type");
  const place = fields.get("dest") ?? fields.get("destination");
  const name = fields.get("name");
  const need = (what: string): string => {
    if (place !== undefined && place !== "") return place;
    throw outputError(word, `expected dest=${what}`, `Write type=${type},dest=${what}.`);
  };
  switch (type) {
    case "local":
      return { kind: "folder", path: need("DIR") };
    case "tar":
      return { kind: "tar", path: place ?? "-" };
    case "oci": {
      const path = need("FILE");
      const kind = fields.get("tar") === "false" ? "oci" : "oci-archive";
      return { kind: "image", locator: name === undefined ? { kind, path } : { kind, path, name } };
    }
    case "docker": {
      const path = need("FILE");
      const locator = { kind: "docker-archive", path } as const;
      return { kind: "image", locator: name === undefined ? locator : { ...locator, name } };
    }
    case "image":
    case "registry": {
      if (name === undefined)
        throw outputError(word, "expected name=NAME", `Write type=${type},name=NAME.`);
      const reference = withDefaultTag(parseReference(name));
      const isPushed = type === "registry" || fields.get("push") === "true";
      return { kind: "image", locator: { kind: isPushed ? "registry" : "store", reference } };
    }
    default:
      throw outputError(
        word,
        `expected one of the types ${types.join(", ")}`,
        "Such as type=local,dest=out.",
      );
  }
}

function outputError(word: string, problem: string, hint: string): BivyError {
  return new BivyError("usage", `--output ${word}: ${problem}`, { hint });
}

/** Where an image goes: under its names, and where `--output` says. All is checked before any work is done. */
export async function parseOutputs(
  argument: DockerfileArgument,
  flags: OutputFlags,
): Promise<Output[]> {
  const { checkDestination, parseReference, withDefaultTag } = await import("../../oci/index.ts");
  const unnamed = flags.output === undefined && flags.push !== true ? [defaultName(argument)] : [];
  const references = (flags.tag ?? unnamed).map((name) => withDefaultTag(parseReference(name)));
  if (flags.push === true && flags.tag === undefined)
    throw new BivyError("usage", "--push: expected a name for the image, found none", {
      hint: "Name it with -t REGISTRY/NAME:TAG.",
    });
  const locators: ImageLocator[] = references.flatMap((reference) => [
    { kind: "store" as const, reference },
    ...(flags.push === true ? [{ kind: "registry" as const, reference }] : []),
  ]);
  const outputs = [
    ...locators.map((locator): Output => ({ kind: "image", locator })),
    ...(await Promise.all((flags.output ?? []).map(parseOutput))),
  ];
  for (const output of outputs) if (output.kind === "image") await checkDestination(output.locator);
  return outputs;
}

/** The names that the image gets. */
export function referencesOf(outputs: readonly Output[]): readonly Reference[] {
  return outputs.flatMap((output) =>
    output.kind === "image" && "reference" in output.locator ? output.locator.reference : [],
  );
}

/** The folder of a file that is written last is asked for first. */
export async function requireFolderOf(flag: string, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const folder = dirname(path);
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw new BivyError("file-not-found", `${flag} ${path}: its folder ${folder} does not exist`, {
    hint: "Make the folder, or name another file.",
  });
}

/** A tar has the files of one image. */
export function requireOneTree(outputs: readonly Output[], platforms: readonly Platform[]): void {
  if (platforms.length < 2 || outputs.every(({ kind }) => kind !== "tar")) return;
  throw new BivyError("usage", "--output type=tar: expected one platform, found several", {
    hint: "Write type=local,dest=DIR, where each has a folder, or build one --platform at a time.",
  });
}

function defaultName({ folder }: DockerfileArgument): string {
  return folder === undefined ? "image" : defaultImageName(join(folder, "Dockerfile"));
}
