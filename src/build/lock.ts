/** bivy.lock: the very packages of a build, so that it can be repeated (docs/formats/bivy-lock.md). */
import {
  formatAtom,
  formatIndex,
  keyToPem,
  packageLabel,
  parseIndex,
  parseKey,
  parseWorld,
  type Key,
  type PackageSection,
  type PackageSections,
} from "../apk/index.ts";
import { BivyError, digestOf, encodeText, messageOf } from "../base/index.ts";
import { withoutUserinfo } from "../http/index.ts";
import type { ConfigKey } from "./config/contents.ts";
import { buildRepositories, type BuildKeys } from "./keys.ts";
import type { ImageConfig } from "./config/image-config.ts";
import { describeRepositories, type Resolution, type ResolvedPackage } from "./resolve.ts";

/** Of the format, for lock files of every kind. */
export const lockVersion = 1;

export interface LockedPackage extends ResolvedPackage {
  readonly sections?: PackageSections;
  /** The path of a kept copy, relative to the lock file's folder. */
  readonly vendored?: string;
}

export interface LockedArch extends Resolution {
  readonly packages: readonly LockedPackage[];
}

export interface Lock {
  /** What was asked for when the lock was made (`requestDigest`). */
  readonly request: string;
  readonly keys: BuildKeys;
  readonly archs: readonly LockedArch[];
}

/**
 * Names what a lock answers: when it changes, the lock is outdated. It is the same wherever the files
 * of the configuration lie, and whoever fetches with which password.
 */
export function requestDigest(config: ImageConfig): string {
  const {
    repositories,
    buildRepositories: more,
    packages,
    keyring,
    runtimeKeyring,
  } = config.contents;
  const request = {
    packages: [...packages].sort(),
    repositories: [...repositories, ...more].map(({ written, tag, keys }) => ({
      written: withoutUserinfo(written),
      tag,
      keys: keys?.map(requestedKey),
    })),
    keyring: keyring.map(requestedKey),
    runtimeKeyring: runtimeKeyring.map(requestedKey),
    archs: config.archs,
  };
  return digestOf(encodeText(JSON.stringify(request)));
}

function requestedKey(key: ConfigKey): ConfigKey | string {
  if (key.kind === "path") return key.written;
  return key.kind === "url" ? withoutUserinfo(key.url) : key;
}

