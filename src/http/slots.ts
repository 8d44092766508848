/**
 * Slots: how many requests run at once.
 *
 * A slot is held from before the request until its body has been read. Whoever reads a body slowly may
 * itself need another request before it reads on (one layer is merged with the next), and if all slots
 * are held like that, nobody can go on. So while requests wait, a look every 250 ms finds out whether
 * any holder is waiting for the network; when none is, the next one is let in beyond the limit.
 */
import { abortedError } from "./failure.ts";

export interface Slot {
  /** The holder waits for the network (true), or has been given bytes to work on (false). */
  setBusy(busy: boolean): void;
  release(): void;
}

interface Holder {
  busy: boolean;
  /** Was busy at some time since the last look. */
  wasBusy: boolean;
}

const lookMilliseconds = 250;

export class Slots {
  readonly #limit: number;
  readonly #holders = new Set<Holder>();
  readonly #queue: (() => void)[] = [];
  #look: NodeJS.Timeout | undefined;

  constructor(limit: number) {
    this.#limit = Math.max(1, limit);
  }

  async take(subject: string, signal: AbortSignal | undefined): Promise<Slot> {
    const holder =
      this.#holders.size < this.#limit ? this.#hold() : await this.#wait(subject, signal);
    return {
      setBusy: (busy) => {
        holder.busy = busy;
        holder.wasBusy ||= busy;
      },
      release: () => {
        if (this.#holders.delete(holder) && this.#holders.size < this.#limit) this.#admit();
      },
    };
  }

  #hold(): Holder {
    const holder: Holder = { busy: true, wasBusy: true };
    this.#holders.add(holder);
    return holder;
  }

  #wait(subject: string, signal: AbortSignal | undefined): Promise<Holder> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve(this.#hold());
      };
      const leave = (): void => {
        const at = this.#queue.indexOf(enter);
        if (at !== -1) this.#queue.splice(at, 1);
        this.#stopLooking();
        reject(abortedError(subject));
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#queue.push(enter);
      this.#look ??= setInterval(() => this.#lookForDeadlock(), lookMilliseconds);
    });
  }

  #admit(): void {
    this.#queue.shift()?.();
    this.#stopLooking();
  }

  #stopLooking(): void {
    if (this.#queue.length > 0) return;
    clearInterval(this.#look);
    this.#look = undefined;
  }

  #lookForDeadlock(): void {
    const stuck = [...this.#holders].every((holder) => !holder.busy && !holder.wasBusy);
    for (const holder of this.#holders) holder.wasBusy = holder.busy;
    if (stuck) this.#admit();
  }
}
