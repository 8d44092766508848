/**
 * VEX documents of each format, and what is read from them. It has no tests of its own; the name keeps
 * it out of the published package.
 */
import type { VexFormat } from "./statement.ts";

export interface SampleVex {
  readonly title: string;
  readonly format: VexFormat;
  readonly document: object;
  /** `IDS STATUS; because LABEL; "TEXT"; PRODUCT[PART, PART]` */
  readonly expected: readonly string[];
  readonly problems?: readonly string[];
}

const digest = `sha256:${"ab".repeat(32)}`;

export function openVex(...statements: readonly object[]): object {
  return {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example.com/vex-1",
    author: "Example",
    timestamp: "2024-05-01T00:00:00Z",
    version: 1,
    statements,
  };
}

export function csaf(tree: object, ...vulnerabilities: readonly object[]): object {
  return {
    document: {
      category: "csaf_vex",
      csaf_version: "2.0",
      publisher: { category: "vendor", name: "Example", namespace: "https://example.com" },
      title: "Example",
      tracking: {
        id: "EX-1",
        current_release_date: "2024-05-01T00:00:00Z",
        initial_release_date: "2024-04-01T00:00:00Z",
        status: "final",
        version: "1",
      },
    },
    product_tree: tree,
    vulnerabilities,
  };
}

export function cycloneDx(more: object): object {
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    version: 1,
    metadata: { timestamp: "2024-05-01T00:00:00Z" },
    ...more,
  };
}

export function envelope(statement: object): object {
  return {
    payloadType: "application/vnd.in-toto+json",
    payload: Buffer.from(JSON.stringify(statement)).toString("base64"),
    signatures: [{ keyid: "", sig: "AAAA" }],
  };
}

export function attestation(predicateType: string, predicate: object): object {
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "app", digest: { sha256: "ab".repeat(32) } }],
    predicateType,
    predicate,
  };
}

const fixed = { vulnerability: { name: "CVE-2024-1" }, status: "fixed" };
const unchecked = "the signature of the envelope that it stands in was not checked";
const openssl = {
  name: "openssl",
  product_id: "ssl",
  product_identification_helper: { purl: "pkg:apk/alpine/openssl" },
};

