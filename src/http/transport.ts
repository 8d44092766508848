/**
 * Transport: one HTTP/1.1 exchange with one server, directly or through a proxy, over pooled
 * connections. Loaded with the first request, so that commands without network start faster.
 */
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import type { NetConnectOpts } from "node:net";
import * as tls from "node:tls";
import { messageOf, type Chunks } from "../base/index.ts";
import { pemCertificates, readCertificates, systemCertificates } from "./certificates.ts";
import { connectionFailure, failure, isCertificateError, type Failure } from "./failure.ts";
import { http, https } from "./node-http.ts";
import { chooseProxies, hostOf, portOf, type Proxy, type ProxyChooser } from "./proxy.ts";
import type { OriginTrust } from "./trust.ts";
import { openTunnel } from "./tunnel.ts";
import { connectWide } from "./wide-socket.ts";

export interface Exchange {
  readonly method: string;
  /** Without credentials. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | (() => Chunks) | undefined;
  /** How the server proves who it is, where that differs. */
  readonly trust: OriginTrust | undefined;
  readonly signal: AbortSignal | undefined;
  readonly stallMilliseconds: number;
  /** Whether the exchange may be repeated when a pooled connection turns out to be closed. */
  readonly idempotent: boolean;
  onSent(bytes: number, done: boolean): void;
}

