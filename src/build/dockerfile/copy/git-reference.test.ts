import assert from "node:assert/strict";
import { test } from "node:test";
import { tryParseGitReference, type GitReference } from "./git-reference.ts";

test("the address of a repository is read as BuildKit does", () => {
  const cases: readonly (readonly [string, Partial<GitReference> | undefined])[] = [
    ["https://h/x.git", { remote: "https://h/x.git" }],
    ["https://h/x.git#v1:docs/en", { remote: "https://h/x.git", ref: "v1", folder: "docs/en" }],
    ["https://h/x.git#:docs", { remote: "https://h/x.git", folder: "docs" }],
    ["https://h/x.git#a%2Fb", { remote: "https://h/x.git", ref: "a/b" }],
    ["http://h:1/.git#feature/x", { remote: "http://h:1/.git", ref: "feature/x" }],
    ["git@h:u/x.git#main", { remote: "git@h:u/x.git", ref: "main" }],
    ["git@h:u/x", { remote: "git@h:u/x" }],
    ["me@h:x.git?branch=b", { remote: "me@h:x.git", ref: "refs/heads/b" }],
    ["ssh://git@h/x#main", { remote: "ssh://git@h/x", ref: "main" }],
    ["git://h/x", { remote: "git://h/x" }],
    ["https://h/x.git?tag=v1", { remote: "https://h/x.git", ref: "refs/tags/v1" }],
    [
      "https://h/x.git?tag=v1&subdir=s#refs/tags/v1:s",
      { remote: "https://h/x.git", ref: "refs/tags/v1", folder: "s" },
    ],
    [
      "https://h/x.git?ref=r&commit=abc&keep-git-dir&submodules=false",
      {
        remote: "https://h/x.git",
        ref: "r",
        checksum: "abc",
        keepGitDirectory: true,
        submodules: false,
      },
    ],
    ["https://h/x.git?commit=abc", { remote: "https://h/x.git", ref: "abc", checksum: "abc" }],
    ["https://h/x", undefined],
    ["https://h/x.git/y", undefined],
    ["https://h/x.tar.gz?x=.git", undefined],
    ["x.git", undefined],
    ["./git@h:x", undefined],
    ["file:///x.git", undefined],
    ["github.com/u/x", undefined],
    ["-git@h:x", undefined],
  ];
  const nothing: Omit<GitReference, "remote"> = {
    ref: undefined,
    folder: "",
    checksum: undefined,
    keepGitDirectory: false,
    submodules: true,
  };
  for (const [source, expected] of cases) {
    const found = tryParseGitReference(source);
    assert.deepEqual(found, expected && { ...nothing, ...expected }, source);
  }
});

test("an address that says two things, or nothing, is refused", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["https://h/x.git?tag=v1#main", /main and refs\/tags\/v1 are two different references/],
    ["https://h/x.git?tag=v1&branch=b", /are two different references/],
    ["https://h/x.git?subdir=a#:b", /b and a are two different folders/],
    ["https://h/x.git?ref=", /ref has no value/],
    ["https://h/x.git?ref=a&ref=b", /ref is given twice/],
    ["https://h/x.git?brnch=a", /there is no "brnch" of a repository/],
    ["https://h/x.git?submodules=maybe", /submodules expects true or false, found "maybe"/],
    ["https://h/x.git#--upload-pack=x", /"--upload-pack=x" is no reference/],
    ["https://h/x.git#a b", /is no reference/],
    ["https://me:secret@h/x.git?ref=", /^https:\/\/h\/x\.git\?ref=: ref has no value/],
  ];
  for (const [source, message] of cases)
    assert.throws(
      () => tryParseGitReference(source),
      { code: "dockerfile-invalid", message },
      source,
    );
});
