/**
 * Uploads of blobs (OCI distribution-spec, "Pushing blobs").
 *
 * POST begins a session, whose address changes with every answer. What is small goes with the PUT that
 * ends the session. What is not goes as one PATCH, which streams it all. When that breaks, the session
 * says how much it has, and the next PATCH sends the rest; where a session is lost, or its answers make
 * no sense, another one is begun. A proxy may refuse long requests: then smaller pieces are sent. Every
 * failure counts, except after good progress, so that the work ends.
 */
import { BivyError, concatBytes, isBivyError, type Chunks } from "../../base/index.ts";
import { type HttpResponse } from "../../http/index.ts";
import { type BlobAddress } from "../blobs.ts";
import { type Access, type AccessRequest } from "./access.ts";
import { ContentCursor } from "./content-cursor.ts";

export interface UploadOptions {
  /** The bytes, verified; called anew when they are needed again. */
  readonly chunks: () => Chunks;
  /** A repository of the same registry that has the blob. */
  readonly mountFrom?: string | undefined;
}

/** Puts a blob into a repository that does not have it. */
export async function uploadBlob(
  access: Access,
  blob: BlobAddress,
  options: UploadOptions,
): Promise<void> {
  await new Upload(access, blob, options).run();
}

/** Whether a repository has a blob; where the registry does not answer HEAD, as far as it is known. */
export async function hasBlob(access: Access, { digest }: BlobAddress): Promise<boolean> {
  const response = await access.send({
    path: `blobs/${digest}`,
    method: "HEAD",
    actions: "pull,push",
    subject: `${access.subject}: blob ${digest}`,
    expects: [200, 404, 405],
  });
  return response.status === 200;
}

/** Blobs up to this size are held in memory, and sent with the PUT. */
const smallBlob = 4 * 1024 * 1024;
/** The pieces in which a blob is sent after a request was too large, at first and at least. */
const largestPiece = 64 * 1024 * 1024;
const smallestPiece = 1024 * 1024;
/** New bytes after which a failure counts as the first one again. */
const goodProgressBytes = 1024 * 1024;
/** A server may need this many times longer than others to answer, while it stores what it got. */
const patience = { piece: 4, whole: 10 };
const cancelMilliseconds = 2000;

const octets = "application/octet-stream";
const transientStatuses = [408, 429, 500, 502, 503, 504];

/** What went wrong, and what can be done about it. */
interface Trouble {
  readonly error: BivyError;
  /** Go on with the same session, after asking it how much it has; or begin another. */
  readonly remedy: "resume" | "restart";
  /** The answer, if there was one: it may ask for time. */
  readonly response?: HttpResponse;
  /** It is not the first of many: something was changed, and the next try is another one. */
  readonly isNew?: boolean;
}

class Upload {
  readonly #access: Access;
  readonly #blob: BlobAddress;
  readonly #subject: string;
  readonly #options: UploadOptions;
  readonly #cursor: ContentCursor;
  /** Where the session goes on; undefined when there is none. */
  #location: URL | undefined;
  /** Bytes that the session has. */
  #offset = 0;
  #pieceSize = Infinity;
  #smallestPiece = smallestPiece;
  #failures = 0;
  /** The most that any session had. */
  #best = 0;
  /** Why the content could not be read, which is nothing that a registry can mend. */
  #sourceFailure: { readonly error: unknown } | undefined;
  #small: Uint8Array | undefined;

  constructor(access: Access, blob: BlobAddress, options: UploadOptions) {
    this.#access = access;
    this.#blob = blob;
    this.#subject = `${access.subject}: blob ${blob.digest}`;
    this.#options = options;
    this.#cursor = new ContentCursor(options.chunks);
  }

  async run(): Promise<void> {
    try {
      if (await this.#mountOrBegin()) return;
      for (;;) {
        const trouble =
          this.#blob.size <= smallBlob ? await this.#sendSmall() : await this.#sendPieces();
        if (trouble === undefined) return;
        await this.#recover(trouble);
      }
    } finally {
      this.#cursor.close();
      await this.#cancel();
    }
  }

  /** True when the registry took the blob from another repository. */
  async #mountOrBegin(): Promise<boolean> {
    const { mountFrom } = this.#options;
    if (mountFrom === undefined) {
      await this.#begin();
      return false;
    }
    const query = new URLSearchParams({ mount: this.#blob.digest, from: mountFrom });
    let response: HttpResponse;
    try {
      response = await this.#send({
        path: `blobs/uploads/?${query}`,
        method: "POST",
        pullsFrom: mountFrom,
        idempotent: true,
        expects: [201, 202],
      });
    } catch (error) {
      // The user may not read the other repository, or the registry does not know mounts.
      if (
        !isBivyError(
          error,
          "registry-denied",
          "registry-refused",
          "http-not-found",
          "image-not-found",
        )
      )
        throw error;
      await this.#begin();
      return false;
    }
    if (response.status === 201) return true;
    await this.#enter(response);
    return false;
  }

