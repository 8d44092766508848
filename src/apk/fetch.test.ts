import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { servePackages, type PackageServer } from "../../test/package-server.ts";
import { flipped } from "../../test/package-parts.ts";
import { failure, refuses } from "../../test/refusals.ts";
import { install, temporaryFolder, textAt } from "../../test/root-installation.ts";
import {
  makeRepository,
  sampleKey,
  writeRepository,
  type SampleKey,
  type SamplePackage,
} from "../../test/signed-repository.ts";
import { defaultLimits as limits, isBivyError, type BivyEvent } from "../base/index.ts";
import { createHttpClient, openCache, type HttpClientOptions } from "../http/index.ts";
import { TreeRoot } from "../tree/index.ts";
import {
  addressIn,
  fetchPackage,
  fetchPackages,
  loadIndex,
  type Access,
  type LoadedIndex,
} from "./fetch.ts";
import { parseKey, type Keyring } from "./keyring.ts";
import { changePackage, packageLabel } from "./package.ts";
import { verifyPackage } from "./package-file.ts";
import { repositoryAt } from "./repositories.ts";

const world: readonly SamplePackage[] = [
  { name: "base", files: { "etc/base": "base\n" } },
  { name: "library", files: { "usr/lib/library.so": "library\n".repeat(500) } },
  { name: "app", files: { "usr/bin/app": "app\n", "usr/share/app": "0123456789".repeat(900) } },
];

const keyringOf = ({ key, publicPem }: SampleKey): Keyring => ({
  keys: [parseKey(key.name, publicPem)],
});
const keyring = keyringOf(sampleKey());

interface OpenAccess extends Access {
  readonly seen: BivyEvent[];
  readonly folder: string;
}

function openAccess(
  context: TestContext,
  options: HttpClientOptions = {},
  folder = temporaryFolder(context),
): OpenAccess {
  const seen: BivyEvent[] = [];
  const events = (event: BivyEvent) => void seen.push(event);
  const wait = () => Promise.resolve();
  const client = createHttpClient({ environment: {}, retries: 1, wait, events, ...options });
  context.after(() => client.close());
  return { client, cache: openCache(folder), limits, events, seen, folder };
}

const archs = ["x86_64", "aarch64"];

function twoArchs(key = sampleKey()) {
  return new Map(
    archs.flatMap((arch) => [
      ...makeRepository(
        world.map((each) => ({ ...each, arch })),
        key,
      ),
    ]),
  );
}

function addressesOf({ repository, packages }: LoadedIndex, arch: string) {
  return packages.map((each) => addressIn(repository, arch, each));
}

function findPackage(index: LoadedIndex, name: string, arch = "x86_64") {
  return addressesOf(index, arch).find((address) => address.package.name === name)!;
}

/** The files of the cache that hold bytes, not metadata. */
function cachedFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "entry.json")
    .map((entry) => join(entry.parentPath, entry.name));
}

test("a repository in a folder and one on a server, for two architectures", async (context) => {
  const files = twoArchs();
  const folder = writeRepository(temporaryFolder(context), files);
  const server = await servePackages(context, files);
  for (const url of [folder, `file://${folder}/`, server.url, `${server.url}/`])
    for (const arch of archs) {
      const access = openAccess(context);
      const index = await loadIndex(repositoryAt(url), arch, keyring, access);
      assert.deepEqual(index.packages.map(packageLabel), [
        "base-1.0-r0",
        "library-1.0-r0",
        "app-1.0-r0",
      ]);
      assert.ok(index.packages.every((each) => each.arch === arch));
      assert.equal(
        index.location,
        `${url.replace("file://", "").replace(/\/$/, "")}/${arch}/APKINDEX.tar.gz`,
      );
      assert.deepEqual(
        access.seen.filter(({ type }) => type === "verified" || type === "warning"),
        [
          {
            type: "verified",
            link: "index",
            subject: index.location,
            detail: "3 packages, RSA256 signature by sample.rsa.pub",
          },
        ],
      );
      const sources = await fetchPackages(addressesOf(index, arch), access);
      const trust = { by: "signature", keyring } as const;
      const infos = await Promise.all(
        sources.map((source) => verifyPackage(source, trust, limits)),
      );
      assert.deepEqual(
        infos.map(({ name, arch: of }) => `${name} ${of}`),
        world.map(({ name }) => `${name} ${arch}`),
      );
    }
});

