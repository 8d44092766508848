/**
 * Bearer tokens: short-lived, for named scopes, from a token server that the registry names
 * (distribution, docs/spec/auth/token.md and oauth.md).
 */
import { BivyError, collectBytes, encodeText } from "../../base/index.ts";
import { type HttpRequest, type HttpResponse } from "../../http/index.ts";
import { type Challenge } from "./challenge.ts";
import { basicWord, type Credential } from "./credential.ts";
import { type HostRules } from "./host-rules.ts";

export interface TokenServer {
  readonly realm: URL;
  readonly service: string | undefined;
}

export interface Token {
  readonly text: string;
  /** For how long it is good, in milliseconds. */
  readonly lifetime: number;
}

/** What the specification has for a server that does not say, and the least that is believed. */
const shortestLifetime = 60_000;
const longestAnswer = 1024 * 1024;

/**
 * The token server of a Bearer challenge. A registry decides where the user's credentials for it go,
 * but never that they go there in the clear: only one that need not prove who it is itself may name a
 * server without https, and only where that is allowed too.
 */
export function tokenServerOf(
  { parameters }: Challenge,
  registryHost: string,
  rules: HostRules,
): TokenServer {
  const text = parameters.get("realm") ?? "";
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || (realm.protocol !== "https:" && realm.protocol !== "http:"))
    throw new BivyError(
      "http-invalid",
      `${registryHost}: expected the URL of a token server in its challenge, found ${JSON.stringify(text.slice(0, 100))}`,
      { hint: "The registry is not set up well, or is no registry." },
    );
  const mayBePlain = rules.allowsPlain(registryHost) && rules.allowsPlain(realm.host);
  if (realm.protocol === "http:" && !mayBePlain)
    throw new BivyError(
      "url-invalid",
      `${registryHost}: expected a token server with https, found ${realm.origin}`,
      {
        hint: `Credentials would go there in the clear. Where nobody can be in between, allow it with --insecure ${realm.host}.`,
      },
    );
  // Nobody but the user says what the user is known by.
  realm.username = "";
  realm.password = "";
  realm.hash = "";
  return { realm, service: parameters.get("service") };
}

/** Asks for a token; the answer may be a refusal. */
export function tokenRequest(
  { realm, service }: TokenServer,
  scopes: readonly string[],
  credential: Exclude<Credential, { kind: "registry-token" }> | undefined,
): Pick<HttpRequest, "url" | "method" | "headers" | "body" | "idempotent"> {
  if (credential?.kind === "identity-token") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      service: service ?? realm.host,
      client_id: "bivy",
      scope: scopes.join(" "),
      refresh_token: credential.token,
    });
    return {
      url: realm.href,
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: encodeText(form.toString()),
      idempotent: true,
    };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (credential === undefined) return { url: url.href };
  url.searchParams.set("account", credential.user);
  return {
    url: url.href,
    headers: { authorization: basicWord(credential.user, credential.password) },
  };
}

export async function readToken(response: HttpResponse, registry: string): Promise<Token> {
  const invalid = () =>
    new BivyError("http-invalid", `${registry}: expected a token from its token server`, {
      hint: "The registry is not set up well; ask its operator.",
    });
  let answer: Readonly<Record<string, unknown>> | null;
  try {
    const body = await collectBytes(response.body, longestAnswer, invalid);
    answer = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    // The cause would quote the answer.
    throw invalid();
  }
  const { token, access_token: accessToken, expires_in: expires } = answer ?? {};
  const text = typeof token === "string" && token !== "" ? token : accessToken;
  if (typeof text !== "string" || !/^[\x21-\x7e]+$/.test(text)) throw invalid();
  const lifetime = typeof expires === "number" && expires > 0 ? expires * 1000 : 0;
  return { text, lifetime: Math.max(lifetime, shortestLifetime) };
}
