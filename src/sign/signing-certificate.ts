/**
 * Signing with a short-lived certificate instead of a key pair: an identity token is exchanged for a
 * certificate (Fulcio), and the signature is recorded in a transparency log (Rekor), by the library
 * of sigstore.
 */
import { BivyError, encodeText, messageOf } from "../base/index.ts";
import { isLoopback, parseHttpUrl, showUrl } from "../http/index.ts";
import { inTotoPayloadType } from "./dsse.ts";

export interface SigningCertificateOptions {
  /** An OpenID Connect token; without one the token of the CI service that this runs in is asked for. */
  readonly token?: string;
  /** The authority; default: sigstore's public one. */
  readonly fulcioUrl?: string;
  /** The transparency log; default: sigstore's public one. */
  readonly rekorUrl?: string;
  readonly offline: boolean;
}

const timeoutMilliseconds = 30_000;
const retries = 2;

/** Signs an in-toto statement; gives the bundle. */
export async function signWithCertificate(
  statement: Uint8Array,
  options: SigningCertificateOptions,
): Promise<Uint8Array> {
  const { token, fulcioUrl, rekorUrl, offline } = options;
  if (offline)
    throw new BivyError(
      "offline",
      "signing with a certificate: it is asked for, and bivy is offline",
      {
        hint: "Sign with a key pair: --key FILE.",
      },
    );
  for (const url of [fulcioUrl, rekorUrl]) if (url !== undefined) checkUrl(url);
  const [{ bundleToJSON }, library] = await Promise.all([
    import("@sigstore/bundle"),
    import("@sigstore/sign"),
  ]);
  const client = { retry: retries, timeout: timeoutMilliseconds };
  const provider = new library.CIContextProvider("sigstore");
  const builder = new library.DSSEBundleBuilder({
    signer: new library.FulcioSigner({
      ...client,
      ...(fulcioUrl === undefined ? {} : { fulcioBaseURL: withoutSlash(fulcioUrl) }),
      identityProvider: { getToken: async () => token ?? (await provider.getToken()) },
    }),
    witnesses: [
      new library.RekorWitness({
        ...client,
        ...(rekorUrl === undefined ? {} : { rekorBaseURL: withoutSlash(rekorUrl) }),
        entryType: "dsse",
      }),
    ],
  });
  try {
    const bundle = await builder.create({ data: Buffer.from(statement), type: inTotoPayloadType });
    return encodeText(JSON.stringify(bundleToJSON(bundle)));
  } catch (error) {
    throw signingError(error);
  }
}

/** The token would be anybody's who listens. */
function checkUrl(url: string): void {
  const parsed = parseHttpUrl(url);
  if (parsed.protocol === "https:" || isLoopback(parsed.hostname)) return;
  throw new BivyError("url-invalid", `${showUrl(parsed)}: expected an https URL, found http`, {
    hint: "The identity token is sent there, and over http anybody could take it.",
  });
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}

/** The errors of the library have a code of their own. */
function signingError(error: unknown): BivyError {
  const subject = "signing with a certificate";
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "IDENTITY_TOKEN_READ_ERROR":
      return new BivyError("usage", `${subject}: expected an identity token, found none`, {
        hint: "Set SIGSTORE_ID_TOKEN, or let the CI service give one (GitHub: permissions: id-token: write).",
      });
    case "IDENTITY_TOKEN_PARSE_ERROR":
      // Neither the message nor the cause: the library quotes the token, and who has it can sign.
      return new BivyError("usage", `${subject}: the identity token cannot be read`, {
        hint: "It is a JSON Web Token with a subject or a verified address, for the audience sigstore.",
      });
    default:
      return new BivyError("http-unreachable", `${subject}: ${messageOf(error)}`, {
        cause: error,
        hint: "Check the network and the identity token, which is valid for a few minutes only.",
      });
  }
}
