import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assemblePackage,
  file,
  flipped,
  sourceOf,
  type AssembledPackage,
} from "../../test/package-parts.ts";
import { failure, refuses } from "../../test/refusals.ts";
import {
  emptyRoots,
  install,
  installTime,
  listRoot,
  RecordingRunner,
  textAt,
} from "../../test/root-installation.ts";
import { packSample, sampleKey, type SamplePackage } from "../../test/signed-repository.ts";
import { bytesContent, defaultLimits as limits, encodeText, isBivyError } from "../base/index.ts";
import { TreeRoot } from "../tree/index.ts";
import { parseAtom } from "./atom.ts";
import { readDatabase } from "./database.ts";
import { parseKey } from "./keyring.ts";
import { changePackage, createPackage, packageLabel } from "./package.ts";
import type { Trust } from "./package-file.ts";
import { repositoryAt } from "./repositories.ts";
import type { Installation } from "./transaction.ts";

const signer = sampleKey();
const pack = (sample: SamplePackage) => packSample(sample, signer);
const base = pack({ name: "base", files: { "etc/base": "1", "usr/share/icons/a/x": "i" } });
const more = pack({ name: "more", files: { "usr/share/icons/b/x": "j", "usr/bin/more": "m" } });

function byIdentity(assembled: AssembledPackage, source = assembled.source): Installation {
  const { identity } = assembled.package;
  return { package: assembled.package, source, trust: { by: "identity", identity } };
}

test("packages are installed in order, reported, and in the database with their files", async (context) => {
  for (const [kind, root] of emptyRoots(context)) {
    const world = [parseAtom("more")];
    const { events, database } = await install(root, [base, more], { world });
    assert.deepEqual(
      events.flatMap((event) =>
        event.type === "change"
          ? `${event.position}/${event.total} ${event.text}`
          : event.type === "verified"
            ? `${event.link} ${event.subject}`
            : [],
      ),
      [
        "1/2 Installing base (1.0-r0)",
        "package base-1.0-r0",
        "2/2 Installing more (1.0-r0)",
        "package more-1.0-r0",
      ],
    );
    const found = await readDatabase(root, limits);
    assert.deepEqual(found.installed.map(packageLabel), ["base-1.0-r0", "more-1.0-r0"], kind);
    assert.deepEqual(database.installed.map(packageLabel), ["base-1.0-r0", "more-1.0-r0"]);
    assert.deepEqual([found.world, found.archs], [world, ["x86_64"]]);
    assert.equal(await textAt(root, "usr/bin/more"), "m");
    assert.equal(root.lookup("lib/apk/db/installed")?.mtime, installTime);
  }
});

test("every way to trust a package", async () => {
  const sample = assemblePackage({ files: [file("a")], signers: [[signer, "RSA256"]] });
  const repository = repositoryAt("https://packages.example/stable");
  const key = parseKey(signer.key.name, signer.publicPem, repository.url);
  const trusts: readonly Trust[] = [
    { by: "identity", identity: sample.package.identity },
    { by: "signature", keyring: { keys: [key] }, repository },
    { by: "nothing" },
  ];
  for (const trust of trusts) await install(new TreeRoot(), [{ ...sample, trust }]);
  const other = repositoryAt("https://other.example/stable");
  await refuses(
    () =>
      install(new TreeRoot(), [
        { ...sample, trust: { by: "signature", keyring: { keys: [key] }, repository: other } },
      ]),
    {
      code: "key-not-allowed",
      message: `may sign for ${repository.url} only, not for ${other.url}`,
      hint: "name the key",
    },
  );
});

