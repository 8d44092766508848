/** Repositories: the images of one name in a registry, read and written. */
import {
  BivyError,
  ignoreEvents,
  isBivyError,
  nearestName,
  readContent,
  tryParseDigest,
  type Chunks,
  type Digest,
  type EventSink,
} from "../../base/index.ts";
import {
  missingBlob,
  verifyBlob,
  type BlobAddress,
  type BlobContent,
  type BlobSource,
  type RepositoryName,
} from "../blobs.ts";
import {
  copyImage,
  reportTransfer,
  type CopyOptions,
  type ImageBlob,
  type ImageSink,
} from "../copy.ts";
import { type Descriptor } from "../descriptor.ts";
import { parseDocument } from "../document.ts";
import { imageOf, type ImageOrIndex } from "../image.ts";
import { parseManifest } from "../manifest.ts";
import { isIndexType, isManifestType } from "../media-type.ts";
import { isTag, shortReference, withDefaultTag, type Reference } from "../reference.ts";
import { describeReferrer } from "../referrers.ts";
import { type Access } from "./access.ts";
import { readBlobBytes } from "./blob-read.ts";
import {
  deleteManifest,
  isMissing,
  manifestSubject,
  orMissing,
  putManifest,
  readManifest,
  resolveManifest,
} from "./manifests.ts";
import { readPages } from "./pages.ts";
import { addToFallback, keepsReferrers, listReferrers, removeFromFallback } from "./referrers.ts";
import { hasBlob, uploadBlob } from "./upload.ts";

export interface RepositoryPutOptions extends CopyOptions {
  readonly events?: EventSink;
}

/** A tag or a digest of the repository; the digest counts where there are both. */
export type Which = Pick<Reference, "tag" | "digest">;

export interface Repository {
  readonly name: RepositoryName;
  /** What a tag or digest stands for; undefined where there is nothing. */
  resolve(which: Which): Promise<Descriptor | undefined>;
  /** The image of a tag or digest, of which only the manifest is read. Fails with `image-not-found`. */
  open(which: Which): Promise<ImageOrIndex>;
  /** Copies an image or index, all of it before its tag. What is there already stays. */
  put(image: ImageOrIndex, which: Which, options?: RepositoryPutOptions): Promise<Digest>;
  /** Takes blobs and manifests, the latter by digest. */
  sink(events?: EventSink): ImageSink;
  tags(): AsyncGenerator<string, void, void>;
  /** What was attached to a digest, such as signatures; of one type if that is given. */
  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]>;
  /** Removes a tag, or a digest with all its tags; false where there was none. */
  remove(which: Which): Promise<boolean>;
  /** Whether a blob that is no manifest is there. */
  holds(blob: BlobAddress): Promise<boolean>;
  /** The bytes of a blob that is no manifest, verified on every pass. */
  blob(blob: BlobAddress): BlobContent;
}

/** Bytes of manifests that are kept, since an index is often walked more than once. */
const keptBytes = 16 * 1024 * 1024;
/** Tags that are looked through for one like a name that there is not. */
const mostCandidates = 1000;

export function repositoryOf(access: Access): Repository {
  return new RegistryRepository(access);
}

interface KnownManifest {
  readonly raw: Uint8Array;
  readonly mediaType: string;
}

class RegistryRepository implements Repository {
  readonly name: RepositoryName;
  readonly #access: Access;
  readonly #source: BlobSource;
  readonly #manifests = new Map<Digest, KnownManifest>();
  #kept = 0;

