/** The servers of the feeds, read through the cache. */
import type { Access } from "../../apk/index.ts";
import { collectBytes, isBivyError, limitExceeded } from "../../base/index.ts";
import { fetchCached, type FetchedContent } from "../../http/index.ts";
import { secdbUrl } from "../feed.ts";
import type { FeedSource } from "./source.ts";

/** `now` in seconds since 1970 is the time of what was fetched just now. */
export function httpSource(access: Access, now: number): FeedSource {
  const { client, cache, signal } = access;
  const tryFetch = async (url: string): Promise<FetchedContent | undefined> => {
    try {
      return await fetchCached({
        client,
        cache,
        url,
        // Below 0: an update asks each time, also one in the same second as another.
        revalidate: { maxAgeSeconds: -1, now },
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (isBivyError(error, "http-not-found")) return undefined;
      throw error;
    }
  };
  return {
    subject: "the network",
    async fetch({ url }) {
      const content = await tryFetch(url);
      if (content === undefined) return undefined;
      return { content, url, fetched: content.checked ?? now };
    },
    async listBranches() {
      const page = await tryFetch(`${secdbUrl}/`);
      if (page === undefined) return undefined;
      const { limits } = access;
      const most = limits["document-size"];
      const excess = () => limitExceeded("document-size", limits, secdbUrl);
      const text = Buffer.from(await collectBytes(page.chunks(), most, excess)).toString("latin1");
      const names = [...text.matchAll(/href="(?:\.\/)?(edge|v\d+\.\d+)\/?"/g)].map(
        ([, name]) => name!,
      );
      return names.length === 0 ? undefined : [...new Set(names)];
    },
  };
}
