/**
 * Complaints: what a registry or a token server says about a refusal, in one line that is safe to show
 * (OCI distribution-spec, "Error Codes"; RFC 6749, 5.2, for tokens).
 */

/** What a body says: codes such as `MANIFEST_UNKNOWN`, and a text for people. */
export interface Complaint {
  readonly codes: readonly string[];
  readonly text: string | undefined;
}

const longestBody = 64 * 1024;
const longestText = 300;
const mostErrors = 3;

/** Controls of the terminal and of the direction of text, and separators of lines. */
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g;

const noComplaint: Complaint = { codes: [], text: undefined };

/** Reads the body of a refusal; one in no known form says nothing. */
export function parseComplaint(body: Uint8Array): Complaint {
  if (body.byteLength === 0 || body.byteLength > longestBody) return noComplaint;
  const text = Buffer.from(body).toString("utf8");
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // A page for a browser tells nothing that fits in a line.
    return /^\s*</.test(text) ? noComplaint : { codes: [], text: oneLine(text) };
  }
  const errors = field(document, "errors");
  if (Array.isArray(errors)) return readErrors(errors.slice(0, mostErrors));
  const parts = ["error", "error_description", "message", "detail", "details"].map((name) =>
    field(document, name),
  );
  return { codes: [], text: joined(parts.filter((part) => typeof part === "string")) };
}

function readErrors(errors: readonly unknown[]): Complaint {
  const codes: string[] = [];
  const texts: string[] = [];
  for (const error of errors) {
    const code = field(error, "code");
    const message = field(error, "message");
    const detail = field(error, "detail");
    if (typeof code === "string" && /^[A-Z_]{1,40}$/.test(code)) codes.push(code);
    texts.push(
      joined([message, detail].filter((part) => typeof part === "string")) ?? codes.at(-1) ?? "",
    );
  }
  return { codes, text: joined(texts, "; ") };
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

/** The texts that say something, each once. */
function joined(parts: readonly string[], separator = ": "): string | undefined {
  const said = [...new Set(parts.map(oneLine).filter((part) => part !== undefined))];
  return said.length === 0 ? undefined : oneLine(said.join(separator));
}

function oneLine(text: string): string | undefined {
  const line = text
    .slice(0, 4 * longestText)
    .replace(controls, " ")
    .replace(/ +/g, " ")
    .trim();
  if (line === "") return undefined;
  return line.length > longestText ? `${line.slice(0, longestText)}…` : line;
}
