import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeBase64, tryDecodeBase64 } from "./base64.ts";
import { formatPem, pemLabel, tryParsePem } from "./pem.ts";

test("what is written is read back", () => {
  const label = fc.constantFrom("PUBLIC KEY", "ENCRYPTED SIGSTORE PRIVATE KEY", "X509 CRL");
  fc.assert(
    fc.property(label, fc.uint8Array({ maxLength: 300 }), (name, bytes) => {
      const text = formatPem({ label: name, bytes });
      assert.deepEqual({ ...tryParsePem(text) }, { label: name, bytes: Buffer.from(bytes) });
      assert.equal(pemLabel(text), name);
      assert.ok(text.split("\n").every((line) => line.length <= 64));
    }),
  );
});

test("the form is that of OpenSSL", () => {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-521" });
  const bytes = publicKey.export({ type: "spki", format: "der" });
  const expected = publicKey.export({ type: "spki", format: "pem" });
  assert.equal(formatPem({ label: "PUBLIC KEY", bytes }), expected);
});

test("text before a block, spaces and other line ends do not matter", () => {
  const text = "a note\r\n-----BEGIN A B-----\r\n AQID \t\r\nBA==\r\n-----END A B-----\r\ntail";
  assert.deepEqual(tryParsePem(text), { label: "A B", bytes: Buffer.from([1, 2, 3, 4]) });
});

test("what is no block is none, and no text throws", () => {
  const broken = [
    "",
    "-----BEGIN A-----",
    "-----BEGIN A-----AQ==-----END B-----",
    "-----BEGIN A-----AQ=A-----END A-----",
    "-----BEGIN A-----Proc-Type: 4,ENCRYPTED\n\nAQ==-----END A-----",
    "-----BEGIN a-----AQ==-----END a-----",
    "-----BEGIN A-----A-----END A-----",
  ];
  for (const text of broken) assert.equal(tryParsePem(text), undefined, text);
  fc.assert(fc.property(fc.string(), (text) => void tryParsePem(text)));
});

test("base64 of both alphabets is read, and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = encodeBase64(bytes);
      const url = text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
      assert.deepEqual(tryDecodeBase64(text), Buffer.from(bytes));
      assert.deepEqual(tryDecodeBase64(url), Buffer.from(bytes));
    }),
  );
  for (const text of ["A", "AAAAA", "AA A", "AA\n", "=", "==", "AA=", "AA===", "ä", "A=AA"])
    assert.equal(tryDecodeBase64(text), undefined, text);
});
