/** Keeps the last bytes of a stream. */
export class TextTail {
  #parts: Buffer[] = [];
  #size = 0;
  readonly #most: number;

  /** In bytes. */
  constructor(most: number) {
    this.#most = most;
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#size += chunk.byteLength;
    while (this.#parts.length > 1 && this.#size - this.#parts[0]!.byteLength >= this.#most)
      this.#size -= this.#parts.shift()!.byteLength;
  }

  text(): string {
    return Buffer.concat(this.#parts).subarray(-this.#most).toString("utf8");
  }
}