test("wherever one byte of a package is changed, nothing of it is left", async (context) => {
  const sample = assemblePackage({
    files: [file("new/a", { text: "x".repeat(2000) }), file("new/b"), file("etc/c")],
    signers: [[signer, "RSA"]],
  });
  const { signature, control, data } = sample.sections;
  const places: readonly (readonly [string, number])[] = [
    ["control header", control[0] + 4],
    ["control body", control[0] + 40],
    ["control checksum", control[1] - 8],
    ["control size", control[1] - 1],
    ["data header", data[0] + 4],
    ["data body", data[0] + 12],
    ["data body, late", data[1] - 20],
    ["data checksum", data[1] - 8],
    ["data size", data[1] - 1],
  ];
  const keyring = { keys: [parseKey(signer.key.name, signer.publicPem)] };
  const trusts: readonly (readonly [Trust, readonly (readonly [string, number])[]])[] = [
    [{ by: "identity", identity: sample.package.identity }, places],
    [
      { by: "signature", keyring },
      [["signature", signature[0] + 100], ["signature checksum", signature[1] - 6], ...places],
    ],
  ];
  for (const [kind, root] of emptyRoots(context)) {
    await install(root, [base]);
    const before = await listRoot(root);
    for (const [trust, each] of trusts)
      for (const [place, at] of each) {
        const source = sourceOf("x.apk", flipped(sample.bytes, at));
        const error = await failure(() =>
          install(root, [{ package: sample.package, source, trust }]),
        );
        const expected = [
          "gzip-invalid",
          "identity-mismatch",
          "datahash-mismatch",
          "signature-invalid",
          "tar-invalid",
          "checksum-mismatch",
        ] as const;
        assert.ok(isBivyError(error, ...expected), `${kind}, ${place}: ${error.code}`);
        assert.equal(source.counts.rejected, 1, `${kind}, ${place}: ${error.code}`);
        assert.deepEqual(await listRoot(root), before, `${kind}, ${place}`);
      }
    for (let end = 0; end < sample.bytes.byteLength; end += 97) {
      const source = sourceOf("x.apk", sample.bytes.subarray(0, end));
      const error = await failure(() => install(root, [byIdentity(sample, source)]));
      assert.ok(
        isBivyError(error, "gzip-truncated", "package-invalid", "gzip-invalid"),
        `cut at ${end}: ${error.code}`,
      );
      assert.deepEqual(await listRoot(root), before, `${kind}, cut at ${end}`);
    }
    await install(root, [byIdentity(sample)]);
    assert.equal(await textAt(root, "new/b"), "text");
  }
});

test("false bytes that look like another fault are told by the data hash, and thrown out", async () => {
  const honest = assemblePackage({ files: [file("fine")] });
  const evil = [
    assemblePackage({ files: [file("../evil")] }),
    assemblePackage({ files: [file("etc/base")] }),
    assemblePackage({ files: [file("link/evil")] }),
    assemblePackage({ files: [file("zeros", { text: Buffer.alloc(3_000_000) })] }),
  ];
  const tight = { ...limits, "ratio-floor": 100_000, "package-ratio": 50 };
  for (const other of evil) {
    const root = new TreeRoot();
    const link = pack({ name: "link", files: { link: { type: "symlink", linkPath: "etc" } } });
    await install(root, [base, link]);
    const bytes = Buffer.concat([
      honest.bytes.subarray(0, honest.sections.control[1]),
      other.bytes.subarray(other.sections.data[0]),
    ]);
    const mixed = sourceOf("x.apk", bytes);
    const error = await refuses(
      () => install(root, [byIdentity(honest, mixed)], { limits: tight }),
      {
        code: "datahash-mismatch",
        message: "x.apk: expected data with SHA-256",
        hint: "Its files were changed or damaged",
      },
    );
    assert.ok(
      isBivyError(error.cause, "path-unsafe", "file-conflict", "symlink-parent", "limit-exceeded"),
    );
    assert.equal(mixed.counts.rejected, 1);
    // The same from a package that means it: nothing to throw out.
    const meant = sourceOf("x.apk", other.bytes);
    const own = await failure(() => install(root, [byIdentity(other, meant)], { limits: tight }));
    assert.equal(own.code, error.cause.code);
    assert.equal(meant.counts.rejected, 0);
  }
});