export interface Reply {
  readonly kind: "reply";
  readonly status: number;
  readonly statusText: string;
  /** By lower-case name; repeated headers are joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  readonly stream: IncomingMessage;
}

export interface TransportOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly connectMilliseconds: number;
  /** PEM text of further certificate authorities. */
  readonly extraCertificates: string | undefined;
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #chooseProxy: ProxyChooser;
  readonly #agents = new Map<OriginTrust | undefined, Map<string, Agent>>();
  #authorities: string[] | undefined;
  #triedSystemCertificates = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#chooseProxy = chooseProxies(options.environment);
    const extra = readCertificates(options.extraCertificates, options.environment);
    if (extra.length > 0) this.#authorities = [...tls.rootCertificates, ...extra];
  }

  /** Answers with a failure rather than throwing, except for what the body's source throws. */
  async send(exchange: Exchange): Promise<Reply | Failure> {
    const trusted = this.#authorities;
    const answer = await this.#sendOnce(exchange, exchange.idempotent);
    if (answer.kind === "reply" || !isUntrusted(answer)) return answer;
    // Another request may have widened the trust meanwhile.
    if (this.#authorities === trusted && !this.#trustSystem()) return answer;
    return this.#sendOnce(exchange, exchange.idempotent);
  }

  close(): void {
    for (const agents of this.#agents.values())
      for (const agent of agents.values()) agent.destroy();
    this.#agents.clear();
  }

  /**
   * Node trusts its own list of authorities. Reading the system's costs some milliseconds, so it is
   * added only once a certificate has been refused. False when that has been done before.
   */
  #trustSystem(): boolean {
    if (this.#triedSystemCertificates) return false;
    this.#triedSystemCertificates = true;
    const system = systemCertificates();
    if (system.length === 0) return false;
    this.#authorities = [...(this.#authorities ?? tls.rootCertificates), ...system];
    // Transfers that are under way go on over the agents that they have.
    this.#agents.clear();
    return true;
  }

  #agent({ url, idempotent, trust }: Exchange, proxy: Proxy | undefined): Agent {
    const secure = url.protocol === "https:";
    // A server may close an idle connection just as it is used again. What must not be sent twice
    // goes over a connection of its own, so that such a break never raises the question.
    const reuse = idempotent;
    const name = `${secure ? "https" : "http"} ${reuse ? "kept" : "single"} ${proxy?.url.href ?? ""}`;
    const agents = this.#agents.get(trust) ?? new Map<string, Agent>();
    this.#agents.set(trust, agents);
    let agent = agents.get(name);
    if (agent === undefined) {
      agent = this.#createAgent(secure, proxy, reuse, trust);
      agents.set(name, agent);
    }
    return agent;
  }

  #createAgent(
    secure: boolean,
    proxy: Proxy | undefined,
    reuse: boolean,
    trust: OriginTrust | undefined,
  ): Agent {
    const proven = this.#authorities === undefined ? {} : { ca: this.#authorities };
    // Trust in a server is no trust in the proxy on the way to it.
    const isProxyItself = proxy !== undefined && !secure;
    const settings = {
      keepAlive: reuse,
      ...(isProxyItself ? proven : { ...proven, ...this.#serverSettings(trust) }),
    };
    // A plain request through a proxy is a request to the proxy itself.
    const secureHop = proxy !== undefined && !secure ? proxy.url.protocol === "https:" : secure;
    if (!secureHop) {
      const plain = new http.Agent(settings);
      plain.createConnection = (options) => connectWide(options as NetConnectOpts);
      return plain;
    }
    const agent = new https.Agent(settings);
    if (proxy === undefined || !secure) return agent;
    const { connectMilliseconds } = this.#options;
    agent.createConnection = (options, callback) => {
      const target = options as tls.ConnectionOptions & { host: string; port: number };
      openTunnel(proxy, target.host, Number(target.port), connectMilliseconds, proven.ca).then(
        (socket) => callback?.(null, tls.connect({ ...target, socket })),
        (error: Error) => callback?.(error, undefined as never),
      );
      return undefined;
    };
    return agent;
  }

  #serverSettings(trust: OriginTrust | undefined): tls.ConnectionOptions {
    if (trust === undefined) return {};
    const { authorities, unverified, identity } = trust;
    const own = pemCertificates(authorities ?? "");
    return {
      ...(own.length === 0 ? {} : { ca: [...(this.#authorities ?? tls.rootCertificates), ...own] }),
      // Without an authority to read, which takes some time.
      ...(unverified === true ? { rejectUnauthorized: false, ca: [] } : {}),
      ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
    };
  }

  async #sendOnce(exchange: Exchange, mayRepeat: boolean): Promise<Reply | Failure> {
    const secure = exchange.url.protocol === "https:";
    const proxy = this.#chooseProxy(exchange.url);
    const agent = this.#agent(exchange, proxy);
    const options: RequestOptions = {
      method: exchange.method,
      agent,
      ...(proxy !== undefined && !secure ? proxiedTarget(exchange, proxy) : directTarget(exchange)),
    };
    let request: ClientRequest;
    try {
      request = agent instanceof https.Agent ? https.request(options) : http.request(options);
    } catch (error) {
      // A header or a path with characters that HTTP does not allow.
      return failure("http-invalid", messageOf(error), { cause: error });
    }
    const answer = await this.#converse(request, exchange);
    if (answer.kind === "reply") return answer;
    if (mayRepeat && request.reusedSocket && isBroken(answer))
      return this.#sendOnce(exchange, mayRepeat);
    return proxy === undefined ? answer : throughProxy(answer, proxy);
  }

  #converse(request: ClientRequest, exchange: Exchange): Promise<Reply | Failure> {
    const { connectMilliseconds } = this.#options;
    const { signal, stallMilliseconds } = exchange;
    return new Promise((resolve, reject) => {
      const connecting = setTimeout(
        () =>
          fail(
            failure("http-unreachable", `no connection within ${seconds(connectMilliseconds)}`, {
              hint: "Check the network, and whether a proxy is needed.",
              retryable: true,
              unsent: true,
            }),
          ),
        connectMilliseconds,
      );
      let stalled: NodeJS.Timeout | undefined;
      const upload: UploadState = { waitsForSource: false };
      const settle = (): void => {
        clearTimeout(connecting);
        clearTimeout(stalled);
        signal?.removeEventListener("abort", abort);
      };
      const fail = (found: Failure): void => {
        settle();
        resolve(found);
        request.destroy();
      };
      const abort = (): void => fail(failure("aborted", "aborted"));
      const connected = (): void => {
        clearTimeout(connecting);
        stalled ??= setTimeout(() => {
          if (upload.waitsForSource) return void stalled?.refresh();
          fail(
            failure("http-stalled", `no byte came for ${seconds(stallMilliseconds)}`, {
              hint: "The server or the network hangs: try again, or use a mirror.",
              retryable: true,
            }),
          );
        }, stallMilliseconds);
      };

      request.on("socket", (socket) => {
        const ready = socket instanceof tls.TLSSocket ? "secureConnect" : "connect";
        if (request.reusedSocket || (!socket.connecting && ready === "connect")) connected();
        else socket.once(ready, connected);
      });
      request.on("response", (stream) => {
        settle();
        // Without a listener, a break before the body is read would end the process.
        stream.on("error", () => {});
        resolve({
          kind: "reply",
          status: stream.statusCode ?? 0,
          statusText: http.STATUS_CODES[stream.statusCode ?? 0] ?? "",
          headers: headerMap(stream),
          stream,
        });
      });
      request.on("error", (error) => fail(connectionFailure(error)));
      signal?.addEventListener("abort", abort, { once: true });
      if (signal?.aborted === true) return abort();

      sendBody(request, exchange, upload, () => stalled?.refresh()).catch((error: unknown) => {
        settle();
        request.destroy();
        reject(error as Error);
      });
    });
  }
}

interface UploadState {
  /** The server is not to blame for a silence while the next bytes to send are still to come. */
  waitsForSource: boolean;
}

/** Writes the body; `onProgress` is called whenever the connection has taken some of it. */
async function sendBody(
  request: ClientRequest,
  exchange: Exchange,
  upload: UploadState,
  onProgress: () => void,
): Promise<void> {
  const { body } = exchange;
  if (body === undefined) return void request.end();
  let answered = false;
  request.once("response", (response: IncomingMessage) => {
    answered = true;
    // An answer that comes before the end of the body, such as a refusal, leaves a connection that
    // cannot be used again.
    response.once("close", () => {
      if (!request.writableEnded) request.destroy();
    });
  });
  let sent = 0;
  upload.waitsForSource = true;
  for await (const chunk of body instanceof Uint8Array ? slices(body) : body()) {
    upload.waitsForSource = false;
    if (answered || request.destroyed) return;
    if (!request.write(chunk)) await drained(request);
    sent += chunk.byteLength;
    onProgress();
    exchange.onSent(sent, false);
    upload.waitsForSource = true;
  }
  upload.waitsForSource = false;
  if (answered || request.destroyed) return;
  request.end();
  exchange.onSent(sent, true);
}

function* slices(bytes: Uint8Array): Iterable<Uint8Array> {
  const size = 256 * 1024;
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

const endsOfWaiting = ["drain", "close", "error", "response"];

/** Resolves when more can be written, or when there is no more point in writing. */
function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of endsOfWaiting) request.off(event, done);
      resolve();
    };
    for (const event of endsOfWaiting) request.on(event, done);
  });
}

