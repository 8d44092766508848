/** Mirrors: where a URL is really fetched from, as `mirrors` and `BIVY_MIRROR` say. */
import { parseHttpUrl } from "./url.ts";

/** The places to fetch a URL from, in the order in which they are tried; at least one. */
export type MirrorChooser = (url: URL) => readonly URL[];

/** Alpine's own servers; each serves the same tree below `/alpine`. */
const alpineServer = /^https?:\/\/dl-(?:cdn|master|\d+)\.alpinelinux\.org\/alpine(?=\/|$)/;

/**
 * @param mirrors URL prefix → prefixes to try instead, in order; the longest matching prefix counts,
 * and it matches whole path segments only.
 * @param alpineMirrors the value of `BIVY_MIRROR`: prefixes for Alpine's own URLs, separated by white
 * space. An entry of `mirrors` that matches comes before it.
 */
export function chooseMirrors(
  mirrors: ReadonlyMap<string, readonly string[]>,
  alpineMirrors: string | undefined,
): MirrorChooser {
  const rules = [...mirrors]
    .map(([prefix, instead]) => ({
      prefix: plainPrefix(prefix, "the mirrors entry"),
      instead: instead.map((mirror) => plainPrefix(mirror, `the mirror of ${prefix}`)),
    }))
    .filter((rule) => rule.instead.length > 0)
    .sort((a, b) => b.prefix.length - a.prefix.length);
  const forAlpine = (alpineMirrors ?? "")
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => plainPrefix(word, "BIVY_MIRROR"));

  return (url) => {
    // A rule is written without credentials; those of the original never go to a mirror.
    const plain = `${url.protocol}//${url.host}${url.pathname}${url.search}`;
    const rule = rules.find(({ prefix }) => isBelow(plain, prefix));
    if (rule !== undefined)
      return rule.instead.map((mirror) =>
        // The original, when it is listed, is asked just as it was written.
        mirror === rule.prefix ? url : new URL(mirror + plain.slice(rule.prefix.length)),
      );
    const alpine = forAlpine.length > 0 ? alpineServer.exec(plain) : null;
    if (alpine !== null)
      return forAlpine.map((mirror) => new URL(mirror + plain.slice(alpine[0].length)));
    return [url];
  };
}

function plainPrefix(prefix: string, name: string): string {
  const { href } = parseHttpUrl(prefix, name);
  return href.replace(/\/+$/, "");
}

function isBelow(url: string, prefix: string): boolean {
  if (!url.startsWith(prefix)) return false;
  const next = url[prefix.length];
  return next === undefined || next === "/" || next === "?";
}