test("an index without trust is taken with a warning", async (context) => {
  const server = await servePackages(context, twoArchs());
  const access = openAccess(context);
  const { verified } = await loadIndex(repositoryAt(server.url), "x86_64", undefined, access);
  assert.equal(verified, undefined);
  const warning = access.seen.find(({ type }) => type === "warning");
  assert.deepEqual(warning, {
    type: "warning",
    text: `${server.url}/x86_64/APKINDEX.tar.gz: taken without a signature that is trusted`,
    hint: "Anyone between you and the repository can change what you install.",
  });
});

test("an index that is not there", async (context) => {
  const server = await servePackages(context, new Map());
  const missing = join(temporaryFolder(context), "nowhere");
  await refuses(() => loadIndex(repositoryAt(missing), "x86_64", keyring, openAccess(context)), {
    code: "file-not-found",
    message: `${missing}/x86_64/APKINDEX.tar.gz: reading failed: no such file or folder`,
    hint: "Check the path, which should end before the architecture, and whether the repository has x86_64.",
  });
  await refuses(() => loadIndex(repositoryAt(server.url), "x86_64", keyring, openAccess(context)), {
    code: "http-not-found",
    message: "APKINDEX.tar.gz",
    hint: "",
  });
});

test("a package that a mirror has dropped, or a folder lacks", async (context) => {
  const files = twoArchs();
  const server = await servePackages(context, files);
  const folder = writeRepository(temporaryFolder(context), files);
  const access = openAccess(context);
  const remote = await loadIndex(repositoryAt(server.url), "x86_64", keyring, access);
  server.files.delete("x86_64/library-1.0-r0.apk");
  rmSync(join(folder, "x86_64/library-1.0-r0.apk"));
  const error = await refuses(() => fetchPackages(addressesOf(remote, "x86_64"), access), {
    code: "package-unavailable",
    message: `library-1.0-r0: ${server.url}/x86_64/library-1.0-r0.apk is not there (404), though the index names it`,
    hint: "Mirrors drop old revisions. Refresh the index or the lock; to keep builds repeatable, keep the packages: bivy lock --vendor DIR.",
  });
  assert.ok(isBivyError(error.cause, "http-not-found"));
  const local = await loadIndex(repositoryAt(folder), "x86_64", keyring, access);
  await refuses(() => fetchPackages(addressesOf(local, "x86_64"), access), {
    code: "file-not-found",
    message: `${folder}/x86_64/library-1.0-r0.apk: reading failed`,
    hint: "The index names library-1.0-r0, but its file is not beside it; make the index anew.",
  });
});

test("a server that fails in other ways is not taken for one that lacks the package", async (context) => {
  const server = await servePackages(context, twoArchs());
  const access = openAccess(context);
  const index = await loadIndex(repositoryAt(server.url), "x86_64", keyring, access);
  for (const [status, code] of [
    [403, "http-status"],
    [429, "http-throttled"],
    [500, "http-status"],
  ] as const) {
    server.misbehave("app-1.0-r0.apk", (response) => void response.writeHead(status).end());
    const error = await failure(() => fetchPackage(findPackage(index, "app"), access));
    assert.equal(error.code, code, `${status}: ${error.message}`);
    assert.match(error.message, /^app-1\.0-r0: /);
  }
});

test("a package of another size than the index says", async (context) => {
  const server = await servePackages(context, twoArchs());
  const access = openAccess(context);
  const index = await loadIndex(repositoryAt(server.url), "x86_64", keyring, access);
  const address = findPackage(index, "app");
  for (const [difference, how] of [
    [1, "more"],
    [-1, "less"],
  ] as const) {
    const wrong = {
      ...address,
      package: changePackage(address.package, { size: address.package.size + difference }),
    };
    const error = await failure(() => fetchPackage(wrong, access));
    assert.ok(
      isBivyError(error, "http-invalid", "http-truncated"),
      `${how}: ${error.code} ${error.message}`,
    );
    assert.match(error.message, /app-1\.0-r0: .*\d+ bytes/);
    assert.ok((error.hint ?? "") !== "", error.message);
  }
  await fetchPackage(address, access);
});

