/** Image configuration: the declarative file that `bivy build` reads, in apko's format and more. */
import { defaultLimits, BivyError, type Limits } from "../../base/index.ts";
import { firstDouble, type ConfigGroup, type ConfigUser } from "./accounts.ts";
import { hostArchitecture } from "./archs.ts";
import type { ConfigCertificate, ConfigKey, ConfigRepository } from "./contents.ts";
import type { ConfigFile, ConfigPath } from "./paths.ts";
import type { Reading } from "./reader.ts";
import {
  declaration,
  type ConfigEntrypoint,
  type ConfigHealthcheck,
  type ConfigLayering,
  type Declaration,
} from "./schema.ts";
import { serviceBundle } from "./services.ts";
import { parseConfigYaml, problemsError } from "./yaml.ts";

/** What an image is made of, with every default applied. Paths in the image are plain paths unless said otherwise. */
export interface ImageConfig {
  /** The files that it was read from: the one that was asked for first, then what it includes. */
  readonly sources: readonly string[];
  readonly contents: {
    /** Used for the build, and named in the image. */
    readonly repositories: readonly ConfigRepository[];
    /** Used for the build only. */
    readonly buildRepositories: readonly ConfigRepository[];
    /** Named in the image only. */
    readonly runtimeRepositories: readonly ConfigRepository[];
    /** Keys that may sign for every repository which has no keys of its own. */
    readonly keyring: readonly ConfigKey[];
    /** Keys that the image trusts when it runs; none of them counts for the build. */
    readonly runtimeKeyring: readonly ConfigKey[];
    /** Atoms, in the order of the file; `s6` is among them when there are services. */
    readonly packages: readonly string[];
  };
  readonly entrypoint: ConfigEntrypoint | undefined;
  readonly cmd: readonly string[];
  readonly stopSignal: string | undefined;
  /** With its leading slash. */
  readonly workDir: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly accounts: {
    /** `USER` or `USER:GROUP`, names or ids. */
    readonly runAs: string | undefined;
    readonly users: readonly ConfigUser[];
    readonly groups: readonly ConfigGroup[];
  };
  /** apk names, such as x86_64, in the order of OCI's names. */
  readonly archs: readonly string[];
  readonly paths: readonly ConfigPath[];
  readonly files: readonly ConfigFile[];
  /** With their leading slashes. */
  readonly volumes: readonly string[];
  /** Such as `80/tcp`. */
  readonly ports: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly healthcheck: ConfigHealthcheck | undefined;
  /** Undefined: one layer. */
  readonly layering: ConfigLayering | undefined;
  readonly certificates: {
    readonly additional: readonly ConfigCertificate[];
    /** Names that packages with certificates provide. */
    readonly providers: readonly string[];
  };
  readonly vcsUrl: string | undefined;
  /** Whether the scripts and triggers of packages run. */
  readonly scripts: "run" | "skip";
}

export interface ParseImageConfigOptions {
  /** What messages call the file. */
  readonly subject: string;
  /** The folder to which relative paths refer; the working folder by default. */
  readonly folder?: string;
  readonly limits?: Limits;
  /** The apk name of the architecture that `host` means; this machine's by default. */
  readonly hostArch?: string;
}

/** Reads a configuration that stands alone; one that includes another file needs `loadImageConfig`. */
export async function parseImageConfig(
  text: string,
  options: ParseImageConfigOptions,
): Promise<ImageConfig> {
  const declared = await parseDeclaration(text, options);
  if (declared.include !== undefined)
    throw new BivyError(
      "config-invalid",
      `${options.subject}: expected a configuration that stands alone, found an include`,
      {
        hint: "Only a configuration that is a file can include another one.",
      },
    );
  return completeImageConfig(declared, {
    sources: [options.subject],
    hostArch: options.hostArch ?? hostArchitecture(),
  });
}

/** Reads one file, without following its include and without defaults. */
export async function parseDeclaration(
  text: string,
  options: ParseImageConfigOptions,
): Promise<Declaration> {
  const { subject, folder = "", limits = defaultLimits, hostArch = hostArchitecture() } = options;
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const root = await parseConfigYaml(body, subject, limits);
  if (root.kind === "nothing")
    throw problemsError(subject, body, [
      {
        offset: 0,
        message: "expected a map, found an empty file",
        hint: "Begin with contents: and its repositories and packages.",
      },
    ]);
  const reading: Reading = { folder, hostArch, problems: [] };
  const declared = declaration(root, "", reading);
  if (declared === undefined || reading.problems.length > 0)
    throw problemsError(subject, body, reading.problems);
  return declared;
}

/** Applies the defaults, after all includes are merged. */
export function completeImageConfig(
  declared: Declaration,
  { sources, hostArch }: { readonly sources: readonly string[]; readonly hostArch: string },
): ImageConfig {
  const { contents = {}, accounts = {}, certificates = {}, entrypoint } = declared;
  requireDistinctAccounts(
    sources[0] ?? "image configuration",
    accounts.users ?? [],
    accounts.groups ?? [],
  );
  const packages = contents.packages ?? [];
  const needed = entrypoint?.kind === "services" ? serviceBundle(entrypoint.services).packages : [];
  return {
    sources,
    contents: {
      repositories: contents.repositories ?? [],
      buildRepositories: contents.build_repositories ?? [],
      runtimeRepositories: contents.runtime_repositories ?? [],
      keyring: contents.keyring ?? [],
      runtimeKeyring: contents.runtime_keyring ?? [],
      packages: [...packages, ...needed.filter((name) => !packages.includes(name))],
    },
    entrypoint,
    cmd: declared.cmd ?? [],
    stopSignal: declared["stop-signal"],
    workDir: declared["work-dir"],
    environment: declared.environment ?? {},
    accounts: {
      runAs: accounts["run-as"],
      users: accounts.users ?? [],
      groups: accounts.groups ?? [],
    },
    archs:
      declared.archs === undefined || declared.archs.length === 0 ? [hostArch] : declared.archs,
    paths: declared.paths ?? [],
    files: declared.files ?? [],
    volumes: declared.volumes ?? [],
    ports: declared.ports ?? [],
    labels: declared.labels ?? {},
    annotations: declared.annotations ?? {},
    healthcheck: declared.healthcheck,
    layering: declared.layering,
    certificates: {
      additional: certificates.additional ?? [],
      providers: certificates.providers ?? [],
    },
    vcsUrl: declared["vcs-url"],
    scripts: declared.scripts ?? "run",
  };
}

/** Within one file this is found where it stands; here it is for what includes bring together. */
function requireDistinctAccounts(
  subject: string,
  users: readonly ConfigUser[],
  groups: readonly ConfigGroup[],
): void {
  const user = firstDouble(users.map(({ username }) => username));
  const group = firstDouble(groups.map(({ groupname }) => groupname));
  if (user === undefined && group === undefined) return;
  const said =
    user === undefined
      ? `accounts.groups: expected names that differ, found "${group}"`
      : `accounts.users: expected names that differ, found "${user}"`;
  throw new BivyError(
    "config-invalid",
    `${subject}: ${said} twice, once in a file that it includes`,
    {
      hint: "Lists of included files are joined: name it in one of the files only.",
    },
  );
}
