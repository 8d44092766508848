/** The known faults of other scanners, each of which must not happen here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { layeredImage } from "../../test/layered-root.ts";
import { createInstalled, createPackage, formatInstalled } from "../apk/index.ts";
import { encodeName, encodeText } from "../base/index.ts";
import { readInventory } from "../inventory/index.ts";
import { subjectOfInventory } from "./index.ts";
import {
  now,
  rowsOf,
  sampleDatabase,
  samplePackage,
  sampleSubject,
  scanSample,
} from "./sample-scan.test.ts";

const alpine = "https://dl-cdn.alpinelinux.org/alpine";

test("a package of the same name from another source is not meant: advisories go by origin", async () => {
  const rows = {
    "v3.19/main": {
      flock: { "9.9-r0": ["CVE-2019-15903"] },
      jmespath: { "9-r0": ["CVE-2022-32511"] },
    },
  };
  const report = await scanSample(
    sampleSubject(["flock 2.39-r0 util-linux", "py3-jmespath 1.0.1-r2 py3-jmespath"]),
    rows,
  );
  assert.deepEqual(rowsOf(report), []);
  assert.deepEqual(report.noFixData, ["flock", "py3-jmespath"]);
});

test("a row whose version is none makes no finding, and does not look like a clean result", async () => {
  const rows = { "v3.19/community": { docker: { "20.10.11.r0": ["CVE-2021-41190"] } } };
  const report = await scanSample(sampleSubject(["docker-cli 20.10.1-r0 docker"]), rows);
  assert.deepEqual(rowsOf(report), []);
  assert.deepEqual(report.unreadable, [
    { origin: "docker", version: "20.10.11.r0", ids: ["CVE-2021-41190"], repository: "community" },
  ]);
  assert.deepEqual(report.noFixData, []);
  const warned = report.warnings.find(({ code }) => code === "unreadable-version");
  assert.match(
    warned!.text,
    /docker-cli 20\.10\.1-r0 may be vulnerable: 20\.10\.11\.r0, .* mended CVE-2021-41190$/,
  );
  for (const mended of ["20.10.11-r0", "20.10.12-r0", "26.0.0-r1"]) {
    const { warnings } = await scanSample(sampleSubject([`docker-cli ${mended} docker`]), rows);
    assert.ok(!warnings.some(({ code }) => code === "unreadable-version"), mended);
  }
});

test("two streams of one source are two origins", async () => {
  const rows = {
    "v3.19/main": {
      openssl: { "3.1.7-r1": ["CVE-2024-9143"] },
      "openssl1.1-compat": { "1.1.1w-r0": ["CVE-2023-3817"] },
    },
  };
  const report = await scanSample(
    sampleSubject(["libcrypto3 3.1.7-r0 openssl", "libcrypto1.1 1.1.1w-r1 openssl1.1-compat"]),
    rows,
  );
  assert.deepEqual(rowsOf(report), ["CVE-2024-9143 libcrypto3 3.1.7-r1"]);
});

test("a branch is known as soon as there is data of it", async () => {
  const rows = { "v9.99/main": { curl: { "99.0-r0": ["CVE-2030-12345"] } } };
  const subject = sampleSubject(["curl 98.0-r0"], { release: "9.99.1" });
  assert.deepEqual(rowsOf(await scanSample(subject, rows)), ["CVE-2030-12345 curl 99.0-r0"]);
});

test("community counts as main does", async () => {
  const rows = {
    "v3.19/main": { curl: { "8.9-r0": ["CVE-2024-11111"] } },
    "v3.19/community": { nodejs: { "20.15.1-r0": ["CVE-2024-22020"] } },
  };
  const report = await scanSample(sampleSubject(["nodejs 20.12.0-r0"]), rows);
  assert.deepEqual(rowsOf(report), ["CVE-2024-22020 nodejs 20.15.1-r0"]);
  assert.equal(report.findings[0]!.repository, "community");
});

test("a package that a higher layer removed is not installed", async () => {
  const database = (names: readonly string[]) =>
    encodeName(
      formatInstalled(
        names.map((name) =>
          createInstalled(createPackage({ name, version: "1-r0", origin: name })),
        ),
      ),
    );
  const image = await layeredImage([
    {
      createdBy: "ADD",
      files: {
        "lib/apk/db/installed": database(["curl", "busybox"]),
        "etc/os-release": "ID=alpine\nVERSION_ID=3.19.4\n",
      },
    },
    { createdBy: "RUN apk del curl", files: { "lib/apk/db/installed": database(["busybox"]) } },
  ]);
  const subject = subjectOfInventory(await readInventory({ kind: "image", image }));
  const rows = {
    "v3.19/main": { curl: { "2-r0": ["CVE-2024-11111"] }, busybox: { "2-r0": ["CVE-2024-22222"] } },
  };
  assert.deepEqual(rowsOf(await scanSample(subject, rows)), ["CVE-2024-22222 busybox 2-r0"]);
});

test("the database of packages is found where lib is a link", async () => {
  const text = formatInstalled([createInstalled(createPackage({ name: "curl", version: "1-r0" }))]);
  const image = await layeredImage([
    {
      createdBy: "ADD",
      files: {
        "usr/lib/apk/db/installed": encodeText(text),
        "etc/os-release": "ID=alpine\nVERSION_ID=3.19.4\n",
      },
    },
  ]);
  const subject = subjectOfInventory(await readInventory({ kind: "image", image }));
  const report = await scanSample(subject, {
    "v3.19/main": { curl: { "2-r0": ["CVE-2024-11111"] } },
  });
  assert.deepEqual(rowsOf(report), ["CVE-2024-11111 curl 2-r0"]);
});

const twoBranches = {
  "v3.19/main": { curl: { "8.5-r1": ["CVE-2024-11111"] } },
  "edge/main": { curl: { "8.10-r0": ["CVE-2024-22222"] } },
};

test("a line of edge does not make an image one of edge", async () => {
  const repositories = [{ url: `${alpine}/v3.19/main` }, { url: `${alpine}/edge/testing` }];
  const report = await scanSample(sampleSubject(["curl 8.5-r0"], { repositories }), twoBranches);
  assert.equal(report.branch, "v3.19");
  assert.deepEqual(rowsOf(report), ["CVE-2024-11111 curl 8.5-r1"]);
  assert.ok(report.warnings.some(({ code }) => code === "mixed-branches"));
});

test("a package that came from edge is judged by edge, and no other is", async () => {
  const fromEdge = samplePackage("curl 8.5-r0", {
    repository: { branch: "edge", name: "main", evidence: "tag" },
  });
  const report = await scanSample(sampleSubject([fromEdge, "libcurl 8.5-r0 curl"]), twoBranches);
  assert.deepEqual(rowsOf(report), [
    "CVE-2024-11111 libcurl 8.5-r1",
    "CVE-2024-22222 curl 8.10-r0",
  ]);
  assert.deepEqual(
    report.feeds.map(({ branch }) => branch),
    ["v3.19", "edge"],
  );
});

test("a snapshot of edge is judged by edge", async () => {
  for (const release of ["3.22.0_alpha20250108", "3.21_alpha20240807"]) {
    const report = await scanSample(sampleSubject(["curl 8.9-r0"], { release }), twoBranches);
    assert.equal(report.branch, "edge");
    assert.deepEqual(rowsOf(report), ["CVE-2024-22222 curl 8.10-r0"]);
  }
});

test("v3.19 is looked up for 3.19.4, and never v3.19.4", async () => {
  const report = await scanSample(
    sampleSubject(["curl 8.5-r0"], { release: "3.19.4" }),
    twoBranches,
  );
  assert.equal(report.branch, "v3.19");
});

test("versions are in apk's order", async () => {
  const cases = [
    ["1.9-r0", "1.10-r0", true],
    ["1.10-r0", "1.9-r0", false],
    ["1.0-r9", "1.0-r10", true],
    ["1.0-r10", "1.0-r9", false],
    ["1.1.1d-r2", "1.1.1g-r0", true],
    ["1.0_rc1-r0", "1.0-r0", true],
    ["1.0_p1-r0", "1.0-r0", false],
    ["1.0_git20240101-r0", "1.0-r0", false],
    ["1.0-r0", "1.0-r0", false],
  ] as const;
  for (const [installed, fixed, vulnerable] of cases) {
    const rows = { "v3.19/main": { x: { [fixed]: ["CVE-2024-11111"] } } };
    const report = await scanSample(sampleSubject([`x ${installed}`]), rows);
    assert.equal(report.findings.length === 1, vulnerable, `${installed} < ${fixed}`);
  }
});

test("neither no packages nor no advisories is a report without findings", async () => {
  const rows = { "v3.19/main": { curl: {} } };
  await assert.rejects(scanSample(sampleSubject([]), rows), { code: "nothing-to-scan" });
  await assert.rejects(scanSample(sampleSubject(["curl 1-r0"], { release: "3.16.9" }), rows), {
    code: "advisories-missing",
    message: /v3\.16.*v3\.19/,
  });
  const wolfi = { id: "wolfi", name: "Wolfi", version: "20230201", path: "etc/os-release" };
  await assert.rejects(scanSample(sampleSubject(["curl 1-r0"], { distribution: wolfi }), rows), {
    code: "advisories-missing",
    message: /Wolfi 20230201/,
  });
});

test("an old database and an ended branch are told loudly", async () => {
  const database = await sampleDatabase({
    rows: { "v3.19/main": { curl: { "1-r0": ["CVE-2024-11111"] } } },
    files: {
      "/releases.json": JSON.stringify({
        latest_stable: "v3.22",
        release_branches: [{ rel_branch: "v3.19", eol_date: "2025-11-01" }],
      }),
    },
    fetched: now - 3 * 86_400,
  });
  const { warnings, support } = await scanSample(sampleSubject(["curl 2-r0"]), database);
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ["stale-database", "end-of-support", "no-severity"],
  );
  assert.match(warnings[0]!.text, /3 days old/);
  assert.equal(support?.ended, true);
  assert.match(warnings[1]!.hint!, /v3\.22/);
});
