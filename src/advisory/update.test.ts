/** Updates of a database: what is fetched, what is kept, and that nothing good is lost. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, mkdirSync, writeFileSync, utimesSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { BivyError, bytesContent, defaultLimits, encodeText } from "../base/index.ts";
import {
  compareDatabases,
  firstSeenOf,
  folderSource,
  openDatabase,
  openDatabaseStore,
  updateDatabase,
  type AdvisoryDatabase,
  type FeedSource,
  type UpdateOptions,
  type UpdateResult,
} from "./index.ts";

const limits = defaultLimits;
const day = 86_400;
const now = Date.parse("2026-11-30T12:00:00Z") / 1000;

function secdbText(
  branch: string,
  repository: string,
  fixes: Readonly<Record<string, readonly string[]>>,
) {
  return JSON.stringify({
    distroversion: branch,
    reponame: repository,
    archs: ["x86_64"],
    packages: [{ pkg: { name: "openssl", secfixes: fixes } }],
  });
}

const releases = JSON.stringify({
  latest_stable: "v3.20",
  release_branches: [
    { rel_branch: "v3.20", eol_date: "2026-04-01", repos: [{ name: "main" }] },
    { rel_branch: "v3.19", eol_date: "2025-11-01" },
  ],
});
const kev = JSON.stringify({
  vulnerabilities: [{ cveID: "CVE-2024-9143", dateAdded: "2024-11-01" }],
});
const epss = "cve,epss,percentile\nCVE-2024-9143,0.5,0.97\nCVE-1999-0001,0.1,0.9\n";

const files: Readonly<Record<string, string>> = {
  "releases.json": releases,
  "v3.19/main.json": secdbText("v3.19", "main", { "3.1.7-r1": ["CVE-2024-9143"] }),
  "v3.20/main.json": secdbText("v3.20", "main", { "3.3.2-r1": ["CVE-2024-9143"] }),
  "known_exploited_vulnerabilities.json": kev,
  "epss_scores-current.csv.gz": epss,
};

/** A source in memory; a file that is an error fails. */
function sourceOf(
  texts: Readonly<Record<string, string | Error>>,
  fetched = now,
): FeedSource & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    subject: "memory",
    asked,
    async fetch({ url }) {
      const name = Object.keys(texts).find((each) => url.endsWith(each));
      asked.push(url);
      if (name === undefined) return undefined;
      const text = texts[name]!;
      if (typeof text !== "string") throw text;
      return { content: bytesContent(encodeText(text)), url, fetched };
    },
    listBranches: async () => undefined,
  };
}

async function update(
  texts: Readonly<Record<string, string | Error>>,
  options: Partial<UpdateOptions> = {},
): Promise<UpdateResult & { readonly database: AdvisoryDatabase }> {
  const time = options.now ?? now;
  const result = await updateDatabase(sourceOf(texts, time), { limits, now: time, ...options });
  return { ...result, database: await openDatabase(result.image, limits, "test") };
}

test("a database has what its source has, each part with its age", async () => {
  const { database, failures } = await update(files);
  assert.deepEqual(failures, []);
  assert.deepEqual(database.branches, ["v3.20", "v3.19"]);
  assert.deepEqual(
    database.feeds.map(({ name, branch, entries, fetched }) => [name, branch, entries, fetched]),
    [
      ["secdb", "v3.20", 1, now],
      ["secdb", "v3.19", 1, now],
      ["releases", undefined, 2, now],
      ["kev", undefined, 1, now],
      ["epss", undefined, 1, now],
    ],
  );
  const branch = await database.branch("v3.19");
  assert.equal(branch!.of("openssl")!.holdingFor("1-r0")[0]!.fixed, "3.1.7-r1");
  assert.equal(await database.branch("v3.18"), undefined);
  const ranking = await database.ranking();
  assert.deepEqual(ranking.epss("CVE-2024-9143"), { probability: 0.5, percentile: 0.97 });
  assert.equal(ranking.epss("CVE-1999-0001"), undefined, "secdb does not name it");
  assert.deepEqual(ranking.kev("CVE-2024-9143"), { added: "2024-11-01", ransomware: false });
  assert.equal(ranking.severity("CVE-2024-9143"), undefined);
});

