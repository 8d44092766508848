/**
 * Licences: what a package states, as an SPDX license expression (SPDX 2.3, annex D).
 *
 * The fields of packages are free text: most are expressions, some name licences that are not on SPDX's
 * list (`custom`), and old ones are no expressions at all (`MIT BSD GPL2+`). What SPDX does not know
 * becomes a LicenseRef, a name of the document's own that stands for the words of the package: one part
 * of an expression, or the whole text where it is none.
 */
import { encodeName, hashHex } from "../base/index.ts";
import { exceptionIds, licenseIds } from "./license-ids.ts";

export interface LicenseStatement {
  readonly expression: string;
  /** Each LicenseRef of the expression, and the text that it stands for. */
  readonly references: ReadonlyMap<string, string>;
}

/** Undefined where a package states nothing. */
export function tryParseLicense(text: string): LicenseStatement | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  return readExpression(trimmed) ?? referenceTo(trimmed);
}

const operators: ReadonlySet<string> = new Set(["AND", "OR", "WITH"]);

/** AND, OR and WITH in capitals; written small they are meant alike, and mixed they are names. */
function operatorOf(word: string): string | undefined {
  const upper = word.toUpperCase();
  const isOperator = operators.has(upper) && (word === upper || word === word.toLowerCase());
  return isOperator ? upper : undefined;
}

/**
 * Reads words and parentheses from left to right: a licence or `(` is due at the start and after AND and
 * OR, an operator or `)` after a licence, an exception after WITH. Undefined for what is no expression.
 */
function readExpression(text: string): LicenseStatement | undefined {
  const written: string[] = [];
  const references = new Map<string, string>();
  let due: "license" | "operator" | "exception" = "license";
  let depth = 0;
  let mayHaveException = false;
  for (const [word] of text.matchAll(/[()]|[^\s()]+/g)) {
    const operator = operatorOf(word);
    if (due === "license" && word === "(") {
      depth += 1;
      written.push(word);
    } else if (due === "license") {
      if (operator !== undefined || word === ")") return undefined;
      written.push(nameLicense(word, references));
      due = "operator";
      mayHaveException = true;
    } else if (due === "exception") {
      const exception = knownExceptions().get(word.toLowerCase());
      if (exception === undefined) return undefined;
      written.push(exception);
      due = "operator";
      mayHaveException = false;
    } else if (word === ")") {
      depth -= 1;
      if (depth < 0) return undefined;
      written.push(word);
      mayHaveException = false;
    } else {
      if (operator === undefined || (operator === "WITH" && !mayHaveException)) return undefined;
      written.push(operator);
      due = operator === "WITH" ? "exception" : "license";
    }
  }
  if (due !== "operator" || depth !== 0) return undefined;
  const expression = written.join(" ").replaceAll("( ", "(").replaceAll(" )", ")");
  return { expression, references };
}

/** A licence of SPDX's list in its spelling there, or a LicenseRef. */
function nameLicense(word: string, references: Map<string, string>): string {
  const known = knownLicenses();
  const orLater = word.endsWith("+") ? known.get(word.slice(0, -1).toLowerCase()) : undefined;
  const id = known.get(word.toLowerCase()) ?? (orLater && `${orLater}+`);
  if (id !== undefined) return id;
  const reference = /^LicenseRef-[A-Za-z0-9.-]+$/.test(word) ? word : nameReference(word);
  references.set(reference, word);
  return reference;
}

function referenceTo(text: string): LicenseStatement {
  const reference = nameReference(text);
  return { expression: reference, references: new Map([[reference, text]]) };
}

const longestReference = 64;

/** The same text has the same name; a text that cannot be one as it is gets a hash into it. */
function nameReference(text: string): string {
  if (text.length <= longestReference && /^[A-Za-z0-9.-]+$/.test(text)) return `LicenseRef-${text}`;
  const readable = text.slice(0, longestReference).match(/[A-Za-z0-9.]+/g) ?? ["text"];
  const hash = hashHex("sha256", encodeName(text)).slice(0, 12);
  return `LicenseRef-${readable.join("-")}-${hash}`;
}

/** Identifiers by themselves in lower case: SPDX compares them without regard to case. */
function identifiersOf(list: string): () => ReadonlyMap<string, string> {
  let known: ReadonlyMap<string, string> | undefined;
  return () => (known ??= new Map(list.match(/\S+/g)!.map((id) => [id.toLowerCase(), id])));
}

const knownLicenses = identifiersOf(licenseIds);
const knownExceptions = identifiersOf(exceptionIds);
