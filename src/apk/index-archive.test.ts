import assert from "node:assert/strict";
import { test } from "node:test";
import { fixtureKey, readFixture, withFixtures } from "../../test/alpine-fixtures.ts";
import { flipped, packEntries, signatureOf } from "../../test/package-parts.ts";
import { failure, refuses } from "../../test/refusals.ts";
import { makeRepository, sampleKey, smallWorld } from "../../test/signed-repository.ts";
import { gzipBytes } from "../archive/index.ts";
import {
  concatBytes,
  defaultLimits as limits,
  isBivyError,
  type ErrorCode,
} from "../base/index.ts";
import { createIndexFile } from "./create.ts";
import { readIndexArchive } from "./index-archive.ts";
import { builtInKeys, parseKey, type Key } from "./keyring.ts";
import { createPackage, packageLabel } from "./package.ts";
import { repositoryAt, type Repository } from "./repositories.ts";

const signer = sampleKey();
const key = parseKey(signer.key.name, signer.publicPem);
const third = repositoryAt("https://packages.example/stable");
const index = makeRepository(smallWorld).get("x86_64/APKINDEX.tar.gz")!;

function read(bytes: Uint8Array, keys: readonly Key[], repository: Repository = third) {
  return readIndexArchive(bytes, {
    subject: "APKINDEX.tar.gz",
    limits,
    trust: { keyring: { keys }, repository },
  });
}

const alpineKeys = [...builtInKeys("x86_64"), ...builtInKeys("aarch64")];

const realIndexes = [
  ["apk/alpine-316", "v3.16", "x86_64", 4929, "6165ee59", "v3.16.3-13-g4d933a1fa3"],
  ["apk/alpine-317", "v3.17", "aarch64", 5004, "616ae350", "v3.17.3-216-g54a39ace82a"],
] as const;

for (const [path, branch, arch, count, keyId, description] of realIndexes)
  test(
    `Alpine's own index of ${branch} ${arch} verifies with the built-in keys`,
    withFixtures,
    async () => {
      const bytes = readFixture(`${path}/APKINDEX.tar.gz`);
      for (const host of [
        "https://dl-cdn.alpinelinux.org/alpine",
        "https://mirror.example/pub/alpine",
        "/srv/mirror",
      ]) {
        const found = read(bytes, builtInKeys(arch), repositoryAt(`${host}/${branch}/main`));
        assert.equal(found.packages.length, count);
        assert.equal(found.description, description);
        assert.equal(found.verified?.signature.algorithm, "RSA");
        assert.equal(
          found.verified?.key.name,
          `alpine-devel@lists.alpinelinux.org-${keyId}.rsa.pub`,
        );
      }
      await refuses(() => read(bytes, builtInKeys(arch), third), {
        code: "key-not-allowed",
        message: `${keyId}.rsa.pub, which may sign for Alpine's repositories and their mirrors only, not for ${third.url}`,
        hint: "name the key among that repository's keys",
      });
      const other = arch === "x86_64" ? "aarch64" : "x86_64";
      await refuses(
        () =>
          read(
            bytes,
            builtInKeys(other),
            repositoryAt(`https://dl-cdn.alpinelinux.org/alpine/${branch}/main`),
          ),
        {
          code: "key-unknown",
          message: `${keyId}.rsa.pub, which is not in the keyring`,
          hint: "Get the key",
        },
      );
    },
  );

test("a byte of Alpine's index changed, far inside, is noticed", withFixtures, async () => {
  const bytes = readFixture("apk/alpine-316/APKINDEX.tar.gz");
  const main = repositoryAt("https://dl-cdn.alpinelinux.org/alpine/v3.16/main");
  for (const at of [700, 10_000, bytes.length >> 1, bytes.length - 9, bytes.length - 1]) {
    const error = await failure(() => read(flipped(bytes, at), alpineKeys, main));
    const expected = [
      "gzip-invalid",
      "gzip-truncated",
      "signature-invalid",
      "limit-exceeded",
    ] as const;
    assert.ok(isBivyError(error, ...expected), `byte ${at}: ${error.code}`);
  }
});

