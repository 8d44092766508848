/** Registries: access to the images of any registry, as this user, with what a process knows of each. */
import { type EventSink, type Limits } from "../../base/index.ts";
import { policyOf, type HttpClient } from "../../http/index.ts";
import { type RepositoryName } from "../blobs.ts";
import { Access } from "./access.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { noCredentials, type CredentialSource } from "./credentials.ts";
import { openHostRules, type HostRulesOptions } from "./host-rules.ts";
import { repositoryOf, type Repository } from "./repository.ts";

export interface RegistriesOptions extends HostRulesOptions {
  readonly client: HttpClient;
  /** Default: nobody is anybody. */
  readonly credentials?: CredentialSource;
  /** Hears of tries; default as the client was told. */
  readonly events?: EventSink;
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
  /** Milliseconds of a clock that never goes back, for tests. */
  readonly now?: () => number;
}

/** One for a process: what was learnt of a registry, and tokens, are kept in it. */
export interface Registries {
  repository(name: RepositoryName): Repository;
}

export function openRegistries(options: RegistriesOptions): Registries {
  const { client, credentials = noCredentials, events, signal } = options;
  const policy = policyOf(client);
  const shared: ConnectionOptions = {
    client,
    policy: events === undefined ? policy : { ...policy, events },
    credentials,
    rules: openHostRules(options),
    limits: options.limits ?? policy.limits,
    signal,
    now: options.now ?? (() => performance.now()),
  };
  const connections = new Map<string, Connection>();
  const repositories = new Map<string, Repository>();
  return {
    repository({ registry, repository }) {
      const connection = connections.get(registry) ?? new Connection(registry, shared);
      connections.set(registry, connection);
      const key = `${registry}/${repository}`;
      const opened =
        repositories.get(key) ?? repositoryOf(new Access(connection, { registry, repository }));
      repositories.set(key, opened);
      return opened;
    },
  };
}
