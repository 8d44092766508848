/** URLs of requests: which are accepted, their credentials, and how they are shown without them. */
import { BivyError } from "../base/index.ts";

/** Parses an absolute http: or https: URL; throws `url-invalid`. `name` says where it stood. */
export function parseHttpUrl(text: string, name?: string): URL {
  // The error of `new URL` carries its input, password and all: it must not become a cause.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const shown = url === undefined ? text.replace(/:\/\/\S*@/g, "://") : redactCredentials(text);
  const prefix = name === undefined ? shown : `${name} "${shown}"`;
  if (url === undefined)
    throw new BivyError(
      "url-invalid",
      `${prefix}: expected an absolute URL such as https://host/path`,
      {
        hint: "Write the URL with its scheme.",
      },
    );
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new BivyError(
      "url-invalid",
      `${prefix}: expected http: or https:, found ${url.protocol}`,
      {
        hint: "Only http and https are fetched over the network.",
      },
    );
  url.hash = "";
  return url;
}

const userinfo = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi;
const secretParameter =
  /([?&][^=&#\s]*(?:sig|token|secret|passw|credential|auth|key|verify|state|policy|hmac|jwt|session)[^=&#\s]*=)[^&#\s]+/gi;

/** The text of a URL without its userinfo. What is no URL stays as it is. */
export function withoutUserinfo(text: string): string {
  return text.replace(userinfo, "$1");
}

/** Text with the userinfo and the secret-looking query values of every URL in it left out. */
export function redactCredentials(text: string): string {
  return withoutUserinfo(text).replace(secretParameter, "$1…");
}

/** A URL as messages show it. */
export function showUrl(url: string | URL): string {
  return redactCredentials(typeof url === "string" ? url : url.href);
}

/** The value of a Basic `Authorization` header (RFC 7617) for the URL's userinfo, if it has any. */
export function basicAuthorization(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  const pair = `${decodePercent(url.username)}:${decodePercent(url.password)}`;
  return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The same URL without userinfo. */
export function withoutCredentials(url: URL): URL {
  if (url.username === "" && url.password === "") return url;
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return bare;
}

/** Whether a URL's host is this very machine: such traffic stays on it. */
export function isLoopback(host: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
