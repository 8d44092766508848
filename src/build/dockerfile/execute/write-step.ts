/** Writing a step down: what it changed becomes a layer of the store. */
import { writeTar } from "../../../archive/index.ts";
import { BivyError, startHash, type Content, type Limits } from "../../../base/index.ts";
import {
  writeLayer,
  type BlobStore,
  type Layer,
  type LayerCompression,
} from "../../../oci/index.ts";
import { ContextContent, type LayerItem } from "../../../tree/index.ts";

export interface LayerWriting {
  readonly blobs: BlobStore;
  readonly compression: LayerCompression;
  readonly limits: Limits;
  /** The SHA-256 that a file of the context had when its step's key was made. */
  readonly knownHash?: (content: ContextContent) => string | undefined;
}

export function writeStepLayer(
  items: Iterable<LayerItem>,
  { blobs, compression, limits, knownHash }: LayerWriting,
): Promise<Layer> {
  const tar = writeTar(knownHash === undefined ? items : checked(items, knownHash));
  return writeLayer(tar, blobs, { compression, limits });
}

/** A file that changed since it was hashed would stand in the cache under what it was before. */
function* checked(
  items: Iterable<LayerItem>,
  knownHash: NonNullable<LayerWriting["knownHash"]>,
): Generator<LayerItem> {
  for (const item of items) {
    const { content } = item;
    const sha256 = content instanceof ContextContent ? knownHash(content) : undefined;
    yield sha256 === undefined ? item : { ...item, content: new CheckedContent(content!, sha256) };
  }
}

class CheckedContent implements Content {
  readonly size: number;
  readonly #content: Content;
  readonly #sha256: string;

  constructor(content: Content, sha256: string) {
    this.size = content.size;
    this.#content = content;
    this.#sha256 = sha256;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const hash = startHash("sha256");
    for await (const chunk of this.#content.chunks()) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.hex() === this.#sha256) return;
    const { path } = this.#content as ContextContent;
    throw new BivyError("io-failed", `${path.toString()}: the file changed while it was built in`, {
      hint: "Build again once nobody writes to it.",
    });
  }
}