async function installApp(server: PackageServer, access: Access): Promise<TreeRoot> {
  const root = new TreeRoot();
  const index = await loadIndex(repositoryAt(server.url), "x86_64", keyring, access);
  const sources = await fetchPackages(addressesOf(index, "x86_64"), access);
  await install(
    root,
    index.packages.map((each, at) => ({
      package: each,
      source: sources[at]!,
      trust: { by: "identity", identity: each.identity },
    })),
  );
  return root;
}

const apps = (server: PackageServer) =>
  server.requests.filter((path) => path.endsWith("/app-1.0-r0.apk")).length;

test("false bytes of a package are thrown out of the cache, so that the next try works", async (context) => {
  const server = await servePackages(context, twoArchs());
  const good = server.files.get("x86_64/app-1.0-r0.apk")!;
  const access = openAccess(context);
  const places = [
    good.length - 20,
    good.length >> 1,
    good.indexOf(Buffer.from([0x1f, 0x8b, 0x08]), 1) + 4,
  ];
  for (const at of places) {
    server.files.set("x86_64/app-1.0-r0.apk", Buffer.from(flipped(good, at)));
    const error = await failure(() => installApp(server, access));
    assert.ok(
      isBivyError(
        error,
        "identity-mismatch",
        "datahash-mismatch",
        "checksum-mismatch",
        "gzip-invalid",
      ),
      `${at}: ${error.code}`,
    );
    server.files.set("x86_64/app-1.0-r0.apk", good);
    const before = apps(server);
    assert.equal(await textAt(await installApp(server, access), "usr/bin/app"), "app\n");
    assert.equal(apps(server), before + 1, "it was fetched anew");
    await installApp(server, access);
    assert.equal(apps(server), before + 1, "it was fetched again");
    // The next round begins without it.
    await access.cache.remove(
      `package ${(await loadIndex(repositoryAt(server.url), "x86_64", keyring, access)).packages[2]!.identity}`,
    );
  }
});

test("an index that does not verify is thrown out, also when the server says it is current", async (context) => {
  const server = await servePackages(context, twoArchs());
  const good = server.files.get("x86_64/APKINDEX.tar.gz")!;
  server.misbehave("APKINDEX.tar.gz", (response, bytes, request) => {
    const headers = { etag: '"always the same"', "content-length": bytes.byteLength };
    if (request.headers["if-none-match"] === undefined) response.writeHead(200, headers).end(bytes);
    else response.writeHead(304, { etag: headers.etag }).end();
  });
  const access = openAccess(context);
  // Also under a URL that is written in another way than it is asked for.
  for (const url of [server.url, server.url.replace("http://127", "HTTP://user:word@127")]) {
    server.files.set("x86_64/APKINDEX.tar.gz", Buffer.from(flipped(good, good.length - 6)));
    await failure(() => loadIndex(repositoryAt(url), "x86_64", keyring, access));
    server.files.set("x86_64/APKINDEX.tar.gz", good);
    assert.equal(
      (await loadIndex(repositoryAt(url), "x86_64", keyring, access)).packages.length,
      3,
      url,
    );
    assert.equal(
      (await loadIndex(repositoryAt(url), "x86_64", keyring, access)).packages.length,
      3,
      url,
    );
  }
});

test("offline, an index whose key is missing stays for the day that it is there", async (context) => {
  const server = await servePackages(context, twoArchs());
  const online = openAccess(context);
  await loadIndex(repositoryAt(server.url), "x86_64", keyring, online);
  const offline = openAccess(context, { offline: true }, online.folder);
  const others = keyringOf(sampleKey("other.rsa.pub"));
  await refuses(() => loadIndex(repositoryAt(server.url), "x86_64", others, offline), {
    code: "key-unknown",
    message: "signed by sample.rsa.pub, which is not in the keyring",
    hint: "Get the key",
  });
  assert.equal(
    (await loadIndex(repositoryAt(server.url), "x86_64", keyring, offline)).packages.length,
    3,
  );
});

