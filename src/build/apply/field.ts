/** Fields: the field of an image configuration that a failure belongs to. */
import { BivyError, type ErrorCode } from "../../base/index.ts";
import type { ImageConfig } from "../config/image-config.ts";

/** Names a field in a message, such as `image.yaml: paths[2]`; places in the file are gone by now. */
export function fieldName(config: ImageConfig, field: string): string {
  return `${config.sources[0] ?? "image configuration"}: ${field}`;
}

/** What a field asks for cannot be done; `said` is what was expected and what was found. */
export function fieldError(
  field: string,
  said: string,
  hint: string,
  details: { readonly code?: ErrorCode; readonly cause?: unknown } = {},
): BivyError {
  const cause = details.cause === undefined ? {} : { cause: details.cause };
  return new BivyError(details.code ?? "config-invalid", `${field}: ${said}`, { hint, ...cause });
}

/** Does what a field asks for; an error says which field it was, and keeps its code and hint. */
export async function inField<T>(
  field: string,
  hint: string,
  action: () => T | Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof BivyError) || error.message.startsWith(field)) throw error;
    throw new BivyError(error.code, `${field}: ${error.message}`, {
      hint: error.hint ?? hint,
      cause: error,
    });
  }
}
