/**
 * Files of credentials: `config.json` of docker and `auth.json` of podman (containers-auth.json(5)).
 *
 * Docker's keys are hosts or URLs (`https://host/v1/`), podman's are hosts or the beginnings of
 * repositories (`quay.io/team`), of which the most specific counts. Docker Hub goes by the name of an
 * address that it once had.
 */
import { BivyError } from "../../base/index.ts";
import { defaultRegistry } from "../reference.ts";
import { type RepositoryName } from "../blobs.ts";
import { credentialOf, type Credential } from "./credential.ts";

export interface AuthFile {
  /** A path, or the name of the variable that holds it. */
  readonly source: string;
  /** Host → the helper to ask about it. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper to ask about all other hosts. */
  readonly store: string | undefined;
  /** Host or repository → what is stored for it. */
  readonly entries: ReadonlyMap<string, AuthEntry>;
}

type AuthEntry = Readonly<Record<string, unknown>>;

/** The name by which docker's files and helpers know Docker Hub. */
const dockerHubKey = "https://index.docker.io/v1/";

/** By what names a registry is known, the usual one first. */
function registryKeys(registry: string): readonly string[] {
  if (registry !== defaultRegistry) return [registry];
  return [dockerHubKey, defaultRegistry, "index.docker.io", "registry-1.docker.io"];
}

/** What a helper is asked for. */
export function helperServer(registry: string): string {
  return registryKeys(registry)[0]!;
}

export function parseAuthFile(text: string, source: string): AuthFile {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The error of JSON.parse quotes what it found, which may be a secret.
    throw invalid(source, "expected JSON");
  }
  const file = checkMap(document, source, "the file");
  const helpers = new Map<string, string>();
  for (const [host, name] of Object.entries(checkMap(file["credHelpers"], source, "credHelpers")))
    helpers.set(host, checkText(name, source, `credHelpers ${JSON.stringify(host)}`));
  const entries = new Map<string, AuthEntry>();
  for (const [key, value] of Object.entries(checkMap(file["auths"], source, "auths"))) {
    const entry = checkMap(value, source, `auths ${JSON.stringify(key)}`);
    // `docker login` leaves an empty entry for what it gave to a helper.
    if (Object.keys(entry).length > 0 && !entries.has(plainKey(key)))
      entries.set(plainKey(key), entry);
  }
  const store = file["credsStore"] ?? "";
  return {
    source,
    helpers,
    store: store === "" ? undefined : checkText(store, source, "credsStore"),
    entries,
  };
}

/** A key without the scheme and the version of the API: a host, or the beginning of a repository. */
function plainKey(key: string): string {
  const address = /^https?:\/\/([^/]*)/i.exec(key)?.[1];
  return (address ?? key.replace(/\/v[12]\/?$/, "").replace(/\/+$/, "")).toLowerCase();
}

/** Which helper a file names for a registry. */
export function helperOf(file: AuthFile, registry: string): string | undefined {
  for (const key of registryKeys(registry)) {
    const helper = file.helpers.get(key);
    if (helper !== undefined) return helper;
  }
  return file.store;
}

/** What a file itself holds for a repository. */
export function storedCredential(
  file: AuthFile,
  { registry, repository }: RepositoryName,
): Credential | undefined {
  const hosts = registryKeys(registry).map(plainKey);
  const parts = repository.split("/");
  for (let length = parts.length; length >= 0; length--)
    for (const host of hosts) {
      const key = [host, ...parts.slice(0, length)].join("/");
      const entry = file.entries.get(key);
      const found = entry === undefined ? undefined : readEntry(entry, file.source, key);
      if (found !== undefined) return found;
    }
  return undefined;
}

function readEntry(entry: AuthEntry, source: string, key: string): Credential | undefined {
  const text = (name: string): string =>
    checkText(entry[name] ?? "", source, `auths ${JSON.stringify(key)}: ${name}`);
  const registryToken = text("registrytoken");
  if (registryToken !== "") return { kind: "registry-token", token: registryToken, source };
  const identityToken = text("identitytoken");
  if (identityToken !== "") return { kind: "identity-token", token: identityToken, source };
  const auth = text("auth");
  if (auth !== "") {
    const pair = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
    const colon = pair.indexOf(":");
    if (colon > 0) return credentialOf(pair.slice(0, colon), pair.slice(colon + 1), source);
    throw invalid(
      source,
      `auths ${JSON.stringify(key)}: expected auth to be USER:PASSWORD in base64`,
    );
  }
  const user = text("username");
  return user === "" ? undefined : credentialOf(user, text("password"), source);
}

function checkMap(value: unknown, source: string, name: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(source, `expected ${name} to be a map`);
}

function checkText(value: unknown, source: string, name: string): string {
  if (typeof value === "string") return value;
  throw invalid(source, `expected ${name} to be a text`);
}

function invalid(source: string, problem: string): BivyError {
  return new BivyError("config-invalid", `${source}: ${problem}`, {
    hint: "It holds the credentials of registries: correct it, or write it anew with docker login or podman login.",
  });
}
