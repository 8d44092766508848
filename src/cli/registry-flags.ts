/** Registry flags: which registries are trusted how, and whose credentials are used. */
import type { Command } from "commander";
import { BivyError, readUserFile } from "../base/index.ts";
import type { Registries } from "../oci/index.ts";
import { collect, type Session } from "./session.ts";

export interface RegistryFlags {
  /** Hosts; `loopback` where the flag was given without one (see insecure-words.ts). */
  readonly insecure?: readonly string[];
  readonly ca?: string;
  readonly authfile?: string;
}

export function addRegistryFlags(command: Command): Command {
  return command
    .option(
      "--insecure [HOST]",
      "ask this registry without verifying TLS, or over plain http (without HOST: loopback only)",
      collect,
    )
    .option("--ca <FILE>", "trust the certificate authorities in this PEM file too")
    .option("--authfile <FILE>", "read registry credentials from this file first");
}

const opened = new WeakMap<Session, Promise<Registries>>();

/** The registries as the flags have them; one value for the whole command. */
export function registriesOf(flags: RegistryFlags, session: Session): Promise<Registries> {
  const known = opened.get(session) ?? open(flags, session);
  opened.set(session, known);
  return known;
}

async function open(flags: RegistryFlags, session: Session): Promise<Registries> {
  const { openCredentials, openRegistries } = await import("../oci/index.ts");
  const { access, limits, progress, signal } = session;
  const authorities =
    flags.ca === undefined ? undefined : Buffer.from(await readUserFile(flags.ca)).toString("utf8");
  if (authorities !== undefined && !authorities.includes("-----BEGIN CERTIFICATE-----"))
    throw new BivyError("usage", `--ca ${flags.ca}: expected certificates in PEM, found none`, {
      hint: "Name a file that begins with -----BEGIN CERTIFICATE-----.",
    });
  return openRegistries({
    client: access.client,
    credentials: openCredentials({
      events: progress.report,
      signal,
      ...(flags.authfile === undefined ? {} : { authFile: flags.authfile }),
    }),
    insecure: flags.insecure ?? [],
    ...(authorities === undefined ? {} : { authorities }),
    limits,
    signal,
  });
}
