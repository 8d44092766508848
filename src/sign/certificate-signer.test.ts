import assert from "node:assert/strict";
import { test } from "node:test";
import { asObject, decodeName, defaultLimits, encodeText, type JsonObject } from "../base/index.ts";
import { bundleMediaType } from "./bundle.ts";
import type { CertificateVerdict } from "./certificate-signer.ts";
import { tryParseObject } from "./json-object.ts";
import { tryMakeLegacyBundle } from "./legacy-bundle.ts";
import { parseIdentityPattern, type AcceptedIdentity, type SignaturePolicy } from "./policy.ts";
import {
  fails,
  memoryPlace,
  sampleImage,
  sampleKey,
  reasonOf,
  verdictsOf,
} from "./sample-place.test.ts";
import { identity, issuer, sampleSigstore, sampleToken, signedAt } from "./sample-sigstore.test.ts";
import { attestImage, signImage, type Signing } from "./sign.ts";
import { appendDocument, signatureTag } from "./signature-image.ts";
import { encodePayload, simpleSigningMediaType } from "./simple-signing.ts";
import { encodeStatement } from "./statement.ts";
import { fetchTrustedRoot, parseTrustedRoot } from "./trusted-root.ts";
import { verifyImageSignatures } from "./verify.ts";

const image = sampleImage();
const instance = await sampleSigstore();
const root = await parseTrustedRoot(instance.trustedRoot, "root");
const statement = encodeStatement({
  digest: image.digest,
  predicateType: "https://sigstore.dev/cosign/sign/v1",
  predicate: encodeText("{}"),
});
const policyFor = (...identities: AcceptedIdentity[]): SignaturePolicy => ({
  certificates: { root, identities },
});
const policy = policyFor({ identity, issuer });

/** A place with one bundle at the image. */
async function placeWith(bundle: object) {
  const place = memoryPlace();
  const document = {
    mediaType: bundleMediaType,
    bytes: encodeText(JSON.stringify(bundle)),
    annotations: {},
  };
  place.tags.set(
    signatureTag(image.digest),
    await appendDocument(undefined, document, defaultLimits),
  );
  return place;
}

async function verify(bundle: object, asked: SignaturePolicy = policy) {
  return verifyImageSignatures(image, await placeWith(bundle), asked);
}

test("a signature with a certificate is verified offline, and says by whom", async () => {
  const report = await verify(await instance.makeBundle(statement));
  assert.deepEqual(report.signatures[0]?.verdict, {
    status: "valid",
    signer: { kind: "certificate", identity, issuer },
  });
});

test("identity and issuer must both be those of the policy", async () => {
  const bundle = await instance.makeBundle(statement);
  const verdict = async (accepted: AcceptedIdentity) =>
    verdictsOf((await verify(bundle, policyFor(accepted))).signatures)[0];
  const pattern = (text: string) => parseIdentityPattern(text, "--certificate-identity-regexp");
  assert.equal(
    await verdict({ identity: pattern("https://github\\.com/example/.*"), issuer }),
    identity,
  );
  assert.equal(await verdict({ identity, issuer: pattern(".*") }), identity);
  assert.equal(await verdict({ identity: "somebody@example.com", issuer }), "other-signer");
  assert.equal(await verdict({ identity, issuer: "https://accounts.example.com" }), "other-signer");
  // A part of the identity is another's identity.
  for (const part of ["github\\.com/example/app", "https://github\\.com/example/", "main"])
    assert.equal(await verdict({ identity: pattern(part), issuer }), "other-signer", part);
  assert.throws(() => pattern("a)|(?:.*"), { code: "usage" });
  const one = { identity: "somebody@example.com", issuer };
  assert.deepEqual(
    verdictsOf((await verify(bundle, policyFor(one, { identity, issuer }))).signatures),
    [identity],
  );
  const report = await verify(bundle, policyFor(one));
  assert.match(reasonOf(report.signatures), /may not sign this image/);
  await fails(() => pattern("("), "usage", /regular expression/);
});

test("with keys alone, a certificate is nobody's; with a certificate alone, a key is", async () => {
  const key = sampleKey();
  const place = await placeWith(await instance.makeBundle(statement));
  await signImage(image, place, { kind: "key", key, form: "bundle" });
  const verdicts = async (asked: SignaturePolicy) =>
    verdictsOf((await verifyImageSignatures(image, place, asked)).signatures);
  assert.deepEqual(await verdicts({ keys: [key.publicKey] }), ["other-signer", "sample.key"]);
  assert.deepEqual(await verdicts(policy), [identity, "other-signer"]);
  assert.deepEqual(await verdicts({ ...policy, keys: [key.publicKey] }), [identity, "sample.key"]);
});

type Change = (bundle: Record<string, never>) => unknown;

