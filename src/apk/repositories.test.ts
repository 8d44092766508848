import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, property, string, uint8Array } from "fast-check";
import { refuses } from "../../test/refusals.ts";
import { decodeName, isBivyError } from "../base/index.ts";
import {
  formatRepository,
  indexUrl,
  isAlpineTree,
  isLocalRepository,
  packageUrl,
  parseRepositories,
  parseRepositoryLine,
  repositoryAt,
  requirePlainPackage,
} from "./repositories.ts";

/** Line, and what comes of it as `etc/apk/repositories` would have it. */
const lines: readonly (readonly [string, ...string[]])[] = [
  [""],
  ["   \t "],
  ["# https://example.org/main"],
  ["  # comment"],
  ["https://example.org/main", "https://example.org/main"],
  ["  https://example.org/main/  ", "https://example.org/main"],
  ["https://example.org/main// # the main one", "https://example.org/main"],
  ["https://example.org/a#b", "https://example.org/a#b"],
  [
    "https://example.org/v3.20 main community",
    "https://example.org/v3.20/main",
    "https://example.org/v3.20/community",
  ],
  ["@edge https://example.org/edge/main", "@edge https://example.org/edge/main"],
  [
    "@edge\thttps://example.org/edge/ main testing",
    "@edge https://example.org/edge/main",
    "@edge https://example.org/edge/testing",
  ],
  ["/srv/packages/", "/srv/packages"],
  ["packages", "packages"],
  ["/", "/"],
  ["file:///srv/my%20packages/", "/srv/my packages"],
  ["FILE:///srv/packages", "/srv/packages"],
  ["@a.b_c-1 /srv", "@a.b_c-1 /srv"],
];

test("lines of etc/apk/repositories", () => {
  for (const [line, ...expected] of lines) {
    const found = parseRepositoryLine(line, "repositories:1");
    assert.deepEqual(found.map(formatRepository), expected, line);
    // What is written is read again as the same.
    for (const each of found.filter(({ url }) => !url.includes(" ")))
      assert.deepEqual(parseRepositoryLine(formatRepository(each), "again"), [each]);
  }
});

test("a line that cannot be read is named by its number", async () => {
  const cases = [
    ["@ https://example.org", 'the tag "@" is not one: expected letters, digits, - _ or .'],
    ["@a/b https://example.org", 'the tag "@a/b" is not one'],
    ["@edge", "expected a URL after the tag @edge"],
    [
      "ftp://example.org/main",
      "ftp://example.org/main: the scheme ftp is not supported; expected https, http, file or a path",
    ],
    [
      "@edge git+ssh://example.org/main",
      "git+ssh://example.org/main: the scheme git+ssh is not supported",
    ],
  ] as const;
  for (const [line, message] of cases)
    await refuses(() => parseRepositories(`# first\n\n${line}\n`, "etc/apk/repositories"), {
      code: "repositories-invalid",
      message: `etc/apk/repositories:3: ${message}`,
      hint: "A line is [@tag] URL [component…]",
    });
});

test("a file URL that names no folder of this machine is refused", async () => {
  for (const url of ["file:///%zz", "file:///a%2Fb", "file://[", "file://host/srv"])
    await refuses(() => repositoryAt(url), {
      code: "repositories-invalid",
      message: `${url}: expected the URL of a folder of this machine`,
      hint: "A plain path, such as /srv/packages, does as well.",
    });
});

test("URLs of an index and of packages", () => {
  const repository = repositoryAt("https://example.org/main/");
  assert.equal(indexUrl(repository, "aarch64"), "https://example.org/main/aarch64/APKINDEX.tar.gz");
  assert.equal(
    packageUrl(repository, "aarch64", "c++", "1.0_p1-r0"),
    "https://example.org/main/aarch64/c++-1.0_p1-r0.apk",
  );
  assert.ok(!isLocalRepository(repository));
  assert.ok(isLocalRepository(repositoryAt("file:///srv")));
  assert.ok(isLocalRepository(repositoryAt("../packages")));
});

test("Alpine's tree is told by its form", () => {
  for (const end of [
    "v3.20/main",
    "v3.9/community",
    "edge/testing",
    "latest-stable/main",
    "v3.4/releases",
  ])
    assert.ok(isAlpineTree(`https://mirror.example/${end}`), end);
  for (const end of [
    "v3.20",
    "v3/main",
    "v3.20/extra",
    "v3.20/main/x86_64",
    "wedge/main",
    "v3.20-main",
  ])
    assert.ok(!isAlpineTree(`https://mirror.example/${end}`), end);
});

test("names and versions that could leave their folder are refused", async () => {
  requirePlainPackage("libstdc++", "13.2.1_git20231014-r0", "I");
  requirePlainPackage("so:libc.musl-x86_64.so.1", "1~abc-r0", "I");
  for (const word of [
    "..",
    "../x",
    "a/b",
    "/a",
    ".hidden",
    "-rf",
    "",
    "a b",
    "a\0",
    "a\n",
    "ä",
    "%2e",
  ]) {
    const expected = {
      code: "index-invalid",
      message: `I: ${JSON.stringify(word)} is not a name or version that a file can have`,
      hint: "tell the repository's owner",
    } as const;
    await refuses(() => requirePlainPackage(word, "1", "I"), expected);
    await refuses(() => requirePlainPackage("a", word, "I"), expected);
  }
});

const words = constantFrom(
  "@",
  "@edge",
  "#",
  " ",
  "\t",
  "http://",
  "file://",
  "/srv",
  "main",
  "%",
  "[",
  "::",
  "\0",
  "\n",
  "//",
  "ö",
);

test("whatever stands there, reading it gives repositories or a BivyError", () => {
  const text = array(words, { maxLength: 8 }).map((parts) => parts.join(""));
  for (const arbitrary of [
    text,
    string({ maxLength: 30 }),
    uint8Array({ maxLength: 30 }).map(decodeName),
  ])
    check(
      property(arbitrary, (given) => {
        try {
          for (const repository of parseRepositories(given, "f")) {
            assert.ok(repository.url.length > 0);
            isAlpineTree(repository.url);
            isLocalRepository(repository);
          }
        } catch (error) {
          assert.ok(isBivyError(error, "repositories-invalid"), String(error));
        }
      }),
      { numRuns: 300 },
    );
});