test("the packages before one that fails stay, and the database says so", async (context) => {
  for (const [kind, root] of emptyRoots(context)) {
    await install(root, [base], { world: [parseAtom("base")] });
    const bad = assemblePackage({
      name: "bad",
      info: "triggers = /bin\n",
      files: [file("bad"), file("worse", { checksum: "0".repeat(40) })],
      control: [{ path: ".post-install", text: "x" }],
    });
    const after = pack({ name: "after", files: { after: "a" } });
    await failure(() =>
      install(root, [more, byIdentity(bad), after], { world: ["bad", "more"].map(parseAtom) }),
    );
    const database = await readDatabase(root, limits);
    assert.deepEqual(database.installed.map(packageLabel), ["base-1.0-r0", "more-1.0-r0"], kind);
    assert.deepEqual(database.world, [parseAtom("base")]);
    assert.deepEqual([database.scripts.size, database.triggers.size], [0, 0]);
    assert.deepEqual([root.lookup("bad"), root.lookup("after")], [undefined, undefined]);
    assert.equal(await textAt(root, "usr/bin/more"), "m");
  }
});

test("a package without files is never opened", async () => {
  const virtual = createPackage({
    name: "virtual",
    version: "1",
    arch: "noarch",
    identity: `Q1${"a".repeat(26)}A=`,
  });
  const source = { subject: "virtual", open: (): never => assert.fail("it was opened") };
  const root = new TreeRoot();
  const trust = { by: "identity", identity: virtual.identity } as const;
  const { events } = await install(root, [{ package: virtual, source, trust, tag: "edge" }]);
  assert.ok(!events.some(({ type }) => type === "verified"));
  assert.match(
    await textAt(root, "lib/apk/db/installed"),
    /^C:Q1a+A=\nP:virtual\nV:1\n[^]*\ns:edge\n\n$/,
  );
});

test("what a file holds must be what its index names", async () => {
  const sample = assemblePackage({ name: "other", files: [file("a")] });
  const names = changePackage(sample.package, { name: "named" });
  const versions = changePackage(sample.package, { version: "2.0-r0" });
  for (const wrong of [names, versions]) {
    const source = sourceOf("x.apk", sample.bytes);
    await refuses(
      () => install(new TreeRoot(), [{ ...byIdentity(sample, source), package: wrong }]),
      {
        code: "package-invalid",
        message: `${packageLabel(wrong)}: the file holds other-1.0-r0`,
        hint: "refresh the index, or tell its owner",
      },
    );
    assert.equal(source.counts.rejected, 1);
  }
});

test("what is installed already, and what cannot be a file's name", async () => {
  const root = new TreeRoot();
  await install(root, [base]);
  await refuses(() => install(root, [base]), {
    code: "file-conflict",
    message: "base-1.0-r0: base-1.0-r0 is installed already",
    hint: "Install into an empty root",
  });
  const evil = changePackage(base.package, { name: "../base" });
  const source = sourceOf("x", base.bytes);
  await refuses(() => install(root, [{ package: evil, source, trust: { by: "nothing" } }]), {
    code: "index-invalid",
    message: '"../base" is not a name or version that a file can have',
    hint: "tell the repository's owner",
  });
  assert.equal(source.counts.opened, 0);
});

test("an interrupted run stops before the next package", async () => {
  const stop = new AbortController();
  const root = new TreeRoot();
  const runner = new RecordingRunner([], () => stop.abort());
  const first = pack({ name: "first", files: { first: "1" }, scripts: { "post-install": "x" } });
  await refuses(() => install(root, [first, base], { scripts: runner, signal: stop.signal }), {
    code: "aborted",
    message: "interrupted",
    hint: "",
  });
  assert.deepEqual((await readDatabase(root, limits)).installed.map(packageLabel), [
    "first-1.0-r0",
  ]);
});

