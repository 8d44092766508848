/**
 * OpenVEX, read: version 0.2.0 and the earlier shape in which vulnerabilities and products are plain
 * texts (https://github.com/openvex/spec).
 */
import { asObject, listField, objectField, textsField, type JsonObject } from "../../base/index.ts";
import { componentOf, isIdentified, productOf } from "./component.ts";
import { textField, timeField } from "./json-field.ts";
import { knownJustification } from "./justification.ts";
import { quote } from "../quote.ts";
import {
  vexStatuses,
  type ReadVex,
  type VexComponent,
  type VexProduct,
  type ReadStatement,
  type VexStatus,
} from "./statement.ts";

/**
 * `about` is what an attestation around the document is about. A statement that names no product is
 * about that; one in a bare document has nothing to be about.
 */
export function readOpenVex(document: JsonObject, about: VexComponent | undefined): ReadVex {
  const problems: string[] = [];
  const time = timeField(document, "timestamp");
  const statements: ReadStatement[] = [];
  for (const [index, value] of listField(document, "statements").entries()) {
    const found = readStatement(asObject(value), about, time);
    const at = `statement ${index + 1}`;
    if (typeof found === "string") {
      problems.push(`${at}: ${found}`);
      continue;
    }
    const { statement, problem } = found;
    if (problem !== undefined) problems.push(`${at} (${quote(statement.ids[0]!)}): ${problem}`);
    statements.push(statement);
  }
  const id = textField(document, "@id");
  return { ...(id === undefined ? {} : { id }), statements, problems };
}

/** The statement, with what is wrong with it all the same; or only what is wrong. */
function readStatement(
  object: JsonObject | undefined,
  about: VexComponent | undefined,
  documentTime: number | undefined,
): { statement: ReadStatement; problem?: string } | string {
  const ids = idsOf(object);
  if (ids.length === 0) return "expected the name of a vulnerability, found none";
  const stated = textField(object, "status");
  const status = vexStatuses.find((each) => each === stated);
  if (status === undefined)
    return `${quote(ids[0]!)}: expected a status of ${vexStatuses.join(", ")}, found ${stated === undefined ? "none" : quote(stated)}`;
  const products = productsOf(object, about);
  if (products.length === 0)
    return `${quote(ids[0]!)}: expected a product, found none: it is about nothing`;
  const label = textField(object, "justification");
  const justification = knownJustification(label);
  const impact = textField(object, "impact_statement");
  const time = timeField(object, "last_updated") ?? timeField(object, "timestamp") ?? documentTime;
  const statement = {
    ids,
    products,
    status,
    ...(justification === undefined ? {} : { justification }),
    text: textOf(object, status),
    ...(time === undefined ? {} : { time }),
  };
  if (label !== undefined && justification === undefined)
    return { statement, problem: `unknown justification ${quote(label)}` };
  if (status === "not_affected" && justification === undefined && impact === undefined)
    return { statement, problem: "not_affected without a justification or an impact statement" };
  if (!products.some((each) => isIdentified(each)))
    return { statement, problem: "no product is named by a purl or a digest" };
  return { statement };
}

function idsOf(object: JsonObject | undefined): readonly string[] {
  const plain = textField(object, "vulnerability");
  if (plain !== undefined) return [plain.trim()];
  const vulnerability = objectField(object, "vulnerability");
  // Where it is an address its last part is the name.
  const reference = textField(vulnerability, "@id")?.split(/[/#]/).at(-1);
  const names = [
    textField(vulnerability, "name"),
    ...textsField(vulnerability, "aliases"),
    reference,
  ];
  return [...new Set(names.filter((name) => name !== undefined && name.trim() !== ""))].map(
    (name) => name!.trim(),
  );
}

function textOf(object: JsonObject | undefined, status: VexStatus): string {
  const first = status === "affected" ? "action_statement" : "impact_statement";
  return textField(object, first) ?? textField(object, "status_notes") ?? "";
}

function productsOf(
  object: JsonObject | undefined,
  about: VexComponent | undefined,
): readonly VexProduct[] {
  // In the earlier shape the parts stand beside the products, and are parts of each.
  const shared = partsOf(object);
  const products = listField(object, "products").map((value) => {
    const product = typeof value === "string" ? undefined : asObject(value);
    const texts = typeof value === "string" ? [value] : textsOf(product);
    const component = componentOf(texts, hashesOf(product));
    return productOf(texts[0] ?? "", component, partsOf(product) ?? shared);
  });
  if (products.length > 0 || about === undefined) return products;
  return [productOf(about.digests.join(" "), about, shared)];
}

function partsOf(object: JsonObject | undefined): readonly VexComponent[] | undefined {
  const listed = listField(object, "subcomponents");
  if (listed.length === 0) return undefined;
  return listed.map((value) =>
    typeof value === "string"
      ? componentOf([value])
      : componentOf(textsOf(asObject(value)), hashesOf(asObject(value))),
  );
}

function textsOf(component: JsonObject | undefined): readonly string[] {
  const texts = [
    textField(component, "@id"),
    textField(objectField(component, "identifiers"), "purl"),
  ];
  return [...new Set(texts.filter((text) => text !== undefined))];
}

function hashesOf(component: JsonObject | undefined): readonly string[] {
  const hash = textField(objectField(component, "hashes"), "sha-256");
  return hash === undefined ? [] : [hash];
}
