/**
 * Rules for hosts: which may be asked without proof of who they are, and which authorities vouch for
 * the others. Certificates stand where docker and podman look for them: in `certs.d/HOST[:PORT]`,
 * authorities in `*.crt`, what the client itself shows in `NAME.cert` and `NAME.key`
 * (containers-certs.d(5)).
 */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { BivyError, fileError } from "../../base/index.ts";
import { isLoopback, type OriginTrust, type TrustChooser } from "../../http/index.ts";
import { defaultRegistry } from "../reference.ts";

export interface HostRules {
  /** Whether plain http will do, where https is not spoken. */
  allowsPlain(host: string): boolean;
  /** Whether the user named the host as one that need not prove who it is. */
  isInsecure(host: string): boolean;
  readonly trust: TrustChooser;
}

export interface HostRulesOptions {
  /** HOST or HOST:PORT; `loopback` is this machine under any of its names. */
  readonly insecure?: readonly string[];
  /** PEM text of authorities that vouch for all hosts. */
  readonly authorities?: string;
  /** Folders as `/etc/docker/certs.d`; default: those of docker and podman. */
  readonly certificateFolders?: readonly string[];
}

/** Where Docker Hub's API is. */
export const dockerHubHost = "registry-1.docker.io";

export function openHostRules(options: HostRulesOptions): HostRules {
  const { authorities } = options;
  const insecure = new Set((options.insecure ?? []).map((host) => host.toLowerCase()));
  const folders = options.certificateFolders ?? defaultFolders(process.env);
  const known = new Map<string, Promise<OriginTrust | undefined>>();

  const isInsecure = (host: string): boolean => {
    const { hostname, port } = splitHost(host);
    const names = port === "" ? [host, `${host}:443`, `${host}:80`] : [host, hostname];
    return (
      names.some((name) => insecure.has(name)) || (insecure.has("loopback") && isLoopback(hostname))
    );
  };
  const find = async (host: string): Promise<OriginTrust | undefined> => {
    const parts = await Promise.all(
      folders.flatMap((folder) => namesOf(host).map((name) => readCertificates(folder, name))),
    );
    const own = parts.flatMap((part) => part.authorities);
    const identity = parts.map((part) => part.identity).find((part) => part !== undefined);
    const trust: OriginTrust = {
      ...(authorities === undefined && own.length === 0
        ? {}
        : { authorities: [authorities ?? "", ...own].join("\n") }),
      ...(isInsecure(host) ? { unverified: true } : {}),
      ...(identity === undefined ? {} : { identity }),
    };
    return Object.keys(trust).length === 0 ? undefined : trust;
  };
  return {
    isInsecure,
    allowsPlain: (host) => isInsecure(host) || isLoopback(splitHost(host).hostname),
    trust(host) {
      const trust = known.get(host) ?? find(host);
      known.set(host, trust);
      return trust;
    },
  };
}

function splitHost(host: string): { hostname: string; port: string } {
  const [, hostname = host, port = ""] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  return { hostname, port };
}

function defaultFolders(environment: NodeJS.ProcessEnv): readonly string[] {
  const home = environment["HOME"] || homedir();
  const config = environment["XDG_CONFIG_HOME"] || join(home, ".config");
  return [
    "/etc/docker/certs.d",
    "/etc/containers/certs.d",
    join(config, "docker", "certs.d"),
    join(config, "containers", "certs.d"),
  ];
}

/** The names that a host's folder may have. A host comes from outside too, by way of redirects. */
function namesOf(host: string): readonly string[] {
  if (!/^[\w[][\w.:[\]-]*$/.test(host)) return [];
  return host === dockerHubHost ? [host, defaultRegistry] : [host];
}

interface HostCertificates {
  readonly authorities: readonly string[];
  readonly identity: OriginTrust["identity"];
}

async function readCertificates(folder: string, host: string): Promise<HostCertificates> {
  const path = join(folder, host);
  const names = await readdir(path).catch((error: unknown) => {
    // What cannot even be looked at is somebody else's.
    const { code } = fileError(error, "reading", path);
    if (code === "file-not-found" || code === "file-denied") return [];
    throw error;
  });
  const read = async (name: string): Promise<string> => {
    try {
      return await readFile(join(path, name), "utf8");
    } catch (error) {
      throw fileError(error, "reading", join(path, name));
    }
  };
  const sorted = names.sort();
  const authorities = await Promise.all(sorted.filter((name) => name.endsWith(".crt")).map(read));
  const certificate = sorted.find((name) => name.endsWith(".cert"));
  if (certificate === undefined) return { authorities, identity: undefined };
  const key = certificate.replace(/\.cert$/, ".key");
  if (!sorted.includes(key))
    throw new BivyError("config-invalid", `${join(path, certificate)}: expected ${key} beside it`, {
      hint: "The certificate of a client needs its key; an authority's file ends in .crt.",
    });
  return { authorities, identity: { certificate: await read(certificate), key: await read(key) } };
}
