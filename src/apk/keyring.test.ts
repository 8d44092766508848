import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { test } from "node:test";
import { readMinirootfs, withFixtures } from "../../test/alpine-fixtures.ts";
import { refuses } from "../../test/refusals.ts";
import { textAt } from "../../test/root-installation.ts";
import { sampleKey } from "../../test/signed-repository.ts";
import { encodeText } from "../base/index.ts";
import { builtInKeys, keyToPem, maySign, parseKey, verifySignatures, type Key } from "./keyring.ts";
import { repositoryAt, type Repository } from "./repositories.ts";
import { signatureHash, type Signature, type SignatureAlgorithm } from "./signature.ts";

const main = "https://dl-cdn.alpinelinux.org/alpine/v3.20/main";
const mirror = "https://mirror.example/alpine/v3.20/main";
const third = "https://packages.example/stable";
const signed = encodeText("index");
const vendor = sampleKey("vendor.rsa.pub");
const impostor = sampleKey("impostor.rsa.pub");

function keyOf({ key, publicPem }: typeof vendor, repository?: string, name = key.name): Key {
  return parseKey(name, publicPem, repository);
}

function signatureBy(
  { key }: typeof vendor,
  algorithm: SignatureAlgorithm = "RSA256",
  keyName = key.name,
): Signature {
  return { algorithm, keyName, bytes: sign(signatureHash(algorithm), signed, key.privateKey) };
}

const archs = "x86_64 x86 aarch64 armhf armv7 ppc64le s390x riscv64 mips64".split(" ");

for (const version of ["3.10.9", "3.19.4"] as const)
  test(
    `the built-in keys hold those of Alpine ${version}, for each architecture`,
    withFixtures,
    async () => {
      const root = await readMinirootfs(version);
      const folder = "usr/share/apk/keys";
      let compared = 0;
      for (const arch of archs) {
        const theirs = root.list(`${folder}/${arch}`);
        const ours = new Map(builtInKeys(arch).map((key) => [key.name, key]));
        for (const name of theirs) {
          // A link to the key in the folder above.
          const pem = await textAt(root, `${folder}/${name}`);
          assert.equal(
            ours.get(name)?.fingerprint,
            parseKey(name, pem).fingerprint,
            `${arch} ${name}`,
          );
          compared += 1;
        }
        // The newer root has all that there are today; the older one lacks what came later.
        if (version === "3.19.4") assert.deepEqual([...ours.keys()].sort(), [...theirs], arch);
      }
      assert.equal(compared, version === "3.19.4" ? 19 : 8);
    },
  );

test("an architecture that Alpine does not build for has no built-in keys", () => {
  assert.deepEqual(builtInKeys("sparc64"), []);
});

test("a key survives being written and read", () => {
  const [key] = builtInKeys("x86_64");
  assert.match(keyToPem(key!), /^-----BEGIN PUBLIC KEY-----\n/);
  assert.equal(parseKey(key!.name, keyToPem(key!)).fingerprint, key!.fingerprint);
});

test("a key's name is a plain file name", async () => {
  for (const name of ["", ".", "..", "a/b", "../k.rsa.pub", "a\0b"])
    await refuses(() => parseKey(name, vendor.publicPem), {
      code: "key-invalid",
      message: `key ${JSON.stringify(name)}: expected a plain file name`,
      hint: "as its signatures name it",
    });
});

type Kind = "alpine" | "unscoped" | "for-main" | "for-mirror" | "for-third";

const kinds: Readonly<Record<Kind, Key>> = {
  alpine: builtInKeys("x86_64")[0]!,
  unscoped: keyOf(vendor),
  "for-main": keyOf(vendor, main),
  "for-mirror": keyOf(vendor, mirror),
  "for-third": keyOf(vendor, third),
};

const scoped = { scoped: true, alpineKeys: false };
const named = { scoped: true, alpineKeys: true };

