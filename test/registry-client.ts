/** The library's registry client for tests: it never really waits, draws no jitter, and knows no one's files. */
import type { TestContext } from "node:test";
import type { BivyEvent } from "../src/base/index.ts";
import { createHttpClient, type HttpClientOptions } from "../src/http/index.ts";
import {
  openCredentials,
  openRegistries,
  type Registries,
  type RegistriesOptions,
  type Repository,
} from "../src/oci/index.ts";

export interface ObservedRegistries extends Registries {
  /** A repository by its name in a reference, such as `127.0.0.1:5000/a/b`. */
  at(host: string, repository: string): Repository;
  readonly events: readonly BivyEvent[];
  /** Milliseconds that the client would have waited. */
  readonly waits: readonly number[];
}

export interface ObservedOptions extends Partial<Omit<RegistriesOptions, "client">> {
  readonly http?: HttpClientOptions;
  /** By host and port. */
  readonly users?: Readonly<Record<string, { readonly user: string; readonly password: string }>>;
}

/** Closed when the test ends. */
export function observeRegistries(
  context: TestContext,
  options: ObservedOptions = {},
): ObservedRegistries {
  const { http, users, ...rest } = options;
  const events: BivyEvent[] = [];
  const waits: number[] = [];
  const client = createHttpClient({
    environment: {},
    random: () => 0,
    wait: async (milliseconds) => void waits.push(milliseconds),
    events: (event) => events.push(event),
    stallMilliseconds: 5000,
    ...http,
  });
  context.after(() => client.close());
  const registries = openRegistries({
    client,
    certificateFolders: [],
    credentials: openCredentials({
      environment: { HOME: "/nonexistent", XDG_RUNTIME_DIR: "/nonexistent" },
      given: new Map(Object.entries(users ?? {})),
    }),
    ...rest,
  });
  return {
    ...registries,
    at: (host, repository) => registries.repository({ registry: host, repository }),
    events,
    waits,
  };
}
