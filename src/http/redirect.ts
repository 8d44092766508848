/** Redirects (RFC 9110, 15.4): where a request goes next, and what it may take along. */
import type { Chunks } from "../base/index.ts";
import { failure, type Failure } from "./failure.ts";
import { basicAuthorization, showUrl, withoutCredentials } from "./url.ts";

/** One request of a chain of redirects. */
export interface Hop {
  readonly kind: "hop";
  readonly method: string;
  /** Without credentials. */
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | (() => Chunks) | undefined;
}

/**
 * The headers that another origin may see: only what says how the answer should look, never what the
 * user is known by. A list of what is allowed cannot forget a name as a list of secrets can.
 */
const harmlessHeaders: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "content-length",
  "content-range",
  "content-type",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "range",
  "user-agent",
]);

export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * The first request. Userinfo of the URL becomes Basic authentication, unless `headers` have an
 * `authorization` of their own. Headers meant for `original` go to another origin, such as a mirror,
 * only when they are harmless.
 */
export function firstHop(
  url: URL,
  original: URL,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: Hop["body"],
): Hop {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) own[name.toLowerCase()] = value;
  const kept = url.origin === original.origin ? own : harmless(own);
  const authorization = kept["authorization"] ?? basicAuthorization(url);
  return {
    kind: "hop",
    method,
    url: withoutCredentials(url),
    headers: authorization === undefined ? kept : { ...kept, authorization },
    body,
  };
}

/** The request that follows the answer `status` with `Location: location` to `hop`. */
export function nextHop(hop: Hop, status: number, location: string | undefined): Hop | Failure {
  if (location === undefined)
    return refusal(
      `HTTP ${status} without a Location`,
      "The server is misconfigured; use another mirror.",
    );
  if (!URL.canParse(location, hop.url.href))
    return refusal(
      `HTTP ${status} with an invalid Location`,
      "The server is misconfigured; use another mirror.",
    );
  const target = new URL(location, hop.url);
  target.hash = "";
  if (target.protocol !== "http:" && target.protocol !== "https:")
    return refusal(
      `redirected to ${target.protocol}, expected http: or https:`,
      "The server may be hostile.",
    );
  // Whoever asks for https wants nobody on the path to choose what arrives, and names that leak on the
  // second leg may be private; no honest mirror needs the step down.
  if (hop.url.protocol === "https:" && target.protocol === "http:")
    return refusal(
      `redirected from https to ${showUrl(target)}`,
      "A step down from https is refused. If you trust that server, name its http: URL yourself.",
    );
  // A server has no business choosing the credentials that the user sends.
  const url = withoutCredentials(target);
  const sameOrigin = url.origin === hop.url.origin;
  const rewritten =
    hop.method !== "GET" &&
    hop.method !== "HEAD" &&
    (status === 303 || (hop.method === "POST" && (status === 301 || status === 302)));
  if (!sameOrigin && !rewritten && hop.method === "POST" && hop.body !== undefined)
    return refusal(
      `redirected to ${showUrl(url)} with the body of a POST`,
      "The body may hold credentials, which never go to another server.",
    );
  const headers = sameOrigin ? hop.headers : harmless(hop.headers);
  if (!rewritten) return { ...hop, url, headers };
  return { kind: "hop", method: "GET", url, headers: withoutBodyHeaders(headers), body: undefined };
}

function refusal(reason: string, hint: string): Failure {
  return failure("http-redirects", reason, { hint });
}

function harmless(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmlessHeaders.has(name)));
}

function withoutBodyHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !name.startsWith("content-") && name !== "transfer-encoding",
    ),
  );
}
