/** Faults on demand: which request goes wrong, and how. */
import { refusal, type Answer, type AnswerBody } from "./answer.ts";
import type { Contents } from "./contents.ts";
import type { RegistryRequest, ServerName } from "./request.ts";

/** What a fault can do to the registry itself. */
export interface FaultyRegistry {
  readonly contents: Contents;
  expireTokens(): void;
}

/** What goes wrong with one request. */
export interface Fault {
  /** Answers in place of the server; undefined leaves it to the server after all. */
  readonly instead?: (request: RegistryRequest, registry: FaultyRegistry) => Answer | undefined;
  /** Bytes of the request's body after which the connection breaks. */
  readonly breaksRequestAfter?: number;
  /** Changes the server's answer. */
  readonly change?: (answer: Answer, request: RegistryRequest) => Answer;
}

/** Which requests go wrong: all conditions hold. */
export interface FaultRule {
  readonly server?: ServerName;
  readonly method?: string;
  readonly path?: RegExp;
  /** Only requests that carry credentials count. */
  readonly isAdmitted?: boolean;
  /** Of the requests that match, the first that goes wrong, from 1; default 1. */
  readonly nth?: number;
  /** How many go wrong from there; default 1. */
  readonly times?: number;
}

export class FaultPlan {
  readonly #rules: {
    readonly rule: FaultRule;
    readonly fault: Fault;
    seen: number;
    struck: number;
  }[] = [];

  add(rule: FaultRule, fault: Fault): void {
    this.#rules.push({ rule, fault, seen: 0, struck: 0 });
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** The rules of faults that have not struck yet. */
  idle(): FaultRule[] {
    return this.#rules.filter(({ struck }) => struck === 0).map(({ rule }) => rule);
  }

  /** The fault of this request; of several that match, the first. */
  take(request: RegistryRequest): Fault | undefined {
    let taken: Fault | undefined;
    for (const entry of this.#rules) {
      const { server = "registry", method, path, isAdmitted, nth = 1, times = 1 } = entry.rule;
      if (server !== request.server) continue;
      if (method !== undefined && method !== request.method) continue;
      if (path !== undefined && !path.test(request.path)) continue;
      if (
        isAdmitted === true &&
        server === "registry" &&
        request.headers.authorization === undefined
      )
        continue;
      entry.seen++;
      if (taken !== undefined || entry.seen < nth || entry.seen >= nth + times) continue;
      entry.struck++;
      taken = entry.fault;
    }
    return taken;
  }
}

const delivered = (delivery: Answer["delivery"]): Fault => ({
  change: (answer) => ({ ...answer, delivery: { ...answer.delivery, ...delivery } }),
});

/** Breaks the connection after so many bytes of the answer's body. */
export const breakAnswer = (bytes: number): Fault => delivered({ breaksAfter: bytes });
/** Does what was asked for, and breaks the connection in place of an answer. */
export const loseAnswer: Fault = delivered({ breaksAfter: -1 });
/** Falls silent after so many bytes of the answer's body; -1 is before the status line. */
export const stallAnswer = (bytes: number): Fault => delivered({ stallsAfter: bytes });
export const drip = (bytes: number, pauseMilliseconds: number): Fault =>
  delivered({ drips: { bytes, pauseMilliseconds } });
export const breakRequest = (bytes: number): Fault => ({ breaksRequestAfter: bytes });

export const status = (code: number, headers: Answer["headers"] = {}): Fault => ({
  instead: () => refusal(code, code === 429 ? "TOOMANYREQUESTS" : "UNKNOWN", undefined, headers),
});
export const answerWith = (answer: Answer): Fault => ({ instead: () => answer });
export const redirect = (to: (request: RegistryRequest) => string, code = 307): Fault => ({
  instead: (request) => ({ status: code, headers: { location: to(request) } }),
});

/** Does something when the request comes, and leaves the answer to the server. */
export const meanwhile = (
  work: (request: RegistryRequest, registry: FaultyRegistry) => void,
): Fault => ({
  instead(request, registry) {
    work(request, registry);
    return undefined;
  },
});

export const withoutHeader = (name: string): Fault => ({
  change: ({ headers = {}, ...answer }) => ({
    ...answer,
    headers: Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name)),
  }),
});
export const withHeaders = (more: Readonly<Record<string, string>>): Fault => ({
  change: (answer) => ({ ...answer, headers: { ...answer.headers, ...more } }),
});

const bodyChange = (change: (body: AnswerBody) => AnswerBody): Fault => ({
  change: ({ body = Buffer.alloc(0), ...answer }) => ({
    ...answer,
    body: change(
      body instanceof Uint8Array ? { size: body.byteLength, chunks: () => [body] } : body,
    ),
  }),
});

/** Flips a bit of the byte at this place; a body of the right length and the wrong digest. */
export const corrupt = (place: number): Fault =>
  bodyChange(({ chunks, ...body }) => ({
    ...body,
    async *chunks() {
      let at = 0;
      for await (const chunk of chunks()) {
        const bytes = Buffer.from(chunk);
        if (place >= at && place < at + bytes.byteLength) bytes[place - at]! ^= 1;
        at += bytes.byteLength;
        yield bytes;
      }
    },
  }));

/** Sends fewer bytes than there are, with a Content-Length that says so too. */
export const shorten = (by: number): Fault =>
  bodyChange(({ size = 0, chunks }) => ({
    size: size - by,
    async *chunks() {
      let left = size - by;
      for await (const chunk of chunks()) {
        if (left <= 0) return;
        yield chunk.subarray(0, left);
        left -= chunk.byteLength;
      }
    },
  }));

/** Sends more bytes than there are, with a Content-Length that says so too. */
export const lengthen = (by: number): Fault =>
  bodyChange(({ size = 0, chunks }) => ({
    size: size + by,
    async *chunks() {
      yield* chunks();
      yield Buffer.alloc(by);
    },
  }));

/** Announces more bytes than it sends. */
export const overstate = (by: number): Fault => ({
  change: (answer) => ({
    ...answer,
    delivery: {
      announces:
        (answer.body instanceof Uint8Array ? answer.body.byteLength : (answer.body?.size ?? 0)) +
        by,
    },
  }),
});

/** Goes on after the end, without a Content-Length, for as long as somebody reads. */
export const endless: Fault = bodyChange(({ chunks }) => ({
  async *chunks() {
    yield* chunks();
    for (;;) yield Buffer.alloc(64 * 1024);
  },
}));
