import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScanReport } from "../report.ts";
import { scanJunit } from "./junit.ts";
import {
  cleanReport,
  disturbing,
  failedOptions,
  hostileReport,
  hostileTexts,
  options,
  sampleReport,
} from "./sample-report.test.ts";

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

/** Reads as little of XML as is written, and refuses all else. */
function parseXml(xml: string): Element {
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  assert.ok(xml.startsWith(declaration));
  const stack: { element: Element; children: Element[]; text: string[] }[] = [];
  const root: Element[] = [];
  const tag = /<(\/?)([a-z-]+)((?: [a-z]+="[^"<>]*")*)(\/?)>|([^<>]+)/gy;
  const body = xml.slice(declaration.length);
  let at = 0;
  while (at < body.length) {
    tag.lastIndex = at;
    const match = tag.exec(body);
    assert.ok(match, `no XML: ${body.slice(at, at + 80)}`);
    at = tag.lastIndex;
    const [, closing, name, attributes, isEmpty, text] = match;
    if (text !== undefined) {
      stack.at(-1)?.text.push(unescapeXml(text));
    } else if (closing === "/") {
      const { element, children, text: texts } = stack.pop()!;
      assert.equal(element.name, name);
      (stack.at(-1)?.children ?? root).push({ ...element, children, text: texts.join("") });
    } else {
      const pairs = [...attributes!.matchAll(/ ([a-z]+)="([^"]*)"/g)];
      const element: Element = {
        name: name!,
        attributes: Object.fromEntries(pairs.map(([, key, value]) => [key, unescapeXml(value!)])),
        children: [],
        text: "",
      };
      if (isEmpty === "/") (stack.at(-1)?.children ?? root).push(element);
      else stack.push({ element, children: [], text: [] });
    }
  }
  assert.deepEqual([stack.length, root.length], [0, 1]);
  return root[0]!;
}

function unescapeXml(text: string): string {
  assert.doesNotMatch(text, /&(?!#\d+;)/);
  assert.doesNotMatch(text, disturbing);
  assert.doesNotMatch(text, /[\ufffe\uffff]/);
  return text.replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
}

/** The suites, once it is clear that each count is that of what is there. */
function suitesOf(reports: readonly ScanReport[], more = options): readonly Element[] {
  const root = parseXml(scanJunit(reports, more));
  assert.equal(root.name, "testsuites");
  const countIn = (suites: readonly Element[], name: string): number =>
    suites
      .flatMap(({ children }) => children.filter((each) => each.name === "testcase"))
      .filter(({ children }) => children.some((each) => each.name === name)).length;
  for (const [element, suites] of [
    [root, root.children],
    ...root.children.map((suite) => [suite, [suite]] as const),
  ] as const) {
    const { tests, failures, errors, skipped } = element.attributes;
    const all = suites.flatMap(({ children }) =>
      children.filter(({ name }) => name === "testcase"),
    );
    assert.equal(Number(tests), all.length);
    assert.equal(Number(failures), countIn(suites, "failure"));
    assert.equal(Number(errors), countIn(suites, "error"));
    assert.equal(Number(skipped), countIn(suites, "skipped"));
  }
  return root.children;
}

function caseOf(suite: Element, name: string): Element {
  return suite.children.find(({ attributes }) => attributes["name"]?.startsWith(`${name} `))!;
}

test("a suite for each subject, a case for each package", () => {
  const [suite, clean] = suitesOf([sampleReport, cleanReport]);
  assert.equal(suite!.attributes["name"], sampleReport.subject.name);
  assert.equal(suite!.attributes["timestamp"], "2025-01-04T12:00:00");
  assert.equal(Number(suite!.attributes["tests"]), sampleReport.versions.size);
  const [failure, output] = caseOf(suite!, "libcurl").children;
  assert.equal(failure!.attributes["message"], "CVE-2024-7264 (fixed in 8.9.0-r0)");
  assert.match(failure!.text, /command: apk upgrade curl libcurl/);
  assert.match(output!.text, /^CVE-2024-2511 suppressed by VEX: Not reachable;/);
  assert.equal(clean!.attributes["failures"], "0");
});

test("what is suppressed, and what nothing is known of, is skipped and not passed", () => {
  const [suite] = suitesOf([sampleReport]);
  const messageOf = (name: string) => caseOf(suite!, name).children[0]?.attributes["message"];
  assert.match(messageOf("libexpat")!, /^CVE-2024-45490 suppressed by an ignore rule: We never/);
  assert.match(messageOf("scanelf")!, /^no known fix data/);
  assert.equal(messageOf("musl"), undefined);
});

test("warnings stand in the suite, and a subject that could not be scanned is an error", () => {
  const [suite, failed] = suitesOf([sampleReport], failedOptions);
  assert.match(suite!.children.at(-1)!.text, /^warning: not of v3\.19: https:/);
  const [error] = failed!.children[0]!.children;
  assert.equal(error!.attributes["type"], "nothing-to-scan");
});

test("hostile words are text and attributes, and no more", () => {
  for (const hostile of hostileTexts) {
    const [suite] = suitesOf([hostileReport(hostile)]);
    assert.equal(suite!.children.filter(({ name }) => name === "testcase").length, 2);
    const report = hostileReport(hostile);
    assert.equal(scanJunit([report], options), scanJunit([structuredClone(report)], options));
  }
  suitesOf(hostileTexts.map(hostileReport), failedOptions);
});
