/**
 * Who may do what: basic authentication, or bearer tokens of a token server of the registry's own
 * (distribution, spec/auth/token.md, oauth.md and scope.md).
 */
import { randomBytes } from "node:crypto";
import { json, refusal, type Answer } from "./answer.ts";
import { readBody, type RegistryRequest } from "./request.ts";

/** What one request needs: actions on repositories. */
export type Access = ReadonlyMap<string, readonly Action[]>;
export type Action = "pull" | "push" | "delete";

export interface BasicOptions {
  readonly kind: "basic";
  readonly user: string;
  readonly password: string;
}

export interface BearerOptions {
  readonly kind: "bearer";
  readonly user: string;
  readonly password: string;
  /** Whether a user, or an anonymous client, may do this. Default: the user all, others nothing. */
  readonly grants?: (user: string | undefined, repository: string, action: Action) => boolean;
  /** Which fields of the answer hold the token; default `token` alone. */
  readonly fields?: readonly ("token" | "access_token")[];
  /** Whether POST with a form works too, as OAuth2 has it; default false, which is 404. */
  readonly posts?: boolean;
  /** What may be given as a refresh token, which is what `docker login` stores as identity token. */
  readonly identityToken?: string;
  /** Requests after which a token has expired. */
  readonly usesPerToken?: number;
  /** Seconds, as the answer says; default: it does not say. */
  readonly expiresIn?: number;
  /** Writes the challenge in another form. */
  readonly challenge?: (parameters: Challenge) => string;
}

export interface Challenge {
  readonly realm: string;
  readonly service: string;
  readonly scope: string;
}

export type AuthorizationOptions = BasicOptions | BearerOptions;

interface Token {
  readonly scopes: ReadonlyMap<string, readonly string[]>;
  usesLeft: number;
}

export interface Authorization {
  /** The refusal of a request that may not do this; undefined when it may. */
  check(request: RegistryRequest, access: Access): Answer | undefined;
  /** The token endpoint. */
  issue(request: RegistryRequest): Promise<Answer>;
  /** Ends all tokens that were given so far. */
  expireTokens(): void;
  /** Everything that must not be seen by another host: passwords in all forms, and tokens. */
  secrets(): readonly string[];
}

export const openToAll: Authorization = {
  check: () => undefined,
  issue: async () => refusal(404, "UNSUPPORTED"),
  expireTokens() {},
  secrets: () => [],
};

function basicWord(user: string, password: string): string {
  return Buffer.from(`${user}:${password}`).toString("base64");
}

export function basicAuthorization({ user, password }: BasicOptions): Authorization {
  const word = basicWord(user, password);
  return {
    ...openToAll,
    check: (request) =>
      request.headers.authorization === `Basic ${word}`
        ? undefined
        : refusal(401, "UNAUTHORIZED", "authentication required", {
            "www-authenticate": 'Basic realm="test registry"',
          }),
    secrets: () => [password, word],
  };
}

const service = "registry.test";
const allActions: readonly Action[] = ["pull", "push", "delete"];

/** @param realm gives the URL of the token endpoint, which is known once it listens. */
export function bearerAuthorization(options: BearerOptions, realm: () => string): Authorization {
  const { user, password, identityToken, fields = ["token"], usesPerToken = Infinity } = options;
  const grants = options.grants ?? ((who) => who !== undefined);
  const word = basicWord(user, password);
  const tokens = new Map<string, Token>();
  const given: string[] = [];

  const tokenOf = ({ headers }: RegistryRequest): Token | undefined => {
    const text = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
    return text === undefined ? undefined : tokens.get(text);
  };
  const challenge = (access: Access, token: Token | undefined): Answer => {
    const scope = [...access].map(([name, actions]) => `repository:${name}:${actions.join(",")}`);
    const parameters = { realm: realm(), service, scope: scope.join(" ") };
    const words = Object.entries(parameters).filter(([, value]) => value !== "");
    const written =
      options.challenge?.(parameters) ??
      `Bearer ${words.map(([name, value]) => `${name}="${value}"`).join(",")}`;
    const error = token === undefined ? "" : ',error="insufficient_scope"';
    return refusal(401, "UNAUTHORIZED", "authentication required", {
      "www-authenticate": `${written}${error}`,
    });
  };
  const give = (who: string | undefined, scopes: readonly string[]): string => {
    const granted = new Map<string, string[]>();
    for (const [name, actions] of scopes.flatMap(parseScope))
      granted.set(name, [
        ...(granted.get(name) ?? []),
        ...actions
          .flatMap((action) => (action === "*" ? allActions : [action as Action]))
          .filter((action) => grants(who, name, action)),
      ]);
    const token = randomBytes(24).toString("base64url");
    tokens.set(token, { scopes: granted, usesLeft: usesPerToken });
    given.push(token);
    return token;
  };
  const answer = (token: string, more: object = {}): Answer =>
    json(200, {
      ...Object.fromEntries(fields.map((field) => [field, token])),
      ...(options.expiresIn === undefined ? {} : { expires_in: options.expiresIn }),
      ...more,
    });

  return {
    check(request, access) {
      const token = tokenOf(request);
      if (token === undefined) return challenge(access, token);
      for (const [name, actions] of access)
        if (!actions.every((action) => token.scopes.get(name)?.includes(action)))
          return challenge(access, token);
      if (token.usesLeft === 0) return challenge(access, undefined);
      token.usesLeft--;
      return undefined;
    },
    async issue(request) {
      if (request.method === "GET") {
        const { authorization } = request.headers;
        if (request.query.get("service") !== service) return refusal(400, "UNSUPPORTED");
        const isUser = authorization === `Basic ${word}`;
        // Wrong credentials are refused, and not taken for none.
        if (authorization !== undefined && !isUser) return refusal(401, "UNAUTHORIZED");
        return answer(give(isUser ? user : undefined, request.query.getAll("scope")));
      }
      if (request.method !== "POST" || options.posts !== true) return refusal(404, "UNSUPPORTED");
      const form = new URLSearchParams((await readBody(request)).toString());
      const isForm = /^application\/x-www-form-urlencoded\b/.test(
        request.headers["content-type"] ?? "",
      );
      const isWhole = ["service", "client_id"].every((name) => (form.get(name) ?? "") !== "");
      if (!isForm || !isWhole || form.get("service") !== service)
        return json(400, { error: "invalid_request" });
      const isUser =
        form.get("grant_type") === "refresh_token"
          ? identityToken !== undefined && form.get("refresh_token") === identityToken
          : form.get("grant_type") === "password" &&
            form.get("username") === user &&
            form.get("password") === password;
      if (!isUser) return json(401, { error: "invalid_grant" });
      const scopes = form.get("scope") ?? "";
      return answer(give(user, [scopes]), { scope: scopes, expires_in: options.expiresIn ?? 60 });
    },
    expireTokens: () => tokens.clear(),
    secrets: () => [
      password,
      word,
      ...(identityToken === undefined ? [] : [identityToken]),
      ...given,
    ],
  };
}

/** `repository:NAME:ACTION,…`, several after blanks. */
function parseScope(text: string): [string, string[]][] {
  return text
    .split(" ")
    .map((scope) => /^repository:(.+):([a-z,*]*)$/.exec(scope))
    .filter((match) => match !== null)
    .map(([, name, actions]) => [name!, actions!.split(",").filter((action) => action !== "")]);
}
