/** Tests of downloads: what is resumed, what starts over, and when it is given up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { download, parseContentRange, strongValidator, type DownloadSink } from "./download.ts";
import {
  answer,
  dropAfter,
  failsWith,
  observedClient,
  patternBytes,
  scriptedServer,
  serveFile,
  stallAfter,
  type Script,
} from "./scripted-server.test.ts";

function memorySink(): DownloadSink & { bytes(): Buffer; restarts: number } {
  let parts: Uint8Array[] = [];
  return {
    restarts: 0,
    write: (chunk) => void parts.push(chunk),
    restart() {
      parts = [];
      this.restarts++;
    },
    bytes: () => Buffer.concat(parts),
  };
}

const body = patternBytes(200_000);
const other = patternBytes(150_000).map((byte) => byte ^ 0xff);
const whole = serveFile(
  () => body,
  () => '"v1"',
);
const strong = { etag: '"v1"' };

test("a body that breaks is resumed where it broke", async () => {
  await using server = await scriptedServer(dropAfter(70_000, body, strong), whole);
  await using observed = observedClient();
  const sink = memorySink();
  const result = await download(observed.client, { url: `${server.url}/f`, sink });
  assert.deepEqual(result, { etag: '"v1"', size: body.byteLength, notModified: false });
  assert.ok(sink.bytes().equals(body));
  assert.equal(sink.restarts, 0);
  assert.equal(server.requests[1]!.headers.range, "bytes=70000-");
  assert.equal(server.requests[1]!.headers["if-range"], '"v1"');
  assert.deepEqual(observed.waits, [250]);
  const reasons = observed.events.flatMap((event) =>
    event.type === "retry" ? [event.reason] : [],
  );
  assert.deepEqual(reasons, ["the connection broke after 70000 of 200000 bytes"]);
  assert.deepEqual(observed.events.at(-1), {
    type: "transfer",
    subject: `${server.url}/f`,
    received: 200_000,
    total: 200_000,
    done: true,
  });
});

const changed: Script = (response, request) =>
  serveFile(
    () => Buffer.from(other),
    () => '"v2"',
  )(response, request);
const wrongRange: Script = (response) =>
  void response
    .writeHead(206, { "content-range": `bytes 10-${body.byteLength - 1}/${body.byteLength}` })
    .end(body.subarray(10));
const wrongTotal: Script = (response) =>
  void response
    .writeHead(206, { "content-range": "bytes 70000-70009/70010" })
    .end(patternBytes(10));
const noRange: Script = (response) => void response.writeHead(206).end(body.subarray(70_000));

for (const [name, first, then, expected, asked] of [
  ["the file has changed", strong, [changed], Buffer.from(other), 2],
  ["the server ignores Range", strong, [answer(200, body)], body, 2],
  ["the range is another", strong, [wrongRange, answer(200, body)], body, 3],
  ["the total is another", strong, [wrongTotal, answer(200, body)], body, 3],
  ["there is no Content-Range", strong, [noRange, answer(200, body)], body, 3],
  ["the range is refused", strong, [answer(416), answer(200, body)], body, 3],
  ["the ETag is weak", { etag: 'W/"v1"' }, [answer(200, body)], body, 2],
  ["there is no validator", {}, [answer(200, body)], body, 2],
  ["ranges are not served", { ...strong, "accept-ranges": "none" }, [answer(200, body)], body, 2],
] as const)
  test(`a download starts over when ${name}`, async () => {
    await using server = await scriptedServer(dropAfter(70_000, body, first), ...then);
    await using observed = observedClient();
    const sink = memorySink();
    await download(observed.client, { url: server.url, sink });
    assert.ok(sink.bytes().equals(expected));
    assert.equal(sink.restarts, 1);
    assert.equal(server.requests.length, asked);
    assert.equal(
      server.requests.at(-1)!.headers.range !== undefined,
      first === strong && asked === 2,
    );
  });

test("a body that stalls is resumed", async () => {
  const stall: Script = (response, request) => {
    response.setHeader("etag", '"v1"');
    return stallAfter(1000, body)(response, request);
  };
  await using server = await scriptedServer(stall, whole);
  await using observed = observedClient({ stallMilliseconds: 60 });
  const sink = memorySink();
  await download(observed.client, { url: server.url, sink });
  assert.ok(sink.bytes().equals(body));
  assert.equal(server.requests[1]!.headers.range, "bytes=1000-");
});

test("after the last try the error says how far it got", async () => {
  await using server = await scriptedServer(dropAfter(10, body));
  await using observed = observedClient();
  const work = download(observed.client, { url: `${server.url}/f`, sink: memorySink() });
  const error = await failsWith(work, "http-truncated");
  assert.equal(
    error.message,
    `${server.url}/f: the connection broke after 10 of 200000 bytes (3 tries)`,
  );
  assert.equal(server.requests.length, 3);
  assert.deepEqual(observed.waits, [250, 500]);
});

test("the error of a named download tells the URL", async () => {
  await using server = await scriptedServer(dropAfter(10, body));
  await using observed = observedClient({ retries: 1 });
  const request = { url: `${server.url}/f`, subject: "curl-8.5.0-r0", sink: memorySink() };
  const error = await failsWith(download(observed.client, request), "http-truncated");
  const reason = "the connection broke after 10 of 200000 bytes";
  assert.equal(error.message, `curl-8.5.0-r0: ${reason}; tried ${server.url}/f (${reason})`);
});

test("good progress buys new tries", async () => {
  const large = patternBytes(6 * 1024 * 1024);
  const piece: Script = (response, { headers }) => {
    const from = Number(/\d+/.exec(headers["range"] ?? "0")![0]);
    const end = Math.min(from + 1_200_000, large.byteLength);
    const range = `bytes ${from}-${large.byteLength - 1}/${large.byteLength}`;
    const length = String(large.byteLength - from);
    response.writeHead(from === 0 ? 200 : 206, {
      etag: '"v1"',
      "content-length": length,
      "content-range": range,
    });
    response.write(large.subarray(from, end), () => setImmediate(() => response.destroy()));
    if (end === large.byteLength) response.end();
  };
  await using server = await scriptedServer(piece);
  await using observed = observedClient({ retries: 2 });
  const sink = memorySink();
  await download(observed.client, { url: server.url, sink });
  assert.ok(sink.bytes().equals(large));
  assert.equal(server.requests.length, 6);
});

test("a mirror that keeps breaking is followed by the next, from the same place", async () => {
  await using bad = await scriptedServer(dropAfter(70_000, body, strong), (response) => {
    response.writeHead(206, {
      "content-range": "bytes 70000-199999/200000",
      "content-length": "130000",
    });
    response.write("", () => response.destroy());
  });
  await using good = await scriptedServer(whole);
  const mirrors = new Map([["https://a.example", [bad.url, good.url]]]);
  await using observed = observedClient({ mirrors });
  const sink = memorySink();
  await download(observed.client, { url: "https://a.example/f", sink });
  assert.ok(sink.bytes().equals(body));
  assert.ok(bad.requests.length >= 3, String(bad.requests.length));
  assert.equal(good.requests[0]!.headers.range, "bytes=70000-");
});

test("when every mirror breaks, each is named", async () => {
  await using first = await scriptedServer(dropAfter(10, body));
  await using second = await scriptedServer(dropAfter(20, body));
  const mirrors = new Map([["https://a.example", [first.url, second.url]]]);
  await using observed = observedClient({ mirrors, retries: 2 });
  const work = download(observed.client, { url: "https://a.example/f", sink: memorySink() });
  const error = await failsWith(work, "http-truncated");
  assert.ok(
    error.message.includes(
      `${first.url}/f (the connection broke after 10 of 200000 bytes, 2 tries)`,
    ),
  );
  assert.ok(
    error.message.includes(
      `${second.url}/f (the connection broke after 20 of 200000 bytes, 2 tries)`,
    ),
  );
});

test("a mirror that has a longer file is followed by the next, from the beginning", async () => {
  await using wrong = await scriptedServer((response) => {
    response.writeHead(200, { etag: '"w"' });
    response.write(other);
    response.end(body);
  });
  await using good = await scriptedServer(whole);
  const mirrors = new Map([["https://a.example", [wrong.url, good.url]]]);
  await using observed = observedClient({ mirrors });
  const sink = memorySink();
  const expectedSize = body.byteLength;
  await download(observed.client, { url: "https://a.example/f", sink, expectedSize });
  assert.ok(sink.bytes().equals(body));
  assert.equal(wrong.requests.length, 1);
  assert.equal(good.requests[0]!.headers.range, undefined);
});

test("sizes: exact, bounded, and over all pieces together", async () => {
  const more: Script = (response) =>
    void response
      .writeHead(206, { "content-range": "bytes 70000-199999/*" })
      .end(patternBytes(200_000));
  await using server = await scriptedServer(dropAfter(70_000, body, strong), more);
  await using observed = observedClient();
  const request = { url: server.url, sink: memorySink(), maxBytes: 220_000 };
  await failsWith(download(observed.client, request), "limit-exceeded");
  await using short = await scriptedServer((response) => {
    response.write("abc");
    response.end();
  });
  const exact = { url: short.url, sink: memorySink(), expectedSize: 4 };
  await failsWith(download(observed.client, exact), "http-truncated");
  await failsWith(download(observed.client, { ...exact, expectedSize: 2 }), "http-invalid");
});

test("an error of the sink ends the download unchanged, without another try", async () => {
  await using server = await scriptedServer(answer(200, body));
  await using observed = observedClient();
  const broken = new Error("disk full");
  const sink: DownloadSink = {
    write: () => {
      throw broken;
    },
    restart: () => {},
  };
  await assert.rejects(
    download(observed.client, { url: server.url, sink }),
    (error) => error === broken,
  );
  assert.equal(server.requests.length, 1);
});

test("an abort in the middle ends the download", async () => {
  const controller = new AbortController();
  await using server = await scriptedServer(stallAfter(1000, body));
  await using observed = observedClient();
  const sink: DownloadSink = { write: () => controller.abort(), restart: () => {} };
  const { signal } = controller;
  await failsWith(download(observed.client, { url: server.url, sink, signal }), "aborted");
  assert.equal(server.requests.length, 1);
});

test("304 to a conditional download", async () => {
  await using server = await scriptedServer(whole);
  await using observed = observedClient();
  const headers = { "if-none-match": '"v1"' };
  const result = await download(observed.client, { url: server.url, headers, sink: memorySink() });
  assert.deepEqual(result, { etag: '"v1"', size: 0, notModified: true });
});

const date = "Wed, 21 Oct 2015 07:28:00 GMT";
for (const [headers, expected] of [
  [{ etag: '"a"' }, '"a"'],
  [{ etag: 'W/"a"' }, undefined],
  [{ etag: 'W/"a"', "last-modified": "Wed, 21 Oct 2015 07:00:00 GMT", date }, undefined],
  [{ etag: "a" }, undefined],
  [{ etag: '"a"\r\nX: y' }, undefined],
  [{ "last-modified": "Wed, 21 Oct 2015 07:27:00 GMT", date }, "Wed, 21 Oct 2015 07:27:00 GMT"],
  [{ "last-modified": "Wed, 21 Oct 2015 07:27:30 GMT", date }, undefined],
  [{ "last-modified": "Wed, 21 Oct 2015 07:00:00 GMT" }, undefined],
  [{ "last-modified": "yesterday", date }, undefined],
  [{ etag: '"a"', "accept-ranges": "none" }, undefined],
] as const)
  test(`strong validator of ${JSON.stringify(headers)}`, () => {
    assert.equal(strongValidator(new Map(Object.entries(headers))), expected);
  });

for (const [value, expected] of [
  ["bytes 0-9/10", { start: 0, end: 9, total: 10 }],
  ["bytes 5-9/*", { start: 5, end: 9, total: undefined }],
  ["bytes 9-5/10", undefined],
  ["bytes 0-10/10", undefined],
  ["bytes */10", undefined],
  ["items 0-9/10", undefined],
  [undefined, undefined],
] as const)
  test(`Content-Range ${value}`, () => assert.deepEqual(parseContentRange(value), expected));
