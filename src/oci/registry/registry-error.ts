/** Refusals of registries as errors: what was refused, what the registry says, what can be done. */
import { BivyError, collectBytes, isBivyError } from "../../base/index.ts";
import { isUntrustedServer, type HttpResponse } from "../../http/index.ts";
import { defaultRegistry } from "../reference.ts";
import { parseComplaint, type Complaint } from "./complaint.ts";
import { describeCredential, type Credential } from "./credential.ts";

/** Bytes of a refusal that are read at most; more say nothing. */
const longestRefusal = 1024 * 1024;

/** What the body of a refusal says. */
export async function readComplaint(
  response: HttpResponse,
  conceal: (text: string) => string,
): Promise<Complaint> {
  let body: Uint8Array;
  try {
    body = await collectBytes(response.body, longestRefusal, () => new Error("too long"));
  } catch {
    return { codes: [], text: undefined };
  }
  const { codes, text } = parseComplaint(body);
  return { codes, text: text === undefined ? undefined : conceal(text) };
}

export function isDenial(status: number, { codes }: Complaint): boolean {
  return (
    status === 401 || status === 403 || codes.includes("UNAUTHORIZED") || codes.includes("DENIED")
  );
}

/** The registry wants to know who asks, or does not let this user. */
export function deniedError(
  subject: string,
  registry: string,
  credential: Credential | undefined,
  { text }: Complaint,
): BivyError {
  const said = text === undefined ? "" : `: ${text}`;
  if (credential !== undefined)
    return new BivyError(
      "registry-denied",
      `${subject}: ${registry} refuses ${describeCredential(credential)}${said}`,
      {
        hint: `They come from ${credential.source}: correct them there, or ask for the right to this repository.`,
      },
    );
  const host = registry === defaultRegistry ? "" : ` ${registry}`;
  return new BivyError(
    "registry-denied",
    `${subject}: ${registry} wants credentials, and none were found for it${said}`,
    {
      hint: `Check the name, since a repository that does not exist may look so; or log in with docker login${host} or podman login ${registry}, or name a file of credentials with --authfile.`,
    },
  );
}

const missingCodes: ReadonlySet<string> = new Set(["NAME_UNKNOWN", "MANIFEST_UNKNOWN"]);

/** Any other answer that is not one of those that were hoped for. */
export function refusedError(
  subject: string,
  server: string,
  status: number,
  { codes, text }: Complaint,
): BivyError {
  const said = text === undefined ? "" : `: ${text}`;
  const reason = `${subject}: ${server} answers HTTP ${status}${said}`;
  if (codes.some((code) => missingCodes.has(code)))
    return new BivyError("image-not-found", reason, { hint: "Check the name and the tag." });
  if (codes.includes("BLOB_UPLOAD_UNKNOWN"))
    return new BivyError("registry-refused", reason, {
      hint: "The registry forgets uploads that are under way: try again, or ask its operator.",
    });
  if (status === 404)
    return new BivyError("http-not-found", reason, {
      hint: "Check the name, and that the host is a registry.",
    });
  if (status === 429) return new BivyError("http-throttled", reason);
  if (status === 408 || status >= 500)
    return new BivyError("http-status", reason, {
      hint: "The registry fails at the moment: try again later.",
    });
  if (status === 405 || codes.includes("UNSUPPORTED"))
    return new BivyError("registry-refused", reason, {
      hint: "This registry does not allow it, or is not set up for it.",
    });
  if (status === 413)
    return new BivyError("registry-refused", reason, {
      hint: "The registry, or a proxy before it, takes no such large requests: ask its operator.",
    });
  return new BivyError("registry-refused", reason);
}

/** An error of the HTTP client, with advice that fits a registry. */
export function registryAdvice(error: unknown, registry: string, isAnonymous: boolean): unknown {
  const hint = adviceFor(error, registry, isAnonymous);
  if (hint === undefined || !isBivyError(error)) return error;
  const { code, message, cause } = error;
  return new BivyError(code, message, { hint, ...(cause === undefined ? {} : { cause }) });
}

function adviceFor(error: unknown, registry: string, isAnonymous: boolean): string | undefined {
  if (isUntrustedServer(error))
    return `Name its authority with --ca FILE, put it into /etc/docker/certs.d/${registry}/ca.crt, or, where nobody can be in between, write --insecure ${registry}.`;
  if (isBivyError(error, "http-throttled"))
    return isAnonymous
      ? `The registry limits how often it is asked, and those who are not logged in first: log in with docker login${registry === defaultRegistry ? "" : ` ${registry}`}, wait, or use a mirror.`
      : "The registry limits how often it is asked: wait, or use a mirror.";
  if (isBivyError(error, "http-unreachable") && isTlsFailure(error.cause))
    return `If the registry speaks plain http, and nobody can be in between, allow it with --insecure ${registry}.`;
  return undefined;
}

function isTlsFailure(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  return code === "EPROTO" || code.startsWith("ERR_SSL_");
}
