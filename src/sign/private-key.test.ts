import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeText } from "../base/index.ts";
import { makeKeyPair, writeKeyPair } from "./key-pair.ts";
import { formatPem, pemLabel, tryParsePem } from "./pem.ts";
import { parsePrivateKey, signBytes } from "./private-key.ts";
import { parsePublicKey, signatureHolds } from "./public-key.ts";
import { cosignKey, cosignSamples, fails, keyKinds, sampleKey } from "./sample-place.test.ts";
import { openSealedKey, sealKey } from "./sealed-key.ts";

const signed = encodeText("what is signed");

for (const [kind, make] of Object.entries(keyKinds))
  test(`${kind}: a signature holds for its key and its bytes, and for no others`, () => {
    const key = sampleKey(kind, make());
    const other = sampleKey(kind, make());
    for (const hash of ["sha256", "matching"] as const) {
      const signature = signBytes(key, signed, hash);
      assert.ok(signatureHolds(key.publicKey.key, signed, signature));
      assert.ok(!signatureHolds(other.publicKey.key, signed, signature));
      assert.ok(!signatureHolds(key.publicKey.key, encodeText("what is signeD"), signature));
      for (const at of [0, signature.byteLength >> 1, signature.byteLength - 1]) {
        const damaged = Uint8Array.from(signature);
        damaged[at]! ^= 1;
        assert.ok(!signatureHolds(key.publicKey.key, signed, damaged), `byte ${at}`);
      }
      assert.ok(!signatureHolds(key.publicKey.key, signed, signature.subarray(1)));
    }
  });

test("no bytes are taken for a signature, and none throw", () => {
  const keys = Object.values(keyKinds).map((make) => sampleKey("any", make()).publicKey.key);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (signature) =>
      keys.every((key) => !signatureHolds(key, signed, signature)),
    ),
    { numRuns: 30 },
  );
});

test("the hint is that of cosign", () => {
  const hints = new Set(
    Object.values(cosignSamples.blobs).flatMap(
      (text) => /"hint":\s*"([^"]+)"/.exec(text)?.[1] ?? [],
    ),
  );
  assert.equal(hints.size, 5);
  for (const kind of Object.keys(keyKinds) as (keyof typeof keyKinds)[])
    assert.ok(hints.has(cosignKey(kind).hint), kind);
});

const pkcs8 = { type: "pkcs8", format: "pem" } as const;
const locked = { ...pkcs8, cipher: "aes-256-cbc", passphrase: "open" } as const;

test("private keys are read in every form that they are written in", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const rsa = keyKinds.RSA();
  const forms = {
    pkcs8: privateKey.export(pkcs8),
    sec1: privateKey.export({ type: "sec1", format: "pem" }),
    pkcs1: rsa.export({ type: "pkcs1", format: "pem" }),
    ed25519: keyKinds.Ed25519().export(pkcs8),
  };
  for (const [form, pem] of Object.entries(forms)) {
    const key = await parsePrivateKey(pem as string, form);
    assert.ok(signatureHolds(key.publicKey.key, signed, signBytes(key, signed, "sha256")), form);
    // A passphrase that is not needed is not asked about.
    await parsePrivateKey(pem as string, form, "unneeded");
  }
  const lockedForms = [
    privateKey.export(locked),
    rsa.export({ ...locked, type: "pkcs1" }),
    await sealKey(privateKey.export({ type: "pkcs8", format: "der" }), "open"),
  ];
  for (const pem of lockedForms as string[]) {
    await parsePrivateKey(pem, "locked.key", "open");
    await fails(
      () => parsePrivateKey(pem, "locked.key"),
      "key-invalid",
      /locked with a passphrase/,
    );
    for (const wrong of ["Open", ""])
      await fails(
        () => parsePrivateKey(pem, "locked.key", wrong),
        "key-invalid",
        /locked\.key: the passphrase does not open it/,
      );
  }
});

test("the key that cosign sealed is opened, and is the one of its public key", async () => {
  const { privateKey, passphrase } = cosignSamples;
  const key = await parsePrivateKey(privateKey, "cosign.key", passphrase);
  assert.equal(key.publicKey.hint, cosignKey("P-256").hint);
  // The label that cosign wrote before.
  const former = privateKey.replaceAll("SIGSTORE", "COSIGN");
  assert.equal(pemLabel(former), "ENCRYPTED COSIGN PRIVATE KEY");
  assert.equal(
    (await parsePrivateKey(former, "cosign.key", passphrase)).publicKey.hint,
    key.publicKey.hint,
  );
});

