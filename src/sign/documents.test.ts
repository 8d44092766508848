import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeName, digestOf, encodeText } from "../base/index.ts";
import { encodeKeyBundle, isBundleType, tryReadBundle } from "./bundle.ts";
import { tryParseObject } from "./json-object.ts";
import { missingFields, parsePredicateType } from "./predicate-type.ts";
import { fails } from "./sample-place.test.ts";
import { encodePayload, tryParsePayload } from "./simple-signing.ts";
import { encodeStatement, tryParseStatement } from "./statement.ts";

const digest = digestOf(encodeText("an image"));
const texts = fc.dictionary(fc.string(), fc.string(), { maxKeys: 5 });

test("a payload is read back as it was written", () => {
  fc.assert(
    fc.property(fc.string(), texts, (reference, annotations) => {
      const payload = { digest, reference, annotations };
      const read = tryParsePayload(encodePayload(payload));
      assert.deepEqual(read, {
        ...payload,
        annotations: Object.fromEntries(Object.entries(annotations)),
      });
    }),
  );
});

test("a payload has the form of cosign's", () => {
  const annotations = { team: "blue" };
  const text = decodeName(encodePayload({ digest, reference: "example.com/a", annotations }));
  assert.equal(
    text,
    `{"critical":{"identity":{"docker-reference":"example.com/a"},"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"},"optional":{"team":"blue"}}`,
  );
  assert.match(
    decodeName(encodePayload({ digest, reference: "", annotations: {} })),
    /"optional":null}$/,
  );
});

test("what is no payload is none", () => {
  const good = {
    critical: {
      image: { "docker-manifest-digest": digest },
      type: "cosign container image signature",
    },
  };
  const parse = (value: unknown) => tryParsePayload(encodeText(JSON.stringify(value)));
  assert.deepEqual(parse(good), { digest, reference: "", annotations: {} });
  // Numbers and flags are as good as text; what else stands there is not an annotation.
  assert.deepEqual(parse({ ...good, optional: { a: 1, b: true, c: [1], d: null } })?.annotations, {
    a: "1",
    b: "true",
  });
  for (const bad of [
    null,
    [],
    {},
    { critical: null },
    { critical: { ...good.critical, type: "atomic container signature" } },
    { critical: { ...good.critical, image: { "docker-manifest-digest": "sha256:1" } } },
    { critical: { ...good.critical, image: [digest] } },
  ])
    assert.equal(parse(bad), undefined, JSON.stringify(bad));
  for (const bytes of [Uint8Array.of(0xff), encodeText(""), encodeText('{"critical":')])
    assert.equal(tryParsePayload(bytes), undefined);
});

test("a statement keeps its predicate byte for byte", () => {
  const predicate = '{ "n": 12345678901234567890.10, "é": "\\u00e9" }';
  const type = "https://example.com/p";
  const bytes = encodeStatement({
    digest,
    reference: "r",
    predicateType: type,
    predicate: encodeText(predicate),
  });
  assert.equal(
    decodeName(bytes),
    `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"r","digest":{"sha256":"${digest.slice(7)}"}}],"predicateType":"${type}","predicate":${predicate}}`,
  );
  assert.deepEqual(tryParseStatement(bytes), {
    predicateType: type,
    subjects: [{ name: "r", digest, annotations: {} }],
  });
});

test("a statement is read back as it was written", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      texts,
      fc.string(),
      (reference, annotations, predicateType) => {
        const predicate = encodeText("{}");
        const bytes = encodeStatement({ digest, reference, annotations, predicateType, predicate });
        assert.deepEqual(tryParseStatement(bytes), {
          predicateType,
          subjects: [
            {
              name: reference,
              digest,
              annotations: Object.fromEntries(Object.entries(annotations)),
            },
          ],
        });
      },
    ),
  );
});

test("subjects without a whole SHA-256 have no digest; what is no statement is none", () => {
  const good = {
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: "t",
    subject: [] as unknown,
  };
  const parse = (value: unknown) => tryParseStatement(encodeText(JSON.stringify(value)));
  const hex = digest.slice("sha256:".length);
  const subject = [
    { digest: { sha256: hex } },
    { digest: { sha256: hex.toUpperCase() } },
    { digest: { sha512: hex } },
    null,
    "x",
  ];
  assert.deepEqual(
    parse({ ...good, subject })?.subjects.map((each) => each.digest),
    [digest, undefined, undefined, undefined, undefined],
  );
  assert.deepEqual(parse({ ...good, subject: {} })?.subjects, []);
  for (const bad of [{}, { ...good, _type: "x" }, { ...good, predicateType: 1 }, [good]])
    assert.equal(parse(bad), undefined);
});