  constructor(access: Access) {
    this.name = access.name;
    this.#access = access;
    this.#source = {
      subject: access.subject,
      repository: access.name,
      read: (blob) => this.#read(blob),
    };
  }

  resolve(which: Which): Promise<Descriptor | undefined> {
    return resolveManifest(this.#access, wordOf(which));
  }

  async open(which: Which): Promise<ImageOrIndex> {
    const word = wordOf(which);
    const { limits } = this.#access.connection;
    try {
      const { raw, mediaType } = await this.#manifest(word);
      return imageOf(raw, this.#source, { limits, mediaType });
    } catch (error) {
      throw isMissing(error) ? await this.#notFound(word, error) : error;
    }
  }

  async put(
    image: ImageOrIndex,
    which: Which,
    options: RepositoryPutOptions = {},
  ): Promise<Digest> {
    const { digest, tag } = withDefaultTag({ ...this.name, ...which });
    if (digest !== undefined && digest !== image.digest)
      throw new BivyError(
        "digest-mismatch",
        `${shortReference({ ...this.name, digest })}: expected the image of that digest, found ${image.digest}`,
        { hint: "Push it under a tag, or push the whole index that the digest names." },
      );
    const sink = this.sink(options.events);
    await copyImage(
      image,
      {
        ...sink,
        // The last of all: what it names is there before anybody can find it.
        putManifest: (blob) =>
          blob.descriptor.digest === image.digest && tag !== undefined
            ? this.#putManifest(blob, tag)
            : sink.putManifest(blob),
      },
      options,
    );
    return image.digest;
  }

  sink(events: EventSink = ignoreEvents): ImageSink {
    return {
      putBlob: (blob) => this.#putBlob(blob, events),
      putManifest: (blob) => this.#putManifest(blob, blob.descriptor.digest),
    };
  }

  async *tags(): AsyncGenerator<string, void, void> {
    const subject = `${this.#access.subject}: tags`;
    const request = { path: "tags/list", actions: "pull", subject, expects: [200] } as const;
    for await (const { bytes } of readPages(this.#access, request)) {
      const { tags } = parseDocument(bytes, subject);
      // What cannot be a tag cannot be asked for either, and may not be fit to be seen.
      if (Array.isArray(tags))
        yield* tags.filter((tag): tag is string => typeof tag === "string" && isTag(tag));
    }
  }

  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]> {
    return listReferrers(this.#access, digest, artifactType);
  }

  async remove(which: Which): Promise<boolean> {
    const access = this.#access;
    const { digest, tag } = which;
    if (digest === undefined) return this.#removeTag(tag ?? wordOf(which));
    const stored = await orMissing(readManifest(access, digest));
    this.#forget(digest);
    if (stored === undefined || !(await deleteManifest(access, digest))) return false;
    const { subject } = stored.document.manifest;
    if (subject !== undefined && !(await keepsReferrers(access, subject.digest)))
      await removeFromFallback(access, subject.digest, digest);
    return true;
  }

  holds(blob: BlobAddress): Promise<boolean> {
    return hasBlob(this.#access, blob);
  }

  blob(blob: BlobAddress): BlobContent {
    return {
      size: blob.size,
      repository: this.name,
      chunks: () => verifyBlob(readBlobBytes(this.#access, blob), blob, this.#access.subject),
    };
  }

  #read(blob: BlobAddress): Chunks {
    const { mediaType = "" } = blob;
    return isManifestType(mediaType) || isIndexType(mediaType)
      ? this.#readManifest(blob.digest)
      : readBlobBytes(this.#access, blob);
  }

  async *#readManifest(digest: Digest): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield (await this.#manifest(digest)).raw;
    } catch (error) {
      throw isMissing(error) ? missingBlob(this.#access.subject, digest) : error;
    }
  }

  /** Asks for a manifest, unless its digest is known from before. */
  async #manifest(word: string): Promise<KnownManifest> {
    const digest = tryParseDigest(word);
    const known = digest === undefined ? undefined : this.#manifests.get(digest);
    if (known !== undefined) return known;
    const { raw, descriptor } = await readManifest(this.#access, word);
    const manifest = { raw, mediaType: descriptor.mediaType };
    if (this.#kept + raw.byteLength <= keptBytes && !this.#manifests.has(descriptor.digest)) {
      this.#manifests.set(descriptor.digest, manifest);
      this.#kept += raw.byteLength;
    }
    return manifest;
  }

  #forget(digest: Digest): void {
    this.#kept -= this.#manifests.get(digest)?.raw.byteLength ?? 0;
    this.#manifests.delete(digest);
  }

  async #putBlob({ descriptor, role, content }: ImageBlob, events: EventSink): Promise<void> {
    if (await hasBlob(this.#access, descriptor)) return;
    const { repository: origin }: BlobContent = content;
    const isNeighbour =
      origin?.registry === this.name.registry && origin.repository !== this.name.repository;
    await uploadBlob(this.#access, descriptor, {
      chunks: () =>
        role === "layer" ? reportTransfer(descriptor, content, events) : content.chunks(),
      mountFrom: isNeighbour ? origin.repository : undefined,
    });
  }

  async #putManifest({ descriptor, content }: ImageBlob, word: string): Promise<void> {
    const access = this.#access;
    const name = manifestSubject(access, word);
    const raw = await readContent(content, access.connection.limits, name);
    const response = await putManifest(access, word, raw, descriptor.mediaType);
    const document = parseManifest(raw, name, descriptor.mediaType);
    const { subject } = document.manifest;
    if (subject === undefined || response.headers.has("oci-subject")) return;
    await addToFallback(access, subject.digest, describeReferrer(descriptor, document));
  }

  async #removeTag(tag: string): Promise<boolean> {
    try {
      return await deleteManifest(this.#access, tag);
    } catch (error) {
      if (!isBivyError(error, "registry-refused")) throw error;
      const found = await this.resolve({ tag }).catch(() => {
        throw error;
      });
      if (found === undefined) return false;
      const { digest } = found;
      const subject = manifestSubject(this.#access, tag);
      throw new BivyError("registry-refused", `${subject}: the registry removes no single tags`, {
        cause: error,
        hint: `By its digest the image can be removed, with all its tags: ${shortReference({ ...this.name, digest })}`,
      });
    }
  }

  /** With a tag that may have been meant. */
  async #notFound(word: string, cause: BivyError): Promise<BivyError> {
    const subject = manifestSubject(this.#access, word);
    const near = isTag(word) ? await this.#nearestTag(word) : undefined;
    return new BivyError("image-not-found", `${subject}: there is no such image in its registry`, {
      cause,
      hint:
        near === undefined
          ? "Check the name and the tag, and that the host is a registry."
          : `Did you mean ${near}?`,
    });
  }

  async #nearestTag(word: string): Promise<string | undefined> {
    const candidates: string[] = [];
    try {
      for await (const tag of this.tags()) if (candidates.push(tag) >= mostCandidates) break;
    } catch {
      // It was only to help.
    }
    return nearestName(word, candidates);
  }
}

/** The word for a manifest in the registry's API. */
function wordOf({ digest, tag }: Which): string {
  return digest ?? tag ?? "latest";
}
