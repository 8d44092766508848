/**
 * Transaction: installs packages into a root and keeps its database.
 *
 * Per package, in this order: its control section is verified; pre-install runs; each file is written
 * under a temporary name in its own folder while its checksum is compared; when the data hash holds
 * too, all files get their names at once and the package enters the database; post-install runs. So a
 * package that fails leaves none of its files; those before it are whole, and the database says so.
 * Triggers run at the very end. The root may be a tree in memory or a directory: nothing here knows
 * which.
 */
import {
  BivyError,
  ignoreEvents,
  isBivyError,
  throwIfAborted,
  type EventSink,
  type Limits,
} from "../base/index.ts";
import type { Root } from "../tree/index.ts";
import { readAccounts, type RootAccounts } from "./accounts.ts";
import type { Atom } from "./atom.ts";
import { initializeRoot, readDatabase, writeDatabase, type Database } from "./database.ts";
import { Extraction } from "./extraction.ts";
import { FileOwners } from "./file-owners.ts";
import { identityKey } from "./identity.ts";
import { changeInstalled, createInstalled, type InstalledPackage } from "./installed.ts";
import { packageLabel, type Package } from "./package.ts";
import type { CursorPool } from "./package-contents.ts";
import {
  openPackage,
  type OpenedPackage,
  type PackageSource,
  type ScriptKind,
  type Trust,
} from "./package-file.ts";
import { requirePlainPackage } from "./repositories.ts";
import { scriptPath, type ScriptRunner } from "./script.ts";
import { triggeredDirectories } from "./trigger.ts";

export interface Installation {
  readonly package: Package;
  readonly source: PackageSource;
  readonly trust: Trust;
  /** The tag of the repository it comes from. */
  readonly tag?: string;
}

export interface TransactionOptions {
  /** The world that the root has afterwards. */
  readonly world: readonly Atom[];
  readonly archs: readonly string[];
  readonly limits: Limits;
  /** The date of what bivy itself writes, in seconds since 1970. */
  readonly time: number;
  /** Undefined: scripts and triggers are left out, and each is reported. */
  readonly scripts?: ScriptRunner;
  readonly events?: EventSink;
  readonly signal?: AbortSignal;
  /** Who closes the packages that contents are read from later; close it once the layer is written. */
  readonly cursors: CursorPool;
}

export interface TransactionResult {
  readonly database: Database;
  /** Labels of the scripts that were left out because nothing could run them. */
  readonly skippedScripts: readonly string[];
  readonly failedScripts: readonly string[];
}

/** Installs packages in the given order, into a root with or without a database. */
export async function installPackages(
  root: Root,
  installations: readonly Installation[],
  options: TransactionOptions,
): Promise<TransactionResult> {
  const database = await readDatabase(root, options.limits);
  const run = new Run(root, database, options);
  if (database.archs.length === 0) initializeRoot(root, options.time);
  try {
    await installAll(run, installations, options);
  } catch (error) {
    // The packages before the failure stay; what was wanted of the root does not change.
    const written = { ...run.result().database, world: database.world };
    if (written.installed.length > database.installed.length)
      await writeDatabase(root, written, options.time).catch(() => undefined);
    throw error;
  }
  const result = run.result();
  await writeDatabase(root, result.database, options.time);
  return result;
}

async function installAll(
  run: Run,
  installations: readonly Installation[],
  options: TransactionOptions,
): Promise<void> {
  for (const [index, installation] of installations.entries()) {
    throwIfAborted(options.signal);
    run.report({
      type: "change",
      position: index + 1,
      total: installations.length,
      text: `Installing ${installation.package.name} (${installation.package.version})`,
    });
    await run.install(installation);
  }
  await run.runTriggers();
}

/** Failures which say that the bytes of a package are not what its index or its author promised. */
const falseContent = [
  "identity-mismatch",
  "datahash-mismatch",
  "checksum-mismatch",
  "gzip-invalid",
  "gzip-truncated",
  "tar-invalid",
  "tar-truncated",
  "package-invalid",
  "signature-invalid",
] as const;

/** Failures that an honest package may cause as well as false bytes in its data. */
const doubtful = [
  "path-unsafe",
  "file-conflict",
  "symlink-parent",
  "limit-exceeded",
  "tar-sparse",
] as const;

/** The state of one transaction. */
class Run {
  readonly #root: Root;
  readonly #options: TransactionOptions;
  readonly #installed: InstalledPackage[];
  readonly #scripts: Map<string, ReadonlyMap<ScriptKind, Uint8Array>>;
  readonly #triggers: Map<string, readonly string[]>;
  readonly #owners: FileOwners;
  readonly #new = new Set<string>();
  readonly #changed = new Set<string>();
  readonly #skipped: string[] = [];
  readonly #failed: string[] = [];
  readonly report: EventSink;
  #accounts: RootAccounts | undefined;

  constructor(root: Root, database: Database, options: TransactionOptions) {
    this.#root = root;
    this.#options = options;
    this.#installed = [...database.installed];
    this.#scripts = new Map(database.scripts);
    this.#triggers = new Map(database.triggers);
    this.#owners = new FileOwners(database.installed);
    this.report = options.events ?? ignoreEvents;
  }

  result(): TransactionResult {
    return {
      database: {
        installed: this.#installed.map((each) => this.#owners.withFiles(each)),
        scripts: this.#scripts,
        triggers: this.#triggers,
        world: this.#options.world,
        archs: this.#options.archs,
      },
      skippedScripts: this.#skipped,
      failedScripts: this.#failed,
    };
  }

