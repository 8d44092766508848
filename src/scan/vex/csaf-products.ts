/**
 * The products of a CSAF document: what its product ids stand for
 * (OASIS CSAF 2.0, section 3.2.2, product tree).
 */
import {
  BivyError,
  type JsonObject,
  objectField,
  objectsField,
  textsField,
} from "../../base/index.ts";
import { componentOf, isIdentified, productOf } from "./component.ts";
import { textField } from "./json-field.ts";
import type { VexProduct } from "./statement.ts";

export interface CsafProducts {
  /** Undefined for an id that the document does not define. */
  product(id: string): VexProduct | undefined;
  /** The product ids that an object names, itself and by groups. */
  listed(object: JsonObject): readonly string[];
}

/** Products that the groups of a document may stand for in all; honest ones have a few thousand. */
const mostGrouped = 1_000_000;

/** `subject` is what messages call the document. */
export function csafProducts(tree: JsonObject | undefined, subject: string): CsafProducts {
  const products = new Map<string, VexProduct>();
  for (const name of fullProductNames(tree)) addProduct(products, name);
  for (const relationship of objectsField(tree, "relationships"))
    addRelationship(products, relationship);
  const groups = new Map<string, readonly string[]>();
  for (const group of objectsField(tree, "product_groups")) {
    const id = textField(group, "group_id");
    if (id !== undefined) groups.set(id, textsField(group, "product_ids"));
  }
  let left = mostGrouped;
  return {
    product: (id) => products.get(id),
    listed(object) {
      const ids = [...textsField(object, "product_ids")];
      for (const groupId of textsField(object, "group_ids")) {
        const members = groups.get(groupId) ?? [];
        left -= members.length;
        if (left < 0)
          throw new BivyError(
            "limit-exceeded",
            `${subject}: its product groups stand for more than ${mostGrouped} products`,
            { hint: "The document is damaged or hostile." },
          );
        for (const each of members) ids.push(each);
      }
      return ids;
    },
  };
}

/** Those beside the branches, and those of all branches, however deep they are nested. */
function* fullProductNames(tree: JsonObject | undefined): Generator<JsonObject> {
  yield* objectsField(tree, "full_product_names");
  const waiting = [...objectsField(tree, "branches")];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const product = objectField(next, "product");
    if (product !== undefined) yield product;
    for (const each of objectsField(next, "branches")) waiting.push(each);
  }
}

function addProduct(products: Map<string, VexProduct>, name: JsonObject): void {
  const id = textField(name, "product_id");
  if (id === undefined) return;
  const { purls, hashes } = identification(name);
  products.set(id, productOf(textField(name, "name") ?? id, componentOf(purls, hashes)));
}

function identification(name: JsonObject): {
  readonly purls: readonly string[];
  readonly hashes: readonly string[];
} {
  const stated = objectField(name, "product_identification_helper");
  const purl = textField(stated, "purl");
  const hashes = objectsField(stated, "hashes")
    .flatMap((each) => objectsField(each, "file_hashes"))
    .filter((each) => /^sha-?256$/i.test(textField(each, "algorithm") ?? ""))
    .flatMap((each) => textField(each, "value") ?? []);
  // CSAF 2.1 has a list of purls.
  return { purls: [...(purl === undefined ? [] : [purl]), ...textsField(stated, "purls")], hashes };
}

/**
 * A component as part of a product is another product. Where that product can be told from others, it
 * is that product, about the component; where it goes by words only, such as "Alpine Linux 3.19", it is
 * the component itself. What a relationship names was defined before it.
 */
function addRelationship(products: Map<string, VexProduct>, relationship: JsonObject): void {
  const name = objectField(relationship, "full_product_name");
  const id = textField(name, "product_id");
  const part = products.get(textField(relationship, "product_reference") ?? "");
  const whole = products.get(textField(relationship, "relates_to_product_reference") ?? "");
  if (name === undefined || id === undefined) return;
  const text = textField(name, "name") ?? id;
  const { purls, hashes } = identification(name);
  const own = componentOf(purls, hashes);
  if (part === undefined) products.set(id, productOf(text, own));
  else if (whole !== undefined && isIdentified(whole))
    products.set(id, productOf(text, { purls: whole.purls, digests: whole.digests }, [part]));
  else products.set(id, productOf(text, isIdentified(own) ? own : part));
}
