/** Progress: `transfer` events of one transfer, few enough for a terminal or a log. */
import type { EventSink } from "../base/index.ts";

export type ProgressReport = (received: number, total: number | undefined, done: boolean) => void;

const betweenMilliseconds = 100;
const betweenBytes = 64 * 1024;

/** Reports at most every 100 ms and every 64 KiB, and the end always and once. */
export function transferProgress(
  events: EventSink,
  subject: string,
  now: () => number = () => performance.now(),
): ProgressReport {
  let lastTime = now();
  let lastReceived = 0;
  let ended = false;
  return (received, total, done) => {
    if (ended) return;
    if (!done) {
      // A transfer that starts over counts from zero again.
      if (received >= lastReceived && received - lastReceived < betweenBytes) return;
      const time = now();
      if (time - lastTime < betweenMilliseconds) return;
      lastTime = time;
    }
    lastReceived = received;
    ended = done;
    events({
      type: "transfer",
      subject,
      received,
      ...(total === undefined ? {} : { total }),
      done,
    });
  };
}
