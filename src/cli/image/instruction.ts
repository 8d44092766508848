/** Instructions: what made a layer, as a table shows it. */
import { formatInstruction } from "../../oci/index.ts";
import { printable } from "../term/streams.ts";

/** The instruction in one line, cut to so many characters; empty where none is known. */
export function instructionText(createdBy: string | undefined, most = 60): string {
  const text = createdBy === undefined ? "" : printable(formatInstruction(createdBy));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
