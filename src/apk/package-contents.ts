/**
 * Package contents: the files of one package as contents that can be read again.
 *
 * While a package is installed its files stream by once, and most of them are kept. What is too large
 * to be kept is read again when the layer is written. A layer's order is close to a package's, both
 * being sorted by path, so one cursor per package goes forward with it: a second pass over the package
 * instead of one pass per file. Every pass compares the file's checksum.
 */
import { TarCursor, type TarEntry } from "../archive/index.ts";
import {
  BivyError,
  equalBytes,
  startHash,
  type Chunks,
  type Content,
  type Limits,
} from "../base/index.ts";
import { openPackage, type OpenedPackage, type PackageSource } from "./package-file.ts";

export class PackageContents {
  readonly #source: PackageSource;
  readonly #identity: string;
  readonly #limits: Limits;
  readonly #cursors: CursorPool;
  #cursor: Cursor | undefined;

  /** `identity` is the one that was verified; a source that changes underneath is found out. */
  constructor(source: PackageSource, identity: string, limits: Limits, cursors: CursorPool) {
    this.#source = source;
    this.#identity = identity;
    this.#limits = limits;
    this.#cursors = cursors;
  }

  /**
   * The content of the file that is entry number `position` of the data section. The first reading
   * takes the entry as it streams by; later ones open the package again. `sha1` is its checksum.
   */
  content(position: number, entry: TarEntry, sha1: Uint8Array): Content {
    const name = `${this.#source.subject}: ${entry.header.path}`;
    let live: TarEntry | undefined = entry;
    const next = async (): Promise<TarEntry> => {
      const taken = live ?? (await this.#seek(position));
      live = undefined;
      return taken;
    };
    return {
      size: entry.header.size,
      chunks: () => verifiedChunks(next, sha1, name),
    };
  }

  async #seek(position: number): Promise<TarEntry> {
    if (this.#cursor === undefined || this.#cursor.position > position || this.#cursor.closed) {
      await this.#cursor?.close();
      const opened = await openPackage(
        this.#source,
        { by: "identity", identity: this.#identity },
        this.#limits,
      );
      this.#cursor = new Cursor(opened);
      await this.#cursors.admit(this.#cursor);
    }
    return this.#cursor.advanceTo(position, this.#source.subject);
  }
}

async function* verifiedChunks(
  next: () => Promise<TarEntry>,
  sha1: Uint8Array,
  name: string,
): Chunks & AsyncGenerator<Uint8Array> {
  const hash = startHash("sha1");
  for await (const chunk of (await next()).chunks()) {
    hash.update(chunk);
    yield chunk;
  }
  if (!equalBytes(hash.bytes(), sha1))
    throw new BivyError(
      "checksum-mismatch",
      `${name}: its content does not have the SHA-1 that the package states`,
      {
        hint: "The package is damaged; fetch it again.",
      },
    );
}

/** A place in the data section of an open package; it only goes forward. */
class Cursor {
  closed = false;
  readonly #package: OpenedPackage;
  readonly #entries: TarCursor;

  constructor(opened: OpenedPackage) {
    this.#package = opened;
    this.#entries = new TarCursor(opened.data());
  }

  /** The number of the entry that comes next. */
  get position(): number {
    return this.#entries.position;
  }

  async advanceTo(position: number, subject: string): Promise<TarEntry> {
    const entry = await this.#entries.advanceTo(position);
    if (entry !== undefined) return entry;
    throw new BivyError("package-invalid", `${subject}: has fewer files than before`, {
      hint: "The file changed while it was in use; try again.",
    });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.#entries.close();
    await this.#package.close();
  }
}

/** The open cursors of all packages: so many at once, the one admitted first goes first. */
export class CursorPool {
  readonly #open: Cursor[] = [];
  readonly #most: number;

  constructor(most = 16) {
    this.#most = most;
  }

  async admit(cursor: Cursor): Promise<void> {
    this.#open.push(cursor);
    while (this.#open.length > this.#most) await this.#open.shift()!.close();
  }

  async close(): Promise<void> {
    for (const cursor of this.#open.splice(0)) await cursor.close();
  }
}
