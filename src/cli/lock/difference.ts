/** What another lock changes, for people. */
import type { LockDifference } from "../../build/index.ts";

export function formatDifference({ images, packages }: LockDifference): string {
  if (images.length === 0 && packages.length === 0) return "nothing changes";
  const lines = images.map(
    ({ reference, platform, before, after }) =>
      `${platform}: ${reference} ${shorten(before)} -> ${shorten(after)}`,
  );
  for (const { platform, stage, name, before, after } of packages) {
    const then = before.join(", ");
    const now = after.join(", ");
    const change =
      then === ""
        ? `+ ${name} ${now}`
        : now === ""
          ? `- ${name} ${then}`
          : `${name} ${then} -> ${now}`;
    lines.push(`${platform}: ${stage}: ${change}`);
  }
  return lines.join("\n");
}

function shorten(digest: string | undefined): string {
  return digest === undefined ? "none" : digest.slice(0, "sha256:".length + 12);
}
