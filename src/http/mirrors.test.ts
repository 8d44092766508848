/** Tests of mirrors: which URLs are tried, in which order, and what fail-over says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseMirrors } from "./mirrors.ts";
import {
  answer,
  failsWith,
  observedClient,
  scriptedServer,
  textOf,
} from "./scripted-server.test.ts";

const rules = new Map([
  ["https://a.example/alpine", ["https://m1.example/x/", "https://a.example/alpine"]],
  ["https://a.example/alpine/edge", ["https://edge.example"]],
]);

for (const [url, expected] of [
  [
    "https://a.example/alpine/v3.20/f?q=1",
    ["https://m1.example/x/v3.20/f?q=1", "https://a.example/alpine/v3.20/f?q=1"],
  ],
  ["https://a.example/alpine", ["https://m1.example/x", "https://a.example/alpine"]],
  ["https://a.example/alpine/edge/f", ["https://edge.example/f"]],
  ["https://a.example/alpine2/f", ["https://a.example/alpine2/f"]],
  ["https://b.example/f", ["https://b.example/f"]],
  ["https://u:p@a.example/alpine/f", ["https://m1.example/x/f", "https://u:p@a.example/alpine/f"]],
] as const)
  test(`mirrors of ${url}`, () => {
    const found = chooseMirrors(rules, undefined)(new URL(url)).map(({ href }) => href);
    assert.deepEqual(found, expected);
  });

for (const [url, expected] of [
  ["https://dl-cdn.alpinelinux.org/alpine/v3.20/main", "https://m.example/a/v3.20/main"],
  ["http://dl-cdn.alpinelinux.org/alpine/edge", "https://m.example/a/edge"],
  ["https://dl-4.alpinelinux.org/alpine/edge", "https://m.example/a/edge"],
  ["https://dl-cdn.alpinelinux.org/alpine", "https://m.example/a"],
  ["https://dl-cdn.alpinelinux.org/alpine-x/edge", "https://dl-cdn.alpinelinux.org/alpine-x/edge"],
  [
    "https://dl-cdn.alpinelinux.org.evil.example/alpine/x",
    "https://dl-cdn.alpinelinux.org.evil.example/alpine/x",
  ],
  [
    "https://secdb.alpinelinux.org/v3.20/main.json",
    "https://secdb.alpinelinux.org/v3.20/main.json",
  ],
] as const)
  test(`BIVY_MIRROR and ${url}`, () => {
    const [first] = chooseMirrors(new Map(), "https://m.example/a/")(new URL(url));
    assert.equal(first!.href, expected);
  });

test("a mirror that is no http URL is refused", () => {
  assert.throws(() => chooseMirrors(new Map(), "/srv/alpine"), /BIVY_MIRROR "\/srv\/alpine"/);
  assert.throws(
    () => chooseMirrors(new Map([["x", ["y"]]]), undefined),
    /url-invalid|mirrors entry "x"/,
  );
});

test("a mirror without the file, and one that fails, are followed by the next", async () => {
  await using first = await scriptedServer(answer(404));
  await using second = await scriptedServer(answer(503));
  await using third = await scriptedServer(answer(200, "here"));
  const environment = {
    BIVY_MIRROR: `${first.url} ${second.url}/b ${third.url.replace("//", "//mu:mp@")}`,
  };
  await using observed = observedClient({ environment });
  const response = await observed.client.get("https://u:p@dl-cdn.alpinelinux.org/alpine/f", {
    headers: { Authorization: "Bearer T", "X-Token": "t", Accept: "a/b" },
  });
  assert.equal(await textOf(response.body), "here");
  assert.deepEqual(
    [first, second, third].map(({ requests }) => requests.length),
    [1, 3, 1],
  );
  assert.equal(second.requests[0]!.url, "/b/f");
  assert.equal(first.requests[0]!.headers.authorization, undefined);
  assert.equal(first.requests[0]!.headers["x-token"], undefined);
  assert.equal(first.requests[0]!.headers.accept, "a/b");
  assert.equal(
    third.requests[0]!.headers.authorization,
    `Basic ${Buffer.from("mu:mp").toString("base64")}`,
  );
  assert.doesNotMatch(JSON.stringify(observed.events), /mu:|mp@/);
});

test("when all fail, the root cause comes first, and each mirror is named", async () => {
  await using first = await scriptedServer(answer(404));
  await using second = await scriptedServer(answer(500));
  const mirrors = new Map([["https://a.example", [`${first.url}/x`, second.url]]]);
  await using observed = observedClient({ mirrors, retries: 2 });
  const error = await failsWith(observed.client.get("https://a.example/f"), "http-status");
  assert.equal(
    error.message,
    "https://a.example/f: HTTP 500 Internal Server Error; tried " +
      `${first.url}/x/f (HTTP 404 Not Found), ${second.url}/f (HTTP 500 Internal Server Error, 2 tries)`,
  );
  await using missing = observedClient({ mirrors: new Map([["https://a.example", [first.url]]]) });
  const absent = await failsWith(missing.client.get("https://a.example/f"), "http-not-found");
  assert.match(absent.hint!, /drop old revisions/);
});

test("a secure request does not go to a mirror over plain http, except on this machine", async () => {
  const mirrors = new Map([["https://a.example", ["http://b.example"]]]);
  await using observed = observedClient({ mirrors });
  const request = { url: "https://a.example/key.pub", secure: true };
  const error = await failsWith(observed.client.request(request), "url-invalid");
  assert.match(error.message, /mirror http:\/\/b\.example\/key\.pub .*plain http; expected https/);
  assert.match(error.hint!, /give the file/);
  await using server = await scriptedServer(answer(200, "key"));
  await using local = observedClient({ mirrors: new Map([["https://a.example", [server.url]]]) });
  assert.equal(await textOf((await local.client.request(request)).body), "key");
});
