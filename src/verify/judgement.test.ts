import assert from "node:assert/strict";
import { test } from "node:test";
import { samplePackages, type SampleInstalled } from "../../test/layered-root.ts";
import { hashBytes } from "../base/index.ts";
import { judgeBy, type Testimony } from "./judgement.ts";
import type { PackageState } from "./report.ts";
import type { Voucher } from "./voucher.ts";

function identity(text: string, algorithm: "sha1" | "sha256" = "sha1"): string {
  const kind = algorithm === "sha1" ? "Q1" : "Q2";
  return `${kind}${Buffer.from(hashBytes(algorithm, Buffer.from(text))).toString("base64")}`;
}

/** `name version build`, signed unless it ends in `unsigned`. */
function voucher(words: string, by: Voucher["by"] = "index"): Voucher {
  const [name, version, build, unsigned] = words.split(" ");
  return {
    by,
    subject: "the index",
    name: name!,
    version: version!,
    identity: identity(build!),
    ...(unsigned === undefined ? { key: "some.rsa.pub" } : {}),
    package: () => {
      throw new assert.AssertionError({ message: "nothing is fetched to judge" });
    },
  };
}

/** The installed package is `app 2-r0` of the build `good`. */
const cases: readonly (readonly [readonly string[], Partial<Testimony>, PackageState, RegExp])[] = [
  [["app 2-r0 good"], {}, "proven", /^$/],
  [["app 2-r0 other", "app 2-r0 good"], {}, "proven", /^$/],
  [["app 1-r0 old", "app 2-r0 good"], {}, "proven", /^$/],
  [["app 2-r0 good unsigned"], {}, "unproven", /nobody vouched for it/],
  [["app 2-r0 other"], {}, "replaced", /another build of this version, Q1/],
  [["app 2-r0 other"], { incomplete: true }, "replaced", /another build/],
  [["app 1-r0 good"], {}, "replaced", /has this build as app-1-r0/],
  [["tool 2-r0 good"], {}, "replaced", /has this build as tool-2-r0/],
  [["app 2-r1 newer", "app 3-r0 newest"], {}, "outdated", /has 2-r1, 3-r0 only/],
  [["app 2-r1 newer"], { incomplete: true }, "outdated", /has 2-r1 only/],
  [["tool 2-r0 tool"], {}, "unknown", /neither an index nor a lock has this name/],
  [["tool 2-r0 tool"], { incomplete: true }, "unproven", /not in the indexes that could be read/],
  [[], { sources: 0 }, "unproven", /nothing to hold it against/],
];

test("a package is what the evidence makes of it", () => {
  const [app] = samplePackages({
    app: { version: "2-r0", identity: identity("good"), files: "x" },
  });
  for (const [vouchers, more, state, reason] of cases) {
    const testimony = {
      vouchers: vouchers.map((words) => voucher(words)),
      sources: 1,
      incomplete: false,
      ...more,
    };
    const judgement = judgeBy(testimony)(app!);
    const label = `${vouchers.join("; ")} ${JSON.stringify(more)}`;
    assert.equal(judgement.state, state, label);
    assert.match(judgement.reason ?? "", reason, label);
    assert.equal(judgement.proof !== undefined, state === "proven", label);
  }
});

test("what proves a package is named", () => {
  const [app] = samplePackages({ app: { version: "2-r0", identity: identity("good") } });
  const vouchers = [voucher("app 2-r0 good", "lock"), voucher("app 2-r0 good", "package")];
  assert.deepEqual(judgeBy({ vouchers, sources: 2, incomplete: false })(app!).proof, {
    by: "lock",
    subject: "the index",
    key: "some.rsa.pub",
  });
});

test("identities that cannot be compared prove and disprove nothing", () => {
  const judge = judgeBy({ vouchers: [voucher("app 2-r0 good")], sources: 1, incomplete: false });
  const states = (samples: Readonly<Record<string, SampleInstalled>>) =>
    samplePackages(samples).map((subject) => judge(subject).state);
  const version = "2-r0";
  assert.deepEqual(states({ app: { version, identity: identity("good", "sha256") } }), [
    "unproven",
  ]);
  assert.deepEqual(states({ app: { version, identity: "" } }), ["unproven"]);
  const hex = Buffer.from(hashBytes("sha1", Buffer.from("good"))).toString("hex");
  assert.deepEqual(states({ app: { version, identity: `X1${hex}` } }), ["proven"]);
});

test("a virtual package is one, and one with files is not", () => {
  const judge = judgeBy({ vouchers: [], sources: 1, incomplete: false });
  const [named, filled] = samplePackages({ ".build-deps": {}, ".evil": { files: "bin/x" } });
  assert.equal(judge({ ...named!, installedSize: 0 }).state, "virtual");
  assert.equal(judge({ ...filled!, installedSize: 0 }).state, "unknown");
});
