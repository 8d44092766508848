import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  formatReference,
  parseReference,
  shortReference,
  tryParseReference,
  withDefaultTag,
} from "./reference.ts";
import { fails } from "./sample-images.test.ts";

const hex = "b".repeat(64);

test("references are read as docker reads them", () => {
  const cases: readonly [typed: string, whole: string, short: string][] = [
    ["alpine", "docker.io/library/alpine", "alpine"],
    ["alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"],
    ["library/alpine", "docker.io/library/alpine", "alpine"],
    ["docker.io/alpine", "docker.io/library/alpine", "alpine"],
    ["index.docker.io/library/alpine", "docker.io/library/alpine", "alpine"],
    ["user/app", "docker.io/user/app", "user/app"],
    ["a/b/c:1", "docker.io/a/b/c:1", "a/b/c:1"],
    ["localhost/app", "localhost/app", "localhost/app"],
    ["localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"],
    ["registry:5000/a/b", "registry:5000/a/b", "registry:5000/a/b"],
    ["ghcr.io/x", "ghcr.io/x", "ghcr.io/x"],
    ["Registry/app", "Registry/app", "Registry/app"],
    ["[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"],
    ["docker.io/a.b/c", "docker.io/a.b/c", "docker.io/a.b/c"],
    ["app_x/y__z/w--v.u", "docker.io/app_x/y__z/w--v.u", "app_x/y__z/w--v.u"],
    [`alpine@sha256:${hex}`, `docker.io/library/alpine@sha256:${hex}`, `alpine@sha256:${hex}`],
    [`r:1/a/b:t@sha256:${hex}`, `r:1/a/b:t@sha256:${hex}`, `r:1/a/b:t@sha256:${hex}`],
    ["alpine:_x", "docker.io/library/alpine:_x", "alpine:_x"],
  ];
  for (const [typed, whole, short] of cases) {
    assert.equal(formatReference(parseReference(typed)), whole);
    assert.equal(shortReference(parseReference(typed)), short);
    assert.deepEqual(parseReference(short), parseReference(typed));
  }
});

test("what is no reference is refused with a reason", async () => {
  const cases: readonly [string, RegExp][] = [
    ["", /empty/],
    ["Alpine", /lower-case/],
    ["alpine:", /tag/],
    ["alpine:.x", /tag/],
    ["alpine:../../etc", /host/],
    ["alpine:..", /tag/],
    ["a/../b", /repository/],
    ["../alpine", /repository|host/],
    ["a//b", /repository/],
    ["-a", /repository/],
    ["a/-b", /repository/],
    ["a..b", /repository/],
    ["a b", /repository/],
    [`alpine:${"x".repeat(129)}`, /tag/],
    ["a".repeat(256), /longer/],
    ["a-".repeat(100_000), /longer than 512/],
    ["alpine@sha256:abc", /64 hex/],
    ["alpine@md5:abc", /64 hex/],
    [hex, /image id/],
    ["host:port/app", /host/],
    ["http://host/app", /./],
  ];
  for (const [typed, reason] of cases) {
    assert.equal(tryParseReference(typed), undefined, typed);
    await fails(() => parseReference(typed), "reference-invalid", reason);
  }
  assert.throws(() => parseReference("Alpine:3.20"), { hint: /lower-case: alpine:3\.20/ });
});

test("a missing tag is latest, unless a digest is there", () => {
  assert.equal(withDefaultTag(parseReference("alpine")).tag, "latest");
  assert.equal(withDefaultTag(parseReference("alpine:3")).tag, "3");
  assert.equal(withDefaultTag(parseReference(`alpine@sha256:${hex}`)).tag, undefined);
});

test("whatever parses is formatted and parsed back to the same", () => {
  const piece = fc.stringMatching(/^[a-z0-9][a-z0-9._:@/[\]A-Z-]{0,12}$/);
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 4 }), (pieces) => {
      const reference = tryParseReference(pieces.join("/"));
      if (reference === undefined) return;
      assert.deepEqual(parseReference(formatReference(reference)), reference);
      assert.deepEqual(parseReference(shortReference(reference)), reference);
    }),
  );
});