test("predicate types have cosign's short names, or are URIs", async () => {
  assert.equal(parsePredicateType("slsaprovenance"), "https://slsa.dev/provenance/v0.2");
  assert.equal(parsePredicateType("slsaprovenance1"), "https://slsa.dev/provenance/v1");
  assert.equal(parsePredicateType("spdx"), "https://spdx.dev/Document");
  assert.equal(parsePredicateType("urn:x:y"), "urn:x:y");
  await fails(() => parsePredicateType("cyclondx"), "usage", /expected a URI/);
  for (const bad of ["", "https://a b", "constructor", "x\u001b:y"])
    await fails(() => parsePredicateType(bad), "usage", /--type/);
  assert.deepEqual(missingFields("https://cyclonedx.org/bom", { bomFormat: "CycloneDX" }), []);
  assert.deepEqual(missingFields("https://slsa.dev/provenance/v1", { runDetails: {} }), [
    "buildDefinition",
  ]);
  assert.deepEqual(missingFields("https://example.com/x", {}), []);
});

test("bundles of every version are known by their media type", () => {
  for (const type of [
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
  ])
    assert.ok(isBundleType(type), type);
  for (const type of ["", "application/json", "application/vnd.dev.sigstore.bundle.v1.0+json"])
    assert.ok(!isBundleType(type), type);
});

test("a bundle is read back as it was written; half a bundle is none", () => {
  const envelope = {
    payloadType: "t",
    payload: Buffer.from("p"),
    signatures: [Buffer.from("s")],
  };
  const document = tryParseObject(encodeKeyBundle(envelope, "hint"))!;
  assert.deepEqual(tryReadBundle(document), {
    content: { kind: "envelope", envelope },
    keyHint: "hint",
  });
  const message = { messageDigest: { algorithm: "SHA2_256", digest: "AA==" }, signature: "AQ==" };
  const { dsseEnvelope, ...rest } = document;
  assert.ok(dsseEnvelope);
  assert.deepEqual(tryReadBundle({ ...rest, messageSignature: message })?.content, {
    kind: "message",
    message: { digest: Buffer.from([0]), signature: Buffer.from([1]) },
  });
  for (const bad of [
    rest,
    { ...document, mediaType: "application/json" },
    { ...rest, messageSignature: { ...message, signature: 1 } },
    {
      ...rest,
      messageSignature: { ...message, messageDigest: { algorithm: "SHA2_512", digest: "AA==" } },
    },
  ])
    assert.equal(tryReadBundle(bad), undefined);
});

test("what is kept of a hostile document is bounded", () => {
  const huge = "x".repeat(1_000_000);
  const annotations = Object.fromEntries(
    Array.from({ length: 5000 }, (_, index) => [`key${index}`, "x".repeat(1000)]),
  );
  const predicate = encodeText("{}");
  const parts = { digest, annotations, predicateType: "urn:x", predicate };
  const [subject] = tryParseStatement(encodeStatement({ ...parts, reference: huge }))!.subjects;
  assert.equal(subject!.name, undefined);
  const kept = Object.values(subject!.annotations);
  assert.ok(kept.length > 50 && kept.length < 70, `${kept.length}`);
  assert.equal(tryParseStatement(encodeStatement({ ...parts, predicateType: huge })), undefined);
});

test("no JSON is too deep or too odd to be looked at", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const bytes = encodeText(text);
      tryParsePayload(bytes);
      tryParseStatement(bytes);
      tryReadBundle(tryParseObject(bytes));
    }),
  );
  const depth = 1_000_000;
  for (const deep of [
    "[".repeat(depth) + "]".repeat(depth),
    '{"a":'.repeat(depth) + "1" + "}".repeat(depth),
  ]) {
    assert.equal(tryParsePayload(encodeText(deep)), undefined);
    assert.equal(tryParseStatement(encodeText(deep)), undefined);
  }
});