test("a cached file that was damaged on disk is fetched anew, and offline it is refused", async (context) => {
  const server = await servePackages(context, twoArchs());
  const access = openAccess(context);
  await installApp(server, access);
  const damage = () => {
    for (const path of cachedFiles(access.folder)) {
      const bytes = readFileSync(path);
      writeFileSync(path, flipped(bytes, bytes.length >> 1));
    }
  };
  damage();
  const before = apps(server);
  assert.equal(await textAt(await installApp(server, access), "usr/bin/app"), "app\n");
  assert.equal(apps(server), before + 1);
  damage();
  await refuses(() => installApp(server, openAccess(context, { offline: true }, access.folder)), {
    code: "cache-corrupt",
    message: "the cached copy is damaged",
    hint: "Run it once without --offline",
  });
});

test("offline, what is cached is enough, and what is not is named", async (context) => {
  const server = await servePackages(context, twoArchs());
  const access = openAccess(context);
  await installApp(server, access);
  const offline = openAccess(context, { offline: true }, access.folder);
  const count = server.requests.length;
  assert.equal(await textAt(await installApp(server, offline), "usr/bin/app"), "app\n");
  assert.equal(server.requests.length, count);
  await refuses(() => loadIndex(repositoryAt(server.url), "aarch64", keyring, offline), {
    code: "offline",
    message: `${server.url}/aarch64/APKINDEX.tar.gz: not in the cache, and bivy is offline`,
    hint: "Run it once without --offline to fill the cache.",
  });
});

test("packages without an identity do not share one place in the cache", async (context) => {
  const server = await servePackages(context, twoArchs());
  const access = openAccess(context);
  const index = await loadIndex(repositoryAt(server.url), "x86_64", undefined, access);
  const sources = await fetchPackages(
    addressesOf(index, "x86_64").map((address) => ({
      ...address,
      package: changePackage(address.package, { identity: "", size: 0 }),
    })),
    access,
  );
  const infos = await Promise.all(
    sources.map((source) => verifyPackage(source, { by: "nothing" }, limits)),
  );
  assert.deepEqual(
    infos.map(({ name }) => name),
    ["base", "library", "app"],
  );
  await refuses(() => verifyPackage(sources[0]!, { by: "identity", identity: "" }, limits), {
    code: "identity-mismatch",
    message: "that its index names",
    hint: "Refresh the index",
  });
});

test("an index cannot send the fetcher elsewhere", async (context) => {
  const repository = repositoryAt("https://packages.example/stable");
  const server = await servePackages(context, twoArchs());
  const index = await loadIndex(repositoryAt(server.url), "x86_64", keyring, openAccess(context));
  for (const [name, version] of [
    ["../../evil", "1"],
    ["a", "1/../../../evil"],
    ["a?x", "1"],
    ["a#", "1"],
    ["", "1"],
  ] as const)
    await refuses(
      () => addressIn(repository, "x86_64", changePackage(index.packages[0]!, { name, version })),
      {
        code: "index-invalid",
        message: "https://packages.example/stable/x86_64/APKINDEX.tar.gz:",
        hint: "tell the repository's owner",
      },
    );
});

test("an index may have so many bytes", async (context) => {
  const server = await servePackages(context, twoArchs());
  const folder = writeRepository(temporaryFolder(context), server.files);
  const size = statSync(join(folder, "x86_64/APKINDEX.tar.gz")).size;
  for (const url of [server.url, folder]) {
    const access = { ...openAccess(context), limits: { ...limits, "index-size": size - 1 } };
    const error = await failure(() => loadIndex(repositoryAt(url), "x86_64", keyring, access));
    assert.equal(error.code, "limit-exceeded", error.message);
    assert.ok((error.hint ?? "") !== "");
  }
});

test("one failure stops the other downloads", async (context) => {
  const server = await servePackages(context, twoArchs());
  const access = openAccess(context);
  const index = await loadIndex(repositoryAt(server.url), "x86_64", keyring, access);
  server.misbehave("base-1.0-r0.apk", () => true);
  server.misbehave("app-1.0-r0.apk", (response) => void response.writeHead(404).end());
  await refuses(() => fetchPackages(addressesOf(index, "x86_64"), access), {
    code: "package-unavailable",
    message: "app-1.0-r0",
    hint: "Mirrors drop old revisions",
  });
  assert.deepEqual(readdirSync(join(access.folder, "tmp")), [], "a download goes on");
  const stop = new AbortController();
  const waiting = fetchPackage(findPackage(index, "base"), { ...access, signal: stop.signal });
  stop.abort();
  await refuses(() => waiting, { code: "aborted", message: "base-1.0-r0", hint: "" });
});
