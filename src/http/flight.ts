/** Flights: work that several callers ask for at the same time is done once for all of them. */
import { abortedError } from "./failure.ts";

interface Flight<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  callers: number;
}

export class Flights<Result> {
  readonly #flights = new Map<string, Flight<Result>>();

  /**
   * Joins the flight of that name, or starts it. A caller that aborts leaves; the work itself is
   * aborted when the last one has left.
   */
  async join(
    name: string,
    subject: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (signal?.aborted === true) throw abortedError(subject);
    const flight = this.#flights.get(name) ?? this.#start(name, work);
    flight.callers += 1;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        signal?.removeEventListener("abort", leave);
        flight.callers -= 1;
        if (flight.callers > 0) return reject(abortedError(subject));
        // Whoever comes now starts afresh rather than share an abort that is not theirs.
        if (this.#flights.get(name) === flight) this.#flights.delete(name);
        flight.controller.abort();
        // The work cleans up before the caller goes on.
        flight.result.catch(() => {}).finally(() => reject(abortedError(subject)));
      };
      signal?.addEventListener("abort", leave, { once: true });
      flight.result
        .then(resolve, reject)
        .finally(() => signal?.removeEventListener("abort", leave));
    });
  }

  #start(name: string, work: (signal: AbortSignal) => Promise<Result>): Flight<Result> {
    const controller = new AbortController();
    const result = work(controller.signal).finally(() => {
      if (this.#flights.get(name) === flight) this.#flights.delete(name);
    });
    const flight: Flight<Result> = { result, controller, callers: 0 };
    this.#flights.set(name, flight);
    return flight;
  }
}
