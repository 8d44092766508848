/**
 * Sources of credentials, in the order in which they are asked: what the caller gives, variables of the
 * environment, a file that was named, docker's file, podman's files. Nothing is read before a registry
 * asks who the user is.
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import {
  BivyError,
  fileError,
  ignoreEvents,
  isBivyError,
  type EventSink,
} from "../../base/index.ts";
import { type RepositoryName } from "../blobs.ts";
import { defaultRegistry } from "../reference.ts";
import {
  helperOf,
  helperServer,
  parseAuthFile,
  storedCredential,
  type AuthFile,
} from "./auth-file.ts";
import { askHelper } from "./credential-program.ts";
import { type Credential } from "./credential.ts";

export interface CredentialSource {
  /** What the user has for a repository; undefined to be anonymous. */
  find(repository: RepositoryName): Promise<Credential | undefined>;
}

export interface CredentialsOptions {
  /** Default: the process's own. */
  readonly environment?: NodeJS.ProcessEnv;
  /** A file that must be there, in docker's form or podman's. It is asked before all other files. */
  readonly authFile?: string;
  /** By registry, as in a reference. */
  readonly given?: ReadonlyMap<string, { readonly user: string; readonly password: string }>;
  /** Hears of helpers and files that cannot be used. */
  readonly events?: EventSink;
  readonly signal?: AbortSignal;
}

/** Everybody is anonymous. */
export const noCredentials: CredentialSource = { find: async () => undefined };

/** The credentials of this user, from the places where docker, podman and their kin keep them. */
export function openCredentials(options: CredentialsOptions = {}): CredentialSource {
  return new UserCredentials(options);
}

class UserCredentials implements CredentialSource {
  readonly #options: CredentialsOptions;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #events: EventSink;
  readonly #places: readonly Place[];
  readonly #files = new Map<string, Promise<AuthFile | undefined>>();
  /** By helper and server. */
  readonly #answers = new Map<string, Promise<Credential | undefined>>();

  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.#environment = options.environment ?? process.env;
    this.#events = options.events ?? ignoreEvents;
    this.#places = listPlaces(this.#environment, options.authFile);
  }

  async find(repository: RepositoryName): Promise<Credential | undefined> {
    const { registry } = repository;
    const given = this.#options.given?.get(registry);
    if (given !== undefined) return { kind: "basic", ...given, source: "the caller" };
    const named = environmentCredential(this.#environment, registry);
    if (named !== undefined) return named;
    for (const place of this.#places) {
      const file = await remember(this.#files, place.source, () => this.#read(place));
      if (file === undefined) continue;
      const helper = helperOf(file, registry);
      const found =
        (helper === undefined ? undefined : await this.#ask(helper, registry)) ??
        storedCredential(file, repository);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #read(place: Place): Promise<AuthFile | undefined> {
    try {
      const text = await place.text();
      return text === undefined ? undefined : parseAuthFile(text, place.source);
    } catch (error) {
      const failure = fileError(error, "reading", place.source);
      if (place.isNamed || failure.code !== "file-denied") throw failure;
      // Such as what docker left behind when it was once run with sudo.
      this.#warn(failure);
      return undefined;
    }
  }

  /**
   * A helper that does not work need not be in the way: settings are copied into places where it is
   * not installed, and most images are public.
   */
  #ask(helper: string, registry: string): Promise<Credential | undefined> {
    const server = helperServer(registry);
    return remember(this.#answers, `${helper} ${server}`, async () => {
      try {
        return await askHelper(helper, server, {
          environment: this.#environment,
          signal: this.#options.signal,
        });
      } catch (error) {
        if (!isBivyError(error, "config-invalid")) throw error;
        this.#warn(error);
        return undefined;
      }
    });
  }

  #warn({ message, hint }: BivyError): void {
    const text = `${message}; going on without its credentials`;
    this.#events({ type: "warning", text, ...(hint === undefined ? {} : { hint }) });
  }
}

/** What was computed for a key once; failures too. */
function remember<T>(
  known: Map<string, Promise<T>>,
  key: string,
  compute: () => Promise<T>,
): Promise<T> {
  const found = known.get(key) ?? compute();
  known.set(key, found);
  return found;
}

/** Where a file of credentials may be. */
interface Place {
  /** The path, or the name of the variable that holds the text itself. */
  readonly source: string;
  /** The user named this very place. */
  readonly isNamed: boolean;
  /** Undefined where there is none. */
  text(): Promise<string | undefined>;
}

function listPlaces(environment: NodeJS.ProcessEnv, authFile: string | undefined): Place[] {
  const variable = (name: string): string | undefined => environment[name] || undefined;
  const home = variable("HOME") ?? homedir();
  const runtime = variable("XDG_RUNTIME_DIR");
  const config = variable("XDG_CONFIG_HOME") ?? join(home, ".config");
  const dockerAuthConfig = variable("DOCKER_AUTH_CONFIG");
  const registryAuthFile = variable("REGISTRY_AUTH_FILE");
  const places: Place[] = [];
  if (authFile !== undefined)
    places.push({ source: authFile, isNamed: true, text: () => readFile(authFile, "utf8") });
  if (dockerAuthConfig !== undefined)
    places.push({
      source: "DOCKER_AUTH_CONFIG",
      isNamed: true,
      text: async () => dockerAuthConfig,
    });
  // Podman makes the file that this names when somebody logs in: until then there is none.
  if (registryAuthFile !== undefined) places.push(filePlace(registryAuthFile, true));
  places.push(
    filePlace(join(variable("DOCKER_CONFIG") ?? join(home, ".docker"), "config.json")),
    filePlace(
      runtime === undefined
        ? `/run/containers/${process.getuid?.() ?? 0}/auth.json`
        : join(runtime, "containers", "auth.json"),
    ),
    filePlace(join(config, "containers", "auth.json")),
  );
  return places;
}

function filePlace(path: string, isNamed = false): Place {
  return {
    source: path,
    isNamed,
    async text() {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === "ENOENT" || code === "ENOTDIR") return undefined;
        throw error;
      }
    },
  };
}

/** `BIVY_REGISTRY_USER` and `BIVY_REGISTRY_PASSWORD`, which are for one registry and no other. */
function environmentCredential(
  environment: NodeJS.ProcessEnv,
  registry: string,
): Credential | undefined {
  const {
    BIVY_REGISTRY_HOST: host = "",
    BIVY_REGISTRY_USER: user = "",
    BIVY_REGISTRY_PASSWORD: password = "",
  } = environment;
  if (user === "") return undefined;
  if (host === "" || password === "")
    throw new BivyError(
      "config-invalid",
      "BIVY_REGISTRY_USER: expected BIVY_REGISTRY_HOST and BIVY_REGISTRY_PASSWORD beside it",
      {
        hint: "Name the registry that the credentials are for, such as BIVY_REGISTRY_HOST=ghcr.io.",
      },
    );
  if (host !== registry && !(host === "index.docker.io" && registry === defaultRegistry))
    return undefined;
  return { kind: "basic", user, password, source: "BIVY_REGISTRY_USER and BIVY_REGISTRY_PASSWORD" };
}
