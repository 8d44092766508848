import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { fixtureKey, fixturePackage, withFixtures } from "../../test/alpine-fixtures.ts";
import {
  assemblePackage,
  flipped,
  packEntries,
  sourceOf,
  type AssembledPackage,
  type PackageParts,
} from "../../test/package-parts.ts";
import { failure, refuses } from "../../test/refusals.ts";
import { sampleKey } from "../../test/signed-repository.ts";
import { gzipBytes } from "../archive/index.ts";
import {
  concatBytes,
  defaultLimits as limits,
  encodeText,
  hashHex,
  isBivyError,
  type ErrorCode,
} from "../base/index.ts";
import { builtInKeys, parseKey } from "./keyring.ts";
import { openPackage, verifyPackage, type PackageSource, type Trust } from "./package-file.ts";
import { repositoryAt } from "./repositories.ts";

const signer = sampleKey();
const keyring = { keys: [parseKey(signer.key.name, signer.publicPem)] };
const bySignature: Trust = { by: "signature", keyring };
const byNothing: Trust = { by: "nothing" };
const byIdentity = (assembled: AssembledPackage): Trust => ({
  by: "identity",
  identity: assembled.package.identity,
});

const honest: PackageParts = {
  files: [
    { path: "etc", type: "directory" },
    { path: "etc/motd", text: "Welcome!\n" },
    { path: "etc/motd.link", type: "symlink", linkPath: "motd" },
    { path: "etc/big", text: Buffer.from("0123456789".repeat(70)) },
  ],
  info: "pkgdesc = a sample\ndepend = other\ntriggers = /etc\n",
  control: [{ path: ".post-install", text: "#!/bin/sh\n", mode: 0o755 }],
  signers: [[signer, "RSA256"]],
};
const sample = assemblePackage(honest);

async function readAll(source: PackageSource, trust: Trust): Promise<string[]> {
  const opened = await openPackage(source, trust, limits);
  const paths: string[] = [];
  for await (const { header } of opened.data()) paths.push(header.path);
  await opened.close();
  return paths;
}

test("a package says what it is, who signed it, and what it holds", async () => {
  const opened = await openPackage(sample.source, bySignature, limits);
  assert.equal(opened.identity, sample.package.identity);
  assert.equal(opened.info.description, "a sample");
  assert.deepEqual([...opened.scripts.keys()], ["post-install"]);
  assert.equal(opened.verified?.key.name, signer.key.name);
  assert.deepEqual(
    opened.signatures.map(({ algorithm, keyName }) => [algorithm, keyName]),
    [["RSA256", signer.key.name]],
  );
  const paths: string[] = [];
  for await (const { header } of opened.data()) paths.push(header.path);
  assert.deepEqual(paths, ["etc", "etc/motd", "etc/motd.link", "etc/big"]);
});

test("every algorithm, and several signatures at once", async () => {
  const unknown = sampleKey("unknown.rsa.pub");
  for (const algorithm of ["RSA", "RSA256", "RSA512"] as const)
    for (const signers of [
      [[signer, algorithm]],
      [
        [unknown, "RSA"],
        [signer, algorithm],
      ],
      [
        [signer, algorithm],
        [unknown, "RSA512"],
      ],
    ] as const) {
      const { source } = assemblePackage({ ...honest, signers });
      const opened = await openPackage(source, bySignature, limits);
      assert.equal(opened.verified?.signature.algorithm, algorithm);
      await opened.close();
    }
});

test("signatures of other algorithms are passed over, and are none when they stand alone", async () => {
  const dsa = { path: `.SIGN.DSA.${signer.key.name}`, text: "anything" };
  const both = assemblePackage({ ...honest, signers: [], signatures: [dsa] });
  await refuses(() => verifyPackage(both.source, bySignature, limits), {
    code: "signature-missing",
    message: "sample.apk: signed with DSA only; expected RSA, RSA256 or RSA512",
    hint: "Sign it with a key that you trust",
  });
  const more = assemblePackage({ ...honest, signatures: [dsa] });
  await verifyPackage(more.source, bySignature, limits);
});

