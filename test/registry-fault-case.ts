/** Cases of faults: what goes wrong at a registry, what becomes of a pull or push, and what must hold in any case. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { defaultLimits, type ErrorCode } from "../src/base/index.ts";
import { failure } from "./refusals.ts";
import {
  observeRegistries,
  type ObservedOptions,
  type ObservedRegistries,
} from "./registry-client.ts";
import { imageOfSize, type RawImage } from "./registry-images.ts";
import { assertDiscreet } from "./registry-secrets.ts";
import {
  startRegistry,
  type RegistryServer,
  type RegistryServerOptions,
} from "./registry-server.ts";
import { answerWith, type Fault, type FaultRule } from "./registry-server/faults.ts";

export interface FaultCase {
  /** Several, for faults that only show together. */
  readonly faults: readonly (readonly [FaultRule, Fault])[];
  /** What it ends in; success when absent. */
  readonly code?: ErrorCode;
  /** How often the client waits before it tries again, where that is certain. */
  readonly waits?: number;
  readonly server?: RegistryServerOptions;
  readonly client?: ObservedOptions;
  /** A closer look at what happened. */
  readonly check?: (registry: RegistryServer, waits: readonly number[]) => void;
}

export const always = { times: Infinity };
export const impatient: ObservedOptions = { http: { stallMilliseconds: 60 } };

const MiB = 1024 * 1024;
/** Its layer is large enough to be sent and fetched in parts. */
export const image: RawImage = await imageOfSize(5 * MiB);
const [configDigest, layerDigest] = [...image.blobs]
  .sort(([, a], [, b]) => a.byteLength - b.byteLength)
  .map(([digest]) => digest);
export const layer = new RegExp(`blobs/${layerDigest}`);
export const config = new RegExp(`blobs/${configDigest}`);
export const manifest = /manifests/;

/** What a proxy says in place of the registry. */
export function proxyError(status: number): Fault {
  return answerWith({
    status,
    headers: { "content-type": "text/html" },
    body: Buffer.from("<html>\u001b[31mBad Gateway</html>"),
  });
}

const user = { user: "climber", password: "correct horse" };

export interface FaultyPair {
  readonly registry: RegistryServer;
  readonly client: ObservedRegistries;
}

/** A registry with bearer tokens where this goes wrong, and a client that it knows. */
export async function startFaulty(context: TestContext, each: FaultCase): Promise<FaultyPair> {
  const registry = await startRegistry(context, {
    authorization: { kind: "bearer", ...user },
    ...each.server,
  });
  // The first request for anything is refused for want of a token, which is not the one that is meant.
  for (const [rule, fault] of each.faults) registry.fault({ isAdmitted: true, ...rule }, fault);
  const client = observeRegistries(context, {
    users: { [registry.host]: user },
    limits: { ...defaultLimits, "document-size": 256 * 1024 },
    ...each.client,
  });
  return { registry, client };
}

/** The work must end as the case says, after as many waits, and tell no secrets. */
export async function assertOutcome(
  each: FaultCase,
  { registry, client }: FaultyPair,
  work: () => Promise<unknown>,
): Promise<void> {
  const { code, waits } = each;
  if (code === undefined) await work();
  else {
    const error = await failure(work);
    const told = `${error.message} | ${error.hint}`;
    assert.equal(error.code, code, told);
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(told, /[\u0000-\u001f\u007f]/);
    assertDiscreet(registry, [told, String(error.cause)]);
  }
  assert.deepEqual(registry.idleFaults(), [], "each fault strikes");
  if (waits !== undefined) assert.equal(client.waits.length, waits, JSON.stringify(client.events));
  each.check?.(registry, client.waits);
  assertDiscreet(registry, client.events);
}
