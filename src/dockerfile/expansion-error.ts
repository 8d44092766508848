/** Expansion errors: why a text cannot be expanded, and where in it. */
import { BivyError } from "../base/index.ts";
import type { EscapeCharacter } from "./lexer.ts";
import { shorten } from "./shorten.ts";

/** A text that cannot be expanded. Only the caller knows the line and column of a place in it. */
export class ExpansionError extends BivyError {
  /** Index into the text. */
  readonly offset: number;

  constructor(message: string, offset: number, hint?: string) {
    super("dockerfile-invalid", message, hint === undefined ? {} : { hint });
    this.offset = offset;
  }
}

/** What has been opened and has to be closed. */
export interface Opened {
  /** The character that closes it. */
  readonly by: "'" | '"' | "}" | "/";
  /** Where it was opened. */
  readonly at: number;
}

export function unclosed(text: string, opened: Opened, escape: EscapeCharacter): ExpansionError {
  const { by, at } = opened;
  if (by === "}") return fault(text, at, 'missing "}" for the "${"');
  if (by === "/") return fault(text, at, 'missing "/" and a replacement for the "${"');
  const hint = `Put ${escape} before a quote that stands for itself.`;
  return fault(text, at, `missing ${by} to close the quote`, hint);
}

export function unsupported(text: string, operator: string, at: number): ExpansionError {
  return fault(
    text,
    at,
    `unsupported modifier ${JSON.stringify(operator)} in substitution`,
    "The modifiers are :- - :+ + :? ? # ## % %% / and //.",
  );
}

export function fault(text: string, at: number, message: string, hint?: string): ExpansionError {
  return new ExpansionError(`${shorten(text)}: ${message}`, at, hint);
}