test("a sealed key that is damaged, or asks for too much, is not opened", async () => {
  const sealed = await sealKey(randomBytes(40), "open");
  const change = (edit: (document: Record<string, Record<string, unknown>>) => void) => {
    const { label, bytes } = tryParsePem(sealed)!;
    const document = JSON.parse(Buffer.from(bytes).toString()) as Record<
      string,
      Record<string, unknown>
    >;
    edit(document);
    return formatPem({ label, bytes: encodeText(JSON.stringify(document)) });
  };
  const withCost = (params: object) => change((document) => (document["kdf"]!["params"] = params));
  const malformed = [
    "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----",
    formatPem({ label: "ENCRYPTED SIGSTORE PRIVATE KEY", bytes: encodeText("[]") }),
    change((document) => (document["kdf"]!["name"] = "none")),
    change((document) => (document["cipher"]!["name"] = "none")),
    change((document) => (document["cipher"]!["nonce"] = "AAAA")),
    withCost({ N: 65_537, r: 8, p: 1 }),
    withCost({ N: -2, r: 8, p: 1 }),
    withCost({ N: 1024, r: 0, p: 1 }),
    withCost({ N: 1024, r: 1.5, p: 1 }),
    withCost({}),
  ];
  for (const pem of malformed)
    await fails(
      () => openSealedKey(pem, "open", "a.key"),
      "key-invalid",
      /a\.key: expected a key sealed/,
    );
  for (const params of [
    { N: 2 ** 40, r: 8, p: 1 },
    { N: 65_536, r: 2 ** 30, p: 1 },
    { N: 16, r: 8, p: 2 ** 30 },
  ])
    await fails(() => openSealedKey(withCost(params), "open", "a.key"), "limit-exceeded", /scrypt/);
  const flipped = change((document) => {
    const bytes = Buffer.from(document["ciphertext"] as unknown as string, "base64");
    bytes[20]! ^= 1;
    Object.assign(document, { ciphertext: bytes.toString("base64") });
  });
  await fails(() => openSealedKey(flipped, "open", "a.key"), "key-invalid", /passphrase/);
});

test("what is no key for this is refused, and said what it is", async () => {
  const spki = { type: "spki", format: "pem" } as const;
  const publicOf = (key: ReturnType<(typeof keyKinds)["RSA"]>) =>
    createPublicKey(key).export(spki) as string;
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const koblitz = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey;
  const exchange = generateKeyPairSync("x25519").privateKey;
  const unfit = [
    [small, /RSA key of 1024 bits/],
    [koblitz, /the curve secp256k1/],
    [exchange, /a key for x25519/],
  ] as const;
  for (const [key, message] of unfit) {
    await fails(() => parsePublicKey(publicOf(key), "a.pub"), "key-invalid", message);
    await fails(
      () => parsePrivateKey(key.export(pkcs8) as string, "a.key"),
      "key-invalid",
      message,
    );
  }
  const good = keyKinds["P-256"]();
  const privatePem = good.export(pkcs8) as string;
  await fails(() => parsePublicKey(privatePem, "a.pub"), "key-invalid", /found a private one/);
  await fails(() => parsePrivateKey(publicOf(good), "a.key"), "key-invalid", /found a public one/);
  const notKeys = ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"];
  for (const text of [...notKeys, formatPem({ label: "PUBLIC KEY", bytes: randomBytes(20) })])
    await fails(
      () => parsePublicKey(text, "a.pub"),
      "key-invalid",
      /a\.pub: expected a public key/,
    );
  for (const text of [...notKeys, formatPem({ label: "PRIVATE KEY", bytes: randomBytes(20) })])
    await fails(() => parsePrivateKey(text, "a.key"), "key-invalid", /a\.key: expected a private/);
});

test("a key pair is written once, and its private half for its owner alone", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "bivy-sign-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const prefix = join(folder, "mine");
  const paths = await writeKeyPair(prefix, await makeKeyPair("open"));
  assert.deepEqual(paths, { privateKey: `${prefix}.key`, publicKey: `${prefix}.pub` });
  assert.equal(statSync(paths.privateKey).mode & 0o777, 0o600);
  const text = readFileSync(paths.privateKey, "utf8");
  assert.equal(pemLabel(text), "ENCRYPTED SIGSTORE PRIVATE KEY");
  const key = await parsePrivateKey(text, "mine.key", "open");
  assert.equal(parsePublicKey(readFileSync(paths.publicKey, "utf8"), "p").hint, key.publicKey.hint);

  await fails(async () => writeKeyPair(prefix, await makeKeyPair()), "file-exists", /mine\.pub/);
  assert.equal(readFileSync(paths.privateKey, "utf8"), text);
  rmSync(paths.publicKey);
  await fails(async () => writeKeyPair(prefix, await makeKeyPair()), "file-exists", /mine\.key/);
  assert.deepEqual(readdirSync(folder), ["mine.key"], "half a pair is taken back");
  assert.equal(readFileSync(paths.privateKey, "utf8"), text);
});

test("without a passphrase the private key is plain PKCS#8", async () => {
  const { privateKey } = await makeKeyPair();
  assert.equal(pemLabel(privateKey), "PRIVATE KEY");
  await parsePrivateKey(privateKey, "a.key");
  // An empty passphrase is one: cosign takes nothing else.
  const sealed = (await makeKeyPair("")).privateKey;
  assert.equal(pemLabel(sealed), "ENCRYPTED SIGSTORE PRIVATE KEY");
  await parsePrivateKey(sealed, "a.key", "");
});
