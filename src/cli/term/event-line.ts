/** Event lines: an event as one line of text that stays. */
import type { BivyEvent } from "../../base/index.ts";
import { formatBytes } from "./quantity.ts";
import { paint } from "./streams.ts";

/** One line for an event; undefined for those that are shown in another way. */
export function describeEvent(event: BivyEvent): string | undefined {
  switch (event.type) {
    case "transfer":
      return event.done
        ? `transferred ${event.subject} (${formatBytes(event.received)})`
        : undefined;
    case "retry":
      return `retrying ${event.subject} (attempt ${event.attempt}) after ${event.waitMilliseconds} ms: ${event.reason}`;
    case "verified":
      return `${paint("green", "verified")} ${event.link} ${event.subject}: ${event.detail}`;
    case "change":
      return `(${event.position}/${event.total}) ${event.text}`;
    case "script":
      return describeScript(event);
    case "phase":
      return paint("bold", event.text);
    case "warning":
      return `${paint("yellow", "warning:")} ${event.text}${event.hint === undefined ? "" : `\n  ${event.hint}`}`;
    case "step":
    case "output":
      return undefined;
  }
}

function describeScript(event: Extract<BivyEvent, { type: "script" }>): string | undefined {
  if (event.outcome === "started") return `Executing ${event.subject}`;
  if (event.outcome === "skipped") return undefined;
  const output = event.output?.trim() ?? "";
  const said = output === "" ? "" : `\n${output.replaceAll(/^/gm, "  | ")}`;
  return `${paint("yellow", "warning:")} ${event.subject} failed: ${event.detail ?? ""}${said}`;
}
