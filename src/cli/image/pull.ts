/** bivy image pull: an image from its registry into the local store. */
import type { Command } from "commander";
import { BivyError } from "../../base/index.ts";
import type { ImageOrIndex, Reference } from "../../oci/index.ts";
import { addRegistryFlags, registriesOf, type RegistryFlags } from "../registry-flags.ts";
import {
  addSessionFlags,
  collect,
  withSession,
  type Session,
  type SessionFlags,
} from "../session.ts";
import { printResult } from "../term/streams.ts";

interface PullFlags extends SessionFlags, RegistryFlags {
  readonly platform?: readonly string[];
  readonly allPlatforms?: boolean;
  readonly tag?: string;
}

export function configure(command: Command): void {
  addRegistryFlags(
    addSessionFlags(
      command
        .argument("<IMAGE...>", "references, such as alpine:3.20 or registry/x@sha256:…")
        .option(
          "--platform <OS/ARCH>",
          "which image of an index (may be repeated; default: this machine's)",
          collect,
        )
        .option("--all-platforms", "every image of an index")
        .option("-t, --tag <NAME>", "keep it under this name instead of its own"),
    ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image pull alpine:3.20
  $ bivy image pull alpine:3.20 --platform linux/arm64
  $ bivy image pull localhost:5000/app:1 ghcr.io/team/base:2 --all-platforms
`,
    )
    .action((names: string[], flags: PullFlags) =>
      withSession(flags, (session) => pull(names, flags, session)),
    );
}

async function pull(names: readonly string[], flags: PullFlags, session: Session): Promise<void> {
  const { formatReference, openStore, parseReference, withDefaultTag } =
    await import("../../oci/index.ts");
  if (flags.tag !== undefined && names.length > 1)
    throw new BivyError("usage", `--tag ${flags.tag}: expected one image, found ${names.length}`, {
      hint: "Pull them one by one.",
    });
  const wanted = names.map(parsePulled(parseReference)).map(withDefaultTag);
  const registries = await registriesOf(flags, session);
  const store = openStore({ limits: session.limits });
  for (const reference of wanted) {
    const image = await registries.repository(reference).open(reference);
    const kept = flags.tag === undefined ? reference : withDefaultTag(parseReference(flags.tag));
    await store.put(image, kept, {
      events: session.progress.report,
      ...(await choice(image, flags)),
    });
    session.progress.end();
    printResult(formatReference({ ...kept, digest: image.digest }));
  }
}

/** `docker://` may stand before a reference, as elsewhere. */
function parsePulled(parse: (text: string) => Reference): (name: string) => Reference {
  return (name) => parse(name.startsWith("docker://") ? name.slice("docker://".length) : name);
}

async function choice(image: ImageOrIndex, flags: PullFlags) {
  const { childrenOf, hostPlatform, parsePlatform, selectPlatform } =
    await import("../../oci/index.ts");
  if (flags.allPlatforms === true) return {};
  const platforms = flags.platform?.map(parsePlatform);
  if (image.kind === "index")
    return { includes: await childrenOf(image, platforms ?? [hostPlatform()]) };
  for (const platform of platforms ?? []) await selectPlatform(image, platform);
  return {};
}