test("an unsigned package of two sections is taken for its identity or without trust only", async () => {
  const unsigned = assemblePackage({ ...honest, signers: [] });
  assert.deepEqual(unsigned.sections.signature, [0, 0]);
  assert.equal((await readAll(unsigned.source, byNothing)).length, 4);
  assert.equal((await readAll(unsigned.source, byIdentity(unsigned))).length, 4);
  await refuses(() => verifyPackage(unsigned.source, bySignature, limits), {
    code: "signature-missing",
    message: /^sample\.apk: it is not signed$/,
    hint: "--allow-untrusted takes it as it is",
  });
});

test("the identity of an index is SHA-1 or SHA-256, and nothing else fits", async () => {
  const [start, end] = sample.sections.control;
  const control = sample.bytes.subarray(start, end);
  const sha256 = createHash("sha256").update(control).digest();
  for (const identity of [
    sample.package.identity,
    `X1${createHash("sha1").update(control).digest("hex")}`,
    `Q2${sha256.toString("base64")}`,
    `Q1${sha256.toString("base64")}`,
    `X2${sha256.toString("hex")}`,
  ])
    await verifyPackage(sample.source, { by: "identity", identity }, limits);
  for (const identity of [
    "",
    "Q1",
    "Q1AAAA",
    `Q2${sha256.toString("base64").slice(0, 28)}`,
    "none",
  ])
    await refuses(() => verifyPackage(sample.source, { by: "identity", identity }, limits), {
      code: "identity-mismatch",
      message: `sample.apk: expected the package ${identity} that its index names, found ${sample.package.identity}`,
      hint: "The file was changed or replaced after the index was signed",
    });
});

const damaged: readonly ErrorCode[] = [
  ...(["gzip-invalid", "gzip-truncated", "tar-invalid", "tar-truncated"] as const),
  ...(["limit-exceeded", "package-invalid"] as const),
];

/** What is used of a package, all of it read; nothing may be accepted that differs from it. */
async function contentOf(source: PackageSource): Promise<string> {
  const opened = await openPackage(source, bySignature, limits);
  const parts = [opened.identity, ...opened.signatures.map(({ bytes }) => hashHex("sha1", bytes))];
  for await (const { header } of opened.data()) parts.push(header.path);
  return parts.join(" ");
}

for (const mask of [0x01, 0x20, 0xff])
  test(`one byte changed by ${mask} anywhere in a signed package is noticed`, async () => {
    const expected = await contentOf(sample.source);
    const { signature, control } = sample.sections;
    for (let at = 0; at < sample.bytes.byteLength; at++) {
      const source = sourceOf("sample.apk", flipped(sample.bytes, at, mask));
      const fitting: readonly ErrorCode[] =
        at < signature[1]
          ? [...damaged, "signature-invalid", "key-unknown", "signature-missing"]
          : [...damaged, at < control[1] ? "signature-invalid" : "datahash-mismatch"];
      const outcome = await contentOf(source).catch((error: unknown) => error);
      if (at < signature[1] && typeof outcome === "string") {
        // Nothing signs the signature's own wrapping: the time in its gzip header, or another deflate
        // stream of the same bytes. The signature in it must be the same to the last byte.
        assert.equal(outcome, expected, `byte ${at}`);
        continue;
      }
      assert.ok(isBivyError(outcome, ...fitting), `byte ${at}: ${String(outcome)}`);
      assert.ok(outcome.message.startsWith("sample.apk"), outcome.message);
      assert.ok((outcome.hint ?? "") !== "", `byte ${at}: ${outcome.message} has no hint`);
    }
  });

