/** bivy image tag: another name for an image of the local store. */
import type { Command } from "commander";
import { parseLimits } from "../../base/index.ts";
import { requireHome } from "../settings.ts";
import { printResult } from "../term/streams.ts";

export function configure(command: Command): void {
  command
    .argument("<IMAGE>", "a name in the local store")
    .argument("<NAME...>", "its new names; an image that has one already loses it")
    .addHelpText(
      "before",
      `Examples:
  $ bivy image tag app:1 registry.example.com/team/app:1
  $ bivy image tag app:1 app:latest app:stable
`,
    )
    .action(tag);
}

async function tag(image: string, names: readonly string[]): Promise<void> {
  const { formatReference, openStore, parseReference, withDefaultTag } =
    await import("../../oci/index.ts");
  requireHome(process.env);
  const store = openStore({ limits: parseLimits([]) });
  const from = parseReference(image);
  for (const to of names.map(parseReference).map(withDefaultTag)) {
    await store.tag(from, to);
    printResult(formatReference(to));
  }
}
