/** Pages: lists that a registry gives piece by piece, each with a `Link` to the next (RFC 8288). */
import { BivyError } from "../../base/index.ts";
import { type Access, type AccessRequest, type Document } from "./access.ts";

/** Nobody has lists of more pages than this; registries have a hundred entries or more on one. */
const mostPages = 10_000;

/** The answers of a list, from the first page to the last. */
export async function* readPages(
  access: Access,
  request: AccessRequest,
): AsyncGenerator<Document, void, void> {
  const seen = new Set<string>();
  let next: AccessRequest | undefined = request;
  while (next !== undefined) {
    const page: Document = await access.read(next);
    yield page;
    const link = nextLink(page.response.headers.get("link"));
    if (link === undefined) return;
    const url = await access.connection.resolve(link, page.response, request.subject);
    const isAstray = url.origin !== new URL(page.response.url).origin;
    if (isAstray || seen.has(url.href) || seen.size >= mostPages)
      throw new BivyError(
        "http-invalid",
        `${request.subject}: ${isAstray ? `the next page is said to be at ${url.origin}` : "its pages never end"}`,
        { hint: "The registry is damaged or hostile." },
      );
    seen.add(url.href);
    next = { ...request, path: url };
  }
}

/** The target of the link with the relation `next`. */
export function nextLink(header: string | undefined): string | undefined {
  for (const [, target, parameters] of (header ?? "").matchAll(/<([^<>]*)>([^<]*)/g))
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)/i.test(parameters!)) return target;
  return undefined;
}
