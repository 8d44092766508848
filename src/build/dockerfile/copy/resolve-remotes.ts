/** Resolving remote sources: URLs and repositories are told apart from paths of the context. */
import { type CopyStep } from "../steps.ts";
import { tryParseGitReference } from "./git-reference.ts";
import { resolveGit } from "./git-source.ts";
import { type RemoteOptions, type RemoteSource } from "./remote.ts";
import { resolveUrl } from "./url-source.ts";

/**
 * Finds out what the remote sources of a step hold, by source. Of a URL without `--checksum` that takes
 * fetching it; of a repository it takes asking for its references, unless the commit is named.
 *
 * Throws `dockerfile-invalid` for an address or a checksum that cannot be understood, `digest-mismatch`,
 * `offline`, and what fetching throws.
 */
export async function resolveRemotes(
  step: CopyStep,
  options: RemoteOptions,
): Promise<ReadonlyMap<string, RemoteSource>> {
  const remotes = new Map<string, RemoteSource>();
  if (step.instruction !== "ADD" || step.from !== undefined) return remotes;
  for (const source of step.sources) {
    if (source.kind !== "path" || remotes.has(source.path)) continue;
    const reference = tryParseGitReference(source.path);
    if (reference !== undefined)
      remotes.set(source.path, await resolveGit(step, source.path, reference, options));
    else if (/^https?:\/\//.test(source.path))
      remotes.set(source.path, await resolveUrl(step, source.path, options));
  }
  return remotes;
}
