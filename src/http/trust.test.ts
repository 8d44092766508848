/** Tests of what one request may ask for beside the client's own ways: trust, tries, no mirrors, reasons. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { serverIdentity } from "../../test/registry-server/certificate.ts";
import { needs } from "../../test/requirements.ts";
import {
  answer,
  failsWith,
  observedClient,
  scriptedServer,
  secureServer,
  textOf,
} from "./scripted-server.test.ts";
import type { OriginTrust, TrustChooser } from "./trust.ts";

const withOpenssl = needs({ tools: ["openssl"] });

test("trust is by host, for redirects too, and does not spread", withOpenssl, async () => {
  const identity = serverIdentity();
  await using second = await secureServer(identity, answer(200, "there"));
  await using first = await secureServer(identity, answer(302, "", { location: second.url }));
  await using observed = observedClient();
  const trusts: [string, OriginTrust, OriginTrust | undefined, boolean][] = [
    ["an authority for both", { authorities: identity.ca }, { authorities: identity.ca }, true],
    ["an authority for one", { authorities: identity.ca }, undefined, false],
    ["none needed for one", { unverified: true }, undefined, false],
    ["none needed for both", { unverified: true }, { unverified: true }, true],
    ["nothing", {}, {}, false],
  ];
  for (const [name, one, other, works] of trusts) {
    const asked: string[] = [];
    const trust: TrustChooser = (host) => {
      asked.push(host);
      return host === new URL(first.url).host ? one : other;
    };
    const got = observed.client.get(first.url, { trust }).then(({ body }) => textOf(body));
    if (works) assert.equal(await got, "there", name);
    else await failsWith(got, "http-unreachable");
    assert.equal(asked[0], new URL(first.url).host);
  }
  await failsWith(observed.client.get(second.url), "http-unreachable");
});

test("a request may be tried less often than others, and say why it failed", async () => {
  await using server = await scriptedServer(answer(503, "out of order"));
  await using observed = observedClient();
  const explain = (body: Uint8Array) => `it says ${Buffer.from(body).toString()}`;
  const error = await failsWith(
    observed.client.get(server.url, { tries: 1, subject: "x", explain }),
    "http-status",
  );
  assert.match(error.message, /^x: HTTP 503 Service Unavailable: it says out of order; tried http/);
  assert.equal(server.requests.length, 1);
  await failsWith(observed.client.get(server.url), "http-status");
  assert.equal(server.requests.length, 4);
});

test("an explanation that never ends is cut short", async () => {
  await using server = await scriptedServer(async (response) => {
    response.writeHead(404);
    while (!response.destroyed)
      await new Promise((done) => response.write(Buffer.alloc(65_536), done));
  });
  await using observed = observedClient();
  let size = 0;
  const explain = (body: Uint8Array) => {
    size = body.byteLength;
    return undefined;
  };
  const error = await failsWith(observed.client.get(server.url, { explain }), "http-not-found");
  assert.match(error.message, /HTTP 404 Not Found$/);
  assert.equal(size, 1024 * 1024);
});

test("a request may pass the mirrors by", async () => {
  await using mirror = await scriptedServer(answer(200, "mirror"));
  await using server = await scriptedServer(answer(200, "itself"));
  await using observed = observedClient({ mirrors: new Map([[server.url, [mirror.url]]]) });
  const get = async (direct: boolean) =>
    textOf((await observed.client.get(`${server.url}/x`, { direct })).body);
  assert.deepEqual([await get(false), await get(true)], ["mirror", "itself"]);
});

test("a server is not to blame while the bytes to send are still to come", async () => {
  await using server = await scriptedServer(answer(201));
  await using observed = observedClient({ stallMilliseconds: 60 });
  const body = async function* () {
    yield Buffer.from("a");
    await sleep(200);
    yield Buffer.from("b");
  };
  const { status } = await observed.client.request({ url: server.url, method: "PATCH", body });
  assert.equal(status, 201);
  assert.equal(server.requests[0]!.body.toString(), "ab");
});