test("a file that is of another branch than its URL says is not taken", async () => {
  const mixed = { ...files, "v3.19/main.json": files["v3.20/main.json"]! };
  const { database, failures } = await update(mixed);
  assert.deepEqual(database.branches, ["v3.20"]);
  assert.deepEqual(
    failures.map(({ branch, message, kept }) => [branch, message, kept]),
    [
      [
        "v3.19",
        "https://secdb.alpinelinux.org/v3.19/main.json: expected main of v3.19, found main of v3.20",
        false,
      ],
    ],
  );
});

test("the same feeds make the same database", async () => {
  const [a, b] = [await update(files), await update(files)];
  assert.equal(a.image.digest, b.image.digest);
});

test("what cannot be had is kept from before, with its own age", async () => {
  const before = (await update(files)).database;
  const broken = {
    ...files,
    "v3.19/main.json": new BivyError("http-unreachable", "no route to host"),
    "v3.20/main.json": "<html>",
    "epss_scores-current.csv.gz": new BivyError("http-status", "503"),
  };
  const { database, failures } = await update(broken, { before, now: now + day });
  assert.deepEqual(
    failures.map(({ feed, branch, kept, message }) => [feed, branch, kept, message.slice(0, 16)]),
    [
      ["secdb", "v3.19", true, "no route to host"],
      ["secdb", "v3.20", true, "https://secdb.al"],
      ["epss", undefined, true, "503"],
    ],
  );
  const ages = database.feeds.map(({ name, branch, fetched }) => [name, branch, fetched - now]);
  assert.deepEqual(ages, [
    ["secdb", "v3.20", 0],
    ["secdb", "v3.19", 0],
    ["releases", undefined, day],
    ["kev", undefined, day],
    ["epss", undefined, 0],
  ]);
  assert.equal((await database.ranking()).epss("CVE-2024-9143")?.probability, 0.5);
});

test("without one file of secdb there is no database", async () => {
  const texts = { "releases.json": releases };
  await assert.rejects(update(texts), { code: "advisories-missing" });
  const failing = { ...texts, "v3.19/main.json": new BivyError("http-unreachable", "no route") };
  await assert.rejects(update(failing), { code: "advisories-missing", message: "no route" });
  await assert.rejects(update({}), { code: "advisories-missing" });
});

test("a branch that was asked for must be there", async () => {
  await assert.rejects(update(files, { branches: ["v3.19", "v9.99"] }), {
    code: "advisories-missing",
    message: /^v9\.99:/,
  });
});

test("branches that were not asked for are kept from before", async () => {
  const before = (await update(files)).database;
  const { database } = await update(files, { before, branches: ["v3.19"], now: now + day });
  assert.deepEqual(
    database.feeds
      .filter(({ name }) => name === "secdb")
      .map(({ branch, fetched }) => [branch, fetched - now]),
    [
      ["v3.19", day],
      ["v3.20", 0],
    ],
  );
});

test("an interruption is none of a feed's failures", async () => {
  const texts = { ...files, "v3.19/main.json": new BivyError("aborted", "interrupted") };
  await assert.rejects(update(texts, { before: (await update(files)).database }), {
    code: "aborted",
  });
});

