/**
 * Authorization: what a request to one registry carries to prove who asks.
 *
 * A registry says what it wants when it refuses a request: Basic, or a Bearer token for certain scopes.
 * The first refusal is remembered, so that later requests bring along what is wanted, and tokens are
 * kept for as long as they are good. A token may end at any time, in the middle of an upload too: what
 * is refused with one is tried once more with a new one.
 */
import { type HttpRequest, type HttpResponse } from "../../http/index.ts";
import { type RepositoryName } from "../blobs.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import { basicWord, type Credential } from "./credential.ts";
import { type CredentialSource } from "./credentials.ts";
import { type HostRules } from "./host-rules.ts";
import { deniedError, isDenial, readComplaint } from "./registry-error.ts";
import { isGranted, parseScopes } from "./scope.ts";
import { readToken, tokenRequest, tokenServerOf, type TokenServer } from "./token.ts";

/** What a request needs to be let in. */
export interface Need {
  /** Whose credentials are used. */
  readonly repository: RepositoryName;
  readonly scopes: readonly string[];
}

export interface AuthorizationOptions {
  readonly registry: string;
  readonly credentials: CredentialSource;
  readonly rules: HostRules;
  /** Sends a request to a token server, and returns refusals too. */
  readonly ask: (request: HttpRequest) => Promise<HttpResponse>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

type Scheme =
  | { readonly kind: "basic" }
  | {
      readonly kind: "bearer";
      readonly server: TokenServer;
      readonly scopes: readonly string[];
      /** The token is good, but for other things. */
      readonly isInsufficient: boolean;
    };

interface KeptToken {
  readonly header: string;
  readonly scopes: readonly string[];
  readonly expires: number;
}

/** A token is not used any more when less than this is left of it: the request takes time too. */
const leastLeft = 10_000;

export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #tokens = new Map<string, Promise<KeptToken>>();
  readonly #secrets = new Set<string>();
  #scheme: Scheme | undefined;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** The header for a request, as far as it is known what the registry wants. */
  async header(need: Need): Promise<string | undefined> {
    const scheme = this.#scheme;
    if (scheme === undefined) return undefined;
    if (scheme.kind === "basic") return this.#basic(need);
    return this.#token(scheme.server, need, need.scopes);
  }

  /**
   * Takes in a refusal, with 401, of a request that carried `rejected`. Gives the header to try next;
   * undefined when there is nothing better to offer.
   */
  async renew(
    need: Need,
    rejected: string | undefined,
    response: HttpResponse,
    host: string,
  ): Promise<string | undefined> {
    const scheme = this.#choose(response, host);
    if (scheme === undefined) return undefined;
    this.#scheme = scheme;
    if (scheme.kind === "basic") {
      const header = await this.#basic(need);
      return header === rejected ? undefined : header;
    }
    if (rejected === undefined) return this.#token(scheme.server, need, need.scopes);
    const key = keyOf(need);
    const pending = this.#tokens.get(key);
    const kept = await pending?.catch(() => undefined);
    // Another request may have renewed the token meanwhile.
    if (kept?.header === rejected) {
      const isAllThereIs = scheme.scopes.every((scope) => isGranted(scope, kept.scopes));
      if (scheme.isInsufficient && isAllThereIs) return undefined;
      if (this.#tokens.get(key) === pending) this.#tokens.delete(key);
    }
    // The registry knows best what the request takes.
    const scopes = [...new Set([...need.scopes, ...scheme.scopes])];
    const header = await this.#token(scheme.server, need, scopes);
    return header === rejected ? undefined : header;
  }

  credential(need: Need): Promise<Credential | undefined> {
    return this.#options.credentials.find(need.repository);
  }

  /** Text from outside without the secrets that it may repeat. */
  conceal(text: string): string {
    let concealed = text;
    for (const secret of this.#secrets) concealed = concealed.replaceAll(secret, "…");
    return concealed;
  }

  #choose(response: HttpResponse, host: string): Scheme | undefined {
    const challenges = parseChallenges(response.headers.get("www-authenticate"));
    const named = (scheme: string): Challenge | undefined =>
      challenges.find((challenge) => challenge.scheme === scheme);
    const bearer = named("bearer");
    if (bearer !== undefined)
      return {
        kind: "bearer",
        server: tokenServerOf(bearer, host, this.#options.rules),
        scopes: parseScopes(bearer.parameters.get("scope")),
        isInsufficient: bearer.parameters.get("error") === "insufficient_scope",
      };
    return named("basic") === undefined ? undefined : { kind: "basic" };
  }

  async #basic(need: Need): Promise<string | undefined> {
    const credential = await this.credential(need);
    if (credential === undefined || credential.kind === "identity-token") return undefined;
    if (credential.kind === "registry-token") return this.#bearer(credential.token);
    const word = basicWord(credential.user, credential.password);
    this.#keepSecret(credential.password);
    this.#keepSecret(word.slice("Basic ".length));
    return word;
  }

  async #token(server: TokenServer, need: Need, scopes: readonly string[]): Promise<string> {
    const key = keyOf(need);
    const kept = this.#tokens.get(key);
    if (kept !== undefined) {
      const token = await kept;
      if (token.expires - this.#options.now() > leastLeft) return token.header;
      if (this.#tokens.get(key) === kept) this.#tokens.delete(key);
      return this.#token(server, need, scopes);
    }
    const fetched = this.#fetch(server, need, scopes);
    this.#tokens.set(key, fetched);
    try {
      return (await fetched).header;
    } catch (error) {
      if (this.#tokens.get(key) === fetched) this.#tokens.delete(key);
      throw error;
    }
  }

  async #fetch(server: TokenServer, need: Need, scopes: readonly string[]): Promise<KeptToken> {
    const { registry, ask, now } = this.#options;
    const credential = await this.credential(need);
    if (credential?.kind === "registry-token")
      return { header: this.#bearer(credential.token), scopes, expires: Infinity };
    if (credential !== undefined)
      this.#keepSecret(credential.kind === "basic" ? credential.password : credential.token);
    const started = now();
    const response = await ask({
      ...tokenRequest(server, scopes, credential),
      subject: `${registry}: token server`,
    });
    const { status } = response;
    if (status !== 200) {
      const complaint = await readComplaint(response, (text) => this.conceal(text));
      // OAuth2 has 400 for what was given and is not good (RFC 6749, 5.2).
      if (isDenial(status, complaint) || (status === 400 && credential !== undefined))
        throw deniedError(
          `${registry}/${need.repository.repository}`,
          registry,
          credential,
          complaint,
        );
    }
    const { text, lifetime } = await readToken(response, registry);
    return { header: this.#bearer(text), scopes, expires: started + lifetime };
  }

  #bearer(token: string): string {
    this.#keepSecret(token);
    return `Bearer ${token}`;
  }

  #keepSecret(secret: string): void {
    // What is shorter stands in every other word by chance.
    if (secret.length >= 4) this.#secrets.add(secret);
  }
}

function keyOf({ repository, scopes }: Need): string {
  return [repository.repository, ...[...scopes].sort()].join(" ");
}
