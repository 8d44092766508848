import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRepositoryLine } from "../apk/index.ts";
import { packageRepositories, repositoryOfUrl } from "./package-repository.ts";

const alpine = "https://dl-cdn.alpinelinux.org/alpine";

function find(lines: readonly string[], tag?: string, branch = "v3.19") {
  const repositories = lines.flatMap((line) => parseRepositoryLine(line, "test"));
  return packageRepositories(repositories, branch)(tag === undefined ? {} : { tag });
}

test("branch and name at the end of a URL", () => {
  assert.deepEqual(repositoryOfUrl(`${alpine}/v3.19/main`), { branch: "v3.19", name: "main" });
  assert.deepEqual(repositoryOfUrl("http://mirror.local/edge"), { branch: "edge" });
  assert.equal(repositoryOfUrl("https://example.com/v3.19/main/x86_64"), undefined);
  assert.equal(repositoryOfUrl("/srv/packages"), undefined);
});

test("all lines of the own branch leave no other answer", () => {
  const lines = [`${alpine}/v3.19/main`, `${alpine}/v3.19/community`];
  assert.deepEqual(find(lines), { branch: "v3.19", evidence: "only-branch" });
  assert.deepEqual(find(lines.slice(0, 1)), {
    branch: "v3.19",
    name: "main",
    url: `${alpine}/v3.19/main`,
    evidence: "only-branch",
  });
});

test("a line of edge without a tag makes nothing come from edge", () => {
  assert.equal(find([`${alpine}/v3.19/main`, `${alpine}/edge/testing`]), undefined);
  assert.equal(find([`${alpine}/edge/main`]), undefined, "the release files say v3.19");
  assert.equal(find([`${alpine}/v3.19/main`, "https://example.com/own"]), undefined);
  assert.equal(find([]), undefined);
});

test("a tag names the repository", () => {
  const lines = [`${alpine}/v3.19/main`, `@edge ${alpine}/edge/community`];
  assert.deepEqual(find(lines, "edge"), {
    branch: "edge",
    name: "community",
    url: `${alpine}/edge/community`,
    evidence: "tag",
  });
  assert.deepEqual(find(lines)?.branch, "v3.19");
  assert.equal(find(lines, "testing"), undefined);
  assert.deepEqual(find([...lines, `@edge ${alpine}/edge/main`], "edge"), {
    branch: "edge",
    evidence: "tag",
  });
});
