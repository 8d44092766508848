import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeName, encodeText } from "../base/index.ts";
import { preAuthenticationEncoding, tryReadEnvelope, writeEnvelope } from "./dsse.ts";

const bytes = fc.uint8Array({ maxLength: 60 });
const type = fc.string({ unit: "grapheme", maxLength: 20 });

test("the pre-authentication encoding is that of the specification", () => {
  const encode = (name: string, text: string) =>
    decodeName(preAuthenticationEncoding(name, encodeText(text)));
  assert.equal(
    encode("http://example.com/HelloWorld", "hello world"),
    "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
  );
  assert.equal(encode("", ""), "DSSEv1 0  0 ");
  // Lengths are those of bytes, not of characters.
  assert.equal(encode("ä", "€"), "DSSEv1 2 ä 3 €");
});

test("no two pairs of type and payload are signed alike", () => {
  fc.assert(
    fc.property(type, bytes, type, bytes, (typeA, a, typeB, b) => {
      const same = Buffer.from(preAuthenticationEncoding(typeA, a)).equals(
        preAuthenticationEncoding(typeB, b),
      );
      assert.equal(same, typeA === typeB && Buffer.from(a).equals(b));
    }),
  );
  // What a mere joining would not tell apart.
  assert.notDeepEqual(
    preAuthenticationEncoding("a", encodeText("1 b")),
    preAuthenticationEncoding("a 3", encodeText("b")),
  );
});

test("an envelope is read back as it was written", () => {
  const signature = fc.uint8Array({ minLength: 1, maxLength: 90 });
  const signatures = fc.array(signature, { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.string(), bytes, signatures, (payloadType, payload, list) => {
      const envelope = { payloadType, payload, signatures: list };
      const read = tryReadEnvelope(writeEnvelope(envelope));
      assert.deepEqual(read, {
        payloadType,
        payload: Buffer.from(payload),
        signatures: list.map((each) => Buffer.from(each)),
      });
    }),
  );
});

test("an envelope that lacks something is none", () => {
  const good = { payloadType: "t", payload: "AA==", signatures: [{ keyid: "", sig: "AA==" }] };
  assert.ok(tryReadEnvelope(good));
  const bad: object[] = [
    {},
    { ...good, payloadType: 1 },
    { ...good, payload: undefined },
    { ...good, payload: "%" },
    { ...good, signatures: [] },
    { ...good, signatures: "AA==" },
    { ...good, signatures: [null] },
    { ...good, signatures: [{ sig: "" }] },
    { ...good, signatures: [{ sig: "AA==" }, { sig: 1 }] },
    { ...good, signatures: Array.from({ length: 9 }, () => ({ sig: "AA==" })) },
    Object.create(good) as object,
  ];
  for (const each of bad)
    assert.equal(tryReadEnvelope(each as Record<string, unknown>), undefined, JSON.stringify(each));
  assert.equal(tryReadEnvelope(undefined), undefined);
});