/** What is wrong, how a bundle is changed so, and what is said. */
const faults: readonly (readonly [string, Change, fault: string, reason: RegExp])[] = [
  [
    "the statement was changed",
    (bundle) =>
      (path(bundle, "dsseEnvelope")["payload"] = Buffer.from(`${decodeName(statement)} `).toString(
        "base64",
      )),
    "damaged",
    /does not fit its content/,
  ],
  [
    "the signature was changed",
    (bundle) => (path(bundle, "dsseEnvelope", "signatures", "0")["sig"] = "AAAA"),
    "damaged",
    /does not fit its content/,
  ],
  [
    "the log entry is missing",
    (bundle) => (path(bundle, "verificationMaterial")["tlogEntries"] = []),
    "untrusted",
    /nothing trusted says when/,
  ],
  [
    "the promise of the log was changed",
    (bundle) =>
      (path(bundle, "verificationMaterial", "tlogEntries", "0", "inclusionPromise")[
        "signedEntryTimestamp"
      ] = "AAAA"),
    "untrusted",
    /transparency log/,
  ],
  [
    "the proof of the log was changed",
    (bundle) => {
      const [entry] = path(bundle, "verificationMaterial")["tlogEntries"] as Record<
        string,
        never
      >[];
      path(entry!, "inclusionProof")["hashes"] = [Buffer.alloc(32).toString("base64")];
    },
    "untrusted",
    /transparency log/,
  ],
  [
    "the certificate is no certificate",
    (bundle) => (path(bundle, "verificationMaterial", "certificate")["rawBytes"] = "AAAA"),
    "damaged",
    /cannot be read/,
  ],
  [
    "the certificate is far too large",
    (bundle) =>
      (path(bundle, "verificationMaterial", "certificate")["rawBytes"] = "A".repeat(100_000)),
    "damaged",
    /too large/,
  ],
  [
    "there are far too many log entries",
    (bundle) => {
      const material = path(bundle, "verificationMaterial");
      const [entry] = material["tlogEntries"] as unknown as unknown[];
      material["tlogEntries"] = Array.from({ length: 1000 }, () => entry);
    },
    "damaged",
    /too large/,
  ],
];

function path(bundle: Record<string, unknown>, ...names: string[]): Record<string, unknown> {
  return names.reduce<Record<string, unknown>>(
    (at, name) => at[name] as Record<string, unknown>,
    bundle,
  );
}

for (const [name, change, fault, reason] of faults)
  test(`${name}: ${fault}`, async () => {
    const bundle = structuredClone(await instance.makeBundle(statement));
    change(bundle as Record<string, never>);
    const [signature] = (await verify(bundle)).signatures;
    assert.equal(signature?.verdict.status, "invalid");
    if (signature?.verdict.status !== "invalid") return;
    assert.equal(signature.verdict.fault, fault);
    assert.match(signature.verdict.reason, reason);
  });

test("a certificate that had expired when it signed does not count", async () => {
  for (const minutes of [-1, 11, 60 * 24 * 365]) {
    const loggedAt = new Date(signedAt.getTime() + minutes * 60_000);
    const report = await verify(await instance.makeBundle(statement, { loggedAt }));
    assert.deepEqual(verdictsOf(report.signatures), ["expired"], `${minutes} minutes`);
    assert.match(reasonOf(report.signatures), /expired/);
  }
});

test("another instance vouches for nothing here", async () => {
  const stranger = await sampleSigstore();
  const report = await verify(await stranger.makeBundle(statement));
  assert.deepEqual(verdictsOf(report.signatures), ["untrusted"]);
});

test("a valid bundle about another image is not one of this", async () => {
  const other = encodeStatement({
    digest: sampleImage("other").digest,
    predicateType: "https://sigstore.dev/cosign/sign/v1",
    predicate: encodeText("{}"),
  });
  assert.deepEqual(verdictsOf((await verify(await instance.makeBundle(other))).signatures), [
    "other-image",
  ]);
});

test("a bundle with two contents is not verified by one and believed for the other", async () => {
  const payload = encodeText("signed by the identity, and about something else");
  const annotations = await instance.makeAnnotations(payload);
  const signature = Buffer.from(annotations["dev.cosignproject.cosign/signature"]!, "base64");
  const content = { kind: "simple-signing", payload, signature } as const;
  const genuine = tryMakeLegacyBundle(content, annotations)!;
  const direct = await root.verify(genuine, payload);
  assert.equal(direct.kind, "signer");
  const forged = {
    payloadType: "application/vnd.in-toto+json",
    payload: Buffer.from(statement).toString("base64"),
    signatures: [{ sig: signature.toString("base64") }],
  };
  const { signatures } = await verify({ ...genuine, dsseEnvelope: forged });
  assert.deepEqual(verdictsOf(signatures), ["damaged"]);
});

