/**
 * Container configuration: what an image configuration says to a container runtime, in the fields of
 * the `config` object of an OCI image (https://github.com/opencontainers/image-spec, config.md) and of
 * Docker, which adds Healthcheck.
 */
import { compareNames } from "../../base/index.ts";
import { nameSet, type ContainerConfig, type Healthcheck } from "../../oci/index.ts";
import type { ImageConfig } from "./image-config.ts";
import { serviceBundle } from "./services.ts";

const defaultEnvironment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  SSL_CERT_FILE: "/etc/ssl/certs/ca-certificates.crt",
};

/**
 * The container configuration, without the fields that say nothing. `uidOf` looks a name up in the
 * image's own etc/passwd, for users that come with packages: a numeric user is what Kubernetes needs
 * to see that a container is not root's.
 */
export function containerConfig(
  config: ImageConfig,
  uidOf: (username: string) => number | undefined = () => undefined,
): ContainerConfig {
  const environment: Record<string, string> = { ...defaultEnvironment, ...config.environment };
  const user =
    config.accounts.runAs === undefined
      ? undefined
      : resolvedUser(config.accounts.runAs, config, uidOf);
  const entrypoint = entrypointWords(config.entrypoint);
  const labels = sorted({ ...imageAnnotations(config), ...config.labels });
  return {
    Env: Object.keys(environment)
      .map((name) => `${name}=${environment[name]!}`)
      .toSorted(compareNames),
    ...(user !== undefined && { User: user }),
    ...(entrypoint !== undefined && { Entrypoint: entrypoint }),
    ...(config.cmd.length > 0 && { Cmd: config.cmd }),
    ...(config.workDir !== undefined && { WorkingDir: config.workDir }),
    ...(config.ports.length > 0 && { ExposedPorts: nameSet(config.ports.toSorted(compareNames)) }),
    ...(config.volumes.length > 0 && { Volumes: nameSet(config.volumes.toSorted(compareNames)) }),
    ...(Object.keys(labels).length > 0 && { Labels: labels }),
    ...(config.stopSignal !== undefined && { StopSignal: config.stopSignal }),
    ...(config.healthcheck !== undefined && { Healthcheck: healthcheckFields(config.healthcheck) }),
  };
}

/** Annotations of the manifests and of the image index: the configuration's, and where the source is. */
export function imageAnnotations(config: ImageConfig): Readonly<Record<string, string>> {
  if (config.vcsUrl === undefined) return sorted(config.annotations);
  // A URL may have an @ of its own, before the host.
  const match = /^(.*)@([^@/:]+)$/.exec(config.vcsUrl);
  return sorted({
    ...config.annotations,
    "org.opencontainers.image.source": match?.[1] ?? config.vcsUrl,
    ...(match !== null && { "org.opencontainers.image.revision": match[2]! }),
  });
}

function resolvedUser(
  runAs: string,
  config: ImageConfig,
  uidOf: (username: string) => number | undefined,
): string {
  const [user, ...group] = runAs.split(":");
  const uid =
    config.accounts.users.find(({ username }) => username === user)?.uid ??
    (/^\d+$/.test(user!) ? undefined : uidOf(user!));
  const gid = config.accounts.groups.find(({ groupname }) => groupname === group[0])?.gid;
  return [String(uid ?? user), ...(group.length === 0 ? [] : [String(gid ?? group[0])])].join(":");
}

function entrypointWords(entrypoint: ImageConfig["entrypoint"]): readonly string[] | undefined {
  if (entrypoint === undefined) return undefined;
  if (entrypoint.kind === "command") return entrypoint.command;
  if (entrypoint.kind === "shell") return ["/bin/sh", "-c", entrypoint.fragment];
  return serviceBundle(entrypoint.services).entrypoint;
}

function healthcheckFields(healthcheck: NonNullable<ImageConfig["healthcheck"]>): Healthcheck {
  const { test, interval, timeout, startPeriod, startInterval, retries } = healthcheck;
  return {
    Test: test,
    ...(interval !== undefined && { Interval: interval }),
    ...(timeout !== undefined && { Timeout: timeout }),
    ...(startPeriod !== undefined && { StartPeriod: startPeriod }),
    ...(startInterval !== undefined && { StartInterval: startInterval }),
    ...(retries !== undefined && { Retries: retries }),
  };
}

function sorted(map: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => compareNames(a, b)));
}
