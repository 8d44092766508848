/**
 * A sigstore instance in memory, for the tests of this folder: a certificate authority, a log of
 * certificates, and a transparency log, all at one moment. It has no tests of its own; the name
 * keeps it out of the published package.
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { initializeCA, initializeCTLog, initializeTLog } from "@sigstore/mock";
import { hashBytes, hashHex } from "../base/index.ts";
import { bundleMediaType } from "./bundle.ts";
import { formatPem } from "./pem.ts";
import { preAuthenticationEncoding } from "./dsse.ts";

/** When all signs: within the year for which the authority is made to be valid. */
export const signedAt = new Date((Math.floor(Date.now() / 1000) + 3600) * 1000);
export const identity =
  "https://github.com/example/app/.github/workflows/build.yml@refs/heads/main";
export const issuer = "https://token.actions.githubusercontent.com";
/** The extension of a certificate that names the issuer (Fulcio, oid-info.md). */
const issuerExtension = "1.3.6.1.4.1.57264.1.8";

export interface SampleSigstore {
  /** trusted_root.json of the instance. */
  readonly trustedRoot: Uint8Array;
  /** A bundle of this payload, signed with a certificate. */
  makeBundle(payload: Uint8Array, options?: BundleOptions): Promise<Record<string, unknown>>;
  /** What cosign 2 keeps in the annotations of a signature with a certificate. */
  makeAnnotations(payload: Uint8Array): Promise<Record<string, string>>;
  /** Serves authority and log on loopback until the test ends; gives the URL of both. */
  serve(context: TestContext): Promise<{ readonly url: string; readonly requests: string[] }>;
}

interface BundleOptions {
  readonly identity?: string;
  readonly issuer?: string;
  readonly payloadType?: string;
  /** When the log says that it was signed; default: when the certificate was made. */
  readonly loggedAt?: Date;
}

export async function sampleSigstore(): Promise<SampleSigstore> {
  const logKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificateLog = await initializeCTLog(
    generateKeyPairSync("ec", { namedCurve: "P-256" }),
    signedAt,
  );
  const authority = await initializeCA(
    generateKeyPairSync("ec", { namedCurve: "P-384" }),
    certificateLog,
    signedAt,
  );
  const logAt = (moment: Date) => initializeTLog("https://log.example.com", logKeys, moment);
  const log = await logAt(signedAt);

  const issue = async (publicKey: Buffer, who: BundleOptions = {}) =>
    Buffer.from(
      (
        await authority.issueCertificate({
          publicKey: new Uint8Array(publicKey),
          subjectAltName: who.identity ?? identity,
          extensions: [{ oid: issuerExtension, value: who.issuer ?? issuer }],
        })
      ).buffer,
    );

  const start = { validFor: { start: "2020-01-01T00:00:00Z" } };
  const logEntry = (publicKey: Uint8Array, keyId: string) => ({
    baseUrl: "https://log.example.com",
    hashAlgorithm: "SHA2_256",
    publicKey: { rawBytes: base64(publicKey), keyDetails: "PKIX_ECDSA_P256_SHA_256", ...start },
    logId: { keyId },
  });
  const trustedRoot = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [logEntry(log.publicKey, base64(hashBytes("sha256", log.publicKey)))],
    certificateAuthorities: [
      {
        uri: "https://authority.example.com",
        subject: { organization: "example", commonName: "example" },
        certChain: { certificates: [{ rawBytes: base64(bytesOf(authority.rootCertificate)) }] },
        ...start,
      },
    ],
    ctlogs: [logEntry(certificateLog.publicKey, base64(bytesOf(certificateLog.logID)))],
    timestampAuthorities: [],
  };

  return {
    trustedRoot: Buffer.from(JSON.stringify(trustedRoot)),
    async makeBundle(payload, options = {}) {
      const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const certificate = await issue(
        keys.publicKey.export({ type: "spki", format: "der" }),
        options,
      );
      const payloadType = options.payloadType ?? "application/vnd.in-toto+json";
      const signature = base64(
        sign("sha256", preAuthenticationEncoding(payloadType, payload), keys.privateKey),
      );
      const verifier = base64(Buffer.from(toPem(certificate)));
      const moment = await logAt(options.loggedAt ?? signedAt);
      const answer = await moment.log(envelopeEntry(payload, signature, verifier));
      return {
        mediaType: bundleMediaType,
        verificationMaterial: {
          certificate: { rawBytes: base64(certificate) },
          tlogEntries: [toBundleEntry(answer)],
        },
        dsseEnvelope: {
          payloadType,
          payload: base64(payload),
          signatures: [{ sig: signature }],
        },
      };
    },
    async makeAnnotations(payload) {
      const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const certificate = toPem(
        await issue(keys.publicKey.export({ type: "spki", format: "der" })),
      );
      const signature = base64(sign("sha256", payload, keys.privateKey));
      const value = hashHex("sha256", payload);
      const entry = entryOf(
        await log.log({
          apiVersion: "0.0.1",
          kind: "hashedrekord",
          spec: {
            data: { hash: { algorithm: "sha256", value } },
            signature: {
              content: signature,
              publicKey: { content: base64(Buffer.from(certificate)) },
            },
          },
        }),
      );
      const { body, integratedTime, logID, logIndex, verification } = entry;
      return {
        "dev.cosignproject.cosign/signature": signature,
        "dev.sigstore.cosign/certificate": certificate,
        "dev.sigstore.cosign/bundle": JSON.stringify({
          SignedEntryTimestamp: verification.signedEntryTimestamp,
          Payload: { body, integratedTime, logID, logIndex },
        }),
      };
    },
    async serve(context) {
      const requests: string[] = [];
      const server = createServer((request, response) => {
        void (async () => {
          requests.push(`${request.method} ${request.url}`);
          const parts: Uint8Array[] = [];
          for await (const chunk of request) parts.push(chunk as Uint8Array);
          const body = JSON.parse(Buffer.concat(parts).toString()) as Record<
            string,
            Record<string, unknown>
          >;
          const answer =
            request.url === "/api/v2/signingCert"
              ? await answerCertificate(body)
              : await log.log(recordEnvelope(body));
          response.writeHead(201, { "content-type": "application/json" });
          response.end(JSON.stringify(answer));
        })();
      });
      const answerCertificate = async (body: Record<string, Record<string, unknown>>) => {
        const token = body["credentials"]!["oidcIdentityToken"] as string;
        const claims = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as {
          sub: string;
          iss: string;
        };
        const pem = (body["publicKeyRequest"]!["publicKey"] as { content: string }).content;
        const key = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
        const leaf = await issue(key, { identity: claims.sub, issuer: claims.iss });
        const certificates = [toPem(leaf), toPem(bytesOf(authority.rootCertificate))];
        return { signedCertificateEmbeddedSct: { chain: { certificates } } };
      };
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      context.after(() => server.close());
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
    },
  };
}