test("the key that lies beside Alpine's index is not its signer", withFixtures, async () => {
  const beside = fixtureKey("apk/alpine-316/alpine-devel@lists.alpinelinux.org-4a6a0840.rsa.pub");
  await refuses(() => read(readFixture("apk/alpine-316/APKINDEX.tar.gz"), [beside]), {
    code: "key-unknown",
    message:
      "signed by alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub, which is not in the keyring",
    hint: "Get the key from the repository's owner",
  });
  // Under the signer's name it does not help either.
  const renamed = { ...beside, name: "alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub" };
  await refuses(() => read(readFixture("apk/alpine-316/APKINDEX.tar.gz"), [renamed]), {
    code: "signature-invalid",
    message: "6165ee59.rsa.pub does not fit its content",
    hint: "another key has the same name",
  });
});

test("a signature in the same stream as the index counts as none", withFixtures, async () => {
  const bytes = readFixture("apk/APKINDEX.tar.gz");
  await refuses(() => read(bytes, alpineKeys), {
    code: "signature-missing",
    message: "APKINDEX.tar.gz: it is not signed",
    hint: "--allow-untrusted",
  });
  const found = readIndexArchive(bytes, { subject: "APKINDEX.tar.gz", limits });
  assert.equal(found.verified, undefined);
  assert.equal(found.packages.length, 2);
});

test("of three signatures on one index each key alone is enough", withFixtures, async () => {
  const bytes = readFixture("apk/signing/APKINDEX.tar.gz");
  const ids = [
    "0106f58bac88057c2ff5c2829850df492717a876ed700443550353c7ab23f5a0",
    "60912bbc46bfc8ed6bda0b50db3a8a5f3c4344d6bc8549ec9b84d96140b475d1",
    "61cb6bccd1f584b007db7be51ebce2b0530a54cc5a94e7650b570d113d537cf3",
  ];
  const keys = ids.map((id) => fixtureKey(`apk/signing/keys/chainguard-${id}.rsa.pub`));
  for (const each of keys) {
    const { verified } = read(bytes, [key, each]);
    assert.equal(verified?.key, each);
    assert.equal(verified?.signature.algorithm, "RSA256");
  }
  assert.equal(read(bytes, keys).verified?.key, keys[0]);
  // The first two under each other's names.
  const crossed = [
    { ...keys[0]!, name: keys[1]!.name },
    { ...keys[1]!, name: keys[0]!.name },
  ];
  await refuses(() => read(bytes, crossed), {
    code: "signature-invalid",
    message: `the signature by chainguard-${ids[0]}.rsa.pub does not fit`,
    hint: "another key has the same name",
  });
  await refuses(() => read(bytes, [key]), {
    code: "key-unknown",
    message: `chainguard-${ids[2]}.rsa.pub, none of which is in the keyring`,
    hint: "Get the key",
  });
});

test("indexes of other builders", withFixtures, () => {
  for (const [path, keyPath, algorithm, count] of [
    ["apk/rsa256-signed", "apk/rsa256-signed/test-rsa256.rsa.pub", "RSA256", 1],
    ["apk/packages/x86_64", "apk/packages/melange.rsa.pub", "RSA256", 4],
    ["apk/packages/aarch64", "apk/packages/melange.rsa.pub", "RSA256", 4],
    [
      "apk/private_packages/packages/x86_64",
      "apk/private_packages/private_pkg_key.rsa.pub",
      "RSA",
      2,
    ],
    ["repo/v3.19/main/x86_64", "repo/keys/fixture@bivy-6743a001.rsa.pub", "RSA", 15],
  ] as const) {
    const found = read(readFixture(`${path}/APKINDEX.tar.gz`), [fixtureKey(keyPath)]);
    assert.deepEqual(
      [found.verified?.signature.algorithm, found.packages.length],
      [algorithm, count],
      path,
    );
  }
});

test("what is indexed is read", () => {
  const found = read(index, [key]);
  assert.deepEqual(
    found.packages.map(packageLabel),
    smallWorld.map(({ name }) => `${name}-1.0-r0`),
  );
  assert.equal(found.description, "sample");
});

test("every algorithm signs an index; unsigned is taken without trust only", async () => {
  const packages = [createPackage({ name: "a", version: "1" })];
  for (const algorithm of ["RSA", "RSA256", "RSA512"] as const) {
    const bytes = createIndexFile(packages, "d", [{ key: signer.key, algorithm }]);
    assert.equal(read(bytes, [key]).verified?.signature.algorithm, algorithm);
  }
  const unsigned = createIndexFile(packages, "d", []);
  await refuses(() => read(unsigned, [key]), {
    code: "signature-missing",
    message: "it is not signed",
    hint: "--allow-untrusted",
  });
  assert.equal(readIndexArchive(unsigned, { subject: "I", limits }).packages.length, 1);
});

