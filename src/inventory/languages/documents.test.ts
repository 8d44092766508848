import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeText } from "../../base/index.ts";
import { documentReader } from "./documents.ts";

function read(path: string, text: string) {
  return documentReader(path)!(encodeText(text));
}

const stub = "# -*- encoding: utf-8 -*-\n# stub: nokogiri 1.16.2 x86_64-linux-musl lib\n";
const gem = `Gem::Specification.new do |s|
  s.name = "rake".freeze
  s.version = Gem::Version.new("13.0.6")
  s.licenses = ["MIT".freeze, "Ruby".freeze]
end
`;

/** Path, text, and the purls and licences that it gives. */
const cases: readonly [path: string, text: string, expected: readonly string[]][] = [
  [
    "app/node_modules/left-pad/package.json",
    '{"name":"left-pad","version":"1.3.0","license":"WTFPL"}',
    ["pkg:npm/left-pad@1.3.0 WTFPL"],
  ],
  [
    "usr/lib/node_modules/@babel/core/package.json",
    '\ufeff{"name":"@babel/core","version":"7.0.0-rc.1+build","licenses":[{"type":"MIT"},{"type":"BSD"}]}',
    ["pkg:npm/%40babel/core@7.0.0-rc.1%2Bbuild MIT OR BSD"],
  ],
  [
    "node_modules/a/package.json",
    '{"name":"a","version":"1","license":{"type":"MIT"}}',
    ["pkg:npm/a@1 MIT"],
  ],
  [
    "usr/lib/python3.11/site-packages/Foo_Bar-1.0.dist-info/METADATA",
    "Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 1.0\nLicense-Expression: MIT\nLicense: other\n\nName: not this\n",
    ["pkg:pypi/foo-bar@1.0 MIT"],
  ],
  [
    "a/six.egg-info/PKG-INFO",
    "Name: six\r\nVersion: 1.16.0\r\nLicense: UNKNOWN\r\nClassifier: License :: OSI Approved :: MIT License\r\nClassifier: Topic :: x\r\n",
    ["pkg:pypi/six@1.16.0 MIT License"],
  ],
  [
    "a/wsgiref.egg-info",
    "Name: wsgiref\nVersion: 0.1.2\nLicense: a whole\n text of many\n lines\n",
    ["pkg:pypi/wsgiref@0.1.2"],
  ],
  ["a/x-1.egg/EGG-INFO/PKG-INFO", "Version: 1\nName: x\n", ["pkg:pypi/x@1"]],
  [
    "usr/lib/ruby/gems/3.2.0/specifications/rake-13.0.6.gemspec",
    gem,
    ["pkg:gem/rake@13.0.6 MIT OR Ruby"],
  ],
  [
    "usr/lib/ruby/gems/3.2.0/specifications/default/n.gemspec",
    `${stub}${gem}`,
    ["pkg:gem/nokogiri@1.16.2?platform=x86_64-linux-musl MIT OR Ruby"],
  ],
  [
    "app/vendor/composer/installed.json",
    '{"packages":[{"name":"Monolog/Monolog","version":"3.5.0","license":["MIT"]},{"name":"no/version"},7]}',
    ["pkg:composer/monolog/monolog@3.5.0 MIT"],
  ],
  [
    "app/vendor/composer/installed.json",
    '[{"name":"a/b","version":"v1.0"}]',
    ["pkg:composer/a/b@v1.0"],
  ],
];

test("each ecosystem's files state packages", () => {
  for (const [path, text, expected] of cases)
    assert.deepEqual(
      read(path, text)?.map(({ purl, license }) => [purl, license].filter(Boolean).join(" ")),
      expected,
      path,
    );
});

test("only files of installed packages are documents", () => {
  for (const path of [
    "app/package.json",
    "node_modules/a/dist/package.json",
    "node_modules/.cache/package.json",
    "node_modules/@scope/package.json",
    "a.dist-info/RECORD",
    "METADATA",
    "src/rake.gemspec",
    "installed.json",
  ])
    assert.equal(documentReader(path), undefined, path);
});

test("a file that names nothing, or nothing that can be a name, states no package", () => {
  for (const [path, text] of [
    ["node_modules/a/package.json", "{"],
    ["node_modules/a/package.json", "[]"],
    ["node_modules/a/package.json", '{"name":"a"}'],
    ["node_modules/a/package.json", '{"name":"a\\u0000b","version":"1"}'],
    ["node_modules/a/package.json", `{"name":"${"a".repeat(600)}","version":"1"}`],
    ["node_modules/a/package.json", '{"name":{"__proto__":1},"version":"1"}'],
    ["a.dist-info/METADATA", "Name: a\n\nVersion: 1\n"],
    ["specifications/a.gemspec", "s.name = compute()\ns.version = 1"],
    ["vendor/composer/installed.json", '{"packages":{}}'],
  ] as const)
    assert.equal(read(path, text), undefined, text);
});

test("no text makes a reader throw or hang", () => {
  const paths = [...new Set(cases.map(([path]) => path))];
  const mutated = fc
    .tuple(fc.constantFrom(...cases), fc.nat(200), fc.nat(40), fc.string({ unit: "binary" }))
    .map(([[path, text], at, cut, put]) => [path, text.slice(0, at) + put + text.slice(at + cut)]);
  fc.assert(
    fc.property(mutated, ([path, text]) => void read(path!, text!)),
    { numRuns: 400 },
  );
  for (const path of paths)
    for (const text of [
      "\n".repeat(1e6),
      " ".repeat(1e6),
      "[".repeat(1e6),
      `# stub: ${"x".repeat(1e6)}`,
      "s.name".repeat(1e5),
      "a:\n b\n".repeat(1e5),
    ])
      read(path, text);
});