const openVexDocuments: readonly Omit<SampleVex, "format">[] = [
  {
    title: "a package, with aliases and a justification",
    document: openVex({
      vulnerability: { name: "CVE-2024-1", aliases: ["GHSA-aaaa-bbbb-cccc", "CVE-2024-1"] },
      products: [{ "@id": "pkg:apk/wolfi/git@2.39.0-r1?arch=armv7" }],
      status: "not_affected",
      justification: "vulnerable_code_not_present",
      impact_statement: "built without it",
    }),
    expected: [
      'CVE-2024-1=GHSA-aaaa-bbbb-cccc not_affected; because vulnerable_code_not_present; "built without it"; pkg:apk/wolfi/git@2.39.0-r1?arch=armv7',
    ],
  },
  {
    title: "an image with parts, by identifiers and hashes",
    document: openVex({
      ...fixed,
      products: [
        {
          "@id": "https://example.com/app",
          identifiers: { purl: "pkg:oci/app" },
          hashes: { "sha-256": "AB".repeat(32) },
          subcomponents: [
            { "@id": "pkg:apk/alpine/zlib" },
            { identifiers: { purl: "pkg:npm/x@1" } },
            { "@id": "openssl" },
          ],
        },
      ],
    }),
    expected: ["CVE-2024-1 fixed; pkg:oci/app|sha256:ab[pkg:apk/alpine/zlib, pkg:npm/x@1, ]"],
  },
  {
    title: "the early shape, in plain texts",
    document: {
      "@context": "https://openvex.dev/ns",
      "@id": "https://example.com/early",
      timestamp: "2023-01-08T18:02:03-06:00",
      version: "1",
      statements: [
        {
          vulnerability: "CVE-2023-1",
          products: [`pkg:oci/app@${digest}`, "pkg:apk/wolfi/git"],
          subcomponents: ["pkg:apk/wolfi/zlib"],
          status: "under_investigation",
          status_notes: "we look",
        },
      ],
    },
    expected: [
      'CVE-2023-1 under_investigation; "we look"; pkg:oci/app@sha256:' +
        `${"ab".repeat(32)}|sha256:ab[pkg:apk/wolfi/zlib]; pkg:apk/wolfi/git[pkg:apk/wolfi/zlib]`,
    ],
  },
  {
    title: "what to do about what is affected",
    document: openVex({
      vulnerability: { "@id": "https://nvd.nist.gov/vuln/detail/CVE-2024-1" },
      products: [{ "@id": "pkg:apk/a" }],
      status: "affected",
      action_statement: "upgrade",
      status_notes: "confirmed",
    }),
    expected: ['CVE-2024-1 affected; "upgrade"; pkg:apk/a'],
  },
  {
    title: "an attestation's subject is the product of statements without one",
    document: attestation(
      "https://openvex.dev/ns",
      openVex(fixed, { ...fixed, products: ["pkg:apk/a"] }),
    ),
    expected: ["CVE-2024-1 fixed; sha256:ab", "CVE-2024-1 fixed; pkg:apk/a"],
  },
  {
    title: "an envelope is opened",
    document: envelope(attestation("https://openvex.dev/ns/v0.2.0", openVex(fixed))),
    expected: ["CVE-2024-1 fixed; sha256:ab"],
    problems: [unchecked],
  },
  {
    title: "a bundle is opened",
    document: { dsseEnvelope: envelope(attestation("https://openvex.dev/ns", openVex(fixed))) },
    expected: ["CVE-2024-1 fixed; sha256:ab"],
    problems: [unchecked],
  },
  {
    title: "what makes no sense is named and left out",
    document: openVex(
      fixed,
      { ...fixed, products: ["pkg:apk/a"], status: "mended" },
      { products: ["pkg:apk/a"], status: "fixed" },
      7 as unknown as object,
    ),
    expected: [],
    problems: [
      'statement 1: "CVE-2024-1": expected a product, found none: it is about nothing',
      'statement 2: "CVE-2024-1": expected a status of not_affected, affected, fixed, under_investigation, found "mended"',
      "statement 3: expected the name of a vulnerability, found none",
      "statement 4: expected the name of a vulnerability, found none",
    ],
  },
  {
    title: "what is against the rules and clear all the same is taken and named",
    document: openVex(
      { ...fixed, products: ["pkg:apk/a"], status: "not_affected" },
      { ...fixed, products: ["pkg:apk/a"], status: "not_affected", justification: "because" },
      { ...fixed, products: ["openssl"] },
    ),
    expected: [
      "CVE-2024-1 not_affected; pkg:apk/a",
      "CVE-2024-1 not_affected; pkg:apk/a",
      "CVE-2024-1 fixed; ",
    ],
    problems: [
      'statement 1 ("CVE-2024-1"): not_affected without a justification or an impact statement',
      'statement 2 ("CVE-2024-1"): unknown justification "because"',
      'statement 3 ("CVE-2024-1"): no product is named by a purl or a digest',
    ],
  },
  {
    title: "a document without statements says so",
    document: openVex(),
    expected: [],
    problems: ["it has no statement that says how a vulnerability concerns a product"],
  },
];

