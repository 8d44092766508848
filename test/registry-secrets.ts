/** Secrets of a test: passwords and tokens are seen by nobody but those that they are meant for. */
import assert from "node:assert/strict";
import type { RegistryServer } from "./registry-server.ts";

/**
 * The storage server gets no secret, and the registry no password in the clear; neither stands in what
 * the client has said, as in errors and events.
 */
export function assertDiscreet(registry: RegistryServer, said: unknown = ""): void {
  const secrets = registry.secrets();
  for (const { server, headers, query } of registry.requests) {
    const seen = `${JSON.stringify(headers)} ${query}`;
    if (server !== "storage") continue;
    assert.equal(headers.authorization, undefined);
    for (const secret of secrets) assert.ok(!seen.includes(secret), `storage saw ${seen}`);
  }
  const heard = JSON.stringify(said);
  for (const secret of secrets) assert.ok(!heard.includes(secret), heard);
}

/** Another server that knows nothing of this user was asked for something, and got nothing to know. */
export function assertStrange(stranger: RegistryServer, registry: RegistryServer): void {
  for (const { headers, query, path } of stranger.requests) {
    assert.equal(headers.authorization, undefined, path);
    assert.equal(headers.cookie, undefined, path);
    const seen = `${JSON.stringify(headers)} ${query}`;
    for (const secret of registry.secrets()) assert.ok(!seen.includes(secret), seen);
  }
}