const scripted = (name: string, extra: Partial<SamplePackage> = {}): SamplePackage => ({
  name,
  files: { [`opt/${name}/x`]: name },
  scripts: {
    "pre-install": `pre ${name}`,
    "post-install": `post ${name}`,
    "pre-upgrade": "never",
    "post-deinstall": "never",
  },
  ...extra,
});

test("scripts run around their package's files, triggers at the end", async () => {
  const root = new TreeRoot();
  const seen: string[] = [];
  const runner = new RecordingRunner([], ({ label }, at) => {
    seen.push(
      `${label}: ${["a", "b"].filter((name) => at.lookup(`opt/${name}/x`) !== undefined).join("")}`,
    );
  });
  const a = scripted("a", {
    scripts: { "pre-install": "pre", "post-install": "post", trigger: "trigger" },
    triggers: ["/opt/*", "+/nowhere", "/usr/share/icons"],
  });
  await install(root, [pack(a), pack(scripted("b")), base], { scripts: runner });
  assert.deepEqual(seen, [
    "a-1.0-r0.pre-install: ",
    "a-1.0-r0.post-install: a",
    "b-1.0-r0.pre-install: a",
    "b-1.0-r0.post-install: ab",
    "a-1.0-r0.trigger: ab",
  ]);
  const [pre, , , , trigger] = runner.requests;
  assert.deepEqual(
    { ...pre, script: Buffer.from(pre!.script).toString() },
    {
      label: "a-1.0-r0.pre-install",
      script: "pre",
      arguments: ["1.0-r0"],
      environment: {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        APK_PACKAGE: "a",
        APK_SCRIPT: "pre-install",
      },
    },
  );
  assert.deepEqual(trigger?.arguments, ["/opt/a", "/opt/b", "/usr/share/icons"]);
  assert.equal(trigger?.environment["APK_SCRIPT"], "trigger");
});

test("triggers of packages that were there see what changed only", async () => {
  const root = new TreeRoot();
  const watcher = pack({
    name: "watcher",
    files: { "usr/share/icons/w/x": "w" },
    scripts: { trigger: "t" },
    triggers: ["/usr/share/icons/*", "/nothing/*"],
  });
  const first = new RecordingRunner();
  await install(root, [base, watcher], { scripts: first });
  assert.deepEqual(
    first.requests.map((each) => each.arguments),
    [["/usr/share/icons/a", "/usr/share/icons/w"]],
  );
  const second = new RecordingRunner();
  await install(root, [more], { scripts: second });
  assert.deepEqual(
    second.requests.map((each) => [each.label, each.arguments]),
    [["watcher-1.0-r0.trigger", ["/usr/share/icons/b"]]],
  );
  const third = new RecordingRunner();
  await install(root, [pack({ name: "else", files: { "opt/x": "x" } })], { scripts: third });
  assert.deepEqual(third.requests, []);
});

test("a script that fails marks its package, and the transaction goes on", async () => {
  for (const kind of ["pre-install", "post-install", "trigger"] as const) {
    const root = new TreeRoot();
    const sample = pack(scripted("s", { scripts: { [kind]: "fails" }, triggers: ["/opt/*"] }));
    const result = await install(root, [sample, base], { scripts: new RecordingRunner(["fails"]) });
    assert.deepEqual(result.failedScripts, [`s-1.0-r0.${kind}`]);
    assert.deepEqual(result.skippedScripts, []);
    assert.deepEqual(
      result.events.filter(({ type }) => type === "script"),
      [
        { type: "script", subject: `s-1.0-r0.${kind}`, outcome: "started" },
        {
          type: "script",
          subject: `s-1.0-r0.${kind}`,
          outcome: "failed",
          detail: "it ended with exit code 7",
          output: "it broke\n",
        },
      ],
    );
    const text = await textAt(root, "lib/apk/db/installed");
    assert.match(text, /P:s\n[^]*\nf:s\nF:opt\nF:opt\/s\nR:x\n/, kind);
    const [, record] = (await readDatabase(root, limits)).installed;
    assert.equal(record?.flags.brokenScript, true);
    assert.equal(await textAt(root, "etc/base"), "1");
  }
});