/** The text of a lock file; the same lock gives the same text. */
export function formatLock(lock: Lock, relative: (location: string) => string): string {
  const document = {
    version: lockVersion,
    request: lock.request,
    keys: lock.keys.named.map((key) => describeKey(key, relative)),
    runtimeKeys: lock.keys.runtime.map((key) => describeKey(key, relative)),
    archs: Object.fromEntries(
      lock.archs.map(({ arch, world, packages }) => [
        arch,
        {
          world: world.map(formatAtom),
          packages: packages.map((each) => describePackage(each, relative)),
        },
      ]),
    ),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A key as lock files have it. */
export function describeKey(key: Key, relative: (location: string) => string): object {
  return {
    name: key.name,
    sha256: key.fingerprint,
    ...(key.repository === undefined ? {} : { repository: relative(key.repository) }),
    pem: keyToPem(key),
  };
}

/** A package as lock files have it. */
export function describePackage(
  locked: LockedPackage,
  relative: (location: string) => string,
): object {
  const { package: subject, repository, location, tag, signedBy, sections, vendored } = locked;
  return {
    name: subject.name,
    version: subject.version,
    arch: subject.arch,
    identity: subject.identity,
    size: subject.size,
    url: relative(location),
    repository: relative(repository),
    ...(tag === undefined ? {} : { tag }),
    ...(signedBy === undefined ? {} : { signedBy }),
    ...(sections === undefined ? {} : { sections }),
    ...(vendored === undefined ? {} : { vendored }),
    record: formatIndex([subject]).trimEnd().split("\n"),
  };
}

/** Reads a lock file. `absolute` undoes `relative`. */
export function parseLock(
  text: string,
  subject: string,
  absolute: (location: string) => string,
): Lock {
  const document = parseLockDocument(text, subject);
  const reader = new LockReader(subject, absolute);
  return {
    request: reader.text(document, "request"),
    keys: { named: reader.keys(document, "keys"), runtime: reader.keys(document, "runtimeKeys") },
    archs: Object.entries(reader.object(document, "archs")).map(([arch, value]) =>
      reader.arch(arch, value),
    ),
  };
}

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of a lock file of this version. */
export function parseLockDocument(text: string, subject: string): Fields {
  const document = parseObject(text, subject);
  const version = document["version"];
  if (version === lockVersion) return document;
  throw invalid(
    subject,
    `version: expected ${lockVersion}, found ${JSON.stringify(version)}`,
    "Another release of bivy made it; make it anew with bivy lock.",
  );
}

function parseObject(text: string, subject: string): Fields {
  try {
    const document: unknown = JSON.parse(text);
    if (isFields(document)) return document;
  } catch (error) {
    throw invalid(
      subject,
      messageOf(error),
      "It may hold the marks of a merge; make it anew with bivy lock.",
    );
  }
  throw invalid(subject, "expected an object", "Make it anew with bivy lock.");
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(subject: string, found: string, hint: string): BivyError {
  return new BivyError("lock-invalid", `${subject}: ${found}`, { hint });
}

/** Reads the fields of a lock file; every failure is `lock-invalid`. */
export class LockReader {
  readonly #subject: string;
  readonly #absolute: (location: string) => string;

  constructor(subject: string, absolute: (location: string) => string) {
    this.#subject = subject;
    this.#absolute = absolute;
  }

  text(fields: Fields, name: string): string {
    const value = fields[name];
    if (typeof value === "string") return value;
    throw this.#unexpected(name, "a text", value);
  }

  maybeText(fields: Fields, name: string): string | undefined {
    return fields[name] === undefined ? undefined : this.text(fields, name);
  }

  object(fields: Fields, name: string): Fields {
    const value = fields[name];
    if (isFields(value)) return value;
    throw this.#unexpected(name, "an object", value);
  }

  list(fields: Fields, name: string): readonly Fields[] {
    return this.#list(fields, name).map((value) => {
      if (isFields(value)) return value;
      throw this.#unexpected(name, "a list of objects", value);
    });
  }

  #list(fields: Fields, name: string): readonly unknown[] {
    const value = fields[name];
    if (Array.isArray(value)) return value;
    throw this.#unexpected(name, "a list", value);
  }

  texts(fields: Fields, name: string): string[] {
    return this.#list(fields, name).map((value) => {
      if (typeof value === "string") return value;
      throw this.#unexpected(name, "a list of texts", value);
    });
  }

  number(fields: Fields, name: string): number {
    const value = fields[name];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#unexpected(name, "a number", value);
  }

  #unexpected(name: string, expected: string, found: unknown): BivyError {
    const shown = JSON.stringify(found)?.slice(0, 60) ?? "nothing";
    return invalid(
      this.#subject,
      `${name}: expected ${expected}, found ${shown}`,
      "Make it anew with bivy lock.",
    );
  }

  keys(fields: Fields, name: string): Key[] {
    return this.list(fields, name).map((value) => {
      const repository = this.maybeText(value, "repository");
      const key = parseKey(
        this.text(value, "name"),
        this.text(value, "pem"),
        repository === undefined ? undefined : this.#absolute(repository),
      );
      if (key.fingerprint === this.text(value, "sha256")) return key;
      throw this.#unexpected(`${name}: sha256 of ${key.name}`, key.fingerprint, value["sha256"]);
    });
  }

  arch(arch: string, value: unknown): LockedArch {
    if (!isFields(value)) throw this.#unexpected(`archs.${arch}`, "an object", value);
    const world = parseWorld(this.texts(value, "world").join("\n"), {
      subject: `${this.#subject}: world`,
    });
    return {
      arch,
      world,
      packages: this.packages(value, "packages"),
    };
  }

  packages(fields: Fields, name: string): LockedPackage[] {
    return this.list(fields, name).map((value) => this.#package(value));
  }

  #package(value: Fields): LockedPackage {
    const record = `${this.texts(value, "record").join("\n")}\n\n`;
    const [subject, ...more] = parseIndex(record, { subject: `${this.#subject}: record` });
    const [name, version, identity] = ["name", "version", "identity"].map((field) =>
      this.text(value, field),
    );
    if (
      subject === undefined ||
      more.length > 0 ||
      subject.name !== name ||
      subject.version !== version ||
      subject.identity !== identity
    )
      throw this.#unexpected(
        `record of ${name}-${version}`,
        `the record of ${identity}`,
        subject === undefined ? undefined : packageLabel(subject),
      );
    const tag = this.maybeText(value, "tag");
    const signedBy = this.maybeText(value, "signedBy");
    const vendored = this.maybeText(value, "vendored");
    return {
      package: subject,
      repository: this.#absolute(this.text(value, "repository")),
      location: this.#absolute(this.text(value, "url")),
      ...(tag === undefined ? {} : { tag }),
      ...(signedBy === undefined ? {} : { signedBy }),
      ...(value["sections"] === undefined
        ? {}
        : { sections: this.#sections(this.object(value, "sections")) }),
      ...(vendored === undefined ? {} : { vendored }),
    };
  }

  #sections(value: Fields): PackageSections {
    return {
      ...(value["signature"] === undefined ? {} : { signature: this.#section(value, "signature") }),
      control: this.#section(value, "control"),
      data: this.#section(value, "data"),
    };
  }

  #section(fields: Fields, name: string): PackageSection {
    const section = this.object(fields, name);
    const range = this.text(section, "range");
    if (!/^bytes=\d+-\d+$/.test(range)) throw this.#unexpected("range", "bytes=FROM-TO", range);
    return { range: range as PackageSection["range"], checksum: this.text(section, "checksum") };
  }
}

/** Fails when the configuration asks for something else than the lock answers. */
export function requireCurrentLock(lock: Lock, config: ImageConfig, subject: string): void {
  if (lock.request === requestDigest(config)) return;
  const locked = new Set(lock.archs.flatMap(({ world }) => world.map(formatAtom)));
  const missing = config.contents.packages.filter((word) => !locked.has(word));
  const archs = config.archs.filter((arch) => !lock.archs.some((each) => each.arch === arch));
  const found = [
    ...(missing.length === 0 ? [] : [`the lock does not have ${missing.join(", ")}`]),
    ...(archs.length === 0 ? [] : [`the lock does not have the architecture ${archs.join(", ")}`]),
  ];
  const repositories = describeRepositories(buildRepositories(config)).join(", ");
  throw new BivyError(
    "lock-outdated",
    `${subject}: made for another configuration: ${found.join("; ") || `packages, keys, architectures or repositories (${repositories}) changed`}`,
    { hint: "Make it anew with bivy lock." },
  );
}
