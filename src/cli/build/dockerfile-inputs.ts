/** What a Dockerfile is built or locked from: its text, its images, its contexts, as the flags say. */
import { join, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { BivyError } from "../../base/index.ts";
import type { BaseImages, BuildContext, NamedContext } from "../../build/index.ts";
import type { Dockerfile } from "../../dockerfile/index.ts";
import type { Digest } from "../../base/index.ts";
import type { ImageStore, Platform, Reference, Registries } from "../../oci/index.ts";
import { registriesOf, type RegistryFlags } from "../registry-flags.ts";
import type { Session, SessionFlags } from "../session.ts";
import type { DockerfileArgument } from "./argument.ts";
import { parseBuildArguments, parseContexts, parsePlatforms } from "./inputs.ts";

/** The flags that decide what a Dockerfile means. */
export interface InputFlags extends SessionFlags, RegistryFlags {
  readonly target?: string;
  readonly buildArg?: readonly string[];
  readonly buildContext?: readonly string[];
  readonly platform?: readonly string[];
  readonly pull?: boolean;
  readonly bootstrapBase?: boolean;
  readonly allowUntrusted?: boolean;
}

export interface DockerfileInputs {
  readonly dockerfile: Dockerfile;
  readonly buildArguments: Readonly<Record<string, string>>;
  /** None where the machine's own is meant. */
  readonly platforms: readonly Platform[];
  readonly store: ImageStore;
  readonly registries: () => Promise<Registries>;
  readonly images: BaseImages;
  readonly contextNames: ReadonlySet<string>;
  /** Undefined where there is no context. */
  readonly openContext: ((wanted: readonly string[] | undefined) => BuildContext) | undefined;
  readonly openNamed: (name: string) => BuildContext;
  /** Where builds keep what they need. */
  readonly work: string;
}

export async function openInputs(
  argument: DockerfileArgument,
  flags: InputFlags,
  session: Session,
  pinned?: (reference: Reference, platform: Platform) => Digest | undefined,
): Promise<DockerfileInputs> {
  const { bootstrapBase, findIgnore, openBaseImages, openBuildContext } =
    await import("../../build/index.ts");
  const { parseDockerfile } = await import("../../dockerfile/index.ts");
  const { openStore } = await import("../../oci/index.ts");
  const { cacheDirectory } = await import("../../http/index.ts");
  const { access, limits, signal, progress } = session;
  const dockerfile = parseDockerfile(argument.text, { subject: argument.subject, limits });
  const store = openStore({ limits });
  const work = join(flags.cacheDir ?? cacheDirectory(process.env), "build");
  const contexts = await parseContexts(flags.buildContext ?? []);
  const ignore = await findIgnore(argument.folder, argument.path);
  // A named context has an ignore file of its own.
  const named = new Map<string, typeof ignore>();
  for (const [name, context] of contexts)
    if (context.kind === "folder") named.set(name, await findIgnore(context.path, undefined));
  const registries = () => registriesOf(flags, session);
  const contextOf = (
    folder: string,
    wanted: readonly string[] | undefined,
    ignored: typeof ignore,
  ): BuildContext =>
    openBuildContext(resolve(folder), {
      ignore: ignored,
      wanted,
      hashes: join(work, "hashes"),
      whenLarge: preferMemory,
      limits,
      signal,
    });
  const { folder } = argument;
  const { allowUntrusted = false } = flags;
  return {
    dockerfile,
    buildArguments: parseBuildArguments(flags.buildArg ?? [], process.env),
    platforms: await parsePlatforms(flags.platform ?? []),
    store,
    registries,
    images: openBaseImages({
      store,
      registries,
      contexts,
      offline: access.client.offline,
      pull: flags.pull === true,
      ...(pinned === undefined ? {} : { pinned }),
      ...(flags.bootstrapBase === true
        ? {
            bootstrap: (reference, platform) =>
              bootstrapBase(reference, platform, { access, blobs: store.blobs, allowUntrusted }),
          }
        : {}),
      events: progress.report,
      limits,
      signal,
    }),
    contextNames: new Set(contexts.keys()),
    openContext: folder === undefined ? undefined : (wanted) => contextOf(folder, wanted, ignore),
    openNamed: (name) => contextOf(folderOf(contexts, name), undefined, named.get(name)),
    work,
  };
}

function folderOf(contexts: ReadonlyMap<string, NamedContext>, name: string): string {
  const context = contexts.get(name);
  if (context?.kind === "folder") return context.path;
  throw new BivyError("usage", `--build-context ${name}: expected a folder`);
}

/** V8 would rather let its heap grow than collect; with very many files that is several times as much. */
function preferMemory(): void {
  setFlagsFromString("--optimize-for-size");
}