test("one byte changed in what an identity covers is noticed", async () => {
  const { control, data } = sample.sections;
  for (let at = control[0]; at < data[1]; at++) {
    const source = sourceOf("sample.apk", flipped(sample.bytes, at));
    const error = await failure(() => readAll(source, byIdentity(sample)));
    const expected = at < control[1] ? "identity-mismatch" : "datahash-mismatch";
    assert.ok([...damaged, expected].includes(error.code), `byte ${at}: ${error.code}`);
  }
});

test("a changed byte that unpacks all the same is found by the hash", async () => {
  const { control, data } = sample.sections;
  // The time in the gzip header.
  await refuses(() => readAll(sourceOf("x", flipped(sample.bytes, control[0] + 4)), bySignature), {
    code: "signature-invalid",
    message: "x: the signature by sample.rsa.pub does not fit its content",
    hint: "It was changed after signing",
  });
  await refuses(() => readAll(sourceOf("x", flipped(sample.bytes, data[0] + 4)), bySignature), {
    code: "datahash-mismatch",
    message: /^x: expected data with SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}$/,
    hint: "Its files were changed or damaged; fetch it again.",
  });
});

test("a package that was cut short anywhere is refused", async () => {
  const { signature, control } = sample.sections;
  for (let end = 0; end < sample.bytes.byteLength; end++) {
    const source = sourceOf("sample.apk", sample.bytes.subarray(0, end));
    const error = await failure(() => readAll(source, bySignature));
    const expected: ErrorCode =
      end === signature[1] || end === control[1]
        ? "package-invalid"
        : // The first byte of a section alone cannot be told from other bytes at the end.
          end === signature[1] + 1 || end === control[1] + 1
          ? "gzip-invalid"
          : "gzip-truncated";
    assert.equal(error.code, expected, `cut at ${end}: ${error.message}`);
    assert.match(error.hint ?? "", /fetch it again/, `cut at ${end}: ${error.message}`);
  }
});

const noData = encodeText("");

const wrong: readonly (readonly [string, PackageParts, ErrorCode, string, string])[] = [
  [
    "no .PKGINFO",
    { control: [] },
    "package-invalid",
    "expected .PKGINFO in its control section",
    "not a package of format 2",
  ],
  [
    "no datahash",
    { dataHash: "" },
    "package-invalid",
    "its .PKGINFO has no datahash, so its files cannot be verified",
    "current abuild or melange",
  ],
  [
    "another datahash",
    { dataHash: "ab".repeat(32) },
    "datahash-mismatch",
    `expected data with SHA-256 ${"ab".repeat(32)}, found`,
    "changed or damaged",
  ],
  [
    "a datahash in capitals",
    { dataHash: "AB" },
    "datahash-mismatch",
    "expected data with SHA-256 AB, found",
    "changed or damaged",
  ],
  [
    "a fourth section",
    { tail: gzipBytes(noData) },
    "package-invalid",
    "expected the end of the file after the data section, found more",
    "Something was added",
  ],
  [
    "a fourth section with files",
    { tail: gzipBytes(packEntries([{ path: "x", text: "y" }])) },
    "package-invalid",
    "expected the end of the file",
    "Something was added",
  ],
  [
    "other bytes at the end",
    { tail: encodeText("more") },
    "gzip-invalid",
    "bytes that are not gzip follow the last member",
    "fetch it again",
  ],
  ["data that is no tar", { dataTar: Buffer.alloc(1024, "x") }, "tar-invalid", "sample.apk", ""],
  [
    "half a tar header",
    { dataTar: packEntries([{ path: "a", text: "b" }]).subarray(0, 700) },
    "tar-truncated",
    "inside entry",
    "",
  ],
];

for (const [what, parts, code, message, hint] of wrong)
  test(`refused: ${what}`, async () => {
    let assembled = assemblePackage({ ...honest, ...parts });
    if (what === "no .PKGINFO") {
      const control = gzipBytes(packEntries([{ path: "PKGINFO", text: "pkgname = a\n" }]));
      assembled = { ...assembled, source: sourceOf("sample.apk", concatBytes([control, control])) };
    }
    await refuses(() => readAll(assembled.source, byNothing), { code, message, hint });
  });

