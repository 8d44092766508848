import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { sizeHtml, type SizeReport } from "./index.ts";
import type { PageData, PageEntry } from "./page/data.ts";
import { embeddableJson, pageData } from "./page-data.ts";
import { bytes, reportOf } from "./sample-report.test.ts";

interface Sum {
  files: number;
  bytes: number;
}

function sumOf(entries: readonly PageEntry[]): Sum {
  const sum = { files: 0, bytes: 0 };
  for (const entry of entries) {
    const [files, size] =
      entry.length === 2
        ? Object.values(sumOf(entry[1]))
        : [typeof entry[0] === "number" ? entry[0] : 1, entry[1]];
    sum.files += files!;
    sum.bytes += size!;
  }
  return sum;
}

test("a hundred thousand files fit into three megabytes, and none is lost", async () => {
  const report = await reportOf([{ createdBy: "one", files: { a: bytes(1) } }]);
  const files = Array.from({ length: 120_000 }, (_, index) => ({
    path: `usr/lib/module-${index % 700}/part-${index % 7}/a-rather-long-file-name-${index}.js`,
    bytes: 100 + ((index * 7919) % 5000),
    layer: index % 5,
  }));
  const large: SizeReport = { ...report, files };
  const html = await sizeHtml(large);
  assert.ok(html.length < 3_000_000, `${html.length}`);
  const data = pageData(large);
  const { root } = data;
  assert.deepEqual(sumOf(root[1]), {
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  });
  const shown = new Set(JSON.stringify(root).match(/a-rather-long-file-name-\d+/g));
  const byBytes = files.toSorted((a, b) => b.bytes - a.bytes);
  for (const { path } of byBytes.slice(0, 5000))
    assert.ok(shown.has(/[^/]+(?=\.js)/.exec(path)![0]));
});

test("a small image is there whole, empty files among them", async () => {
  const report = await reportOf([
    { createdBy: "one", files: { "a/x": bytes(3), "a/empty": "", "b/c/d": bytes(9) } },
  ]);
  assert.deepEqual(pageData(report), {
    root: [
      "",
      [
        ["b", [["c", [["d", 9, 0, -1]]]]],
        [
          "a",
          [
            ["x", 3, 0, -1],
            ["empty", 0, 0, -1],
          ],
        ],
      ],
    ],
    layers: ["one"],
    packages: [],
  } satisfies PageData);
});

const hostile = [
  "</script><script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<!--<script>",
  "]]>\u2028'\"`${alert(1)}",
  "\u202eexe.txt",
  "\udcff",
];

test("nothing that an image says becomes markup", async () => {
  const report = await reportOf(
    [
      {
        createdBy: `RUN ${hostile.join(" ")}`,
        files: Object.fromEntries(
          hostile.map((name, index) => [`d/${name.replaceAll("/", "")}`, bytes(index + 1)]),
        ),
      },
      { createdBy: `RUN ${hostile[0]}`, files: { "d/.wh.<!--<script>": "" } },
    ],
    hostile[1],
  );
  const html = await sizeHtml(report);
  assert.equal(html.match(/<script/g)?.length, 2, "the data and the page's own");
  assert.equal(html.match(/<\/script/g)?.length, 2);
  assert.equal(html.match(/<img|<!--/g), null);
  const [, json] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)!;
  const data = JSON.parse(json!) as PageData;
  assert.deepEqual(data, pageData(report));
});

test("the policy lets only the page's own script and style work", async () => {
  const html = await sizeHtml(await reportOf([{ createdBy: "one", files: { a: bytes(1) } }]));
  const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)!;
  const hash = (text: string) => createHash("sha256").update(text).digest("base64");
  const [, script] = /<script>(.*?)<\/script>/s.exec(html)!;
  const [, style] = /<style>(.*?)<\/style>/s.exec(html)!;
  assert.equal(
    policy,
    `default-src 'none'; script-src 'sha256-${hash(script!)}'; style-src 'sha256-${hash(style!)}'; base-uri 'none'; form-action 'none'`,
  );
  assert.doesNotMatch(html, /https?:|\bsrc=|\bhref=|url\(|@import/);
  assert.doesNotMatch(script!, /^(?:import|export)\b/m);
  assert.doesNotMatch(script!, /innerHTML|insertAdjacentHTML|document\.write|eval\(/);
});

test("JSON stays what it is when it is made safe to embed", () => {
  const value = { text: hostile, nested: [1, null, "&amp;<>\u2029"] };
  assert.doesNotMatch(embeddableJson(value), /[<>&\u2028\u2029]/);
  assert.deepEqual(JSON.parse(embeddableJson(value)), value);
});