function directTarget(exchange: Exchange): RequestOptions {
  const { url } = exchange;
  const host = hostOf(url);
  return {
    host,
    port: portOf(url),
    path: `${url.pathname}${url.search}`,
    headers: { ...exchange.headers, host: url.host },
  };
}

function proxiedTarget(exchange: Exchange, proxy: Proxy): RequestOptions {
  return {
    host: hostOf(proxy.url),
    port: portOf(proxy.url),
    path: exchange.url.href,
    headers: {
      ...exchange.headers,
      host: exchange.url.host,
      ...(proxy.authorization === undefined ? {} : { "proxy-authorization": proxy.authorization }),
    },
  };
}

function headerMap(stream: IncomingMessage): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  const raw = stream.rawHeaders;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? raw[index + 1]! : `${before}, ${raw[index + 1]!}`);
  }
  return headers;
}

function isUntrusted(answer: Failure): boolean {
  return isCertificateError((answer.cause as NodeJS.ErrnoException | undefined)?.code ?? "");
}

function isBroken(answer: Failure): boolean {
  const errno = (answer.cause as NodeJS.ErrnoException | undefined)?.code;
  return errno === "ECONNRESET" || errno === "EPIPE";
}

function throughProxy(answer: Failure, proxy: Proxy): Failure {
  const via = `the proxy ${proxy.url.origin}`;
  if (answer.code === "aborted" || answer.reason.includes(via)) return answer;
  return { ...answer, reason: `${answer.reason} (through ${via})` };
}

export function seconds(milliseconds: number): string {
  return milliseconds >= 1000 ? `${Math.round(milliseconds / 1000)} s` : `${milliseconds} ms`;
}