const csafDocuments: readonly Omit<SampleVex, "format">[] = [
  {
    title: "branches, flags and threats",
    document: csaf(
      {
        branches: [
          {
            category: "vendor",
            name: "Example",
            branches: [
              { category: "product_version", name: "3", product: openssl },
              {
                category: "product_version",
                name: "1",
                product: {
                  name: "zlib",
                  product_id: "z",
                  product_identification_helper: { purl: "pkg:apk/alpine/zlib@1-r0" },
                },
              },
            ],
          },
        ],
      },
      {
        cve: "CVE-2024-1",
        ids: [{ system_name: "GitHub", text: "GHSA-aaaa-bbbb-cccc" }],
        product_status: {
          known_not_affected: ["ssl", "z"],
        },
        flags: [{ label: "component_not_present", product_ids: ["ssl"] }],
        threats: [{ category: "impact", details: "not used", product_ids: ["z"] }],
      },
    ),
    expected: [
      "CVE-2024-1=GHSA-aaaa-bbbb-cccc not_affected; because component_not_present; pkg:apk/alpine/openssl",
      'CVE-2024-1=GHSA-aaaa-bbbb-cccc not_affected; "not used"; pkg:apk/alpine/zlib@1-r0',
    ],
  },
  {
    title: "a security advisory, with groups and what to do",
    document: {
      ...csaf(
        {
          full_product_names: [openssl],
          product_groups: [{ group_id: "all", product_ids: ["ssl"] }],
        },
        {
          cve: "CVE-2024-1",
          product_status: { known_affected: ["ssl"], fixed: ["ssl"] },
          remediations: [{ category: "vendor_fix", details: "upgrade", group_ids: ["all"] }],
        },
        { cve: "CVE-2024-2", product_status: { under_investigation: ["ssl"] } },
        {
          cve: "CVE-2024-3",
          product_status: { known_not_affected: ["ssl"] },
          threats: [{ category: "impact", details: "of no product in particular" }],
        },
      ),
      document: { category: "csaf_security_advisory", tracking: { id: "EX-2" } },
    },
    expected: [
      "CVE-2024-1 fixed; pkg:apk/alpine/openssl",
      'CVE-2024-1 affected; "upgrade"; pkg:apk/alpine/openssl',
      "CVE-2024-2 under_investigation; pkg:apk/alpine/openssl",
      'CVE-2024-3 not_affected; "of no product in particular"; pkg:apk/alpine/openssl',
    ],
  },
  {
    title: "components of an image, and of a distribution that goes by words",
    document: csaf(
      {
        full_product_names: [
          openssl,
          { name: "Alpine Linux 3.19", product_id: "alpine" },
          {
            name: "app",
            product_id: "app",
            product_identification_helper: { purl: `pkg:oci/app@${digest}` },
          },
        ],
        relationships: [
          {
            category: "default_component_of",
            product_reference: "ssl",
            relates_to_product_reference: "app",
            full_product_name: { name: "openssl in app", product_id: "app:ssl" },
          },
          {
            category: "default_component_of",
            product_reference: "ssl",
            relates_to_product_reference: "alpine",
            full_product_name: { name: "openssl in Alpine", product_id: "alpine:ssl" },
          },
        ],
      },
      { cve: "CVE-2024-1", product_status: { fixed: ["app:ssl"] } },
      { cve: "CVE-2024-2", product_status: { fixed: ["alpine:ssl"] } },
    ),
    expected: [
      `CVE-2024-1 fixed; pkg:oci/app@${digest}|sha256:ab[pkg:apk/alpine/openssl]`,
      "CVE-2024-2 fixed; pkg:apk/alpine/openssl",
    ],
  },
  {
    title: "what does not fit together is named",
    document: csaf(
      { full_product_names: [{ name: "openssl", product_id: "words" }] },
      {
        cve: "CVE-2024-1",
        product_status: { known_not_affected: ["words", "missing"] },
        flags: [{ label: "nope", product_ids: ["words"] }],
      },
      { product_status: { fixed: ["words"] } },
    ),
    expected: ["CVE-2024-1 not_affected; "],
    problems: [
      '"CVE-2024-1": unknown flag "nope"',
      '"CVE-2024-1": the product "missing" is not in the product tree',
      '"CVE-2024-1": known_not_affected: no product is named by a purl or a digest',
      '"CVE-2024-1": known_not_affected without a flag or a threat of category impact',
      "vulnerability 2: expected the name of a vulnerability, found none",
    ],
  },
];

const zlib = { type: "library", name: "zlib", "bom-ref": "z", purl: "pkg:apk/alpine/zlib@1-r0" };