  async #begin(): Promise<void> {
    const response = await this.#send({
      path: "blobs/uploads/",
      method: "POST",
      // A session too many does no harm.
      idempotent: true,
      expects: [202],
    });
    await this.#enter(response);
  }

  /** Takes in the answer that begins a session. */
  async #enter(response: HttpResponse): Promise<void> {
    await this.#follow(response, true);
    this.#offset = 0;
    const least = Number(response.headers.get("oci-chunk-min-length") ?? Number.NaN);
    if (Number.isSafeInteger(least) && least > 0) this.#smallestPiece = least;
  }

  async #follow(response: HttpResponse, isRequired = false): Promise<void> {
    const location = response.headers.get("location");
    if (location === undefined && !isRequired) return;
    this.#location = await this.#access.connection.resolve(location, response, this.#subject);
  }

  async #sendSmall(): Promise<Trouble | undefined> {
    if (this.#small === undefined) {
      const parts: Uint8Array[] = [];
      for await (const chunk of this.#options.chunks()) parts.push(chunk);
      this.#small = concatBytes(parts);
    }
    return this.#commit(this.#small);
  }

  async #sendPieces(): Promise<Trouble | undefined> {
    while (this.#offset < this.#blob.size) {
      const result = await this.#sendPiece();
      if (result === "whole") return undefined;
      if (result !== "taken") return result;
    }
    return this.#commit(undefined);
  }

  async #sendPiece(): Promise<Trouble | "taken" | "whole"> {
    const { size } = this.#blob;
    const start = this.#offset;
    const end = Math.min(size, start + this.#pieceSize);
    const request: AccessRequest = {
      ...this.#common,
      path: this.#location!,
      method: "PATCH",
      headers: {
        "content-type": octets,
        "content-length": String(end - start),
        "content-range": `${start}-${end - 1}`,
      },
      body: () => this.#piece(start, end),
      // How much of it arrived is asked before it is sent again.
      tries: 1,
      stallMilliseconds: this.#access.connection.policy.stallMilliseconds * patience.piece,
      expects: [201, 202, 204, 400, 404, 413, 416, ...transientStatuses],
    };
    let response: HttpResponse;
    try {
      response = await this.#access.send(request);
    } catch (error) {
      if (this.#sourceFailure !== undefined) throw this.#sourceFailure.error;
      if (!isBroken(error)) throw error;
      return { error, remedy: "resume" };
    }
    const { status } = response;
    if (status === 201) return this.#arrived(response);
    if (status === 202 || status === 204) return this.#taken(response, start, end);
    const error = await this.#access.refusal(response, request);
    if (status === 413) return this.#shrink(error, end - start);
    const isLost = status === 400 || status === 404;
    return { error, remedy: isLost ? "restart" : "resume", response };
  }

  async *#piece(start: number, end: number): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* this.#cursor.part(start, end, end === this.#blob.size);
    } catch (error) {
      this.#sourceFailure = { error };
      throw error;
    }
  }

  async #taken(response: HttpResponse, start: number, end: number): Promise<Trouble | "taken"> {
    await this.#follow(response);
    const held = response.headers.has("range") ? heldBytes(response) : end;
    if (held !== undefined && held > start && held <= this.#blob.size) {
      this.#offset = held;
      return "taken";
    }
    return {
      error: new BivyError(
        "http-invalid",
        `${this.#subject}: expected the registry to have ${end} bytes, found Range ${JSON.stringify(response.headers.get("range"))}`,
        { hint: "The registry fails to take the upload: try again, or ask its operator." },
      ),
      remedy: "restart",
    };
  }

  #shrink(error: BivyError, size: number): Trouble {
    const smaller = Math.max(Math.min(Math.floor(size / 4), largestPiece), this.#smallestPiece);
    if (smaller >= size) throw error;
    this.#pieceSize = smaller;
    return { error, remedy: "resume", isNew: true };
  }

  /** Ends the session; the blob is in the repository then. */
  async #commit(body: Uint8Array | undefined): Promise<Trouble | undefined> {
    const path = new URL(this.#location!);
    // The query that is there may be signed: not a character of it is written anew.
    path.search = `${path.search}${path.search === "" ? "?" : "&"}digest=${this.#blob.digest}`;
    const request: AccessRequest = {
      ...this.#common,
      path,
      method: "PUT",
      ...(body === undefined ? {} : { body, headers: { "content-type": octets } }),
      stallMilliseconds: this.#access.connection.policy.stallMilliseconds * patience.whole,
      expects: [201, 204, 400, 404, 416],
    };
    let response: HttpResponse;
    try {
      response = await this.#access.send(request);
    } catch (error) {
      // It may have been done, and only the answer was lost.
      if (!isBroken(error) || !(await hasBlob(this.#access, this.#blob))) throw error;
      this.#location = undefined;
      return undefined;
    }
    const { status } = response;
    if (status === 201 || status === 204) {
      this.#arrived(response);
      return undefined;
    }
    if (status === 404 && (await hasBlob(this.#access, this.#blob))) {
      this.#location = undefined;
      return undefined;
    }
    const error = await this.#access.refusal(response, request);
    return { error, remedy: status === 416 ? "resume" : "restart", response };
  }

  /** The registry says that it has the blob: it should be this one. */
  #arrived(response: HttpResponse): "whole" {
    this.#location = undefined;
    const { digest } = this.#blob;
    const found = response.headers.get("docker-content-digest")?.trim() ?? digest;
    if (!found.startsWith("sha256:") || found === digest) return "whole";
    throw new BivyError(
      "digest-mismatch",
      `${this.#subject}: expected ${digest} to be stored, found ${JSON.stringify(found.slice(0, 100))}`,
      { hint: "The registry, or something before it, changes what it is sent: do not use it." },
    );
  }

  async #recover({ error, remedy, response, isNew }: Trouble): Promise<void> {
    const { policy } = this.#access.connection;
    if (isNew !== true) {
      if (this.#offset - this.#best >= goodProgressBytes) this.#failures = 0;
      this.#best = Math.max(this.#best, this.#offset);
      this.#failures += 1;
      if (this.#failures >= policy.tries) throw error;
      await this.#access.pause(this.#failures, error, this.#subject, response);
    }
    if (remedy === "resume" && (await this.#askHeld())) return;
    await this.#cancel();
    await this.#begin();
  }

  /** Asks the session how much it has; false when it is lost or does not say. */
  async #askHeld(): Promise<boolean> {
    const response = await this.#send({
      path: this.#location!,
      expects: [200, 202, 204, 400, 404, 405, 410, 416],
    });
    const held = heldBytes(response);
    if (response.status >= 300 || held === undefined || held > this.#blob.size) return false;
    await this.#follow(response);
    this.#offset = held;
    return true;
  }

  /** Tells the registry that nothing more comes. What fails here changes nothing for the user. */
  async #cancel(): Promise<void> {
    const location = this.#location;
    this.#location = undefined;
    if (location === undefined) return;
    try {
      await this.#send({
        path: location,
        method: "DELETE",
        tries: 1,
        stallMilliseconds: cancelMilliseconds,
        survives: true,
        expects: [200, 202, 204, 404],
      });
    } catch {
      // The registry clears it away in its own time.
    }
  }

  get #common(): Pick<AccessRequest, "actions" | "subject"> {
    return { actions: "pull,push", subject: this.#subject };
  }

  #send(request: Omit<AccessRequest, "actions" | "subject">): Promise<HttpResponse> {
    return this.#access.send({ ...this.#common, ...request });
  }
}

/**
 * The bytes that a session has, by its `Range: 0-LAST`. Of an empty one and of one with a single byte
 * many registries say `0-0`, which therefore says nothing.
 */
function heldBytes(response: HttpResponse): number | undefined {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(response.headers.get("range")?.trim() ?? "")?.[1];
  return last === undefined || last === "0" ? undefined : Number(last) + 1;
}

/** Whether a connection failed, rather than somebody refused. */
function isBroken(error: unknown): error is BivyError {
  return isBivyError(error, "http-unreachable", "http-stalled", "http-truncated");
}
