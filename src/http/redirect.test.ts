/** Tests of redirects: where they lead, and that credentials stay with their origin. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstHop, nextHop, type Hop } from "./redirect.ts";
import {
  answer,
  failsWith,
  observedClient,
  scriptedServer,
  textOf,
} from "./scripted-server.test.ts";

const secrets = { authorization: "Bearer T", cookie: "c=1", "x-private-token": "P", accept: "a/b" };

function hop(url: string, method = "GET", body?: Uint8Array): Hop {
  const parsed = new URL(url);
  return firstHop(
    parsed,
    parsed,
    method,
    body ? { ...secrets, "content-type": "t/u" } : secrets,
    body,
  );
}

test("a relative Location is resolved, and the same origin keeps the headers", () => {
  const next = nextHop(hop("https://a.example/b/c?d=e"), 302, "../f#g");
  assert.ok(next.kind === "hop");
  assert.equal(next.url.href, "https://a.example/f");
  assert.deepEqual(next.headers, secrets);
});

for (const location of [
  "https://b.example/x",
  "https://a.example:8443/x",
  "//b.example/x",
  "https://u:p@b.example/",
])
  test(`nothing private goes to ${location}`, () => {
    const next = nextHop(hop("https://a.example/"), 307, location);
    assert.ok(next.kind === "hop");
    assert.deepEqual(next.headers, { accept: "a/b" });
    assert.equal(next.url.username + next.url.password, "");
    const back = nextHop(next, 307, "https://a.example/");
    assert.ok(back.kind === "hop");
    assert.deepEqual(back.headers, { accept: "a/b" });
  });

for (const [method, status, expected] of [
  ["POST", 301, "GET"],
  ["POST", 302, "GET"],
  ["POST", 303, "GET"],
  ["PUT", 303, "GET"],
  ["PUT", 302, "PUT"],
  ["POST", 307, "POST"],
  ["PUT", 308, "PUT"],
] as const)
  test(`${method} becomes ${expected} after ${status}`, () => {
    const next = nextHop(hop("https://a.example/", method, Buffer.from("x")), status, "/y");
    assert.ok(next.kind === "hop");
    assert.equal(next.method, expected);
    assert.equal(next.body === undefined, expected === "GET");
    assert.equal("content-type" in next.headers, expected !== "GET");
  });

for (const [name, from, status, location] of [
  ["https to http", "https://a.example/", 302, "http://a.example/"],
  ["another scheme", "https://a.example/", 302, "file:///etc/passwd"],
  ["no Location", "https://a.example/", 302, undefined],
  ["an invalid Location", "https://a.example/", 302, "http://[bad"],
] as const)
  test(`refused: ${name}`, () => {
    const next = nextHop(hop(from), status, location);
    assert.equal(next.kind === "failure" && next.code, "http-redirects");
  });

test("the body of a POST does not go to another origin", () => {
  const next = nextHop(
    hop("https://a.example/", "POST", Buffer.from("password=x")),
    307,
    "https://b.example/",
  );
  assert.equal(next.kind === "failure" && next.code, "http-redirects");
});

test("userinfo becomes Basic authentication, and reaches no other origin", async () => {
  await using other = await scriptedServer(answer(200, "there"));
  await using server = await scriptedServer(
    answer(302, "", { location: "/second" }),
    (response) => void response.writeHead(302, { location: `${other.url}/third` }).end(),
  );
  await using observed = observedClient();
  const url = server.url.replace("//", "//user:p%40ss@");
  const response = await observed.client.get(`${url}/first`, { headers: { Cookie: "c=1" } });
  assert.equal(await textOf(response.body), "there");
  const basic = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
  assert.deepEqual(
    server.requests.map(({ headers }) => headers.authorization),
    [basic, basic],
  );
  assert.equal(other.requests[0]!.headers.authorization, undefined);
  assert.equal(other.requests[0]!.headers.cookie, undefined);
  assert.equal(response.url, `${other.url}/third`);
  assert.doesNotMatch(JSON.stringify(observed.events), /user|p%40ss|p@ss/);
});

test("a loop of redirects ends, and the password is not in the message", async () => {
  await using server = await scriptedServer(answer(302, "", { location: "/again" }));
  await using observed = observedClient();
  const url = server.url.replace("//", "//user:hunter2@");
  const error = await failsWith(observed.client.get(url), "http-redirects");
  assert.match(error.message, /more than 10 redirects/);
  assert.doesNotMatch(`${error.message} ${error.stack}`, /hunter2/);
  assert.equal(server.requests.length, 11);
});

test("an error behind a redirect names where it led", async () => {
  await using server = await scriptedServer(
    answer(302, "", { location: "/gone?X-Amz-Signature=abc" }),
    answer(404),
  );
  await using observed = observedClient();
  const error = await failsWith(observed.client.get(`${server.url}/x`), "http-not-found");
  assert.equal(
    error.message,
    `${server.url}/x: HTTP 404 Not Found (redirected to ${server.url}/gone?X-Amz-Signature=…)`,
  );
});
