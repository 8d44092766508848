/** TarCursor: a place in a tar archive, which goes forward to entries by their number. */
import type { TarEntry } from "./tar-read.ts";

export class TarCursor {
  /** The number of the entry that comes next; the first is 0. */
  position = 0;
  readonly #entries: AsyncIterator<TarEntry>;

  constructor(entries: AsyncIterable<TarEntry>) {
    this.#entries = entries[Symbol.asyncIterator]();
  }

  /** Entry number `position`, which must not lie behind; undefined where the archive has fewer. */
  async advanceTo(position: number): Promise<TarEntry | undefined> {
    for (;;) {
      const next = await this.#entries.next();
      if (next.done === true) return undefined;
      this.position += 1;
      if (this.position > position) return next.value;
    }
  }

  /** Goes to the end of the archive, so that whoever verifies it has seen all of it. */
  async finish(): Promise<void> {
    await this.advanceTo(Infinity);
  }

  async close(): Promise<void> {
    await this.#entries.return?.(undefined);
  }
}