test("what is no package at all", async () => {
  const cases = [
    [encodeText("../alpine/x.apk"), "gzip-invalid", "expected gzip data", "not gzip"],
    [encodeText("ADB."), "gzip-truncated", "ends at byte 4", "fetch it again"],
    [noData, "gzip-truncated", "ends at byte 0", "fetch it again"],
    [gzipBytes(noData), "package-invalid", "expected .PKGINFO", "not a package of format 2"],
    [gzipBytes(encodeText("not a tar")), "tar-truncated", "sample.apk", ""],
  ] as const;
  for (const [bytes, code, message, hint] of cases)
    await refuses(() => readAll(sourceOf("sample.apk", bytes), byNothing), { code, message, hint });
});

test("a package without files has no data section to miss", async () => {
  const { bytes, sections } = assemblePackage({ dataHash: "" });
  const alone = sourceOf("x.apk", bytes.subarray(0, sections.control[1]));
  assert.deepEqual(await readAll(alone, byNothing), []);
});

test("a control section may have so many bytes, packed and unpacked", async () => {
  const dense = assemblePackage({
    control: [{ path: ".post-install", text: Buffer.alloc(200_000) }],
  });
  const noise = Buffer.from(
    Array.from({ length: 60_000 }, (_, index) => (index * index * 7919) >> 5),
  );
  const loose = assemblePackage({ control: [{ path: ".post-install", text: noise }] });
  const tight = { ...limits, "control-size": 50_000 };
  for (const { source } of [dense, loose])
    await refuses(() => openPackage(source, byNothing, tight), {
      code: "limit-exceeded",
      message: "sample.apk: exceeds the limit control-size of 50000",
      hint: "--limit control-size=N",
    });
  const signatures = [{ path: ".SIGN.RSA.k", text: Buffer.alloc(200_000) }];
  await refuses(() => openPackage(assemblePackage({ signatures }).source, byNothing, tight), {
    code: "limit-exceeded",
    message: "control-size",
    hint: "It may be hostile",
  });
});

test("a bomb is stopped by the ratio of packages, wherever it lies", async () => {
  const tight = { ...limits, "ratio-floor": 100_000, "package-ratio": 50, ratio: 5_000 };
  const zeros = Buffer.alloc(4_000_000);
  const parts: readonly PackageParts[] = [
    { files: [{ path: "zeros", text: zeros }] },
    { control: [{ path: ".trigger", text: zeros }] },
    { signatures: [{ path: ".SIGN.RSA.k", text: zeros }] },
    { dataTar: zeros },
  ];
  for (const each of parts) {
    const { source } = assemblePackage(each);
    await refuses(
      async () => {
        const opened = await openPackage(source, byNothing, tight);
        for await (const entry of opened.data()) for await (const _ of entry.chunks());
      },
      {
        code: "limit-exceeded",
        message: "the limit package-ratio of 50",
        hint: "It may be hostile",
      },
    );
  }
});

test("verifying tells the source of a package that is not what was promised", async () => {
  const bad = sourceOf("x.apk", flipped(sample.bytes, sample.sections.data[0] + 4));
  await failure(() => verifyPackage(bad, byIdentity(sample), limits));
  assert.equal(bad.counts.rejected, 1);
  const good = sourceOf("x.apk", sample.bytes);
  await verifyPackage(good, byIdentity(sample), limits);
  assert.equal(good.counts.rejected, 0);
});

test("the data hash can be compared without unpacking", async () => {
  for (const assembled of [sample, assemblePackage({ ...honest, signers: [] })]) {
    const opened = await openPackage(assembled.source, byIdentity(assembled), limits);
    await opened.compareDataHash("cause");
    await opened.close();
  }
  const bad = sourceOf("x.apk", flipped(sample.bytes, sample.sections.data[1] - 1));
  const opened = await openPackage(bad, byIdentity(sample), limits);
  const error = await refuses(() => opened.compareDataHash("cause"), {
    code: "datahash-mismatch",
    message: "x.apk: expected data with SHA-256",
    hint: "fetch it again",
  });
  assert.equal(error.cause, "cause");
  await opened.close();
});

