import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { refuses } from "../../../../test/refusals.ts";
import { packSample, sampleKey } from "../../../../test/signed-repository.ts";
import { parseKey } from "../../../apk/index.ts";
import { BivyError } from "../../../base/index.ts";
import { type LockedPackage } from "../../lock.ts";
import {
  formatDockerfileLock,
  isDockerfileLock,
  parseDockerfileLock,
  type DockerfileLock,
  type LockedStep,
} from "./dockerfile-lock.ts";
import { type Finding } from "./finding.ts";
import { samples } from "./sample-lock.test.ts";

const same = (location: string): string => location;

const packages: readonly LockedPackage[] = samples(
  "curl-8.5-r0: libcurl=8.5-r0",
  "jq: +cmd:jq=1.0",
).map((each, index) => ({
  package: packSample(each, sampleKey()).package,
  repository: "https://example.com/main",
  location: `https://example.com/main/x86_64/${each.name}.apk`,
  ...(index === 0 ? {} : { tag: "edge", signedBy: "sample.rsa.pub", vendored: "kept/jq.apk" }),
  ...(index === 0
    ? {}
    : {
        sections: {
          signature: { range: "bytes=0-9", checksum: "sha256:00" },
          control: { range: "bytes=10-19", checksum: "sha256:01" },
          data: { range: "bytes=20-99", checksum: "sha256:02" },
        } as const,
      }),
}));

const text = fc.string({ maxLength: 20 });
const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);

const finding: fc.Arbitrary<Finding> = fc
  .record({
    line: fc.nat(),
    text,
    reason: text,
    blocking: fc.boolean(),
    hint: fc.option(text, { nil: undefined }),
  })
  .map(({ hint, ...rest }) => ({ ...rest, ...(hint === undefined ? {} : { hint }) }));

const step: fc.Arbitrary<LockedStep> = fc
  .record({
    id: text,
    arch: name,
    commands: fc.array(text, { maxLength: 3 }),
    variables: fc
      .array(fc.tuple(name, fc.option(text, { nil: undefined })), { maxLength: 3 })
      .map((entries) => new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)))),
    packages: fc.subarray([...packages]),
    removed: fc.array(text, { maxLength: 3 }),
    tags: fc.array(name, { maxLength: 2 }),
    repositories: fc.option(text, { nil: undefined }),
    unresolved: fc.array(finding, { maxLength: 2 }),
    recorded: fc.boolean(),
  })
  .map(({ repositories, ...rest }) => ({
    ...rest,
    ...(repositories === undefined ? {} : { repositories }),
  }));

const lock: fc.Arbitrary<DockerfileLock> = fc.record({
  images: fc
    .uniqueArray(name, { maxLength: 2 })
    .map(
      (references) =>
        new Map(
          references.sort().map((each) => [each, new Map([["linux/amd64", `sha256:${each}`]])]),
        ),
    ),
  keys: fc.constantFrom([], [parseKey("sample.rsa.pub", sampleKey().publicPem)]),
  platforms: fc.uniqueArray(name, { maxLength: 2 }).chain((platforms) =>
    fc.tuple(
      ...platforms.map((platform) =>
        fc.record({
          platform: fc.constant(platform),
          request: text,
          steps: fc.array(step, { maxLength: 2 }),
        }),
      ),
    ),
  ),
});

function withoutPackages({ platforms, keys, ...rest }: DockerfileLock): unknown {
  return {
    ...rest,
    keys: keys.map(({ fingerprint }) => fingerprint),
    platforms: platforms.map(({ platform, request, steps }) => ({
      platform,
      request,
      steps: steps.map((each) => ({
        ...each,
        packages: each.packages.map(({ package: subject, ...place }) => ({
          identity: subject.identity,
          depends: subject.depends,
          provides: subject.provides,
          ...place,
        })),
      })),
    })),
  };
}

test("what is written is read again", () => {
  fc.assert(
    fc.property(lock, (written) => {
      const document = formatDockerfileLock(written, same);
      const read = parseDockerfileLock(document, "bivy.lock", same);
      assert.deepEqual(withoutPackages(read), withoutPackages(written));
      assert.equal(formatDockerfileLock(read, same), document);
    }),
    { numRuns: 200 },
  );
});

test("locations are relative to the lock, and become absolute again", () => {
  const [written] = fc.sample(lock, 1);
  const only: LockedStep = {
    id: "0/0",
    arch: "x86_64",
    commands: [],
    variables: new Map(),
    packages: [{ ...packages[0]!, repository: "/srv/main", location: "/srv/main/x86_64/curl.apk" }],
    removed: [],
    tags: [],
    unresolved: [],
    recorded: false,
  };
  const document = formatDockerfileLock(
    { ...written!, platforms: [{ platform: "linux/amd64", request: "", steps: [only] }] },
    (location) => location.replace("/srv/", "./"),
  );
  const read = parseDockerfileLock(document, "bivy.lock", (location) =>
    location.replace("./", "/srv/"),
  );
  assert.match(document, /"url": ".\/main\/x86_64\/curl.apk"/);
  assert.equal(read.platforms[0]!.steps[0]!.packages[0]!.location, "/srv/main/x86_64/curl.apk");
});

test("the kinds of lock files are told apart", () => {
  assert.equal(isDockerfileLock('{"version": 1, "kind": "dockerfile"}', "bivy.lock"), true);
  assert.equal(isDockerfileLock('{"version": 1, "request": "x"}', "bivy.lock"), false);
});

test("a damaged lock is refused, never misread", async () => {
  const base = JSON.parse(
    formatDockerfileLock(
      {
        images: new Map([["alpine", new Map([["linux/amd64", "sha256:y"]])]]),
        keys: [parseKey("sample.rsa.pub", sampleKey().publicPem)],
        platforms: [
          {
            platform: "linux/amd64",
            request: "sha256:x",
            steps: fc.sample(step, { numRuns: 2, seed: 1 }),
          },
        ],
      },
      same,
    ),
  ) as object;
  const places: (readonly string[])[] = [];
  const visit = (value: unknown, path: readonly string[]): void => {
    places.push(path);
    if (typeof value === "object" && value !== null)
      for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
  };
  visit(base, []);
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 1 }), (path, value) => {
      const changed = path.length === 0 ? value : structuredClone(base);
      let inner = changed as Record<string, unknown>;
      for (const key of path.slice(0, -1)) inner = inner[key] as Record<string, unknown>;
      if (path.length > 0) inner[path.at(-1)!] = value;
      try {
        parseDockerfileLock(JSON.stringify(changed), "bivy.lock", same);
      } catch (error) {
        assert.ok(error instanceof BivyError, String(error));
      }
    }),
    { numRuns: 500 },
  );
  await refuses(() => parseDockerfileLock('{"version": 2}', "bivy.lock", same), {
    code: "lock-invalid",
    message: "version: expected 1, found 2",
    hint: "bivy lock",
  });
});
