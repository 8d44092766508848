/**
 * CycloneDX, read as VEX: versions 1.4 and newer (https://cyclonedx.org/capabilities/vex). A
 * vulnerability without an analysis is a finding of whoever wrote the document, and no statement.
 */
import { objectField, objectsField, type JsonObject } from "../../base/index.ts";
import { componentOf, isIdentified, isImagePurl, productOf } from "./component.ts";
import { textField, timeField } from "./json-field.ts";
import { justificationOfCycloneDx } from "./justification.ts";
import { quote } from "../quote.ts";
import type { ReadStatement, ReadVex, VexComponent, VexProduct, VexStatus } from "./statement.ts";

const states: Readonly<Record<string, VexStatus>> = {
  resolved: "fixed",
  resolved_with_pedigree: "fixed",
  exploitable: "affected",
  in_triage: "under_investigation",
  false_positive: "not_affected",
  not_affected: "not_affected",
};

export function readCycloneDxVex(document: JsonObject): ReadVex {
  const statements: ReadStatement[] = [];
  const problems: string[] = [];
  const serial = textField(document, "serialNumber");
  const documentTime = timeField(objectField(document, "metadata"), "timestamp");
  const resolve = refResolver(document, serial);
  for (const [index, vulnerability] of objectsField(document, "vulnerabilities").entries()) {
    const analysis = objectField(vulnerability, "analysis");
    if (analysis === undefined) continue;
    const ids = idsOf(vulnerability);
    if (ids.length === 0) {
      problems.push(`vulnerability ${index + 1}: expected an id, found none`);
      continue;
    }
    const report = (problem: string) => problems.push(`${quote(ids[0]!)}: ${problem}`);
    const state = textField(analysis, "state");
    if (state === undefined || !Object.hasOwn(states, state)) {
      report(
        `expected a state of ${Object.keys(states).join(", ")}, found ${state === undefined ? "none" : quote(state)}`,
      );
      continue;
    }
    const status = states[state]!;
    const products = objectsField(vulnerability, "affects").flatMap((affected) =>
      productsOf(affected, status, resolve, report),
    );
    if (products.length === 0) {
      report("expected a component that it affects, found none: it is about nothing");
      continue;
    }
    const { text, justification } = reasonOf(analysis, vulnerability, status, report);
    const time =
      timeField(analysis, "lastUpdated") ??
      timeField(vulnerability, "updated") ??
      timeField(analysis, "firstIssued") ??
      documentTime;
    statements.push({
      ids,
      products,
      status,
      ...(justification === undefined ? {} : { justification }),
      text,
      ...(time === undefined ? {} : { time }),
    });
  }
  return { ...(serial === undefined ? {} : { id: serial }), statements, problems };
}

function idsOf(vulnerability: JsonObject): readonly string[] {
  const others = objectsField(vulnerability, "references").map((each) => textField(each, "id"));
  const names = [textField(vulnerability, "id"), ...others];
  return [...new Set(names.filter((name) => name !== undefined))];
}

function reasonOf(
  analysis: JsonObject,
  vulnerability: JsonObject,
  status: VexStatus,
  report: (problem: string) => void,
): Pick<ReadStatement, "text" | "justification"> {
  const label = textField(analysis, "justification");
  const detail =
    textField(analysis, "detail") ??
    (status === "affected" ? textField(vulnerability, "recommendation") : undefined);
  const justification = label === undefined ? undefined : justificationOfCycloneDx(label);
  if (label !== undefined && justification === undefined)
    report(`unknown justification ${quote(label)}`);
  else if (status === "not_affected" && label === undefined && detail === undefined)
    report("not_affected without a justification or details");
  return {
    text: detail ?? (justification === undefined ? "" : label!.replaceAll("_", " ")),
    ...(justification === undefined ? {} : { justification }),
  };
}

/** What a ref stands for, as the document's root with a part of it, or by itself. */
type ResolveRef = (ref: string) => VexProduct | undefined;

/**
 * A ref is a bom-ref of the same document, a BOM-Link (`urn:cdx:SERIAL/VERSION#REF`), or a purl. Where
 * the document is about an image that it names by digest or repository, its components are those of that image.
 */
