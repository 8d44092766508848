/** Credentials: what a user proves to a registry who they are with, and where they came from. */

export type Credential =
  | {
      readonly kind: "basic";
      readonly user: string;
      readonly password: string;
      readonly source: string;
    }
  /** An OAuth2 refresh token, which `docker login` calls an identity token. */
  | { readonly kind: "identity-token"; readonly token: string; readonly source: string }
  /** A bearer token that is sent as it is. */
  | { readonly kind: "registry-token"; readonly token: string; readonly source: string };

/** What docker and its helpers write in place of a user's name when the secret is an identity token. */
const tokenUser = "<token>";

/** The credential of a user and a secret, as docker and its helpers keep them. */
export function credentialOf(user: string, secret: string, source: string): Credential {
  return user === tokenUser
    ? { kind: "identity-token", token: secret, source }
    : { kind: "basic", user, password: secret, source };
}

/** Who it is, for messages; never the secret. */
export function describeCredential(credential: Credential): string {
  return credential.kind === "basic"
    ? `the credentials of ${JSON.stringify(credential.user)}`
    : "the token";
}

/** The value of a Basic `Authorization` header (RFC 7617). */
export function basicWord(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}
