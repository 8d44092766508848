/**
 * Authorization at registries: every form of tokens and challenges, every place that credentials come
 * from, tokens that end at any time, and nothing of it at a host that it is not meant for.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createLayout, openCredentials } from "../src/oci/index.ts";
import { assertFolderHolds, assertRegistryHolds } from "./image-integrity.ts";
import { failure, refuses } from "./refusals.ts";
import { observeRegistries } from "./registry-client.ts";
import { imageOfSize, openRaw, rawImages, seed, type RawImage } from "./registry-images.ts";
import { assertDiscreet, assertStrange } from "./registry-secrets.ts";
import { startRegistry, type RegistryServer } from "./registry-server.ts";
import type { BearerOptions, Challenge } from "./registry-server/authorization.ts";
import * as faults from "./registry-server/faults.ts";
import { needs } from "./requirements.ts";
import { openWorkspace } from "./run-bivy.ts";

const user = { user: "climber", password: "correct horse" };
const bearer: BearerOptions = { kind: "bearer", ...user };

/** Pushes an image, pulls it with a client that knows nothing yet, and checks both sides. */
async function pushAndPull(
  context: TestContext,
  registry: RegistryServer,
  image: RawImage,
  options: Parameters<typeof observeRegistries>[1] = { users: { [registry.host]: user } },
): Promise<void> {
  const pusher = observeRegistries(context, options);
  await pusher
    .at(registry.host, "a/b")
    .put(await openRaw(openWorkspace(context), image), { tag: "1" });
  assertRegistryHolds(registry.contents, "a/b", "1", image);
  const puller = observeRegistries(context, options);
  const layout = await createLayout(openWorkspace(context).path("pulled"));
  await layout.put(await puller.at(registry.host, "a/b").open({ tag: "1" }));
  assertFolderHolds(layout.path, image);
  assertDiscreet(registry, [pusher.events, puller.events]);
}

const forms: Readonly<Record<string, Partial<BearerOptions>>> = {
  "a token under the name token": {},
  "a token under the name access_token": { fields: ["access_token"] },
  "a token under both names": { fields: ["access_token", "token"], expiresIn: 300 },
  "a token that is said to be good for a second": { expiresIn: 1 },
  "a token for five requests": { usesPerToken: 5 },
};

for (const [name, options] of Object.entries(forms))
  test(`bearer authorization with ${name}`, async (context) => {
    const registry = await startRegistry(context, { authorization: { ...bearer, ...options } });
    await pushAndPull(context, registry, await rawImages["several platforms with attestations"]!());
  });

const challenges: Readonly<Record<string, (parameters: Challenge) => string>> = {
  "several challenges in one header": ({ realm, service, scope }) =>
    `Negotiate, Digest realm="x, y", nonce="a\\"b=", Bearer realm="${realm}",service="${service}",scope="${scope}", Basic realm="last"`,
  "Basic before Bearer": ({ realm, service }) =>
    `Basic realm="first", Bearer realm="${realm}", service="${service}"`,
  "words in other cases and orders": ({ realm, service, scope }) =>
    `BEARER   Service="${service}" ,\tSCOPE="${scope}", Realm="${realm}"`,
  "words without quotes": ({ realm, service }) => `bearer realm=${realm}, service=${service}`,
  "no scope": ({ realm, service }) => `Bearer realm="${realm}",service="${service}"`,
};

for (const [name, challenge] of Object.entries(challenges))
  test(`a challenge with ${name}`, async (context) => {
    const registry = await startRegistry(context, { authorization: { ...bearer, challenge } });
    await pushAndPull(context, registry, await rawImages["a single image"]!());
  });

