/** Writing a step down: what it changed becomes a layer of the store. */
import { writeTar } from "../../../archive/index.ts";
import {
  BivyError,
  startHash,
  type Chunks,
  type Content,
  type Limits,
} from "../../../base/index.ts";
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
}

export function writeStepLayer(
  items: Iterable<LayerItem>,
  { blobs, compression, limits }: LayerWriting,
): Promise<Layer> {
  return writeLayer(writeTar(checked(items)), blobs, { compression, limits });
}

/** A file that changed since it was hashed would stand in the cache under what it was before. */
function* checked(items: Iterable<LayerItem>): Generator<LayerItem> {
  for (const item of items) {
    const { content } = item;
    const sha256 = content instanceof ContextContent ? content.sha256 : undefined;
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

  /** At once where the content is: waiting for many small ones would take longer than reading them. */
  chunks(): Chunks {
    const chunks = this.#content.chunks();
    return Symbol.iterator in chunks ? this.#checkNow(chunks) : this.#check(chunks);
  }

  *#checkNow(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
    const hash = startHash("sha256");
    for (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
    this.#require(hash.hex());
  }

  async *#check(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const hash = startHash("sha256");
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
    this.#require(hash.hex());
  }

  #require(found: string): void {
    if (found === this.#sha256) return;
    const { path } = this.#content as ContextContent;
    throw new BivyError("io-failed", `${path}: the file changed while it was built in`, {
      hint: "Build again once nobody writes to it.",
    });
  }
}
