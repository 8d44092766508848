import assert from "node:assert/strict";
import { test } from "node:test";
import type { SamplePackage } from "../../../test/signed-repository.ts";
import type { TreeRoot } from "../../tree/index.ts";
import type { FileReport } from "../report.ts";
import {
  findingsOf,
  installedRoot,
  plainFile,
  readText,
  verifyRoot,
  writeText,
} from "../sample-inventory.test.ts";

const folder = { ...plainFile, mode: 0o755 };

/** A program with the table of names that BusyBox has in it. */
const program = `\x7fELF code\0[\0[[\0cat\0ls\0wget\0\0more`;

const busybox: SamplePackage = {
  name: "busybox",
  files: {
    "bin/busybox": { mode: 0o755, text: program },
    sbin: { type: "directory", mode: 0o755 },
    "usr/bin": { type: "directory", mode: 0o755 },
    "usr/sbin": { type: "directory", mode: 0o755 },
  },
};

const listed: SamplePackage = {
  ...busybox,
  files: {
    ...busybox.files,
    "etc/busybox-paths.d/busybox": "/bin/ls\n/usr/bin/wget\n/usr/bin/[\n",
  },
};

async function rootWith(sample: SamplePackage, links: Readonly<Record<string, string>>) {
  const root = await installedRoot([sample]);
  for (const [path, target] of Object.entries(links)) root.makeSymlink(path, target, plainFile);
  return root;
}

async function statesOf(root: TreeRoot, paths: readonly string[]): Promise<string[]> {
  const { files } = await verifyRoot(root);
  return paths.map((path) => describe(files.find((file) => file.path === path)));
}

function describe(file: FileReport | undefined): string {
  const { state, maker, verified, reason } = file!;
  if (state !== "generated") return reason === undefined ? state : `${state}: ${reason}`;
  return `${maker} ${verified === true ? "proven" : "unproven"}`;
}

const links = {
  "bin/ls": "/bin/busybox",
  "usr/bin/wget": "/bin/busybox",
  "usr/bin/cat": "/bin/busybox",
  "bin/evil": "/bin/busybox",
  "bin/other": "/bin/sh",
  "etc/ls": "/bin/busybox",
};

