/** The files of the network that every RUN is given: etc/hosts and etc/resolv.conf. */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { BivyError } from "../../base/index.ts";

/** `NAME:ADDRESS` or `NAME=ADDRESS`, as docker takes them. */
export function hostsText(words: readonly string[]): string {
  const lines = [
    "127.0.0.1\tlocalhost buildkitsandbox",
    "::1\tlocalhost ip6-localhost ip6-loopback",
  ];
  for (const word of words) {
    const match = /^([^:=\s]+)[:=]\[?([^\]]+)\]?$/.exec(word);
    const [, name = "", address = ""] = match ?? [];
    if (isIP(address) === 0)
      throw new BivyError("usage", `--add-host ${word}: expected NAME:ADDRESS`, {
        hint: "Such as --add-host db:10.0.0.5.",
      });
    lines.push(`${address}\t${name}`);
  }
  return `${lines.join("\n")}\n`;
}

/** What this machine asks; commands share its network. */
export async function resolversText(path = "/etc/resolv.conf"): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
