import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeText } from "../../base/index.ts";
import { samplePackage, sampleSubject } from "../sample-scan.test.ts";
import { parseVex } from "./parse-vex.ts";
import { openVex } from "./sample-vex.test.ts";
import type { VexDocument } from "./statement.ts";
import { unusedStatements, vexFor } from "./vex-for.ts";

const digest = `sha256:${"ab".repeat(32)}` as const;
const subject = sampleSubject([], { digest });
const finding = {
  id: "CVE-2024-1",
  aliases: ["GHSA-aaaa-bbbb-cccc"],
  package: samplePackage("libcrypto3 3.1.4-r5 openssl"),
};

/** `[ID] STATUS PRODUCT [DAY]`, with the id of the finding unless another is given. */
function statement(words: string): object {
  const [, id = "CVE-2024-1", status, product, day] =
    /^(?:([A-Z]\S+) )?(\w+) (\S+)(?: (\S+))?$/.exec(words)!;
  return {
    vulnerability: { name: id },
    products: [{ "@id": product }],
    status,
    ...(status === "not_affected" ? { justification: "component_not_present" } : {}),
    impact_statement: words,
    action_statement: words,
    ...(day === undefined ? {} : { timestamp: `${day}T00:00:00Z` }),
  };
}

function document(words: readonly string[], name = "x.json"): VexDocument {
  return parseVex(encodeText(JSON.stringify(openVex(...words.map(statement)))), name);
}

/** The status that counts, or none. */
function statusFor(...documents: readonly (readonly string[])[]): string {
  const parsed = documents.map((words) => document(words));
  const { suppression, vex } = vexFor(parsed, finding, subject);
  return suppression?.status ?? vex?.status ?? "none";
}

const name = "pkg:apk/alpine/libcrypto3";
const origin = "pkg:apk/alpine/openssl";
const image = `pkg:oci/app@${digest}`;

const cases: readonly [expected: string, ...documents: (readonly string[])[]][] = [
  ["none"],
  ["none", [`CVE-2024-2 fixed ${name}`]],
  ["none", ["fixed pkg:apk/alpine/libssl3"]],
  ["fixed", [`fixed ${name}`]],
  ["fixed", [`GHSA-aaaa-bbbb-cccc fixed ${name}`]],
  ["fixed", [`GHSA-AAAA-BBBB-CCCC fixed ${name}`]],
  ["not_affected", [`not_affected ${origin}`]],
  ["affected", [`affected ${image}`]],
  ["under_investigation", [`under_investigation ${name}`]],
  // The newest counts, wherever it stands.
  ["affected", [`not_affected ${name} 2024-01-01`, `affected ${name} 2024-01-02`]],
  ["affected", [`affected ${name} 2024-01-02`, `not_affected ${name} 2024-01-01`]],
  ["affected", [`affected ${name} 2024-01-02`], [`not_affected ${name} 2024-01-01`]],
  ["affected", [`affected ${image} 2024-01-02`, `not_affected ${name} 2024-01-01`]],
  ["fixed", [`GHSA-aaaa-bbbb-cccc affected ${name} 2024-01-01`, `fixed ${name} 2024-01-02`]],
  // A statement without a time is as old as its document.
  ["fixed", [`fixed ${name}`, `affected ${name} 2024-04-30`]],
  // Of one time, the later.
  ["affected", [`fixed ${name}`, `affected ${name}`]],
  ["affected", [`fixed ${name}`], [`affected ${name}`]],
  ["affected", [`GHSA-aaaa-bbbb-cccc fixed ${name}`, `affected ${name}`]],
  ["affected", [`fixed ${name}`, `GHSA-aaaa-bbbb-cccc affected ${name}`]],
  // Of one time, the closer.
  ["fixed", [`fixed ${name}`, `affected ${origin}`, `affected ${image}`]],
  ["fixed", [`fixed ${origin}`], [`affected ${image}`]],
];

test("the newest statement counts, then the closest, then the last", () => {
  for (const [expected, ...documents] of cases)
    assert.equal(statusFor(...documents), expected, JSON.stringify(documents));
});

test("a statement suppresses with its reason, or is remarked", () => {
  const words = `not_affected ${name}`;
  assert.deepEqual(vexFor([document([words], "a.json")], finding, subject), {
    suppression: {
      by: "vex",
      status: "not_affected",
      reason: words,
      source: "a.json (https://example.com/vex-1)",
      justification: "component_not_present",
    },
  });
  const looking = openVex({
    vulnerability: "CVE-2024-1",
    products: [name],
    status: "under_investigation",
    status_notes: "we look",
  });
  assert.deepEqual(
    vexFor([parseVex(encodeText(JSON.stringify(looking)), "a.json")], finding, subject),
    {
      vex: {
        status: "under_investigation",
        text: "we look",
        source: "a.json (https://example.com/vex-1)",
      },
    },
  );
});

test("statements that concern nothing are named", () => {
  const documents = [
    document([
      `fixed ${name} 2024-01-01`,
      `affected ${name} 2024-01-02`,
      `CVE-2024-11 fixed ${name}`,
    ]),
    document(["fixed pkg:apk/alpine/libcrypto"]),
  ];
  assert.deepEqual(
    unusedStatements(documents, [finding], subject).map(({ text }) => text),
    [`CVE-2024-11 fixed ${name}`, "fixed pkg:apk/alpine/libcrypto"],
  );
  assert.equal(unusedStatements(documents, [], subject).length, 4);
});
