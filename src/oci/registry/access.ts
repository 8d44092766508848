/** Access: requests to one repository of a registry. */
import { collectBytes, isBivyError, limitExceeded, type BivyError } from "../../base/index.ts";
import { backoffMilliseconds, parseRetryAfter, type HttpResponse } from "../../http/index.ts";
import { type RepositoryName } from "../blobs.ts";
import { formatReference } from "../reference.ts";
import { type Need } from "./authorization.ts";
import { type Connection, type RegistryRequest } from "./connection.ts";
import { repositoryScope, type Actions } from "./scope.ts";

export interface AccessRequest extends Omit<RegistryRequest, "target" | "need"> {
  /** Below the repository, such as `tags/list`, or a URL that the registry gave. */
  readonly path: string | URL;
  readonly actions: Actions;
  /** Another repository that is read as well. */
  readonly pullsFrom?: string | undefined;
}

export interface Document {
  readonly response: HttpResponse;
  readonly bytes: Uint8Array;
}

export class Access {
  readonly connection: Connection;
  readonly name: RepositoryName;
  /** The whole name, for messages. */
  readonly subject: string;
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(connection: Connection, name: RepositoryName) {
    this.connection = connection;
    this.name = name;
    this.subject = formatReference(name);
  }

  send(request: AccessRequest): Promise<HttpResponse> {
    const { path } = request;
    const target = typeof path === "string" ? `${this.name.repository}/${path}` : path;
    return this.connection.send({ ...request, target, need: this.#need(request) });
  }

  refusal(response: HttpResponse, request: AccessRequest): Promise<BivyError> {
    return this.connection.refusal(response, { ...request, need: this.#need(request) });
  }

  /** Reads a whole answer, of at most the limit `document-size`; one that breaks is asked for again. */
  async read(request: AccessRequest): Promise<Document> {
    const { limits, policy } = this.connection;
    for (let attempt = 1; ; attempt++)
      try {
        const response = await this.send(request);
        const excess = () => limitExceeded("document-size", limits, request.subject);
        return {
          response,
          bytes: await collectBytes(response.body, limits["document-size"], excess),
        };
      } catch (error) {
        if (!isBivyError(error, "http-truncated", "http-stalled") || attempt >= policy.tries)
          throw error;
        await this.pause(attempt, error, request.subject);
      }
  }

  /** Tells that something is tried again, and waits before. */
  async pause(
    attempt: number,
    error: BivyError,
    subject: string,
    response?: HttpResponse,
  ): Promise<void> {
    const { policy, signal } = this.connection;
    const headers = response?.headers;
    const retryAfter = parseRetryAfter(headers?.get("retry-after"), headers?.get("date"));
    const waitMilliseconds = backoffMilliseconds(attempt, policy.random(), retryAfter);
    const reason = error.message.replace(`${subject}: `, "").replace(/; tried .*/s, "");
    policy.events({ type: "retry", subject, attempt, reason, waitMilliseconds });
    await policy.wait(waitMilliseconds, signal);
  }

  /** Does what must not be done twice at the same time for the same key. */
  inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work, work);
    this.#turns.set(key, turn);
    return turn;
  }

  #need({ actions, pullsFrom }: AccessRequest): Need {
    const scopes = [repositoryScope(this.name.repository, actions)];
    if (pullsFrom !== undefined) scopes.push(repositoryScope(pullsFrom, "pull"));
    return { repository: this.name, scopes };
  }
}
