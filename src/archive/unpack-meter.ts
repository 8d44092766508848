/** UnpackMeter: counts what a compressed stream unpacks to, and stops a bomb while it goes off. */
import { defaultLimits, limitExceeded, type Limits } from "../base/index.ts";
import type { ReadOptions } from "./chunk-input.ts";

export class UnpackMeter {
  readonly #subject: string;
  readonly #limits: Limits;
  readonly #ratio: "ratio" | "package-ratio";
  #unpacked = 0;

  constructor(options: ReadOptions) {
    this.#subject = options.subject;
    this.#limits = options.limits ?? defaultLimits;
    this.#ratio = options.ratioLimit ?? "ratio";
  }

  /** Adds bytes that came out, when `compressed` bytes of the stream have gone in. */
  add(unpacked: number, compressed: number): void {
    this.#unpacked += unpacked;
    if (this.#unpacked > this.allowance(compressed)) throw this.excess(compressed);
  }

  /** How many bytes may come out in all, once `compressed` bytes have gone in. */
  allowance(compressed: number): number {
    const byRatio = Math.max(this.#limits["ratio-floor"], compressed * this.#limits[this.#ratio]);
    return Math.min(this.#limits["unpacked-size"], byRatio);
  }

  /** How many bytes may still come out. */
  remaining(compressed: number): number {
    return Math.max(0, this.allowance(compressed) - this.#unpacked);
  }

  /** The error for a stream that exceeds the allowance. */
  excess(compressed: number): Error {
    const bySize = this.allowance(compressed) === this.#limits["unpacked-size"];
    return limitExceeded(bySize ? "unpacked-size" : this.#ratio, this.#limits, this.#subject);
  }
}
