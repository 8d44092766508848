import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { refuses } from "../../test/refusals.ts";
import { sampleKey } from "../../test/signed-repository.ts";
import { encodeText } from "../base/index.ts";
import {
  isSignatureEntry,
  parsePublicKey,
  signatureEntryName,
  signatureHash,
  signatureHolds,
  tryParseSignature,
  type SignatureAlgorithm,
} from "./signature.ts";

const signed = encodeText("the compressed bytes of a control section");
const { key, publicPem } = sampleKey();
const other = sampleKey("other.rsa.pub");

function signatureBy(algorithm: SignatureAlgorithm, bytes = signed) {
  const signature = sign(signatureHash(algorithm), bytes, key.privateKey);
  return { algorithm, keyName: key.name, bytes: signature };
}

test("entry names say the algorithm and the key's file", () => {
  const name = "me@example.org-5f1c2a3b.rsa.pub";
  for (const algorithm of ["RSA", "RSA256", "RSA512"] as const) {
    const path = signatureEntryName(algorithm, name);
    assert.equal(path, `.SIGN.${algorithm}.${name}`);
    assert.deepEqual(tryParseSignature(path, signed), { algorithm, keyName: name, bytes: signed });
  }
  assert.equal(tryParseSignature(`.SIGN.DSA.${name}`, signed)?.algorithm, "DSA");
});

test("other names are no signatures, though they belong to the signature section", () => {
  for (const path of [
    ".SIGN.",
    ".SIGN.RSA.",
    ".SIGN.RSA.a/b",
    ".SIGN.RSA.a\nb",
    ".SIGN.RSA.\u001b[2J",
  ]) {
    assert.equal(tryParseSignature(path, signed), undefined, JSON.stringify(path));
    assert.ok(isSignatureEntry(path));
  }
  assert.ok(!isSignatureEntry(".PKGINFO"));
  assert.equal(tryParseSignature("x.SIGN.RSA.key", signed), undefined);
});

test("a signature holds for its bytes, its key and its hash only", () => {
  const publicKey = parsePublicKey(publicPem, "key");
  const wrong = parsePublicKey(other.publicPem, "key");
  for (const algorithm of ["RSA", "RSA256", "RSA512"] as const) {
    const signature = signatureBy(algorithm);
    assert.ok(signatureHolds(signature, publicKey, signed), algorithm);
    assert.ok(!signatureHolds(signature, wrong, signed), `${algorithm}, another key`);
    assert.ok(!signatureHolds(signature, publicKey, signed.subarray(1)), `${algorithm}, less`);
    const next = { RSA: "RSA256", RSA256: "RSA512", RSA512: "RSA" }[algorithm];
    assert.ok(!signatureHolds({ ...signature, algorithm: next }, publicKey, signed), next);
  }
});

test("bytes that are no signature at all do not hold, and do not throw", () => {
  const publicKey = parsePublicKey(publicPem, "key");
  for (const length of [0, 1, 255, 256, 257, 4096])
    for (const fill of [0, 0xff]) {
      const signature = { algorithm: "RSA256", keyName: "k", bytes: Buffer.alloc(length, fill) };
      assert.equal(signatureHolds(signature, publicKey, signed), false);
    }
});

test("DSA and algorithms of the future never hold", () => {
  const publicKey = parsePublicKey(publicPem, "key");
  for (const algorithm of ["DSA", "RSA1024", "ED25519", "rsa256"]) {
    assert.equal(signatureHash(algorithm), undefined);
    const signature = { ...signatureBy("RSA"), algorithm };
    assert.equal(signatureHolds(signature, publicKey, signed), false, algorithm);
  }
});

test("a key may be in either PEM form", () => {
  const spki = parsePublicKey(publicPem, "key");
  const pkcs1 = spki.export({ type: "pkcs1", format: "pem" }) as string;
  assert.match(pkcs1, /^-----BEGIN RSA PUBLIC KEY-----/);
  assert.ok(parsePublicKey(pkcs1, "key").equals(spki));
});

test("what is no public RSA key of a sound length is refused with a reason", async () => {
  const pem = (type: string, options: object): string => {
    const pair = generateKeyPairSync(type as "rsa", options as { modulusLength: number });
    return pair.publicKey.export({ type: "spki", format: "pem" }) as string;
  };
  const privatePem = createPrivateKey(
    key.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  ).export({ type: "pkcs1", format: "pem" }) as string;
  const cases = [
    [privatePem, "key k: expected a public key, found a private one", "the .pub file beside it"],
    ["<html>sign in</html>", "key k: expected a public key in PEM form", "BEGIN PUBLIC KEY"],
    ["", "key k: expected a public key in PEM form", "BEGIN PUBLIC KEY"],
    [publicPem.slice(0, 200), "key k: expected a public key in PEM form", "BEGIN PUBLIC KEY"],
    [pem("rsa", { modulusLength: 1024 }), "has 1024 bits; expected at least 2048", "longer one"],
    [pem("ec", { namedCurve: "P-256" }), "expected an RSA key, found ec", "signed with RSA"],
    [pem("ed25519", {}), "expected an RSA key, found ed25519", "signed with RSA"],
    [
      pem("dsa", { modulusLength: 2048, divisorLength: 224 }),
      "expected an RSA key, found dsa",
      "signed with RSA",
    ],
  ] as const;
  for (const [text, message, hint] of cases)
    await refuses(() => parsePublicKey(text, "key k"), { code: "key-invalid", message, hint });
});