const cycloneDxDocuments: readonly Omit<SampleVex, "format">[] = [
  {
    title: "refs of the same document, nested ones too, and purls",
    document: cycloneDx({
      components: [{ type: "application", name: "app", "bom-ref": "app", components: [zlib] }],
      vulnerabilities: [
        {
          id: "CVE-2024-1",
          references: [{ id: "GHSA-aaaa-bbbb-cccc", source: { name: "GitHub" } }],
          analysis: {
            state: "not_affected",
            justification: "code_not_reachable",
            detail: "not called",
          },
          affects: [{ ref: "z" }, { ref: "pkg:apk/alpine/openssl" }],
        },
      ],
    }),
    expected: [
      'CVE-2024-1=GHSA-aaaa-bbbb-cccc not_affected; because vulnerable_code_not_in_execute_path; "not called"; pkg:apk/alpine/zlib@1-r0; pkg:apk/alpine/openssl',
    ],
  },
  {
    title: "BOM-Links to the document itself and to others",
    document: cycloneDx({
      components: [zlib],
      vulnerabilities: [
        {
          id: "CVE-2024-1",
          analysis: { state: "resolved" },
          affects: [
            { ref: "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#z" },
            { ref: "urn:cdx:00000000-395b-41f5-a30f-a58921a69b79/2#pkg:apk%2Falpine%2Fopenssl" },
            { ref: "urn:cdx:00000000-395b-41f5-a30f-a58921a69b79/1#z" },
          ],
        },
      ],
    }),
    expected: ["CVE-2024-1 fixed; pkg:apk/alpine/zlib@1-r0; pkg:apk/alpine/openssl"],
    problems: [
      '"CVE-2024-1": nothing here tells which component "urn:cdx:00000000-395b-41f5-a30f-a58921a69b79/1#z" is',
    ],
  },
  {
    title: "the components of an image are those of that image",
    document: cycloneDx({
      metadata: {
        component: { type: "container", name: "app", "bom-ref": "image", version: digest },
      },
      components: [zlib],
      vulnerabilities: [
        { id: "CVE-2024-1", analysis: { state: "in_triage" }, affects: [{ ref: "z" }] },
        { id: "CVE-2024-2", analysis: { state: "resolved" }, affects: [{ ref: "image" }] },
      ],
    }),
    expected: [
      "CVE-2024-1 under_investigation; sha256:ab[pkg:apk/alpine/zlib@1-r0]",
      "CVE-2024-2 fixed; sha256:ab",
    ],
  },
  {
    title: "all states",
    document: cycloneDx({
      vulnerabilities: [
        "resolved_with_pedigree",
        "exploitable",
        "false_positive",
        "not_affected",
        "undecided",
      ].map((state) => ({
        id: "CVE-2024-1",
        analysis: { state, justification: "protected_at_perimeter" },
        recommendation: "upgrade",
        affects: [{ ref: "pkg:apk/a" }],
      })),
    }),
    expected: [
      'CVE-2024-1 fixed; because inline_mitigations_already_exist; "protected at perimeter"; pkg:apk/a',
      'CVE-2024-1 affected; because inline_mitigations_already_exist; "upgrade"; pkg:apk/a',
      'CVE-2024-1 not_affected; because inline_mitigations_already_exist; "protected at perimeter"; pkg:apk/a',
      'CVE-2024-1 not_affected; because inline_mitigations_already_exist; "protected at perimeter"; pkg:apk/a',
    ],
    problems: [
      '"CVE-2024-1": expected a state of resolved, resolved_with_pedigree, exploitable, in_triage, false_positive, not_affected, found "undecided"',
    ],
  },
  {
    title: "versions that are told apart",
    document: cycloneDx({
      vulnerabilities: ["exploitable", "resolved"].map((state) => ({
        id: "CVE-2024-1",
        analysis: { state },
        affects: [
          {
            ref: "pkg:apk/a",
            versions: [
              { version: "1-r0" },
              { version: "1-r1", status: "unaffected" },
              { range: "vers:apk/<1", status: "affected" },
            ],
          },
        ],
      })),
    }),
    expected: ["CVE-2024-1 affected; pkg:apk/a@1-r0", "CVE-2024-1 fixed; pkg:apk/a@1-r1"],
    problems: [
      '"CVE-2024-1": "pkg:apk/a": ranges of versions are not read, and the statement not for them',
    ],
  },
  {
    title: "findings without an analysis are no statements",
    document: cycloneDx({
      components: [zlib],
      vulnerabilities: [{ id: "CVE-2024-1", affects: [{ ref: "z" }] }],
    }),
    expected: [],
    problems: ["it has no statement that says how a vulnerability concerns a product"],
  },
  {
    title: "what cannot be told is named",
    document: cycloneDx({
      components: [{ type: "library", name: "zlib", "bom-ref": "z" }],
      vulnerabilities: [
        { id: "CVE-2024-1", analysis: { state: "resolved" }, affects: [{ ref: "z" }] },
        { analysis: { state: "resolved" }, affects: [{ ref: "z" }] },
        { id: "CVE-2024-2", analysis: { state: "not_affected" }, affects: [{ ref: "pkg:apk/a" }] },
      ],
    }),
    expected: ["CVE-2024-2 not_affected; pkg:apk/a"],
    problems: [
      '"CVE-2024-1": nothing here tells which component "z" is',
      '"CVE-2024-1": expected a component that it affects, found none: it is about nothing',
      "vulnerability 2: expected an id, found none",
      '"CVE-2024-2": not_affected without a justification or details',
    ],
  },
];

export const documents: readonly SampleVex[] = [
  ...openVexDocuments.map((each) => ({ ...each, format: "openvex" as const })),
  ...csafDocuments.map((each) => ({ ...each, format: "csaf" as const })),
  ...cycloneDxDocuments.map((each) => ({ ...each, format: "cyclonedx" as const })),
];
