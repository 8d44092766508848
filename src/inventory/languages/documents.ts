/** Documents: the text files that state packages, by their path. */
import { decodeName } from "../../base/index.ts";
import { isComposerFile, tryParseComposer } from "./composer.ts";
import type { StatedPackage } from "./language-package.ts";
import { isNpmPackageFile, tryParseNpmPackage } from "./npm.ts";
import { isPythonMetadataFile, tryParsePythonMetadata } from "./python.ts";
import { isGemSpecificationFile, tryParseGemSpecification } from "./ruby.ts";

/** Reads the bytes of such a file; undefined where they state no package. */
export type DocumentReader = (bytes: Uint8Array) => readonly StatedPackage[] | undefined;

/** How the file at a path is read; undefined for one that is no document. */
export function documentReader(path: string): DocumentReader | undefined {
  return kinds.find(({ matches }) => matches(path))?.read;
}

const kinds: readonly { matches(path: string): boolean; read: DocumentReader }[] = [
  { matches: isNpmPackageFile, read: (bytes) => one(tryParseNpmPackage(decodeName(bytes))) },
  {
    matches: isPythonMetadataFile,
    read: (bytes) => one(tryParsePythonMetadata(decodeName(bytes))),
  },
  {
    matches: isGemSpecificationFile,
    read: (bytes) => one(tryParseGemSpecification(decodeName(bytes))),
  },
  { matches: isComposerFile, read: (bytes) => tryParseComposer(decodeName(bytes)) },
];

function one(stated: StatedPackage | undefined): readonly StatedPackage[] | undefined {
  return stated && [stated];
}
