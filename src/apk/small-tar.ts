/** Small tars: the regular files of a signature, control or index section, which are read as a whole. */
import { tarEntries } from "../archive/index.ts";
import type { Limits } from "../base/index.ts";

export interface SmallFile {
  /** As in the archive. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export function readSmallTar(bytes: Uint8Array, subject: string, limits: Limits): SmallFile[] {
  return [...tarEntries(bytes, { subject, limits })]
    .filter(({ header }) => header.type === "file")
    .map(({ header, content }) => ({ path: header.path, bytes: content }));
}