test("links of BusyBox are those of the table in the program", async () => {
  const root = await rootWith(busybox, links);
  assert.deepEqual(await statesOf(root, Object.keys(links)), [
    "busybox proven",
    "busybox proven",
    "busybox proven",
    "unowned: /bin/busybox has no such applet",
    "unowned",
    "unowned",
  ]);
  assert.match((await verifyRoot(root)).notes.join(), /applets without a link: \[, \[\[\./);
});

test("links of BusyBox are those of the list in the package", async () => {
  const root = await rootWith(listed, links);
  const expected = ["busybox proven", "busybox proven", "unowned: /bin/busybox has no such applet"];
  assert.deepEqual(await statesOf(root, Object.keys(links).slice(0, 3)), expected);
  assert.match((await verifyRoot(root)).notes.join(), /applets without a link: usr\/bin\/\[\./);
  // A list that was changed proves nothing; the table in the program still does.
  await writeText(root, "etc/busybox-paths.d/busybox", "/bin/evil\n");
  assert.deepEqual(await statesOf(root, ["bin/evil", "bin/ls"]), [
    "unowned: /bin/busybox has no such applet",
    "busybox proven",
  ]);
});

test("a changed or missing BusyBox is found, and not three hundred links", async () => {
  const some = { "bin/ls": "/bin/busybox", "bin/cat": "/bin/busybox" };
  const root = await rootWith(busybox, some);
  await writeText(root, "bin/busybox", "malware");
  assert.deepEqual(findingsOf(await verifyRoot(root)), ["changed bin/busybox"]);
  root.remove("bin/busybox");
  assert.deepEqual(findingsOf(await verifyRoot(root)), ["missing bin/busybox"]);
  assert.deepEqual(await statesOf(root, ["bin/ls"]), ["busybox unproven"]);
});

test("without a package of BusyBox its links are nobody's", async () => {
  const root = await installedRoot([{ name: "base", files: { "bin/tool": "x" } }]);
  await writeText(root, "bin/busybox", program);
  root.makeSymlink("bin/ls", "/bin/busybox", plainFile);
  assert.deepEqual(findingsOf(await verifyRoot(root)), ["unowned bin/busybox", "unowned bin/ls"]);
});

const certificate = (text: string) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(text).toString("base64")}\n-----END CERTIFICATE-----\n`;

const bundle = "etc/ssl/certs/ca-certificates.crt";

test("the bundle of certificates is proven certificate by certificate", async () => {
  const mozilla = "usr/share/ca-certificates/mozilla";
  const root = await installedRoot([
    {
      name: "ca-certificates",
      files: {
        [`${mozilla}/One.crt`]: certificate("one"),
        [`${mozilla}/Two.crt`]: certificate("two"),
      },
    },
  ]);
  root.makeDirectory("etc/ssl", folder);
  root.makeDirectory("etc/ssl/certs", folder);
  await writeText(root, bundle, `# One\n${certificate("one")}${certificate("two")}`);
  root.makeSymlink("etc/ssl/certs/ca-cert-One.pem", `/${mozilla}/One.crt`, plainFile);
  root.makeSymlink("etc/ssl/certs/0a1b2c3d.0", "ca-cert-One.pem", plainFile);
  root.makeSymlink("etc/ssl/certs/0a1b2c3e.0", "ca-cert-Three.pem", plainFile);
  root.makeSymlink("etc/ssl/certs/ca-cert-Two.pem", `/${mozilla}/One.crt`, plainFile);
  const paths = [
    bundle,
    "etc/ssl/certs/ca-cert-One.pem",
    "etc/ssl/certs/0a1b2c3d.0",
    "etc/ssl/certs/0a1b2c3e.0",
    "etc/ssl/certs/ca-cert-Two.pem",
  ];
  assert.deepEqual(await statesOf(root, paths), [
    ...Array<string>(3).fill("ca-certificates proven"),
    "unowned",
    "unowned",
  ]);
  await writeText(root, bundle, certificate("one") + certificate("mine"));
  assert.deepEqual(await statesOf(root, [bundle]), [
    "unowned: 1 of 2 certificates in it are of no package",
  ]);
  // A source that was changed proves nothing.
  await writeText(root, bundle, certificate("mine"));
  await writeText(root, `${mozilla}/One.crt`, certificate("mine"));
  assert.deepEqual(await statesOf(root, [bundle, paths[1]!]), [
    "unowned: 1 of 1 certificates in it are of no package",
    "unowned",
  ]);
});

test("a packaged bundle that was made anew is harmless while all of it is of packages", async () => {
  const root = await installedRoot([
    { name: "ca-certificates-bundle", files: { [bundle]: certificate("one") } },
    {
      name: "ca-certificates",
      files: { "usr/share/ca-certificates/mozilla/Two.crt": certificate("two") },
    },
  ]);
  await writeText(root, bundle, certificate("two"));
  const report = await verifyRoot(root);
  const file = report.files.find(({ path }) => path === bundle);
  assert.equal(file?.state, "changed");
  assert.deepEqual(file.explanation, {
    text: "made anew of certificates of packages (1)",
    harmless: true,
  });
  assert.deepEqual(findingsOf(report), []);
  await writeText(root, bundle, certificate("two") + certificate("mine"));
  assert.deepEqual(findingsOf(await verifyRoot(root)), [`changed ${bundle}`]);
});

const accounts: SamplePackage = {
  name: "baselayout",
  files: {
    "etc/passwd": "root:x:0:0:root:/root:/bin/ash\n",
    "etc/group": "root:x:0:root\nwheel:x:10:\n",
    home: { type: "directory", mode: 0o755 },
  },
};

test("what adduser leaves is the packaged file, or what was there before", async () => {
  const root = await installedRoot([accounts]);
  const passwd = await readText(root, "etc/passwd");
  await writeText(root, "etc/passwd-", passwd);
  assert.deepEqual(await statesOf(root, ["etc/passwd-"]), ["adduser proven"]);
  await writeText(root, "etc/passwd", `${passwd}app:x:1000:1000:app:/home/app:/bin/ash\n`);
  await writeText(root, "etc/group", "root:x:0:root\nwheel:x:10:app\napp:x:1000:\n");
  await writeText(root, "etc/group-", "root:x:0:root\nwheel:x:10:\napp:x:1000:\n");
  root.makeDirectory("home/app", { ...folder, uid: 1000, gid: 1000 });
  root.makeDirectory("home/other", folder);
  const paths = ["etc/passwd-", "etc/group-", "home/app", "home/other"];
  assert.deepEqual(await statesOf(root, paths), [
    "adduser proven",
    "adduser proven",
    "adduser proven",
    "unowned",
  ]);
  await writeText(root, "etc/passwd-", "evil:x:0:0::/:/bin/ash\n");
  await writeText(root, "etc/group-", "root:x:0:root\nwheel:x:10:evil\n");
  await writeText(root, "home/app/x", "x");
  assert.deepEqual(await statesOf(root, paths.slice(0, 3)), Array(3).fill("unowned"));
});

test("stubs of container runtimes are empty, or lead into what is mounted", async () => {
  const root = await installedRoot([accounts]);
  for (const path of [".dockerenv", "etc/resolv.conf", "etc/hosts"])
    await writeText(root, path, "");
  root.makeDirectory("sys", folder);
  root.makeDirectory("dev/shm", folder);
  root.makeSymlink("etc/mtab", "/proc/mounts", plainFile);
  root.makeSymlink("dev/fd", "/tmp", plainFile);
  const paths = [".dockerenv", "etc/resolv.conf", "etc/hosts", "sys", "dev/shm", "etc/mtab"];
  assert.deepEqual(await statesOf(root, paths), Array(6).fill("runtime proven"));
  await writeText(root, "etc/hosts", "192.0.2.1 dl-cdn.alpinelinux.org\n");
  await writeText(root, "sys/x", "x");
  assert.deepEqual(await statesOf(root, ["etc/hosts", "sys", "sys/x", "dev/fd"]), [
    "unowned",
    "unowned",
    "unowned",
    "unowned",
  ]);
});

const release = (version: string, branch: string) =>
  `NAME="Alpine Linux"\nID=alpine\nVERSION_ID=${version}\nPRETTY_NAME="Alpine Linux v${branch}"\n` +
  `HOME_URL="https://alpinelinux.org/"\nBUG_REPORT_URL="https://bugs.alpinelinux.org/"\n`;

test("the files of Alpine's root are exactly what follows from the version", async () => {
  const paths = ["etc/os-release", "etc/alpine-release", "etc/issue"];
  const texts = [release("3.18.2", "3.18"), "3.18.2\n"].concat(
    "Welcome to Alpine Linux 3.18\nKernel \\r on an \\m (\\l)\n\n",
  );
  const states = async (changed: readonly string[]) => {
    const root = await installedRoot([accounts]);
    for (const [at, text] of changed.entries()) await writeText(root, paths[at]!, text);
    return statesOf(root, paths.slice(0, changed.length));
  };
  assert.deepEqual(await states(texts), Array(3).fill("alpine proven"));
  assert.deepEqual(await states([texts[0]!, "3.18.3\n", `${texts[2]} `]), [
    "alpine proven",
    "unowned",
    "unowned",
  ]);
  assert.deepEqual(await states([release("3.18.2", "3.19")]), ["unowned"]);
  assert.deepEqual(await states([`${texts[0]}VARIANT=x\n`]), ["unowned"]);
});

test("what apk keeps is known by its name, and not proven", async () => {
  const root = await installedRoot([accounts]);
  root.makeDirectory("var/log", folder);
  const kept = ["var/log/apk.log", "var/cache/apk/APKINDEX.00740ba1.tar.gz"];
  for (const path of kept) await writeText(root, path, "x");
  await writeText(root, "var/cache/apk/something.tar.gz", "x");
  assert.deepEqual(await statesOf(root, [...kept, "var/cache/apk/something.tar.gz"]), [
    "apk unproven",
    "apk unproven",
    "unowned",
  ]);
  for (const [uid, state] of [
    [0, "apk proven"],
    [1000, "unowned"],
  ] as const) {
    root.makeDirectory("var/cache/misc", { ...folder, uid });
    assert.deepEqual(await statesOf(root, ["var/cache/misc"]), [state]);
  }
  await writeText(root, "etc/apk/world", "missing\n");
  const report = await verifyRoot(root);
  assert.match(report.notes.join(), /etc\/apk\/world asks for missing, which is not installed/);
});
