/**
 * Events: what a library reports while it works. The command line decides how a person or a program
 * sees them; libraries never print.
 */

export type BivyEvent =
  /** A transfer goes on; `total` is absent while the size is unknown. The last one has `done: true`. */
  | {
      readonly type: "transfer";
      readonly subject: string;
      readonly received: number;
      readonly total?: number;
      readonly done: boolean;
    }
  /** A request failed and is tried again. */
  | {
      readonly type: "retry";
      readonly subject: string;
      readonly attempt: number;
      readonly reason: string;
      readonly waitMilliseconds: number;
    }
  /** One link of the chain of trust was checked and holds. */
  | {
      readonly type: "verified";
      readonly link: "key" | "index" | "package" | "files" | "layer" | "image" | "cache";
      readonly subject: string;
      readonly detail: string;
    }
  /** One step of a plan is carried out. */
  | {
      readonly type: "change";
      readonly position: number;
      readonly total: number;
      readonly text: string;
    }
  /** A package script or trigger ran, or was left out. */
  | {
      readonly type: "script";
      readonly subject: string;
      readonly outcome: "started" | "failed" | "skipped";
      readonly detail?: string;
      readonly output?: string;
    }
  /** A step of a Dockerfile's build goes on. Steps of different stages run at the same time. */
  | {
      readonly type: "step";
      /** Which step: the same text as long as the build runs. */
      readonly id: string;
      /** The platform, where several are built, and the stage, such as `builder 2/5`. */
      readonly stage: string;
      /** The instruction as people know it, such as `RUN apk add curl`. */
      readonly text: string;
      readonly state: "started" | "done" | "cached" | "failed" | "canceled";
      /** Absent while it goes on. */
      readonly milliseconds?: number;
    }
  /** What the command of a step printed: as it comes, not line by line. */
  | {
      readonly type: "output";
      /** The `id` of the step. */
      readonly step: string;
      readonly stream: "stdout" | "stderr";
      readonly text: string;
    }
  /** A phase of the work began. */
  | { readonly type: "phase"; readonly text: string }
  /** Something the user should know; the work goes on. */
  | { readonly type: "warning"; readonly text: string; readonly hint?: string };

export type EventSink = (event: BivyEvent) => void;

export const ignoreEvents: EventSink = () => {};