/** The entry of a signed envelope: the log keeps a hash of the payload, not the payload. */
function envelopeEntry(payload: Uint8Array, signature: string, verifier: string): object {
  return {
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      payloadHash: { algorithm: "sha256", value: hashHex("sha256", payload) },
      signatures: [{ signature, verifier }],
    },
  };
}

/** What the log makes of the entry that a signer proposes. */
function recordEnvelope(proposed: Record<string, Record<string, unknown>>): object {
  const { envelope, verifiers } = proposed["spec"]!["proposedContent"] as {
    envelope: string;
    verifiers: string[];
  };
  const { payload, signatures } = JSON.parse(envelope) as {
    payload: string;
    signatures: { sig: string }[];
  };
  return envelopeEntry(Buffer.from(payload, "base64"), signatures[0]!.sig, verifiers[0]!);
}

/** A token that says who asks; the instance believes it unsigned. */
export function sampleToken(claims: Readonly<Record<string, string>>): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.`;
}

/** What the log answers: one entry, under its id. */
interface LogEntry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: {
      readonly logIndex: number;
      readonly rootHash: string;
      readonly treeSize: number;
      readonly hashes: readonly string[];
      readonly checkpoint: string;
    };
  };
}

function entryOf(answer: object): LogEntry {
  return Object.values(answer)[0] as LogEntry;
}

/** The log's answer as the entry that a bundle has. */
function toBundleEntry(answer: object): object {
  const { body, integratedTime, logID, logIndex, verification } = entryOf(answer);
  const proof = verification.inclusionProof;
  const { kind, apiVersion } = JSON.parse(Buffer.from(body, "base64").toString()) as {
    kind: string;
    apiVersion: string;
  };
  const hexToBase64 = (hex: string) => Buffer.from(hex, "hex").toString("base64");
  return {
    logIndex: String(logIndex),
    logId: { keyId: hexToBase64(logID) },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: verification.signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      rootHash: hexToBase64(proof.rootHash),
      treeSize: String(proof.treeSize),
      hashes: proof.hashes.map(hexToBase64),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: body,
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function toPem(der: Uint8Array): string {
  return formatPem({ label: "CERTIFICATE", bytes: der });
}