function refResolver(document: JsonObject, serial: string | undefined): ResolveRef {
  const root = objectField(objectField(document, "metadata"), "component");
  const whole = root === undefined ? undefined : identify(root);
  const rootRef = textField(root, "bom-ref");
  const image = whole !== undefined && isImage(whole) ? whole : undefined;
  const components = new Map<string, VexComponent>();
  const waiting = [document, ...(root === undefined ? [] : [root])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
    for (const each of objectsField(next, "components")) {
      const ref = textField(each, "bom-ref");
      if (ref !== undefined && !components.has(ref)) components.set(ref, identify(each));
      waiting.push(each);
    }
  const own = serial?.toLowerCase().replace(/^urn:uuid:/, "");
  return (ref) => {
    const link = /^urn:cdx:([^/#]*)\/[^#]*#(.+)$/s.exec(ref);
    const isElsewhere = link !== null && link[1]!.toLowerCase() !== own;
    const name = link === null ? ref : decode(link[2]!);
    if (!isElsewhere && name === rootRef && whole !== undefined) return productOf(ref, whole);
    const component = isElsewhere ? undefined : components.get(name);
    if (component === undefined) {
      // A purl says what it is wherever it stands.
      const named = componentOf([name]);
      return isIdentified(named) ? productOf(ref, named) : undefined;
    }
    return image === undefined ? productOf(ref, component) : productOf(ref, image, [component]);
  };
}

/** Whether it can be told which images it is. */
function isImage({ purls, digests }: VexComponent): boolean {
  return (
    digests.length > 0 ||
    purls.some((purl) => isImagePurl(purl) && purl.qualifiers?.["repository_url"] !== undefined)
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function identify(component: JsonObject): VexComponent {
  const purl = textField(component, "purl");
  const isContainer = textField(component, "type") === "container";
  const version = isContainer ? textField(component, "version") : undefined;
  const hashes = isContainer
    ? objectsField(component, "hashes")
        .filter((each) => textField(each, "alg") === "SHA-256")
        .flatMap((each) => textField(each, "content") ?? [])
    : [];
  return componentOf(
    [purl, version].filter((text) => text !== undefined),
    hashes,
  );
}

function productsOf(
  affected: JsonObject,
  status: VexStatus,
  resolve: ResolveRef,
  report: (problem: string) => void,
): readonly VexProduct[] {
  const ref = textField(affected, "ref");
  const product = ref === undefined ? undefined : resolve(ref);
  if (product === undefined || !isKnown(product)) {
    report(`nothing here tells which component ${quote(ref ?? "")} is`);
    return [];
  }
  const listed = objectsField(affected, "versions");
  if (listed.length === 0) return [product];
  // Where versions are told apart, what suppresses holds for those that are not affected.
  const suppresses = status === "not_affected" || status === "fixed";
  const wanted =
    suppresses && listed.some((each) => textField(each, "status") !== undefined)
      ? listed.filter((each) => textField(each, "status") === "unaffected")
      : listed.filter((each) => suppresses || textField(each, "status") !== "unaffected");
  const versions = wanted.flatMap((each) => textField(each, "version") ?? []);
  if (versions.length < wanted.length)
    report(`${quote(ref!)}: ranges of versions are not read, and the statement not for them`);
  return versions.map((version) => withVersion(product, version));
}

function isKnown(product: VexProduct): boolean {
  return isIdentified(product) && (product.subcomponents ?? [product]).some(isIdentified);
}

/** The version of an apk package; an image goes by its digest. */
function withVersion(product: VexProduct, version: string): VexProduct {
  const { subcomponents } = product;
  return subcomponents === undefined
    ? { ...product, ...versioned(product, version) }
    : { ...product, subcomponents: subcomponents.map((each) => versioned(each, version)) };
}

function versioned({ purls, digests }: VexComponent, version: string): VexComponent {
  return {
    purls: purls.map((purl) => (purl.type === "apk" ? { ...purl, version } : purl)),
    digests,
  };
}
