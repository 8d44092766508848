/** Includes: a configuration file on top of another, found and merged by apko's rules. */
import { dirname, isAbsolute, join, normalize, resolve } from "node:path";
import {
  BivyError,
  defaultLimits,
  fileError,
  isBivyError,
  limitExceeded,
  readUserFile,
  type Limits,
} from "../../base/index.ts";
import { hostArchitecture } from "./archs.ts";
import { completeImageConfig, parseDeclaration, type ImageConfig } from "./image-config.ts";
import type { Declaration } from "./schema.ts";

export interface LoadImageConfigOptions {
  readonly readFile?: (path: string) => Promise<Uint8Array>;
  readonly limits?: Limits;
  /** The apk name of the architecture that `host` means; this machine's by default. */
  readonly hostArch?: string;
}

/** Files in one chain of includes. */
const deepestInclude = 16;

/** Reads a configuration file and what it includes. */
export async function loadImageConfig(
  path: string,
  options: LoadImageConfigOptions = {},
): Promise<ImageConfig> {
  const {
    readFile = readUserFile,
    limits = defaultLimits,
    hostArch = hostArchitecture(),
  } = options;
  const sources: string[] = [];
  let bytes = await readConfigFile(path, readFile);
  let found = path;
  let merged: Declaration | undefined;
  for (;;) {
    if (sources.some((source) => resolve(source) === resolve(found)))
      throw includeCycle(sources, found);
    if (sources.length === deepestInclude)
      throw new BivyError(
        "config-invalid",
        `${found}: expected at most ${deepestInclude} files that include one another, found more`,
      );
    sources.push(found);
    const folder = dirname(found) === "." ? "" : dirname(found);
    const declared = await parseDeclaration(decode(bytes, found, limits), {
      subject: found,
      folder,
      limits,
      hostArch,
    });
    merged = merged === undefined ? declared : mergeDeclarations(declared, merged);
    if (declared.include === undefined) return completeImageConfig(merged, { sources, hostArch });
    ({ path: found, bytes } = await findInclude(declared.include, found, folder, readFile));
  }
}

async function readConfigFile(
  path: string,
  readFile: (path: string) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(error, "reading", path);
  }
}

function decode(bytes: Uint8Array, subject: string, limits: Limits): string {
  if (bytes.byteLength > limits["document-size"])
    throw limitExceeded("document-size", limits, subject);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BivyError("config-invalid", `${subject}: expected text in UTF-8, found other bytes`, {
      cause,
    });
  }
}

/** Beside the file that includes it; else, as apko looks for it, below the working folder. */
async function findInclude(
  include: string,
  from: string,
  folder: string,
  readFile: (path: string) => Promise<Uint8Array>,
): Promise<{ readonly path: string; readonly bytes: Uint8Array }> {
  const below = normalize(include);
  const beside = isAbsolute(include) ? below : join(folder, include);
  const candidates =
    isAbsolute(include) || below === ".." || below.startsWith("../")
      ? [beside]
      : [...new Set([beside, below])];
  for (const path of candidates) {
    try {
      return { path, bytes: await readConfigFile(path, readFile) };
    } catch (error) {
      if (!isBivyError(error, "file-not-found")) throw error;
    }
  }
  throw new BivyError(
    "file-not-found",
    `${from}: include: expected the file ${candidates.join(" or ")}, found none`,
    {
      hint: "An include is looked for beside the file that names it, then below the working folder; it is never fetched.",
    },
  );
}

function includeCycle(sources: readonly string[], again: string): BivyError {
  return new BivyError(
    "config-invalid",
    `${again}: expected includes that end, found a circle: ${[...sources, again].join(" includes ")}`,
  );
}

/**
 * Puts `own` on top of what it includes. Lists are joined, the included one first; maps are joined, and
 * `own` wins; anything else that `own` declares replaces what is included.
 */
function mergeDeclarations(included: Declaration, own: Declaration): Declaration {
  return withoutUndefined({
    ...included,
    ...withoutEmpty(own),
    include: own.include,
    contents: joinLists(included.contents, own.contents),
    accounts: withoutUndefined({
      ...joinLists(included.accounts, own.accounts),
      "run-as": own.accounts?.["run-as"] ?? included.accounts?.["run-as"],
    }),
    certificates: joinLists(included.certificates, own.certificates),
    environment: { ...included.environment, ...own.environment },
    annotations: { ...included.annotations, ...own.annotations },
    labels: { ...included.labels, ...own.labels },
    paths: [...(included.paths ?? []), ...(own.paths ?? [])],
    files: [...(included.files ?? []), ...(own.files ?? [])],
    volumes: [...(included.volumes ?? []), ...(own.volumes ?? [])],
    ports: [...new Set([...(included.ports ?? []), ...(own.ports ?? [])])],
  }) as Declaration;
}

/** Empty commands and empty lists do not replace anything, as in apko. */
function withoutEmpty(own: Declaration): Declaration {
  return Object.fromEntries(
    Object.entries(own).filter(([, value]) => !Array.isArray(value) || value.length > 0),
  );
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}

/** Joins the lists of two maps field by field; of other fields, that of `own` stays. */
function joinLists<T extends object>(included: T | undefined, own: T | undefined): T {
  const joined: Record<string, unknown> = { ...included, ...own };
  for (const [name, list] of Object.entries(included ?? {})) {
    const second = (own as Record<string, unknown> | undefined)?.[name];
    if (Array.isArray(list) && Array.isArray(second)) joined[name] = [...list, ...second];
  }
  return joined as T;
}
