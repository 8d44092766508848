/** Findings: what the content of one file says about packages and programs, and who reads it. */
import type { StatedPackage } from "./languages/language-package.ts";

/** What a file says. */
export interface Finding {
  readonly packages: readonly StatedPackage[];
  /** Whether it is a statically linked executable. */
  readonly isStatic: boolean;
  /** What could not be read of it, each with its path. */
  readonly problems: readonly string[];
}

/** Reads the content of one file while it streams by. */
export interface Reader {
  /** False once it has seen enough. */
  take(chunk: Uint8Array): boolean;
  /** What the file says; undefined for nothing. */
  finding(): Finding | undefined;
}