const damaged: readonly ErrorCode[] = [
  "gzip-invalid",
  "gzip-truncated",
  "tar-invalid",
  "tar-truncated",
  "limit-exceeded",
];

for (const mask of [0x01, 0x20, 0xff])
  test(`one byte changed by ${mask} anywhere in an index is noticed`, async () => {
    const expected = read(index, [key]).verified!.signature.bytes;
    // The signature is the first gzip member.
    const body = index.indexOf(Buffer.from([0x1f, 0x8b, 0x08]), 1);
    for (let at = 0; at < index.byteLength; at++) {
      const bytes = flipped(index, at, mask);
      if (at >= body) {
        const error = await failure(() => read(bytes, [key]));
        assert.ok(
          isBivyError(error, ...damaged, "signature-invalid", "signature-missing"),
          `byte ${at}: ${error.code}`,
        );
        assert.ok((error.hint ?? "") !== "", error.message);
        continue;
      }
      try {
        // Only the wrapping of the signature may differ, which nothing signs.
        assert.deepEqual(read(bytes, [key]).verified?.signature.bytes, expected, `byte ${at}`);
      } catch (error) {
        const codes = ["signature-invalid", "signature-missing", "key-unknown"] as const;
        assert.ok(isBivyError(error, ...damaged, ...codes), `byte ${at}: ${String(error)}`);
      }
    }
  });

test("an index that was cut short anywhere is refused", async () => {
  for (let end = 0; end < index.byteLength; end++) {
    const error = await failure(() => read(index.subarray(0, end), [key]));
    assert.ok(
      isBivyError(error, "gzip-truncated", "gzip-invalid", "signature-missing"),
      `${end}: ${error.code}`,
    );
  }
});

test("bytes added to an index are noticed, padding too", async () => {
  const more = gzipBytes(packEntries([{ path: "APKINDEX", text: "P:evil\nV:1\n" }]));
  for (const tail of [more, Buffer.alloc(512), Buffer.from("x")]) {
    const error = await failure(() => read(concatBytes([index, tail]), [key]));
    assert.ok(isBivyError(error, "signature-invalid", "gzip-invalid"), error.code);
  }
});

test("an archive without APKINDEX, or none at all", async () => {
  const wrap = (...files: { path: string; text: string }[]) => gzipBytes(packEntries(files));
  const options = { subject: "https://example.org/x86_64/APKINDEX.tar.gz", limits };
  await refuses(() => readIndexArchive(wrap({ path: "DESCRIPTION", text: "x" }), options), {
    code: "index-invalid",
    message: `${options.subject}: expected an archive with APKINDEX, found none in it`,
    hint: "it should end before the architecture",
  });
  await refuses(() => readIndexArchive(Buffer.from("<html>Not here</html>"), options), {
    code: "gzip-invalid",
    message: `${options.subject}: expected gzip data`,
    hint: "not gzip",
  });
  await refuses(() => readIndexArchive(wrap({ path: "APKINDEX", text: "hello\n" }), options), {
    code: "index-invalid",
    message: 'expected lines such as "P:name", found "hello"',
    hint: "damaged, or it is not a package index",
  });
  // Signed, but there is nothing after the signature.
  const content = wrap({ path: "x", text: "" });
  const alone = gzipBytes(packEntries([signatureOf(content, signer, "RSA")]));
  await refuses(() => read(alone, [key]), {
    code: "signature-missing",
    message: "it is not signed",
    hint: "Sign it",
  });
});

test("an index may unpack to so many bytes", async () => {
  const bytes = gzipBytes(packEntries([{ path: "APKINDEX", text: Buffer.alloc(300_000, "\n") }]));
  const tight = { ...limits, "index-size": 100_000, "ratio-floor": 1_000_000 };
  await refuses(() => readIndexArchive(bytes, { subject: "I", limits: tight }), {
    code: "limit-exceeded",
    message: /^I: exceeds the limit (unpacked|index)-size of 100000$/,
    hint: "It may be hostile",
  });
});
