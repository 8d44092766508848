/**
 * CSAF 2.0, read (OASIS Common Security Advisory Framework; its profile VEX is section 4.5): what it
 * says about the status of products.
 */
import { objectField, objectsField, textsField, type JsonObject } from "../../base/index.ts";
import { csafProducts, type CsafProducts } from "./csaf-products.ts";
import { isIdentified } from "./component.ts";
import { textField, timeField } from "./json-field.ts";
import { knownJustification } from "./justification.ts";
import { quote } from "../quote.ts";
import type {
  ReadStatement,
  ReadVex,
  VexJustification,
  VexProduct,
  VexStatus,
} from "./statement.ts";

/** Where a product stands in several lists, the one that hides the least comes last, and counts. */
const statusLists: readonly [name: string, status: VexStatus][] = [
  ["known_not_affected", "not_affected"],
  ["first_fixed", "fixed"],
  ["fixed", "fixed"],
  ["under_investigation", "under_investigation"],
  ["first_affected", "affected"],
  ["last_affected", "affected"],
  ["known_affected", "affected"],
];

export function readCsaf(document: JsonObject, subject: string): ReadVex {
  const tracking = objectField(objectField(document, "document"), "tracking");
  const id = textField(tracking, "id");
  const time =
    timeField(tracking, "current_release_date") ?? timeField(tracking, "initial_release_date");
  const products = csafProducts(objectField(document, "product_tree"), subject);
  const statements: ReadStatement[] = [];
  const problems: string[] = [];
  for (const [index, vulnerability] of objectsField(document, "vulnerabilities").entries()) {
    const ids = idsOf(vulnerability);
    if (ids.length === 0) {
      problems.push(`vulnerability ${index + 1}: expected the name of a vulnerability, found none`);
      continue;
    }
    const report = (problem: string) => problems.push(`${quote(ids[0]!)}: ${problem}`);
    for (const statement of statementsOf(vulnerability, products, report))
      statements.push({ ids, ...statement, ...(time === undefined ? {} : { time }) });
  }
  return { ...(id === undefined ? {} : { id }), statements, problems };
}

function idsOf(vulnerability: JsonObject): readonly string[] {
  const others = objectsField(vulnerability, "ids").map((each) => textField(each, "text"));
  const names = [textField(vulnerability, "cve"), ...others];
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** Products of one status of which the same is said are one statement. */
function* statementsOf(
  vulnerability: JsonObject,
  products: CsafProducts,
  report: (problem: string) => void,
): Generator<Pick<ReadStatement, "products" | "status" | "justification" | "text">> {
  const status = objectField(vulnerability, "product_status");
  const labels = labelsOf(vulnerability, products, report);
  const impacts = textsByProduct(
    objectsField(vulnerability, "threats").filter(
      (threat) => textField(threat, "category") === "impact",
    ),
    products,
  );
  const remedies = textsByProduct(objectsField(vulnerability, "remediations"), products);
  const unexplained: string[] = [];
  for (const [list, means] of statusLists) {
    const groups = new Map<
      string,
      { products: VexProduct[]; label?: VexJustification; text: string }
    >();
    for (const id of new Set(textsField(status, list))) {
      const product = products.product(id);
      if (product === undefined) {
        report(`the product ${quote(id)} is not in the product tree`);
        continue;
      }
      const label = means === "not_affected" ? labels.get(id) : undefined;
      const text = (means === "affected" ? remedies : impacts)(id) ?? "";
      if (means === "not_affected" && label === undefined && text === "") unexplained.push(id);
      const key = `${label ?? ""} ${text}`;
      const group = groups.get(key);
      if (group !== undefined) group.products.push(product);
      else
        groups.set(key, { products: [product], ...(label === undefined ? {} : { label }), text });
    }
    for (const { products: members, label, text } of groups.values()) {
      if (!members.some((each) => isIdentified(each)))
        report(`${list}: no product is named by a purl or a digest`);
      yield {
        products: members,
        status: means,
        ...(label === undefined ? {} : { justification: label }),
        text,
      };
    }
  }
  if (unexplained.length > 0)
    report(`known_not_affected without a flag or a threat of category impact`);
}

/** The justification of each product. */
function labelsOf(
  vulnerability: JsonObject,
  products: CsafProducts,
  report: (problem: string) => void,
): ReadonlyMap<string, VexJustification> {
  const labels = new Map<string, VexJustification>();
  for (const flag of objectsField(vulnerability, "flags")) {
    const label = textField(flag, "label");
    const known = knownJustification(label);
    if (known === undefined) report(`unknown flag ${quote(label ?? "")}`);
    else for (const id of products.listed(flag)) labels.set(id, known);
  }
  return labels;
}

/** The details of remarks about a product, the first of each; one that names none is about all. */
function textsByProduct(
  remarks: readonly JsonObject[],
  products: CsafProducts,
): (id: string) => string | undefined {
  const texts = new Map<string, string>();
  let general: string | undefined;
  for (const remark of remarks) {
    const details = textField(remark, "details");
    if (details === undefined) continue;
    if (!Object.hasOwn(remark, "product_ids") && !Object.hasOwn(remark, "group_ids"))
      general ??= details;
    else for (const id of products.listed(remark)) if (!texts.has(id)) texts.set(id, details);
  }
  return (id) => texts.get(id) ?? general;
}
