/** The feeds that rank and reject: what is read of each, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeText, isBivyError } from "../base/index.ts";
import { readEpss } from "./epss.ts";
import { parseKev } from "./kev.ts";
import { openTable, tableSize, writeTable } from "./lookup-table.ts";
import { readNvd } from "./nvd.ts";
import { tryScore } from "./osv.ts";
import { parseRejections, readRejectionList, writeRejectionList } from "./rejections.ts";
import { severityLevel } from "./severity.ts";
import { parseReleases, supportEnded } from "./support.ts";

const epssText = `#model_version:v2025.03.14,score_date:2026-11-30T12:00:00Z
cve,epss,percentile
CVE-1999-0001,0.01234,0.79
CVE-2024-9143,0.00042,0.1
CVE-2024-3094,0.9,1
`;

async function rowsOf(chunks: Iterable<Uint8Array>) {
  const rows = [];
  for await (const row of readEpss(chunks, "epss")) rows.push(row);
  return rows;
}

test("EPSS is read the same however its lines are cut", async () => {
  const bytes = encodeText(epssText);
  const expected = [
    { id: "CVE-1999-0001", probability: 0.01234, percentile: 0.79 },
    { id: "CVE-2024-9143", probability: 0.00042, percentile: 0.1 },
    { id: "CVE-2024-3094", probability: 0.9, percentile: 1 },
  ];
  for (const size of [1, 7, 1000]) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    assert.deepEqual(await rowsOf(chunks), expected);
  }
});

test("a page is no file of EPSS", async () => {
  await assert.rejects(rowsOf([encodeText("<html>\n")]), { code: "advisories-invalid" });
  await assert.rejects(rowsOf([encodeText("x".repeat(5000))]), { code: "advisories-invalid" });
});

test("KEV gives the days and ransomware", () => {
  const known = parseKev(
    encodeText(
      JSON.stringify({
        vulnerabilities: [
          {
            cveID: "CVE-2024-3094",
            dateAdded: "2024-04-01",
            dueDate: "2024-04-22",
            knownRansomwareCampaignUse: "Known",
          },
          {
            cveID: "CVE-2021-44228",
            dateAdded: "2021-12-10",
            knownRansomwareCampaignUse: "Unknown",
          },
          { cveID: "CVE-2021-1", dateAdded: "yesterday" },
          null,
        ],
      }),
    ),
    "kev",
  );
  assert.deepEqual(Array.from(known), [
    ["CVE-2024-3094", { added: "2024-04-01", due: "2024-04-22", ransomware: true }],
    ["CVE-2021-44228", { added: "2021-12-10", ransomware: false }],
  ]);
  assert.throws(() => parseKev(encodeText("{}"), "kev"), { code: "advisories-invalid" });
});

const releasesText = JSON.stringify({
  latest_stable: "v3.22",
  release_branches: [
    { rel_branch: "edge", git_branch: "master" },
    {
      rel_branch: "v3.19",
      eol_date: "2025-11-01",
      repos: [
        { name: "main", eol_date: "2025-11-01" },
        { name: "community", eol_date: "2024-05-22" },
      ],
      releases: [{ version: "3.19.4" }, { version: "3.19.3" }],
    },
    { rel_branch: "../evil" },
  ],
});

test("support ends with the end of its last day, in UTC", () => {
  const { branches, latestStable } = parseReleases(encodeText(releasesText), "releases");
  assert.equal(latestStable, "v3.22");
  const [edge, old] = branches;
  assert.equal(branches.length, 2);
  assert.equal(old!.newest, "3.19.4");
  assert.equal(old!.repositories.get("community"), "2024-05-22");
  const at = (text: string) => Date.parse(text) / 1000;
  assert.equal(supportEnded(old!, at("2025-11-01T23:59:59Z")), false);
  assert.equal(supportEnded(old!, at("2025-11-02T00:00:00Z")), true);
  assert.equal(supportEnded(edge!, at("2099-01-01T00:00:00Z")), false);
});

test("scores of CVSS vectors of each version", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8],
    ["CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:L", 3.7],
    ["CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3],
    ["AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5],
    ["CVSS:3.1/AV:N", undefined],
    ["", undefined],
    ["seven", undefined],
  ];
  for (const [vector, score] of cases) assert.equal(tryScore(vector), score, vector);
});

test("the qualitative scale", () => {
  for (const [score, level] of [
    [0, "none"],
    [0.1, "low"],
    [3.9, "low"],
    [4, "medium"],
    [6.9, "medium"],
    [7, "high"],
    [8.9, "high"],
    [9, "critical"],
    [10, "critical"],
  ] as const)
    assert.equal(severityLevel(score), level);
});

test("NVD's own score comes first, and version 3 before 2", async () => {
  const metric = (type: string, baseScore: number, vectorString: string) => ({
    type,
    cvssData: { baseScore, vectorString },
  });
  const text = JSON.stringify({
    format: "NVD_CVE",
    vulnerabilities: [
      {
        cve: {
          id: "CVE-2024-9143",
          descriptions: [{ value: 'braces } ] in " text \\' }],
          metrics: {
            cvssMetricV2: [metric("Primary", 9, "AV:N/AC:L/Au:N/C:P/I:P/A:P")],
            cvssMetricV31: [
              metric("Secondary", 5, "CVSS:3.1/A"),
              metric("Primary", 4.3, "CVSS:3.1/B"),
            ],
          },
        },
      },
      { cve: { id: "CVE-2024-1", metrics: {} } },
    ],
    after: [{ cve: { id: "CVE-2099-9999" } }],
  });
  for (const size of [1, 5, 10_000]) {
    const bytes = encodeText(text);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    const found = [];
    for await (const each of readNvd(chunks, "nvd")) found.push(each);
    assert.deepEqual(found, [
      ["CVE-2024-9143", { score: 4.3, level: "medium", vector: "CVSS:3.1/B", source: "NVD" }],
    ]);
  }
});

test("a feed of NVD that is cut off is refused", async () => {
  await assert.rejects(
    async () => {
      for await (const _ of readNvd([encodeText('{"vulnerabilities":[{"cve":{')], "nvd"));
    },
    { code: "advisories-invalid" },
  );
  await assert.rejects(
    async () => {
      for await (const _ of readNvd([encodeText('{"a":[]}')], "nvd"));
    },
    { code: "advisories-invalid" },
  );
});

test("rejections are lists with reasons as comments, or maps", async () => {
  const text = `# of the file
busybox:
  # the applet is not built
  - CVE-2021-42373
  - CVE-2021-42376 # needs a shell that is not ours
openssl:
  CVE-2022-1292: c_rehash is not shipped
  CVE-2022-2068:
notalist: 3
`;
  assert.deepEqual(await parseRejections(text, "security-rejections-master/3.19-main.yaml", "x"), [
    { origin: "busybox", id: "CVE-2021-42373", reason: "the applet is not built", branch: "v3.19" },
    {
      origin: "busybox",
      id: "CVE-2021-42376",
      reason: "needs a shell that is not ours",
      branch: "v3.19",
    },
    { origin: "openssl", id: "CVE-2022-1292", reason: "c_rehash is not shipped", branch: "v3.19" },
    { origin: "openssl", id: "CVE-2022-2068", reason: "", branch: "v3.19" },
  ]);
  const [first] = await parseRejections("a: [X-12]", "main.yaml", "x");
  assert.deepEqual(first, { origin: "a", id: "X-12", reason: "" });
  assert.equal((await parseRejections("a: [X-12]", "t/edge-main.yaml", "x"))[0]!.branch, "edge");
  await assert.rejects(parseRejections("a: [", "main.yaml", "x"), { code: "advisories-invalid" });
});

test("a list of rejections is read back as it was written", () => {
  const list = [{ origin: "a", id: "CVE-2020-1234", reason: "r", branch: "edge" }];
  assert.deepEqual(readRejectionList(writeRejectionList(list), "x"), list);
  assert.throws(() => readRejectionList(encodeText("[]"), "x"), { code: "advisories-invalid" });
  assert.deepEqual(readRejectionList(encodeText('{"rejections":[null,{"origin":1}]}'), "x"), []);
});

test("a table gives back each value, and nothing else", () => {
  const id = fc.stringMatching(/^[A-Z0-9-]{1,12}$/);
  fc.assert(
    fc.property(fc.dictionary(id, fc.stringMatching(/^[\w. /:-]{0,12}$/)), id, (values, other) => {
      const map = new Map(Object.entries(values));
      const bytes = writeTable(map);
      const find = openTable(bytes);
      for (const [key, value] of map) assert.equal(find(key), value);
      assert.equal(find(other), map.get(other));
      assert.equal(tableSize(bytes), map.size);
    }),
  );
});

test("a table that begins with an empty line ends the search", () => {
  for (const text of ["\n", "\n\n", "\nA\t1\n", "\tA\n", "A", "\n\t"])
    for (const id of ["", "A", "B", "\n"]) openTable(encodeText(text))(id);
});

test("a damaged table gives something or nothing, and ends", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("\n", "\t", "A", "B"), maxLength: 20 }),
      fc.string({ unit: fc.constantFrom("A", "B", "\n"), maxLength: 3 }),
      (text, id) => {
        const found = openTable(encodeText(text))(id);
        assert.ok(found === undefined || typeof found === "string");
      },
    ),
    { numRuns: 20_000 },
  );
});

test("mutated feeds are read or refused", async () => {
  const texts = [
    releasesText,
    epssText,
    '{"vulnerabilities":[{"cve":{"id":"CVE-2024-1","metrics":{}}}]}',
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...texts),
      fc.nat(200),
      fc.nat(20),
      fc.string({ maxLength: 5 }),
      async (whole, at, length, text) => {
        const bytes = encodeText(whole.slice(0, at) + text + whole.slice(at + length));
        const readers = [
          () => parseReleases(bytes, "x"),
          () => parseKev(bytes, "x"),
          () => rowsOf([bytes]),
          async () => {
            for await (const _ of readNvd([bytes], "x"));
          },
        ];
        for (const read of readers)
          try {
            await read();
          } catch (error) {
            assert.ok(isBivyError(error, "advisories-invalid", "limit-exceeded"), String(error));
          }
      },
    ),
    { numRuns: 1000 },
  );
});
