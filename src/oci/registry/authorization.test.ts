/** Tests of authorization: Basic, tokens and their renewal, and who gets to see what. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { observeRegistries, type ObservedOptions } from "../../../test/registry-client.ts";
import { startRegistry, type RegistryServerOptions } from "../../../test/registry-server.ts";
import type { BearerOptions } from "../../../test/registry-server/authorization.ts";
import * as faults from "../../../test/registry-server/faults.ts";
import { type BlobContent } from "../blobs.ts";
import { type Credential } from "./credential.ts";
import { configBlob, failsWith, sampleBlob } from "./sample-blobs.test.ts";

const user = { user: "climber", password: "pass:word of ice" };
const source = "a test";

function credentialsOf(credential: Credential | undefined): ObservedOptions {
  return { credentials: { find: async () => credential } };
}

const basicCredential: Credential = { kind: "basic", ...user, source };

async function open(
  context: TestContext,
  authorization: RegistryServerOptions["authorization"],
  options: ObservedOptions = credentialsOf(basicCredential),
) {
  const server = await startRegistry(context, authorization === undefined ? {} : { authorization });
  const registries = observeRegistries(context, options);
  const tokens = () => server.requests.filter((request) => request.server === "token");
  return { server, registries, repository: registries.at(server.host, "a/b"), tokens };
}

const bearer = (more: Partial<BearerOptions> = {}): BearerOptions => ({
  kind: "bearer",
  ...user,
  ...more,
});

test("Basic: asked once, then sent along", async (context) => {
  const { server, repository } = await open(context, { kind: "basic", ...user });
  await repository.sink().putBlob(configBlob());
  assert.deepEqual(
    server.requests.map(({ status }) => status),
    [401, 401, 404, 202, 201],
  );
});

for (const [name, more] of [
  ["token", {}],
  ["access_token", { fields: ["access_token"] }],
  ["both", { fields: ["token", "access_token"] }],
  [
    "among other challenges",
    {
      challenge: ({ realm, service, scope }) =>
        `Negotiate, Basic realm="x, y", Bearer service="${service}" , realm="${realm}", scope="${scope}"`,
    },
  ],
] as [string, Partial<BearerOptions>][])
  test(`Bearer: ${name}, one token for all requests of a kind`, async (context) => {
    const { repository, tokens } = await open(context, bearer(more));
    await repository.sink().putBlob(configBlob());
    await repository.sink().putBlob(sampleBlob(5_000_000));
    assert.equal(tokens().length, 1);
    const { query, method } = tokens()[0]!;
    assert.deepEqual(
      [method, query.get("service"), query.getAll("scope"), query.get("account")],
      ["GET", "registry.test", ["repository:a/b:pull,push"], "climber"],
    );
  });

test("many requests at once share a token", async (context) => {
  const { repository, tokens } = await open(context, bearer());
  const sink = repository.sink();
  await Promise.all([1, 2, 3, 4, 5].map((seed) => sink.putBlob(sampleBlob(100_000, seed))));
  assert.ok(tokens().length <= 2, `${tokens().length} tokens`);
});

test("a token that ends in the middle of an upload is renewed, and the piece sent again", async (context) => {
  const { server, repository, tokens } = await open(context, bearer());
  const blob = sampleBlob(6_000_000);
  server.fault(
    { method: "PATCH" },
    faults.meanwhile(() => server.expireTokens()),
  );
  await repository.sink().putBlob(blob);
  assert.equal(tokens().length, 2);
  assert.deepEqual(
    server.requests.filter(({ method }) => method === "PATCH").map(({ status }) => status),
    [401, 202],
  );
  assert.ok(await repository.holds(blob.descriptor));
});

test("a token that is used up again and again", async (context) => {
  const { repository } = await open(context, bearer({ usesPerToken: 1 }));
  const sink = repository.sink();
  for (const seed of [1, 2]) await sink.putBlob(sampleBlob(5_000_000, seed));
});

test("a token is renewed before it ends", async (context) => {
  let now = 0;
  const { repository, tokens } = await open(context, bearer({ expiresIn: 300 }), {
    ...credentialsOf(basicCredential),
    now: () => now,
  });
  for (const [at, expected] of [
    [0, 1],
    [280_000, 1],
    [295_000, 2],
  ] as const) {
    now = at;
    await repository.holds(configBlob().descriptor);
    assert.equal(tokens().length, expected);
  }
});

test("an identity token is given as a form, and never in a URL", async (context) => {
  const { repository, tokens } = await open(
    context,
    bearer({ posts: true, identityToken: "identity+of/mine=" }),
    credentialsOf({ kind: "identity-token", token: "identity+of/mine=", source }),
  );
  await repository.sink().putBlob(configBlob());
  const [{ method, form, headers, query }] = tokens() as [ReturnType<typeof tokens>[0]];
  const fields = new URLSearchParams(form);
  assert.deepEqual(
    [method, fields.get("grant_type"), fields.get("refresh_token"), fields.get("scope")],
    ["POST", "refresh_token", "identity+of/mine=", "repository:a/b:pull,push"],
  );
  assert.equal(headers.authorization, undefined);
  assert.equal(query.size, 0);
});

test("a registry token is sent as it is", async (context) => {
  const { server, repository } = await open(
    context,
    bearer(),
    credentialsOf({ kind: "registry-token", token: "mine-alone", source }),
  );
  await failsWith(repository.resolve({ tag: "x" }), "registry-denied");
  assert.equal(server.requests.at(-1)!.headers.authorization, "Bearer mine-alone");
  assert.ok(server.requests.every((request) => request.server === "registry"));
});

test("anonymous: a token without credentials, for what everybody may do", async (context) => {
  const { repository, tokens } = await open(
    context,
    bearer({ grants: (who, _, action) => who !== undefined || action === "pull" }),
    credentialsOf(undefined),
  );
  assert.equal(await repository.resolve({ tag: "none" }), undefined);
  assert.equal(tokens()[0]!.headers.authorization, undefined);
  const error = await failsWith(repository.sink().putBlob(configBlob()), "registry-denied");
  assert.match(error.message, /wants credentials, and none were found/);
  assert.match(error.hint!, /docker login 127\.0\.0\.1:\d+ or podman login|--authfile/);
});

for (const kind of ["basic", "bearer"] as const)
  test(`wrong credentials, ${kind}: the error says whose they are, and keeps the secret`, async (context) => {
    const wrong: Credential = { kind: "basic", user: "climber", password: "hunter2!", source };
    const { server, registries, repository } = await open(
      context,
      { kind, ...user },
      credentialsOf(wrong),
    );
    const error = await failsWith(repository.resolve({ tag: "x" }), "registry-denied");
    assert.match(error.message, /refuses the credentials of "climber"/);
    assert.match(error.hint!, /They come from a test/);
    const shown = `${error.stack} ${error.hint} ${JSON.stringify(registries.events)}`;
    assert.doesNotMatch(shown, new RegExp(`hunter2|${Buffer.from("hunter2!").toString("base64")}`));
    assert.ok(server.requests.length <= 4);
  });

test("a mount asks for both repositories", async (context) => {
  const { server, registries, repository, tokens } = await open(context, bearer());
  const blob = sampleBlob(5000);
  await registries.at(server.host, "c/d").sink().putBlob(blob);
  const content: BlobContent = {
    ...blob.content,
    repository: { registry: server.host, repository: "c/d" },
  };
  await repository.sink().putBlob({ ...blob, content });
  assert.equal(server.requests.at(-1)!.status, 201);
  assert.equal(server.requests.at(-1)!.query.get("from"), "c/d");
  assert.deepEqual(tokens().at(-1)!.query.getAll("scope"), [
    "repository:a/b:pull,push",
    "repository:c/d:pull",
  ]);
});

test("what a registry wants beyond what was thought is asked for", async (context) => {
  const { server, repository, tokens } = await open(context, bearer());
  const challenge = [
    `Bearer realm="${server.tokenUrl}/token",service="registry.test"`,
    'scope="repository:a/b:pull repository:base/x:pull",error="insufficient_scope"',
  ];
  server.fault(
    { method: "HEAD", nth: 2 },
    faults.answerWith({ status: 401, headers: { "www-authenticate": challenge.join(",") } }),
  );
  assert.equal(await repository.resolve({ tag: "none" }), undefined);
  assert.deepEqual(
    tokens().map(({ query }) => query.getAll("scope")),
    [["repository:a/b:pull"], ["repository:a/b:pull", "repository:base/x:pull"]],
  );
});

test("a good token that is not enough is not asked for twice", async (context) => {
  const { repository, tokens } = await open(context, bearer({ grants: () => false }));
  await failsWith(repository.resolve({ tag: "x" }), "registry-denied");
  assert.equal(tokens().length, 1);
});

test("a token server that repeats the secret does not get it shown", async (context) => {
  const { server, registries, repository } = await open(context, bearer());
  const body = Buffer.from(
    JSON.stringify({ errors: [{ code: "UNAVAILABLE", message: `no ${user.password}` }] }),
  );
  server.fault({ server: "token", times: 99 }, faults.answerWith({ status: 503, body }));
  const error = await failsWith(repository.resolve({ tag: "x" }), "http-status");
  assert.match(error.message, /HTTP 503 Service Unavailable: no …/);
  assert.doesNotMatch(JSON.stringify([error.stack, registries.events]), /pass:word/);
});

for (const body of [
  "",
  "[]",
  "null",
  '{"token":""}',
  '{"token":"a\\r\\nb"}',
  '{"token":7}',
  "<html>",
])
  test(`a token server that answers ${JSON.stringify(body)}`, async (context) => {
    const { server, repository } = await open(context, bearer());
    server.fault(
      { server: "token", times: 9 },
      faults.answerWith({ status: 200, body: Buffer.from(body) }),
    );
    await failsWith(repository.resolve({ tag: "x" }), "http-invalid");
  });

test("credentials go to no token server in the clear, and to none that is chosen with userinfo", async (context) => {
  let realm = "http://registry.example.com/token";
  const { server, repository } = await open(
    context,
    bearer({ challenge: ({ service }) => `Bearer realm="${realm}",service="${service}"` }),
  );
  const error = await failsWith(repository.resolve({ tag: "x" }), "url-invalid");
  assert.match(error.message, /with https, found http:\/\/registry\.example\.com/);
  realm = "not a url";
  await failsWith(repository.resolve({ tag: "x" }), "http-invalid");
  realm = server.tokenUrl.replace("//", "//other:person@") + "/token";
  assert.equal(await repository.resolve({ tag: "x" }), undefined);
  const word = Buffer.from(`${user.user}:${user.password}`).toString("base64");
  const asked = server.requests.find((request) => request.server === "token")!;
  assert.equal(asked.headers.authorization, `Basic ${word}`);
});

test("the credentials of a registry go neither to another one nor to a redirect of its token server", async (context) => {
  const seen: string[] = [];
  const thief = createServer((request, response) => {
    seen.push(`${request.headers.authorization}`);
    response.end('{"token":"stolen"}');
  });
  await new Promise<void>((resolve) => thief.listen(0, "127.0.0.1", resolve));
  context.after(() => thief.close());
  const { server, repository } = await open(context, bearer());
  const { port } = thief.address() as AddressInfo;
  server.fault(
    { server: "token", times: 99 },
    faults.redirect(() => `http://127.0.0.1:${port}/`),
  );
  await failsWith(repository.resolve({ tag: "x" }), "registry-denied");
  assert.deepEqual([...new Set(seen)], ["undefined"]);
});
