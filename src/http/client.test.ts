/** Tests of the HTTP client against a server that misbehaves by script. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { defaultLimits } from "../base/index.ts";
import {
  answer,
  dropAfter,
  failsWith,
  observedClient,
  patternBytes,
  scriptedServer,
  stallAfter,
  textOf,
} from "./scripted-server.test.ts";

test("get returns status, headers, the final URL and the body", async () => {
  await using server = await scriptedServer(answer(200, "hello", { "X-Thing": "a" }));
  await using observed = observedClient();
  const response = await observed.client.get(`${server.url}/f?a=b#fragment`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("x-thing"), "a");
  assert.equal(response.url, `${server.url}/f?a=b`);
  assert.equal(await textOf(response.body), "hello");
  assert.equal(server.requests[0]!.url, "/f?a=b");
  assert.equal(server.requests[0]!.headers["accept-encoding"], "identity");
  assert.deepEqual(observed.events, [
    { type: "transfer", subject: `${server.url}/f?a=b`, received: 5, total: 5, done: true },
  ]);
});

for (const status of [408, 429, 500, 502, 503, 504])
  test(`status ${status} is tried again, with growing waits`, async () => {
    await using server = await scriptedServer(answer(status), answer(status), answer(200, "ok"));
    await using observed = observedClient();
    assert.equal(await textOf((await observed.client.get(server.url)).body), "ok");
    assert.equal(server.requests.length, 3);
    assert.deepEqual(observed.waits, [250, 500]);
    assert.deepEqual(
      observed.events
        .filter(({ type }) => type === "retry")
        .map((event) => "attempt" in event && event.attempt),
      [1, 2],
    );
  });

for (const status of [400, 401, 403, 404, 409, 410, 501])
  test(`status ${status} is final`, async () => {
    await using server = await scriptedServer(answer(status, "no"));
    await using observed = observedClient();
    const code = status === 404 || status === 410 ? "http-not-found" : "http-status";
    const error = await failsWith(observed.client.get(`${server.url}/x`), code);
    assert.equal(server.requests.length, 1);
    assert.ok(error.message.startsWith(`${server.url}/x: HTTP ${status} `), error.message);
    assert.ok(error.hint !== undefined);
  });

test("after the last try the error names the status and the number of tries", async () => {
  await using server = await scriptedServer(answer(503));
  await using observed = observedClient({ retries: 2 });
  const error = await failsWith(observed.client.get(`${server.url}/x`), "http-status");
  assert.equal(error.message, `${server.url}/x: HTTP 503 Service Unavailable (2 tries)`);
  const limited = await scriptedServer(answer(429));
  await failsWith(observed.client.get(limited.url), "http-throttled");
  await limited[Symbol.asyncDispose]();
});

test("Retry-After is honoured in seconds and as a date, and capped", async () => {
  const date = "Wed, 21 Oct 2015 07:28:00 GMT";
  await using server = await scriptedServer(
    answer(429, "", { "retry-after": "7" }),
    answer(503, "", { "retry-after": "Wed, 21 Oct 2015 07:28:20 GMT", date }),
    answer(503, "", { "retry-after": "86400" }),
    answer(200, "ok"),
  );
  await using observed = observedClient({ retries: 4 });
  await textOf((await observed.client.get(server.url)).body);
  assert.deepEqual(observed.waits, [7000, 20_000, 60_000]);
});

test("a status that is accepted is returned, and only those are", async () => {
  await using server = await scriptedServer(answer(401, "who?"), answer(503, "x"), answer(200));
  await using observed = observedClient();
  const response = await observed.client.request({ url: server.url, accept: [200, 401] });
  assert.equal(response.status, 401);
  assert.equal(await textOf(response.body), "who?");
  assert.equal((await observed.client.request({ url: server.url, accept: [503] })).status, 503);
  await failsWith(observed.client.request({ url: server.url, accept: [404] }), "http-status");
});

test("304 is returned when the request is conditional, and an error otherwise", async () => {
  await using server = await scriptedServer(answer(304));
  await using observed = observedClient();
  const headers = { "If-None-Match": '"a"' };
  assert.equal((await observed.client.get(server.url, { headers })).status, 304);
  await failsWith(observed.client.get(server.url), "http-status");
});

test("a refused connection is tried again, and said plainly", async () => {
  const server = await scriptedServer(answer(200));
  await server[Symbol.asyncDispose]();
  await using observed = observedClient();
  const error = await failsWith(observed.client.get(`${server.url}/x`), "http-unreachable");
  assert.equal(error.message, `${server.url}/x: connection refused (3 tries)`);
  assert.match(error.hint!, /https_proxy/);
  assert.equal(observed.waits.length, 2);
});

test("a connection that breaks before the answer is tried again, but not for a POST", async () => {
  await using server = await scriptedServer(
    (response) => void response.destroy(),
    answer(200, "ok"),
    (response) => void response.destroy(),
    answer(201),
    (response) => void response.destroy(),
    answer(202),
  );
  await using observed = observedClient();
  assert.equal(await textOf((await observed.client.get(server.url)).body), "ok");
  const post = { url: server.url, method: "POST", body: Buffer.from("x") };
  await failsWith(observed.client.request(post), "http-unreachable");
  assert.equal(server.requests.length, 3);
  assert.equal((await observed.client.request(post)).status, 201);
  assert.equal((await observed.client.request({ ...post, idempotent: true })).status, 202);
});

test("a body is sent again with each try, from bytes and from a function", async () => {
  await using server = await scriptedServer(answer(503), answer(201), answer(503), answer(201));
  await using observed = observedClient();
  const url = server.url;
  await observed.client.request({ url, method: "PUT", body: Buffer.from("bytes") });
  await observed.client.request({
    url,
    method: "PUT",
    headers: { "content-length": "8" },
    async *body() {
      yield Buffer.from("stre");
      yield Buffer.from("amed");
    },
  });
  assert.deepEqual(
    server.requests.map(({ body }) => body.toString()),
    ["bytes", "bytes", "streamed", "streamed"],
  );
  assert.deepEqual(
    server.requests.map(({ headers }) => headers["content-length"]),
    ["5", "5", "8", "8"],
  );
});

test("what the source of a body throws comes back unchanged", async () => {
  await using server = await scriptedServer(answer(201));
  await using observed = observedClient();
  const broken = new Error("disk on fire");
  const body = async function* () {
    yield Buffer.from("x");
    throw broken;
  };
  await assert.rejects(
    observed.client.request({ url: server.url, method: "PUT", body }),
    (error) => error === broken,
  );
});

test("a large upload reports its progress", async () => {
  await using server = await scriptedServer(answer(201));
  await using observed = observedClient();
  const body = patternBytes(3 * 1024 * 1024);
  await observed.client.request({ url: server.url, method: "PUT", body });
  assert.deepEqual(server.requests[0]!.body, body);
  const last = observed.events.at(-1);
  assert.ok(last?.type === "transfer" && last.done && last.received === body.byteLength);
});

test("a body shorter than announced is truncated", async () => {
  await using server = await scriptedServer(dropAfter(10, patternBytes(100)));
  await using observed = observedClient();
  const response = await observed.client.get(server.url);
  const error = await failsWith(textOf(response.body), "http-truncated");
  assert.match(error.message, /the connection broke after 10 of 100 bytes/);
});

test("a chunked body that breaks is truncated", async () => {
  await using server = await scriptedServer((response) => {
    response.write("abc", () => setImmediate(() => response.destroy()));
  });
  await using observed = observedClient();
  await failsWith(textOf((await observed.client.get(server.url)).body), "http-truncated");
});

test("a server that never answers, and one that stops in the middle, stall", async () => {
  await using server = await scriptedServer(() => {}, stallAfter(10, patternBytes(100)));
  await using observed = observedClient({ stallMilliseconds: 60, retries: 1 });
  const error = await failsWith(observed.client.get(server.url), "http-stalled");
  assert.match(error.message, /no byte came for 60 ms/);
  const response = await observed.client.get(server.url);
  await failsWith(textOf(response.body), "http-stalled");
});

test("a slow reader is not a stalling server", async () => {
  const bytes = patternBytes(2 * 1024 * 1024);
  await using server = await scriptedServer(answer(200, bytes));
  await using observed = observedClient({ stallMilliseconds: 40 });
  const response = await observed.client.get(server.url);
  let size = 0;
  for await (const chunk of response.body) {
    if (size === 0) await new Promise((resolve) => setTimeout(resolve, 120));
    size += chunk.byteLength;
  }
  assert.equal(size, bytes.byteLength);
});

test("limits: announced, streamed without a length, and from the limits", async () => {
  const endless = async (response: ServerResponse) => {
    while (!response.destroyed) {
      response.write(Buffer.alloc(64 * 1024));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await using server = await scriptedServer(answer(200, patternBytes(1000)), endless);
  await using observed = observedClient();
  const announced = await failsWith(
    observed.client.get(server.url, { maxBytes: 999 }),
    "limit-exceeded",
  );
  assert.match(
    announced.message,
    /larger than the 999 bytes that are allowed, the server announces 1000/,
  );
  const response = await observed.client.get(server.url, { maxBytes: 500_000 });
  await failsWith(textOf(response.body), "limit-exceeded");
  await using small = observedClient({ limits: { ...defaultLimits, "download-size": 500_000 } });
  const other = await small.client.get(server.url);
  const error = await failsWith(textOf(other.body), "limit-exceeded");
  assert.match(error.message, /exceeds the limit download-size of 500000/);
  assert.match(error.hint!, /--limit download-size=N/);
});

test("a body of another size than expected is refused", async () => {
  await using server = await scriptedServer(answer(200, "12345"), (response) => {
    response.write("1234567890");
    response.end();
  });
  await using observed = observedClient();
  const error = await failsWith(
    observed.client.get(server.url, { expectedSize: 6 }),
    "http-invalid",
  );
  assert.match(error.message, /expected 6 bytes, found 5/);
  const longer = await observed.client.get(server.url, { expectedSize: 6 });
  await failsWith(textOf(longer.body), "http-invalid");
  const shorter = await observed.client.get(server.url, { expectedSize: 60 });
  await failsWith(textOf(shorter.body), "http-truncated");
});

test("Content-Encoding: gzip is unpacked, kept for .gz files, bounded; others are refused", async () => {
  const packed = gzipSync("hello ".repeat(100_000));
  const gzip = { "content-encoding": "gzip" };
  await using server = await scriptedServer(
    answer(200, packed, gzip),
    answer(200, packed, { "content-encoding": "x-gzip" }),
    answer(200, packed, gzip),
    answer(200, packed.subarray(0, packed.byteLength - 20), gzip),
    answer(200, "x", { "content-encoding": "br" }),
  );
  await using observed = observedClient();
  const { client } = observed;
  assert.equal((await textOf((await client.get(`${server.url}/list.json`)).body)).length, 600_000);
  const kept = await client.get(`${server.url}/APKINDEX.tar.gz`, {
    expectedSize: packed.byteLength,
  });
  const parts: Uint8Array[] = [];
  for await (const part of kept.body) parts.push(part);
  assert.deepEqual(Buffer.concat(parts), packed);
  const bounded = await client.get(server.url, { maxBytes: 10_000 });
  await failsWith(textOf(bounded.body), "limit-exceeded");
  await failsWith(textOf((await client.get(server.url)).body), "http-invalid");
  const error = await failsWith(client.get(server.url), "http-invalid");
  assert.match(error.message, /Content-Encoding "br", expected identity/);
});

test("an abort ends a request, a body, a wait and a queue", async () => {
  await using server = await scriptedServer(
    () => {},
    stallAfter(3, patternBytes(10)),
    answer(503),
    () => {},
  );
  const controllers = Array.from({ length: 4 }, () => new AbortController());
  await using observed = observedClient({
    concurrency: 1,
    wait: async () => controllers[2]!.abort(),
  });
  const { client } = observed;
  const first = failsWith(client.get(server.url, { signal: controllers[0]!.signal }), "aborted");
  while (server.requests.length < 1) await new Promise((resolve) => setImmediate(resolve));
  const queued = failsWith(client.get(server.url, { signal: controllers[3]!.signal }), "aborted");
  controllers[3]!.abort();
  await queued;
  controllers[0]!.abort();
  const error = await first;
  assert.equal(error.message, `${server.url}/: aborted`);
  const response = await client.get(server.url, { signal: controllers[1]!.signal });
  const body = failsWith(textOf(response.body), "aborted");
  controllers[1]!.abort();
  await body;
  await failsWith(client.get(server.url, { signal: controllers[2]!.signal }), "aborted");
  assert.equal(server.requests.length, 3);
  await failsWith(client.get(server.url, { signal: AbortSignal.abort() }), "aborted");
});

test("offline, nothing is asked", async () => {
  await using server = await scriptedServer(answer(200));
  await using observed = observedClient({ offline: true });
  const error = await failsWith(observed.client.get(`${server.url}/x`), "offline");
  assert.ok(error.message.includes(`${server.url}/x`));
  assert.match(error.hint!, /without --offline/);
  assert.equal(server.requests.length, 0);
});

for (const url of [
  "file:///etc/passwd",
  "ftp://host/x",
  "data:text/plain,x",
  "/path",
  "",
  "http://",
])
  test(`the URL ${JSON.stringify(url)} is refused`, async () => {
    await using observed = observedClient();
    await failsWith(observed.client.get(url), "url-invalid");
  });

test("no more requests run at once than allowed", async () => {
  let running = 0;
  let most = 0;
  await using server = await scriptedServer(async (response) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 10));
    running--;
    response.end("x");
  });
  await using observed = observedClient({ concurrency: 3 });
  const work = Array.from({ length: 12 }, async () =>
    textOf((await observed.client.get(server.url)).body),
  );
  assert.equal((await Promise.all(work)).join(""), "x".repeat(12));
  assert.equal(most, 3);
});

test("bodies that are held open do not lock out the next request", async () => {
  await using server = await scriptedServer(answer(200, patternBytes(4 * 1024 * 1024)));
  await using observed = observedClient({ concurrency: 2 });
  const open = await Promise.all([
    observed.client.get(server.url),
    observed.client.get(server.url),
  ]);
  const iterators = open.map(({ body }) => body[Symbol.asyncIterator]());
  for (const iterator of iterators) await iterator.next();
  const third = await observed.client.get(server.url);
  for await (const _ of third.body) break;
  for (const iterator of iterators) await iterator.return?.();
});

test("an unread answer to an upload holds nothing", async () => {
  await using server = await scriptedServer(answer(201, "created"));
  await using observed = observedClient({ concurrency: 1 });
  for (let count = 0; count < 3; count++)
    await observed.client.request({ url: server.url, method: "PUT", body: Buffer.from("x") });
  assert.equal(server.requests.length, 3);
});