test("rows that are new have the day, and keep it", async () => {
  const before = (await update(files)).database;
  const more = {
    ...files,
    "v3.19/main.json": secdbText("v3.19", "main", {
      "3.1.7-r1": ["CVE-2024-9143"],
      "3.1.8-r0": ["CVE-2024-13176"],
    }),
  };
  const row = (fixed: string, id: string) => ({
    branch: "v3.19",
    repository: "main",
    origin: "openssl",
    fixed,
    id,
  });
  const second = (await update(more, { before, now: now + day })).database;
  const third = (await update(more, { before: second, now: now + 9 * day })).database;
  for (const database of [second, third]) {
    const history = await database.history();
    assert.equal(firstSeenOf(history, row("3.1.8-r0", "CVE-2024-13176")), "2026-12-01");
    assert.equal(firstSeenOf(history, row("3.1.7-r1", "CVE-2024-9143")), undefined);
  }
  const { added, withdrawn } = await compareDatabases(before, third);
  assert.deepEqual(added, [
    {
      branch: "v3.19",
      repository: "main",
      origin: "openssl",
      version: "3.1.8-r0",
      ids: ["CVE-2024-13176"],
    },
  ]);
  assert.deepEqual(withdrawn, []);
  const back = await compareDatabases(third, before);
  assert.deepEqual([back.added, back.withdrawn], [withdrawn, added]);
});

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bivy-advisories-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a folder mirrors the feeds, also with secdb in a folder of its own", async (context) => {
  for (const prefix of ["", "secdb/"]) {
    const folder = temporaryFolder(context);
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, name.includes("/") ? `${prefix}${name}` : name);
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, text);
      utimesSync(path, now, now);
    }
    const { image, failures } = await updateDatabase(await folderSource(folder), { limits, now });
    assert.deepEqual(failures, []);
    const database = await openDatabase(image, limits);
    assert.deepEqual(database.branches, ["v3.20", "v3.19"]);
    assert.ok(database.feeds.every(({ fetched }) => fetched === now));
    assert.equal((await database.ranking()).epss("CVE-2024-9143")?.probability, 0.5);
  }
});

test("a folder without a list of releases has the branches of its folders", async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "v3.19"));
  mkdirSync(join(folder, "notes"));
  writeFileSync(join(folder, "v3.19", "main.json"), files["v3.19/main.json"]!);
  const { image } = await updateDatabase(await folderSource(folder), { limits, now });
  assert.deepEqual((await openDatabase(image, limits)).branches, ["v3.19"]);
});

test("the store keeps the current database and the one before", async (context) => {
  const path = join(temporaryFolder(context), "advisories");
  const store = openDatabaseStore(path, limits);
  assert.equal(await store.current(), undefined);
  const images: UpdateResult["image"][] = [];
  for (const version of ["3.1.7-r1", "3.1.7-r2", "3.1.7-r3"]) {
    const text = secdbText("v3.19", "main", { [version]: ["CVE-2024-9143"] });
    const { image } = await update({ ...files, "v3.19/main.json": text });
    await openDatabaseStore(path, limits).put(image);
    images.push(image);
  }
  const again = openDatabaseStore(path, limits);
  assert.equal((await again.current())!.digest, images[2]!.digest);
  assert.equal((await again.previous())!.digest, images[1]!.digest);
  const blobs = readdirSync(join(path, "blobs", "sha256"));
  assert.ok(blobs.includes(images[1]!.digest.slice(7)));
  assert.ok(!blobs.includes(images[0]!.digest.slice(7)), "the oldest is collected");
});

test("an update that fails leaves the current database as it was", async (context) => {
  const path = join(temporaryFolder(context), "advisories");
  const { image } = await update(files);
  await openDatabaseStore(path, limits).put(image);
  const other = (
    await update({
      ...files,
      "v3.19/main.json": secdbText("v3.19", "main", { "9-r0": ["CVE-2024-9143"] }),
    })
  ).image;
  const failing = {
    ...other,
    blob: (descriptor: Parameters<typeof other.blob>[0]) => ({
      ...other.blob(descriptor),
      // oxlint-disable-next-line require-yield
      async *chunks(): AsyncGenerator<Uint8Array> {
        throw new BivyError("io-failed", "cut off");
      },
    }),
  };
  await assert.rejects(openDatabaseStore(path, limits).put(failing), { code: "io-failed" });
  assert.equal((await openDatabaseStore(path, limits).current())!.digest, image.digest);
});

test("what is another artifact is refused", async () => {
  const { image } = await update(files);
  const other = {
    ...image,
    manifest: async () => ({ ...(await image.manifest()), artifactType: "x" }),
  };
  await assert.rejects(openDatabase(other, limits), { code: "advisories-invalid" });
});