test("a certificate that names nobody is nobody's", async () => {
  const bundle = await instance.makeBundle(statement, { issuer: "" });
  const everybody = parseIdentityPattern(".*", "--x");
  const report = await verify(bundle, policyFor({ identity, issuer: "https://x" }));
  assert.deepEqual(verdictsOf(report.signatures), ["other-signer"]);
  const unnamed = {
    verify: async (): Promise<CertificateVerdict> => ({
      kind: "signer",
      signer: { identity: "", issuer },
    }),
  };
  const asked = { certificates: { root: unnamed, identities: [{ identity: everybody, issuer }] } };
  assert.deepEqual(verdictsOf((await verify(bundle, asked)).signatures), ["other-signer"]);
});

test("what cosign 2 keeps in annotations is verified, too", async () => {
  const payload = encodePayload({ digest: image.digest, reference: "a", annotations: {} });
  const annotations = await instance.makeAnnotations(payload);
  const verdict = async (changes: Record<string, string>) => {
    const place = memoryPlace();
    const document = {
      mediaType: simpleSigningMediaType,
      bytes: payload,
      annotations: { ...annotations, ...changes },
    };
    place.tags.set(
      signatureTag(image.digest),
      await appendDocument(undefined, document, defaultLimits),
    );
    return verdictsOf((await verifyImageSignatures(image, place, policy)).signatures)[0];
  };
  assert.equal(await verdict({}), identity);
  const log = "dev.sigstore.cosign/bundle";
  assert.equal(await verdict({ [log]: "" }), "untrusted");
  assert.equal(
    await verdict({ [log]: annotations[log]!.replace('"logIndex":', '"logIndex":1') }),
    "untrusted",
  );
  assert.equal(await verdict({ "dev.sigstore.cosign/certificate": "" }), "other-signer");
  const elsewhere = await instance.makeAnnotations(encodeText("something else"));
  assert.equal(await verdict(elsewhere), "damaged");
  assert.equal(await verdict({ [log]: elsewhere[log]! }), "damaged");
});

test("signing with a certificate asks the authority, records in the log, and verifies", async (context) => {
  const { url, requests } = await instance.serve(context);
  const place = memoryPlace();
  const signing: Signing = {
    kind: "certificate",
    token: sampleToken({ sub: identity, iss: issuer, aud: "sigstore" }),
    fulcioUrl: `${url}/`,
    rekorUrl: url,
    offline: false,
  };
  await signImage(image, place, signing, { annotations: { team: "blue" } });
  const predicate = { type: "urn:x", bytes: encodeText("{}") };
  await attestImage(image, place, signing, predicate);
  assert.deepEqual(requests, [
    "POST /api/v2/signingCert",
    "POST /api/v1/log/entries",
    "POST /api/v2/signingCert",
    "POST /api/v1/log/entries",
  ]);
  const asked = { ...policy, annotations: { team: "blue" } };
  const report = await verifyImageSignatures(image, place, asked);
  assert.deepEqual(verdictsOf(report.signatures), [identity]);
  assert.deepEqual(verdictsOf(report.attestations), [identity]);
});

test("signing with a certificate says what is missing, and never shows the token", async (context) => {
  const { url } = await instance.serve(context);
  const services = { fulcioUrl: url, rekorUrl: url };
  const sign = (changes: object) => () =>
    signImage(image, memoryPlace(), {
      kind: "certificate",
      offline: false,
      ...services,
      ...changes,
    });
  await fails(sign({ offline: true }), "offline", /bivy is offline/);
  await fails(sign({ token: "secret-secret" }), "usage", /the identity token cannot be read$/);
  const far = { token: sampleToken({ sub: "a" }), fulcioUrl: "http://authority.example.com" };
  await fails(sign(far), "url-invalid", /expected an https URL/);
  const environment = { ...process.env };
  for (const name of ["SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"])
    delete process.env[name];
  context.after(() => Object.assign(process.env, environment));
  await fails(sign({}), "usage", /expected an identity token, found none/);
});

test("what is no trusted root is refused", async () => {
  const bad = [
    "",
    "[]",
    "{}",
    '{"certificateAuthorities":[{}]}',
    '{"tlogs":1}',
    decodeName(instance.trustedRoot).replace('"rawBytes":"MI', '"rawBytes":"AA'),
  ];
  for (const text of bad)
    await fails(
      () => parseTrustedRoot(encodeText(text), "r.json"),
      "config-invalid",
      /^r\.json: expected a trusted root/,
    );
  await fails(
    () => fetchTrustedRoot({ cacheFolder: "/nowhere", offline: true }),
    "offline",
    /trusted root/,
  );
  assert.ok(asObject(tryParseObject(instance.trustedRoot) satisfies JsonObject | undefined));
});
