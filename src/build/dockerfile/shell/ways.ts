/** Ways: the branches of a script that may be taken, and the places where they come together again. */
import { type ApkCommand, type Guard } from "./action.ts";
import { joinScopes, type Departure, type Frame, type Scope } from "./scope.ts";
import { failure, joinStatuses, type Status } from "./status.ts";

/** One of several ways that a script can take. */
export interface Way {
  readonly run: (scope: Scope) => Status;
  /** Where it hangs on an apk command which way is taken. */
  readonly command?: ApkCommand;
  readonly succeeds?: boolean;
}

export type Leaving = "break" | "continue" | "return" | "exit";

export class Ways {
  /** How often a way left a frame, to tell those that left from those that failed. */
  #departures = 0;

  /** Follows all ways, of which only a run can tell which one is taken. */
  branch(scope: Scope, reason: string, from: ReadonlySet<string>, ways: readonly Way[]): Status {
    const results = ways.map(({ run, command, succeeds }) => {
      const guard: Guard = {
        reason,
        from,
        settled: false,
        ...(command === undefined ? {} : { command, succeeds: succeeds ?? true }),
      };
      const inner = scope.clone();
      inner.guards = [...scope.guards, guard];
      const before = this.#departures;
      const status = run(inner);
      const failed = inner.stopped && this.#departures === before;
      return { inner, guard, status, failed };
    });
    const alive = results.filter(({ failed }) => !failed);
    // A step whose other ways all fail took this one.
    if (alive.length === 1) alive[0]!.guard.settled = true;
    const going = alive.filter(({ inner }) => !inner.stopped);
    if (going.length === 0) {
      scope.stopped = true;
      return failure;
    }
    const depth = scope.guards.length;
    const isConditional =
      alive.length > going.length || going.some(({ inner }) => inner.guards.length > depth + 1);
    const joined =
      going.length === 1
        ? going[0]!.inner
        : joinScopes(
            going.map(({ inner }) => inner),
            reason,
          );
    if (going.length > 1)
      joined.guards = isConditional
        ? [...scope.guards, { reason, from, settled: false }]
        : scope.guards;
    scope.become(joined);
    return joinStatuses(going.map(({ status }) => status));
  }

  /** Ends a way here: it goes on behind a frame. */
  leave(scope: Scope, kind: Leaving, status: Status, levels: number): void {
    const { frames } = scope;
    scope.stopped = true;
    const frame = frameFor(frames, kind, levels);
    // A script that ends like this fails, and with it the step.
    if (frame.kind === "script" && status.code !== undefined && status.code !== 0) return;
    this.#departures++;
    const departure = { scope: scope.clone(), status };
    departure.scope.stopped = false;
    (kind === "continue" ? frame.continued : frame.left).push(departure);
  }

  /** Brings together those who left a frame, and the one who reached its end. */
  close(
    scope: Scope,
    departures: readonly Departure[],
    status: Status,
    guards: readonly Guard[],
  ): Status {
    const going = [...(scope.stopped ? [] : [{ scope: scope.clone(), status }]), ...departures];
    if (going.length === 0) return failure;
    const { frames } = scope;
    scope.become(
      joinScopes(
        going.map((each) => each.scope),
        "which way the script takes",
      ),
    );
    scope.stopped = false;
    scope.frames = frames;
    scope.guards = guards;
    return joinStatuses(going.map((each) => each.status));
  }
}

function frameFor(frames: readonly Frame[], kind: Leaving, levels: number): Frame {
  const outermost = frames[0]!;
  if (kind === "exit") return frames.findLast((frame) => isShell(frame)) ?? outermost;
  if (kind === "return")
    return frames.findLast((frame) => frame.kind === "function" || isShell(frame)) ?? outermost;
  let left = levels;
  for (const frame of frames.toReversed()) {
    if (frame.kind === "loop" && --left === 0) return frame;
    if (frame.kind !== "loop") {
      // As many loops as there are; without any, nothing happens, and what follows is as good as the end.
      const loop = frames.slice(frames.indexOf(frame) + 1).find((each) => each.kind === "loop");
      return loop ?? frame;
    }
  }
  return outermost;
}

function isShell({ kind }: Frame): boolean {
  return kind === "subshell" || kind === "script";
}
