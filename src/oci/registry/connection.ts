/**
 * Connections: requests to one registry: where its API is, what proves who asks, and answers sorted
 * into those that were hoped for and errors.
 */
import { BivyError, isBivyError, type Limits } from "../../base/index.ts";
import {
  isLoopback,
  isUntrustedServer,
  type HttpClient,
  type HttpPolicy,
  type HttpRequest,
  type HttpResponse,
  type OriginTrust,
} from "../../http/index.ts";
import { defaultRegistry } from "../reference.ts";
import { Authorization, type Need } from "./authorization.ts";
import { parseComplaint } from "./complaint.ts";
import { type CredentialSource } from "./credentials.ts";
import { dockerHubHost, type HostRules } from "./host-rules.ts";
import {
  deniedError,
  isDenial,
  readComplaint,
  refusedError,
  registryAdvice,
} from "./registry-error.ts";

/** What all connections of a process share. */
export interface ConnectionOptions {
  readonly client: HttpClient;
  readonly policy: HttpPolicy;
  readonly credentials: CredentialSource;
  readonly rules: HostRules;
  readonly limits: Limits;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export interface RegistryRequest extends Pick<
  HttpRequest,
  "method" | "headers" | "body" | "idempotent" | "tries" | "stallMilliseconds"
> {
  /** A path below `/v2/`, or a URL that the registry gave. */
  readonly target: string | URL;
  /** What messages call it. */
  readonly subject: string;
  readonly need: Need;
  /** The statuses that are returned. All others are thrown, 408, 429 and 5xx after some tries. */
  readonly expects: readonly number[];
  /** An abort of the work does not end it: it cleans up. */
  readonly survives?: boolean;
}

type Refused = Pick<RegistryRequest, "subject" | "need">;

/** Answers that the server has thought about, rather than failed to give: they are looked at here. */
const answered: readonly number[] = [
  ...range(200, 300),
  ...range(400, 500).filter((status) => status !== 408 && status !== 429),
];
const anyStatus = range(200, 600);

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}

export class Connection {
  /** As in a reference. */
  readonly registry: string;
  readonly policy: HttpPolicy;
  readonly limits: Limits;
  readonly signal: AbortSignal | undefined;
  readonly #options: ConnectionOptions;
  readonly #authorization: Authorization;
  #base: Promise<URL> | undefined;