test("without a runner every script is named, and kept in the database", async () => {
  const root = new TreeRoot();
  const sample = scripted("s", { triggers: ["/opt/*"] });
  const scripts = { ...sample.scripts, trigger: "t" };
  const result = await install(root, [pack({ ...sample, scripts })]);
  const labels = ["pre-install", "post-install", "trigger"].map((kind) => `s-1.0-r0.${kind}`);
  assert.deepEqual(result.skippedScripts, labels);
  assert.deepEqual(
    result.events.flatMap((event) =>
      event.type === "script" ? `${event.outcome} ${event.subject}` : [],
    ),
    labels.map((label) => `skipped ${label}`),
  );
  const [kept] = [...(await readDatabase(root, limits)).scripts.values()];
  assert.deepEqual([...kept!.keys()].sort(), [
    "post-deinstall",
    "post-install",
    "pre-install",
    "pre-upgrade",
    "trigger",
  ]);
});

test("accounts that a script adds count for the next package", async () => {
  const root = new TreeRoot();
  const passwd = pack({
    name: "passwd",
    files: { "etc/passwd": "a:x:50:50:::\n", "etc/group": "a:x:50:\n" },
  });
  const adding = pack({
    name: "adding",
    files: { "opt/x": { text: "", userName: "a" } },
    scripts: { "pre-install": "adduser" },
  });
  const using = pack({ name: "using", files: { "opt/y": { text: "", userName: "b" } } });
  const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };
  const runner = new RecordingRunner([], (_, at) =>
    at.writeFile(
      "etc/passwd",
      attributes,
      bytesContent(encodeText("a:x:51:51:::\nb:x:52:52:::\n")),
    ),
  );
  await install(root, [passwd, adding, using], { scripts: runner });
  assert.deepEqual([root.lookup("opt/x")?.uid, root.lookup("opt/y")?.uid], [51, 52]);
});

test("conflicts and replacements between two packages", async (context) => {
  const files = { "etc/shared": "first", "etc/mine": "1" };
  const cases: readonly (readonly [Partial<SamplePackage>, Partial<SamplePackage>, string])[] = [
    [{}, {}, "conflict"],
    [{}, { replaces: ["first"] }, "second"],
    [{ replaces: ["second"] }, {}, "first"],
    [
      { replaces: ["second"], replacesPriority: 2 },
      { replaces: ["first"], replacesPriority: 1 },
      "first",
    ],
    [
      { replaces: ["second"], replacesPriority: 1 },
      { replaces: ["first"], replacesPriority: 2 },
      "second",
    ],
    [{}, { replaces: ["first<1"] }, "conflict"],
  ];
  for (const [one, two, winner] of cases)
    for (const [kind, root] of emptyRoots(context)) {
      const first = pack({ name: "first", files, ...one });
      const second = pack({ name: "second", files: { "etc/shared": "second" }, ...two });
      if (winner === "conflict") {
        await refuses(() => install(root, [first, second]), {
          code: "file-conflict",
          message: "second-1.0-r0: its file etc/shared belongs to first-1.0-r0",
          hint: "have one of them declare that it replaces the other",
        });
      } else await install(root, [first, second]);
      const owner = winner === "conflict" ? "first" : winner;
      assert.equal(await textAt(root, "etc/shared"), owner, kind);
      // One record has the file, and it is the right one.
      const { installed } = await readDatabase(root, limits);
      const owners = installed
        .filter(({ directories }) =>
          directories.some((each) => each.files.some(({ name }) => name === "shared")),
        )
        .map(({ name }) => name);
      assert.deepEqual(owners, [owner], `${kind} ${JSON.stringify([one, two])}`);
      assert.equal(await textAt(root, "etc/mine"), "1");
    }
});
