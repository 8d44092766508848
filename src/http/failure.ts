/** Failures of one exchange with a server: what went wrong, whether to try again, what to advise. */
import { BivyError, isBivyError, messageOf, type ErrorCode } from "../base/index.ts";
import { parseRetryAfter } from "./retry.ts";

export interface Failure {
  readonly kind: "failure";
  readonly code: ErrorCode;
  /** What happened, without the URL and without credentials. */
  readonly reason: string;
  /** What the server says about it. */
  readonly explanation?: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  /** Milliseconds that the server asked to wait. */
  readonly retryAfter?: number;
  /** The request did not reach the server, so that even a POST can be sent again. */
  readonly unsent?: boolean;
  readonly cause?: unknown;
}

export type FailureDetails = Partial<Omit<Failure, "kind" | "code" | "reason">>;

export function failure(code: ErrorCode, reason: string, details: FailureDetails = {}): Failure {
  return { kind: "failure", code, reason, hint: undefined, retryable: false, ...details };
}

const retriedStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** The failure that an unwelcome status is. */
export function statusFailure(
  status: number,
  statusText: string,
  headers: ReadonlyMap<string, string>,
): Failure {
  const { code, hint } = statusMeaning(status);
  const retryAfter = parseRetryAfter(headers.get("retry-after"), headers.get("date"));
  return failure(code, `HTTP ${status}${statusText === "" ? "" : ` ${statusText}`}`, {
    hint,
    retryable: retriedStatuses.has(status),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

function statusMeaning(status: number): { code: ErrorCode; hint: string } {
  if (status === 404 || status === 410)
    return {
      code: "http-not-found",
      hint: "Check the URL. Mirrors drop old revisions of packages: refresh the index, or use a vendored copy.",
    };
  if (status === 429)
    return {
      code: "http-throttled",
      hint: "The server limits how often it is asked: wait, log in, or use a mirror.",
    };
  if (status === 401 || status === 403)
    return {
      code: "http-status",
      hint: "The server wants credentials, or refuses those that it was given.",
    };
  if (status === 407)
    return {
      code: "http-status",
      hint: "The proxy wants credentials: put them into its URL, as in http://user:password@proxy:3128.",
    };
  if (status >= 500)
    return {
      code: "http-status",
      hint: "The server fails at the moment: try again later, or use a mirror.",
    };
  return { code: "http-status", hint: "The server does not accept the request." };
}

const networkHint =
  "Check the network. Behind a proxy, set https_proxy and http_proxy; --offline works from the cache.";
const certificateHint =
  "If a proxy or a private server presents its own certificates, install its authority in the system, or name its file in SSL_CERT_FILE.";

const networkErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection broke",
  ECONNABORTED: "the connection broke",
  EPIPE: "the connection broke",
  ETIMEDOUT: "the connection timed out",
  ENOTFOUND: "host name not found",
  EAI_AGAIN: "the host name could not be resolved at the moment",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  EADDRNOTAVAIL: "no local address is available",
  EPROTO: "the TLS handshake failed",
};

/** Failures of a connection after which the request has certainly not been acted on. */
const unsentErrors: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
]);

const certificateErrors =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|INVALID_CA)/;

/** The failure that an error of a socket, of TLS or of the HTTP parser is. */
export function connectionFailure(error: unknown): Failure {
  if (isBivyError(error))
    return failure(error.code, error.message, {
      hint: error.hint,
      retryable: error.code === "http-unreachable" || error.code === "http-stalled",
      unsent: error.code === "http-unreachable",
      cause: error.cause,
    });
  const errno = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  if (isCertificateError(errno))
    return failure(
      "http-unreachable",
      `the server's certificate is not trusted: ${messageOf(error)}`,
      {
        hint: certificateHint,
        unsent: true,
        cause: error,
      },
    );
  if (errno.startsWith("HPE_"))
    return failure("http-invalid", `the answer is not valid HTTP (${errno})`, {
      hint: "Check that the port speaks this protocol, and that no proxy is in between.",
      retryable: true,
      cause: error,
    });
  const reason = networkErrors[errno] ?? (messageOf(error) || errno || "the connection failed");
  return failure("http-unreachable", reason, {
    hint: networkHint,
    retryable: !errno.startsWith("ERR_"),
    unsent: unsentErrors.has(errno),
    cause: error,
  });
}

export function isCertificateError(errno: string): boolean {
  return certificateErrors.test(errno);
}

/** Whether a request failed because the server could not prove who it is. */
export function isUntrustedServer(error: unknown): boolean {
  const cause = isBivyError(error, "http-unreachable") ? error.cause : undefined;
  return isCertificateError((cause as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** What became of one place that a URL was asked from. */
export interface Attempted {
  /** As shown. */
  readonly url: string;
  readonly tries: number;
  readonly failure: Failure;
}

/**
 * The error for a request that failed everywhere. A place that could not be asked may well have the
 * file: "not found" is the verdict only when all say so.
 */
export function requestError(subject: string, attempted: readonly Attempted[]): BivyError {
  const root =
    attempted.find(({ failure: { code } }) => code !== "http-not-found") ?? attempted[0]!;
  const { code, reason, explanation, hint, cause } = root.failure;
  const said = explanation === undefined ? "" : `: ${explanation}`;
  const [only] = attempted;
  const tried =
    attempted.length === 1 && only!.url === subject
      ? triesText(only!.tries)
      : `; tried ${attempted.map(({ url, tries, failure: { reason: why } }) => `${url} (${why}${tries > 1 ? `, ${tries} tries` : ""})`).join(", ")}`;
  return new BivyError(code, `${subject}: ${reason}${said}${tried}`, {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}

function triesText(tries: number): string {
  return tries > 1 ? ` (${tries} tries)` : "";
}

export function abortedError(subject: string): BivyError {
  return new BivyError("aborted", `${subject}: aborted`);
}