test("an identity token is exchanged by POST, and goes nowhere else", async (context) => {
  const identityToken = "identity-of-the-climber";
  const registry = await startRegistry(context, {
    authorization: { ...bearer, posts: true, identityToken },
  });
  const auths = { [registry.host]: { identitytoken: identityToken } };
  const environment = { HOME: "/nonexistent", DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
  await pushAndPull(context, registry, await rawImages["a single image"]!(), {
    credentials: openCredentials({ environment }),
  });
  const asked = registry.requests.filter(({ server }) => server === "token");
  assert.ok(asked.length > 0 && asked.every(({ method }) => method === "POST"));
  for (const { form } of asked) {
    const fields = new URLSearchParams(form);
    assert.equal(fields.get("grant_type"), "refresh_token");
    assert.match(fields.get("scope")!, /^repository:a\/b:(pull|pull,push)$/);
  }
  const seen = registry.requests.filter(({ server }) => server === "registry");
  assert.ok(seen.every(({ headers }) => !JSON.stringify(headers).includes(identityToken)));
});

test("one token serves many requests", async (context) => {
  const image = await rawImages["several platforms with attestations"]!();
  const registry = await startRegistry(context, { authorization: bearer });
  const client = observeRegistries(context, { users: { [registry.host]: user } });
  await client
    .at(registry.host, "a/b")
    .put(await openRaw(openWorkspace(context), image), { tag: "1" });
  const asked = registry.requests.filter(({ server }) => server === "token");
  assert.equal(asked.length, 1);
  assert.deepEqual(asked[0]!.query.getAll("scope"), ["repository:a/b:pull,push"]);
  const refused = registry.requests.filter(({ status }) => status === 401);
  // The first requests go out together, before anybody knows what the registry wants.
  assert.ok(refused.length <= 5, String(refused.length));
});

test("who is anonymous may pull what is open, and is told to log in otherwise", async (context) => {
  const image = await rawImages["a single image"]!();
  const registry = await startRegistry(context, {
    authorization: {
      ...bearer,
      grants: (who, name, action) => who !== undefined || (name === "open" && action === "pull"),
    },
  });
  for (const name of ["open", "closed"]) seed(registry.contents, name, "1", image);
  const client = observeRegistries(context);
  assert.equal(
    (await client.at(registry.host, "open").open({ tag: "1" })).digest,
    image.root.digest,
  );
  const denied = { code: "registry-denied", message: "wants credentials", hint: "log in" } as const;
  await refuses(() => client.at(registry.host, "closed").open({ tag: "1" }), denied);
  const raw = await openRaw(openWorkspace(context), image);
  await refuses(() => client.at(registry.host, "open").put(raw, { tag: "2" }), denied);
  assert.ok(registry.requests.length < 30, "nobody asks over and over");
});

test("a token that is good for one request is asked for anew each time", async (context) => {
  const authorization = { ...bearer, usesPerToken: 1 };
  const registry = await startRegistry(context, { authorization });
  const image = await rawImages["a single image"]!();
  seed(registry.contents, "a/b", "1", image);
  const repository = observeRegistries(context, { users: { [registry.host]: user } }).at(
    registry.host,
    "a/b",
  );
  for (let count = 0; count < 5; count++)
    assert.equal((await repository.resolve({ tag: "1" }))?.digest, image.root.digest);
});

test("wrong credentials are refused once, and not shown", async (context) => {
  for (const authorization of [bearer, { kind: "basic", ...user } as const]) {
    const registry = await startRegistry(context, { authorization });
    const wrong = { user: "climber", password: "wrong horse" };
    const client = observeRegistries(context, { users: { [registry.host]: wrong } });
    const denied = await refuses(() => client.at(registry.host, "a/b").open({ tag: "1" }), {
      code: "registry-denied",
      message: 'refuses the credentials of "climber"',
      hint: /./,
    });
    const told = JSON.stringify([denied.message, denied.hint, String(denied.cause), client.events]);
    assert.ok(!told.includes("wrong horse") && !told.includes(btoa("climber:wrong horse")));
    assert.ok(registry.requests.length <= 6, String(registry.requests.length));
    assert.deepEqual(client.waits, [], "there is nothing to wait for");
  }
});

test("a token that ends in the middle of an upload is renewed", async (context) => {
  const image = await imageOfSize(6 * 1024 * 1024);
  const uploads = /uploads/;
  for (const method of ["POST", "PATCH", "PUT"]) {
    const registry = await startRegistry(context, { authorization: bearer });
    registry.fault(
      { method, path: uploads },
      faults.meanwhile(() => registry.expireTokens()),
    );
    await pushAndPull(context, registry, image);
    const statuses = registry.requests
      .filter((request) => request.method === method && uploads.test(request.path))
      .map(({ status }) => status);
    assert.ok(statuses.includes(401), `${method}: ${statuses}`);
    assert.equal(registry.contents.sessions.size, 0);
  }
  const registry = await startRegistry(context, { authorization: bearer });
  registry.fault(
    { method: "GET", path: /blobs/, nth: 2 },
    faults.meanwhile(() => registry.expireTokens()),
  );
  registry.fault({ method: "GET", path: /blobs/, nth: 1 }, faults.breakAnswer(10));
  await pushAndPull(context, registry, image);
});

/** A storage server that wants to know who asks, or that is a stranger altogether. */
test("whoever a redirect leads to gets no credentials, also when asking for them", async (context) => {
  const image = await rawImages["a single image"]!();
  for (const authorization of [bearer, { kind: "basic", ...user } as const]) {
    const registry = await startRegistry(context, { authorization, storesElsewhere: true });
    const stranger = await startRegistry(context);
    seed(registry.contents, "a/b", "1", image);
    const client = () => observeRegistries(context, { users: { [registry.host]: user } });
    const pull = async () => {
      const layout = await createLayout(openWorkspace(context).path("pulled"));
      await layout.put(await client().at(registry.host, "a/b").open({ tag: "1" }));
    };
    await pull();
    assertDiscreet(registry);
    for (const challenge of ['Basic realm="storage"', `Bearer realm="${stranger.url}/token"`]) {
      registry.fault(
        { server: "storage", times: Infinity },
        faults.status(401, { "www-authenticate": challenge }),
      );
      await failure(pull);
      assertDiscreet(registry);
      registry.heal();
    }
    for (const code of [301, 302, 303, 307, 308]) {
      registry.fault(
        { method: "GET", path: /manifests/, times: Infinity },
        faults.redirect(({ path }) => `${stranger.url.replace("//", "//x:y@")}${path}`, code),
      );
      seed(stranger.contents, "a/b", "1", image);
      await pull();
      registry.heal();
    }
    assert.ok(stranger.requests.length > 0);
    assertStrange(stranger, registry);
  }
});

test("a registry whose first answer leads to another port has no credentials sent there", async (context) => {
  const image = await rawImages["a single image"]!();
  const registry = await startRegistry(context, { authorization: bearer });
  const stranger = await startRegistry(context);
  for (const { contents } of [registry, stranger]) seed(contents, "a/b", "1", image);
  registry.fault(
    { path: /^\/v2\/$/, times: Infinity },
    faults.redirect(({ path }) => `${stranger.url}${path}`),
  );
  const { at } = observeRegistries(context, { users: { [registry.host]: user } });
  await at(registry.host, "a/b").open({ tag: "1" });
  assert.ok(registry.requests.some(({ path }) => path.includes("/manifests/")));
  assert.ok(stranger.requests.every(({ path }) => path === "/v2/"));
  assertStrange(stranger, registry);
});

test("uploads and pages that lead to another host take no credentials along", async (context) => {
  const image = await imageOfSize(5 * 1024 * 1024);
  for (const authorization of [bearer, { kind: "basic", ...user } as const]) {
    const registry = await startRegistry(context, { authorization, uploadsElsewhere: true });
    await pushAndPull(context, registry, image);
    const stranger = await startRegistry(context);
    for (const method of ["PATCH", "PUT"])
      registry.fault(
        { server: "storage", method, times: Infinity },
        faults.redirect(({ path }) => `${stranger.url}${path}`),
      );
    registry.contents.repositories.clear();
    await failure(async () => pushAndPull(context, registry, image));
    assert.ok(stranger.requests.length > 0);
    registry.fault(
      { path: /tags/, times: Infinity },
      faults.withHeaders({ link: `<${stranger.url}/v2/a/b/tags/list?last=1>; rel="next"` }),
    );
    seed(registry.contents, "a/b", "1", image);
    const { at } = observeRegistries(context, { users: { [registry.host]: user } });
    const list = async () => {
      for await (const tag of at(registry.host, "a/b").tags()) assert.equal(tag, "1");
    };
    assert.equal((await failure(list)).code, "http-invalid");
    assertStrange(stranger, registry);
  }
});

test("a token server that fails, lies, or is hostile", async (context) => {
  const image = await rawImages["a single image"]!();
  const cases: readonly [faults.Fault, string, RegExp][] = [
    [faults.status(503), "", /./],
    [faults.status(429, { "retry-after": "3" }), "", /./],
    [faults.loseAnswer, "", /./],
    [faults.answerWith({ status: 200, body: Buffer.from("no JSON") }), "http-invalid", /token/],
    [faults.answerWith({ status: 200, body: Buffer.from("{}") }), "http-invalid", /token/],
    [
      faults.answerWith({ status: 200, body: Buffer.from('{"token":"a\\r\\nX-Evil: 1"}') }),
      "http-invalid",
      /token/,
    ],
    [
      faults.answerWith({ status: 403, body: Buffer.from("\u001b[2Jno") }),
      "registry-denied",
      /no$/,
    ],
    [faults.endless, "http-invalid", /token/],
  ];
  for (const [fault, code, message] of cases) {
    const registry = await startRegistry(context, { authorization: bearer });
    seed(registry.contents, "a/b", "1", image);
    registry.fault({ server: "token", times: code === "" ? 1 : Infinity }, fault);
    const client = observeRegistries(context, { users: { [registry.host]: user } });
    const open = () => client.at(registry.host, "a/b").open({ tag: "1" });
    if (code === "") {
      assert.equal((await open()).digest, image.root.digest);
      assert.equal(client.waits.length, 1);
    } else {
      const error = await failure(open);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(error.message, /[\u0000-\u001f]/);
    }
    assertDiscreet(registry, client.events);
  }
});

test("a registry that repeats what it was sent does not make bivy repeat it", async (context) => {
  for (const authorization of [bearer, { kind: "basic", ...user } as const]) {
    const registry = await startRegistry(context, { authorization });
    const client = observeRegistries(context, { users: { [registry.host]: user } });
    const repeat: faults.Fault = {
      instead: ({ headers }) =>
        headers.authorization === undefined
          ? undefined
          : {
              status: 500,
              headers: { "content-type": "application/json" },
              body: Buffer.from(
                JSON.stringify({ errors: [{ code: "UNKNOWN", message: headers.authorization }] }),
              ),
            },
    };
    registry.fault({ times: Infinity }, repeat);
    const error = await failure(() => client.at(registry.host, "a/b").open({ tag: "1" }));
    assert.equal(error.code, "http-status");
    const told = JSON.stringify([error.message, error.hint, String(error.cause), client.events]);
    for (const secret of registry.secrets()) assert.ok(!told.includes(secret), told);
  }
});

test(
  "over TLS, nothing goes on in the clear, and strangers are not trusted",
  needs({ tools: ["openssl"] }),
  async (context) => {
    const image = await rawImages["a single image"]!();
    const registry = await startRegistry(context, {
      secure: true,
      authorization: bearer,
      storesElsewhere: true,
      uploadsElsewhere: true,
    });
    const plain = await startRegistry(context);
    const trusting = { users: { [registry.host]: user }, authorities: registry.ca! };
    await pushAndPull(context, registry, image, trusting);
    const named = [registry.url, registry.tokenUrl, registry.storageUrl].map(
      (url) => new URL(url).host,
    );
    await pushAndPull(context, registry, image, { users: trusting.users, insecure: named });
    const open = (options: object) =>
      observeRegistries(context, options).at(registry.host, "a/b").open({ tag: "1" });
    await refuses(() => open({ users: trusting.users }), {
      code: "http-unreachable",
      message: /certificate/,
      hint: /--ca FILE.*--insecure/,
    });
    registry.fault(
      { path: /manifests/ },
      faults.redirect(({ path }) => `${plain.url}${path}`),
    );
    assert.equal((await failure(() => open(trusting))).code, "http-redirects");
    registry.heal();
    const raw = await openRaw(openWorkspace(context), await rawImages["zstd layers"]!());
    // A registry that does not know of a proxy before it names itself with http: it is asked over https.
    for (const [url, code] of [
      [plain.storageUrl, "http-redirects"],
      [plain.url, "http-unreachable"],
      ["ftp://localhost", "http-invalid"],
    ]) {
      const location = `${url}/v2/a/b/blobs/uploads/1`;
      registry.fault(
        { method: "POST", path: /uploads/, times: Infinity },
        faults.withHeaders({ location }),
      );
      const { at } = observeRegistries(context, trusting);
      assert.equal(
        (await failure(() => at(registry.host, "a/b").put(raw, { tag: "2" }))).code,
        code,
      );
      registry.heal();
    }
    assertStrange(plain, registry);
    assert.equal(plain.requests.filter(({ method }) => method !== "GET").length, 0);
  },
);

test("a registry on loopback that speaks no TLS is asked in the clear", async (context) => {
  const registry = await startRegistry(context);
  const image = await rawImages["a single image"]!();
  seed(registry.contents, "a/b", "1", image);
  for (const host of [registry.host, registry.host.replace("127.0.0.1", "localhost")]) {
    const found = await observeRegistries(context).at(host, "a/b").resolve({ tag: "1" });
    assert.equal(found?.digest, image.root.digest);
  }
});