test("who may sign for which repository", () => {
  const cases: readonly (readonly [string, Partial<Repository>, readonly Kind[]])[] = [
    [main, {}, ["alpine", "for-main"]],
    [main, scoped, ["for-main"]],
    [main, named, ["alpine", "for-main"]],
    ["https://dl-4.alpinelinux.org/alpine/edge/testing", {}, ["alpine"]],
    [mirror, {}, ["alpine", "unscoped", "for-mirror"]],
    [mirror, scoped, ["for-mirror"]],
    [mirror, named, ["alpine", "for-mirror"]],
    // Of another form than Alpine's tree: Alpine's keys count only where they are named.
    [third, {}, ["unscoped", "for-third"]],
    [third, scoped, ["for-third"]],
    [third, named, ["alpine", "for-third"]],
    ["https://mirror.example/linux/alpine-main", {}, ["unscoped"]],
    ["https://mirror.example/linux/alpine-main", named, ["alpine"]],
    ["/srv/packages", {}, ["unscoped"]],
    ["/srv/alpine/v3.20/community", {}, ["alpine", "unscoped"]],
    // Hosts that only look like Alpine's.
    ["https://dl-cdn.alpinelinux.org.evil.example/stable", {}, ["unscoped"]],
    ["https://dl-cdn.alpinelinux.org@evil.example/stable", {}, ["unscoped"]],
    ["https://evilalpinelinux.org/stable", {}, ["unscoped"]],
    ["https://evil.example/dl-cdn.alpinelinux.org/stable", {}, ["unscoped"]],
    // Hosts that are Alpine's, however they are written.
    ["https://DL-CDN.AlpineLinux.org/alpine/v3.20/main", {}, ["alpine"]],
    ["https://dl-cdn.alpinelinux.org./alpine/v3.20/main", {}, ["alpine"]],
    ["https://user:word@dl-cdn.alpinelinux.org:443/alpine/v3.20/main", {}, ["alpine"]],
    ["https:///dl-cdn.alpinelinux.org/alpine/v3.20/main", {}, ["alpine"]],
    ["https://dl-cdn%2ealpinelinux.org/alpine/v3.20/main", {}, ["alpine"]],
    ["https://dl-cdn。alpinelinux.org/alpine/v3.20/main", {}, ["alpine"]],
  ];
  for (const [url, options, expected] of cases) {
    const repository = repositoryAt(url, options);
    const found = (Object.keys(kinds) as Kind[]).filter((kind) => maySign(kinds[kind], repository));
    assert.deepEqual(found, expected, `${url} ${JSON.stringify(options)}`);
  }
});

test("a slash at the end of the URL that a key is given for does not matter", () => {
  assert.ok(maySign(keyOf(vendor, `${third}/`), repositoryAt(third)));
  assert.ok(maySign(keyOf(vendor, third), repositoryAt(`${third}//`)));
});

test("a third party's key cannot sign for Alpine, and the message names both", async () => {
  const keyring = { keys: [...builtInKeys("x86_64"), keyOf(vendor)] };
  const check = (url: string, options?: Partial<Repository>) => () =>
    verifySignatures([signatureBy(vendor)], signed, keyring, repositoryAt(url, options), "INDEX");
  await refuses(check(main), {
    code: "key-not-allowed",
    message: `INDEX: signed by vendor.rsa.pub, which may sign for repositories other than Alpine's only, not for ${main}`,
    hint: "name the key among that repository's keys",
  });
  await refuses(check(third, scoped), {
    code: "key-not-allowed",
    message: `vendor.rsa.pub, which may sign for repositories that name no keys of their own only, not for ${third}`,
    hint: "name the key among that repository's keys",
  });
  assert.equal(check(third)().key.name, "vendor.rsa.pub");
});

test("a key of one repository is not accepted at another", async () => {
  const keyring = { keys: [keyOf(vendor, third)] };
  const check = (url: string) => () =>
    verifySignatures([signatureBy(vendor)], signed, keyring, repositoryAt(url), "INDEX");
  assert.equal(check(third)().key.repository, third);
  for (const url of [main, mirror, "https://other.example/stable", `${third}/sub`, "/srv/x"])
    await refuses(check(url), {
      code: "key-not-allowed",
      message: `signed by vendor.rsa.pub, which may sign for ${third} only, not for ${url}`,
      hint: "name the key among that repository's keys",
    });
});