  constructor(registry: string, options: ConnectionOptions) {
    this.registry = registry;
    this.policy = options.policy;
    this.limits = options.limits;
    this.signal = options.signal;
    this.#options = options;
    const { credentials, rules, now } = options;
    this.#authorization = new Authorization({
      registry,
      credentials,
      rules,
      now,
      ask: (request) => this.#request({ ...request, accept: answered, direct: true }),
    });
  }

  /** Sends a request with what it takes to be let in. */
  async send(request: RegistryRequest): Promise<HttpResponse> {
    const { need, expects } = request;
    let response: HttpResponse;
    try {
      response = await this.#exchange(request);
      if (expects.includes(response.status)) return response;
    } catch (error) {
      throw await this.#advise(error, need);
    }
    throw await this.refusal(response, request);
  }

  /**
   * Where the registry sends a client on, as for the next step of an upload. A registry behind a proxy
   * often does not know that it is asked over https: its own address is not taken as a step down.
   */
  async resolve(
    location: string | undefined,
    response: HttpResponse,
    subject: string,
  ): Promise<URL> {
    const base = await this.#endpoint();
    const url =
      location !== undefined && URL.canParse(location, response.url)
        ? new URL(location, response.url)
        : undefined;
    if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:"))
      throw new BivyError("http-invalid", `${subject}: expected a Location from the registry`, {
        hint: "The registry is not set up well, or is no registry.",
      });
    url.username = "";
    url.password = "";
    url.hash = "";
    if (base.protocol !== "https:" || url.protocol !== "http:") return url;
    if (url.hostname !== base.hostname)
      throw new BivyError("http-redirects", `${subject}: sent on from https to ${url.origin}`, {
        hint: "A step down from https is refused: the registry is not set up well.",
      });
    url.protocol = "https:";
    return url;
  }

  /** The error that an answer is which was not hoped for. */
  async refusal(response: HttpResponse, request: Refused): Promise<BivyError> {
    return (await this.#advise(await this.#refusal(response, request), request.need)) as BivyError;
  }

  async #advise(thrown: unknown, need: Need): Promise<unknown> {
    const isAnonymous =
      isBivyError(thrown, "http-throttled") &&
      (await orUndefined(this.#authorization.credential(need))) === undefined;
    return registryAdvice(thrown, this.registry, isAnonymous);
  }

  async #refusal(response: HttpResponse, { subject, need }: Refused): Promise<BivyError> {
    const { status, url } = response;
    const complaint = await readComplaint(response, (text) => this.#authorization.conceal(text));
    const { host } = new URL(url);
    if (host !== (await this.#endpoint()).host)
      return refusedError(subject, host, status, complaint);
    if (!isDenial(status, complaint))
      return refusedError(subject, "the registry", status, complaint);
    const credential = await this.#authorization.credential(need);
    return deniedError(subject, this.registry, credential, complaint);
  }

  async #exchange(request: RegistryRequest): Promise<HttpResponse> {
    const base = await this.#endpoint();
    const { target, need } = request;
    const url = typeof target === "string" ? new URL(`/v2/${target}`, base) : target;
    // What another server is sent to do must get by without the user's credentials.
    const isOwn = url.origin === base.origin;
    let header = isOwn ? await this.#authorization.header(need) : undefined;
    const offered = new Set<string>();
    for (;;) {
      const whole = this.#withHeader(request, url, base, header);
      const response = await this.#request(whole, request.survives);
      if (response.status !== 401 || !isOwn) return response;
      // Somebody else may stand behind a redirect or a mirror: what they want is not theirs to have.
      if (new URL(response.url).origin !== base.origin) return response;
      if (offered.size >= mostOffers) return response;
      header = await this.#authorization.renew(need, header, response, base.host);
      if (header === undefined || offered.has(header)) return response;
      offered.add(header);
    }
  }

  #withHeader(
    request: RegistryRequest,
    url: URL,
    base: URL,
    authorization: string | undefined,
  ): HttpRequest {
    const { method = "GET", headers, body, idempotent, tries, stallMilliseconds } = request;
    const { expects, subject } = request;
    return {
      url: url.href,
      method,
      subject,
      accept: [...answered, ...expects.filter((status) => !answered.includes(status))],
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      // A mirror is for reading.
      direct: method !== "GET" && method !== "HEAD",
      secure: base.protocol === "https:",
      ...(body === undefined ? {} : { body }),
      ...(idempotent === undefined ? {} : { idempotent }),
      ...(tries === undefined ? {} : { tries }),
      ...(stallMilliseconds === undefined ? {} : { stallMilliseconds }),
    };
  }

  #request(request: HttpRequest, survives = false): Promise<HttpResponse> {
    const { client, rules, signal } = this.#options;
    return client.request({
      progress: false,
      trust: rules.trust,
      explain: (body) => {
        const { text } = parseComplaint(body);
        return text === undefined ? undefined : this.#authorization.conceal(text);
      },
      ...(signal === undefined || survives ? {} : { signal }),
      ...request,
    });
  }

  #endpoint(): Promise<URL> {
    this.#base ??= this.#findEndpoint().catch((error: unknown) => {
      this.#base = undefined;
      throw error;
    });
    return this.#base;
  }

  /**
   * Where plain http will do, what the registry speaks is found out by trying: https first, but on this
   * machine, where nobody is in between, plain http, which most registries there speak.
   */
  async #findEndpoint(): Promise<URL> {
    const { registry } = this;
    const { rules } = this.#options;
    const host = registry === defaultRegistry ? dockerHubHost : registry;
    const secure = new URL(`https://${host}/`);
    if (!rules.allowsPlain(secure.host)) return secure;
    const plain = new URL(`http://${host}/`);
    const trust: OriginTrust = { ...(await rules.trust(secure.host)), unverified: true };
    const [first, second] = isLoopback(secure.hostname) ? [plain, secure] : [secure, plain];
    const answer = await this.#askProtocol(first, trust, 1).catch((error: unknown) => {
      if (isOtherProtocol(error)) return "none";
      throw registryAdvice(error, registry, true);
    });
    if (answer === "spoken") return first;
    try {
      await this.#askProtocol(second, trust, this.policy.tries);
      return second;
    } catch (error) {
      if (answer === "doubtful" && isOtherProtocol(error)) return first;
      throw registryAdvice(error, registry, true);
    }
  }

  async #askProtocol(base: URL, trust: OriginTrust, tries: number): Promise<"spoken" | "doubtful"> {
    const response = await this.#request({
      url: new URL("/v2/", base).href,
      subject: this.registry,
      accept: anyStatus,
      direct: true,
      tries,
      // It tells the protocol, no more: whatever matters is asked again, and proven.
      trust: () => trust,
    });
    await finish(response);
    // What a server for https answers to plain http: that it is one, or where it is.
    const isElsewhere =
      response.status === 400 || (response.status >= 300 && response.status < 400);
    return base.protocol === "http:" && isElsewhere ? "doubtful" : "spoken";
  }
}

function isOtherProtocol(error: unknown): boolean {
  const codes = ["http-unreachable", "http-stalled", "http-invalid", "http-truncated"] as const;
  return isBivyError(error, ...codes) && !isUntrustedServer(error);
}

/**
 * Headers that are tried for one request: a new token, one for more scopes, and some more, since other
 * requests may use up what a token is good for.
 */
const mostOffers = 4;

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch {
    return undefined;
  }
}

const smallBody = 64 * 1024;

/** Reads an answer that does not matter to its end, so that its connection can be used again. */
async function finish({ body }: HttpResponse): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > smallBody) break;
    }
  } catch {
    // It came, and that is enough.
  }
}