  async install(installation: Installation): Promise<void> {
    this.#refuseInstalled(installation.package);
    if (installation.package.installedSize === 0) {
      // apk's rule: a package without files of its own is never fetched; it is a name in the database.
      this.#installed.push(this.#createRecord(installation));
      return;
    }
    try {
      await this.#installFiles(installation);
    } catch (error) {
      if (isBivyError(error, ...falseContent)) await installation.source.reject?.();
      throw error;
    }
  }

  async #installFiles(installation: Installation): Promise<void> {
    const opened = await openPackage(installation.source, installation.trust, this.#options.limits);
    try {
      const subject = this.#record(installation, opened);
      this.#add(subject, opened);
      try {
        await this.#runScript(subject, "pre-install", [subject.version]);
        await this.#extract(installation, opened, subject);
      } catch (error) {
        this.#forget(subject);
        if (isBivyError(error, ...doubtful)) await opened.compareDataHash(error);
        throw error;
      }
      this.report({
        type: "verified",
        link: "package",
        subject: packageLabel(subject),
        detail: `identity ${subject.identity}, data sha256:${opened.info.dataHash}`,
      });
      await this.#runScript(subject, "post-install", [subject.version]);
    } finally {
      await opened.close();
    }
  }

  #add(subject: InstalledPackage, { info, scripts }: OpenedPackage): void {
    const key = identityKey(subject.identity);
    this.#installed.push(subject);
    this.#new.add(subject.identity);
    this.#scripts.set(key, scripts);
    if (info.triggers.length > 0) this.#triggers.set(key, info.triggers);
  }

  #forget(subject: InstalledPackage): void {
    const key = identityKey(subject.identity);
    this.#installed.pop();
    this.#new.delete(subject.identity);
    this.#scripts.delete(key);
    this.#triggers.delete(key);
  }

  #refuseInstalled(subject: Package): void {
    requirePlainPackage(subject.name, subject.version, packageLabel(subject));
    const existing = this.#installed.find(({ name }) => name === subject.name);
    if (existing !== undefined)
      throw new BivyError(
        "file-conflict",
        `${packageLabel(subject)}: ${packageLabel(existing)} is installed already`,
        {
          hint: "Install into an empty root.",
        },
      );
  }

  #createRecord({ package: subject, tag }: Installation): InstalledPackage {
    return createInstalled(subject, tag === undefined ? {} : { tag });
  }

  /** What the database says of a package: the index's record, and what only the package itself states. */
  #record(installation: Installation, opened: OpenedPackage): InstalledPackage {
    const { package: subject } = installation;
    const { info } = opened;
    if (info.name !== subject.name || info.version !== subject.version)
      throw new BivyError(
        "package-invalid",
        `${packageLabel(subject)}: the file holds ${info.name}-${info.version}`,
        { hint: "The repository is inconsistent; refresh the index, or tell its owner." },
      );
    return changeInstalled(this.#createRecord(installation), {
      replaces: info.replaces,
      replacesPriority: info.replacesPriority,
    });
  }

  async #extract(
    installation: Installation,
    opened: OpenedPackage,
    subject: InstalledPackage,
  ): Promise<void> {
    this.#accounts ??= await readAccounts(this.#root, this.#options.limits);
    const extraction = new Extraction(this.#root, {
      package: subject,
      source: installation.source,
      owners: this.#owners,
      accounts: this.#accounts,
      time: this.#options.time,
      limits: this.#options.limits,
      cursors: this.#options.cursors,
    });
    try {
      for await (const entry of opened.data()) await extraction.add(entry);
      extraction.finish();
    } catch (error) {
      extraction.abandon();
      throw error;
    }
    for (const directory of extraction.directories()) this.#changed.add(directory);
    if (extraction.touches("etc/passwd") || extraction.touches("etc/group"))
      this.#accounts = undefined;
  }

  async #runScript(
    subject: InstalledPackage,
    kind: ScriptKind,
    words: readonly string[],
  ): Promise<void> {
    const script = this.#scripts.get(identityKey(subject.identity))?.get(kind);
    if (script === undefined) return;
    const label = `${packageLabel(subject)}.${kind}`;
    if (this.#options.scripts === undefined) {
      this.#skipped.push(label);
      return this.report({ type: "script", subject: label, outcome: "skipped" });
    }
    this.report({ type: "script", subject: label, outcome: "started" });
    const result = await this.#options.scripts.run(
      {
        label,
        script,
        arguments: words,
        environment: { PATH: scriptPath, APK_PACKAGE: subject.name, APK_SCRIPT: kind },
      },
      this.#root,
    );
    this.#accounts = undefined;
    if (result.exitCode === 0) return;
    this.#failed.push(label);
    this.#markBroken(subject.name);
    this.report({
      type: "script",
      subject: label,
      outcome: "failed",
      detail: `it ended with exit code ${result.exitCode}`,
      output: result.output,
    });
  }

  #markBroken(name: string): void {
    const at = this.#installed.findIndex((each) => each.name === name);
    const record = this.#installed[at];
    if (record !== undefined)
      this.#installed[at] = changeInstalled(record, {
        flags: { ...record.flags, brokenScript: true },
      });
  }

  async runTriggers(): Promise<void> {
    for (const subject of this.#installed) {
      const globs = this.#triggers.get(identityKey(subject.identity));
      if (globs === undefined) continue;
      const isNew = this.#new.has(subject.identity);
      const directories = triggeredDirectories(
        { globs, isNew },
        this.#owners.directories(),
        this.#changed,
      );
      if (directories.length > 0) await this.#runScript(subject, "trigger", directories);
    }
  }
}