test("Alpine's keys do not count for a third party's repository", async () => {
  const alpine = { ...keyOf(vendor), builtIn: true };
  await refuses(
    () =>
      verifySignatures([signatureBy(vendor)], signed, { keys: [alpine] }, repositoryAt(third), "I"),
    {
      code: "key-not-allowed",
      message: `may sign for Alpine's repositories and their mirrors only, not for ${third}`,
      hint: "name the key",
    },
  );
});

test("without a repository every known key counts", () => {
  const keyring = { keys: [keyOf(vendor, third)] };
  const { key } = verifySignatures([signatureBy(vendor)], signed, keyring, undefined, "x.apk");
  assert.equal(key.name, "vendor.rsa.pub");
});

test("of keys with one name the right one wins, and only a wrong one is no use", async () => {
  const name = "melange.rsa.pub";
  const [right, wrong] = [keyOf(vendor, undefined, name), keyOf(impostor, undefined, name)];
  const signature = signatureBy(vendor, "RSA256", name);
  const check = (keys: readonly Key[]) =>
    verifySignatures([signature], signed, { keys }, repositoryAt(third), "INDEX");
  for (const keys of [[right], [right, wrong], [wrong, right], [wrong, wrong, right]])
    assert.equal(check(keys).key, right);
  await refuses(() => check([wrong]), {
    code: "signature-invalid",
    message: "INDEX: the signature by melange.rsa.pub does not fit its content",
    hint: "another key has the same name",
  });
  // The right key, but given for elsewhere.
  await refuses(() => check([wrong, keyOf(vendor, mirror, name)]), {
    code: "signature-invalid",
    message: "melange.rsa.pub does not fit",
    hint: "another key has the same name",
  });
});

test("several signatures: the first one with a known key decides", async () => {
  const check = (signatures: readonly Signature[], keys: readonly Key[]) =>
    verifySignatures(signatures, signed, { keys }, repositoryAt(third), "INDEX");
  const [byVendor, byImpostor] = [signatureBy(vendor), signatureBy(impostor, "RSA512")];
  const [vendorKey, impostorKey] = [keyOf(vendor), keyOf(impostor)];
  assert.equal(check([byVendor, byImpostor], [vendorKey]).key, vendorKey);
  assert.equal(check([byVendor, byImpostor], [impostorKey]).signature, byImpostor);
  assert.equal(check([byImpostor, byVendor], [vendorKey]).key, vendorKey);
  // One that is known and does not hold is not saved by a later one.
  const broken = { ...byVendor, bytes: new Uint8Array(256) };
  await refuses(() => check([broken, byImpostor], [vendorKey, impostorKey]), {
    code: "signature-invalid",
    message: "the signature by vendor.rsa.pub does not fit",
    hint: "changed after signing",
  });
  // One whose key may not sign here is passed over.
  const elsewhere = keyOf(vendor, mirror);
  assert.equal(check([byVendor, byImpostor], [elsewhere, impostorKey]).key, impostorKey);
});

test("nothing known, nothing signed, nothing that counts", async () => {
  const check = (signatures: readonly Signature[]) => () =>
    verifySignatures(signatures, signed, { keys: [keyOf(impostor)] }, repositoryAt(third), "INDEX");
  await refuses(check([]), {
    code: "signature-missing",
    message: /^INDEX: it is not signed$/,
    hint: "--allow-untrusted",
  });
  await refuses(check([signatureBy(vendor)]), {
    code: "key-unknown",
    message: "INDEX: signed by vendor.rsa.pub, which is not in the keyring",
    hint: "Get the key from the repository's owner",
  });
  const dsa = { ...signatureBy(impostor), algorithm: "DSA" };
  await refuses(check([dsa, dsa, { ...dsa, algorithm: "ED25519" }]), {
    code: "signature-missing",
    message: "INDEX: signed with DSA, ED25519 only; expected RSA, RSA256 or RSA512",
    hint: "Sign it with a key that you trust",
  });
  const one = signatureBy(vendor);
  const many = Array.from({ length: 30_000 }, (_, index) => ({
    ...one,
    keyName: `k${index}`,
  }));
  await refuses(check(many), {
    code: "key-unknown",
    message: /signed by k0, k1, k2, k3 and 29996 more, none of which is in the keyring$/,
    hint: "Get the key",
  });
});