const alpine: Trust = {
  by: "signature",
  keyring: { keys: [...builtInKeys("x86_64"), ...builtInKeys("aarch64")] },
  repository: repositoryAt("https://dl-cdn.alpinelinux.org/alpine/v3.12/main"),
};

test("packages of Alpine verify with the built-in keys", withFixtures, async () => {
  for (const [path, label] of [
    ["apk/alpine-signed/musl-1.1.24-r10.apk", "musl-1.1.24-r10"],
    ["apk/alpine-signed/musl-1.2.2-r3.apk", "musl-1.2.2-r3"],
    ["apk/alpine-316/alpine-baselayout-3.2.0-r23.apk", "alpine-baselayout-3.2.0-r23"],
    // Its name says another version than its content.
    ["apk/alpine-317/alpine-baselayout-3.4.0-r0.apk", "alpine-baselayout-3.2.0-r23"],
  ] as const) {
    const { name, version } = await verifyPackage(fixturePackage(path), alpine, limits);
    assert.equal(`${name}-${version}`, label);
  }
  const elsewhere = { ...alpine, repository: repositoryAt("https://packages.example/stable") };
  await refuses(
    () => verifyPackage(fixturePackage("apk/alpine-signed/musl-1.2.2-r3.apk"), elsewhere, limits),
    {
      code: "key-not-allowed",
      message:
        /musl-1\.2\.2-r3\.apk: signed by alpine-devel@.* may sign for Alpine's repositories and their mirrors only, not for https:\/\/packages\.example\/stable$/,
      hint: "name the key among that repository's keys",
    },
  );
});

test(
  "keys named melange.rsa.pub: the wrong one does not pass for the right one",
  withFixtures,
  async () => {
    const melange = fixtureKey("apk/packages/melange.rsa.pub");
    const trust: Trust = { by: "signature", keyring: { keys: [melange] } };
    const theirs = fixturePackage("apk/packages/x86_64/replayout-1.0.0-r0.apk");
    assert.equal((await verifyPackage(theirs, trust, limits)).name, "replayout");
    // Another builder's package, whose key has the same name.
    await refuses(
      () => verifyPackage(fixturePackage("apk/hello-wolfi-2.12.1-r0.apk"), trust, limits),
      {
        code: "signature-invalid",
        message:
          "hello-wolfi-2.12.1-r0.apk: the signature by melange.rsa.pub does not fit its content",
        hint: "another key has the same name",
      },
    );
  },
);

test("unsigned packages and other things among the fixtures", withFixtures, async () => {
  for (const path of ["apk/hello-0.1.0-r0.apk", "apk/replaces/replaces-0.0.1-r0.apk"]) {
    await refuses(() => verifyPackage(fixturePackage(path), alpine, limits), {
      code: "signature-missing",
      message: "it is not signed",
      hint: "--allow-untrusted",
    });
    await verifyPackage(fixturePackage(path), byNothing, limits);
  }
  const info = await verifyPackage(
    fixturePackage("apk/replaces/replaces-0.0.1-r0.apk"),
    byNothing,
    limits,
  );
  assert.deepEqual(
    info.replaces.map(({ name }) => name),
    ["foo", "bar"],
  );
  // A text that names a file, and a package of format 3.
  for (const path of ["apk/rsa256-signed/alpine-baselayout-3.2.0-r23.apk", "apk-v3/x-1.0-r0.apk"])
    await refuses(() => verifyPackage(fixturePackage(path), byNothing, limits), {
      code: "gzip-invalid",
      message: `${path.split("/").at(-1)}: expected gzip data`,
      hint: "not gzip",
    });
});
