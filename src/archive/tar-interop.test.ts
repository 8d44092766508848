/** Archives by other hands: GNU tar and Python read what bivy writes, and bivy what they write. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bytesContent, concatBytes, decodeName } from "../base/index.ts";
import { tarHeader, type TarHeader } from "./tar-header.ts";
import { tarEntries } from "./tar-read.ts";
import { writeTar, type TarItem } from "./tar-write.ts";

function present(command: string, pattern: RegExp): boolean {
  const { stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  return pattern.test(stdout ?? "");
}

const skipTar = present("tar", /GNU tar/) ? false : "GNU tar is not on this machine";
const skipPython = present("python3", /Python 3/) ? false : "python3 is not on this machine";

const long = `${"long-folder/".repeat(30)}name`;
const file = Buffer.from("hello\n");
const items: readonly TarItem[] = [
  { header: tarHeader({ path: "dir", type: "directory", mode: 0o1777 }) },
  {
    header: tarHeader({
      path: "dir/file",
      type: "file",
      mode: 0o4755,
      uid: 1000,
      gid: 3_000_000_000,
      userName: "user",
      groupName: "grüße",
      mtime: 1_700_000_000,
      mtimeNanoseconds: 123_456_789,
      size: file.length,
      xattrs: new Map([
        ["security.capability", Uint8Array.of(1, 0, 0, 2, 0, 0x20, 0x0a, 0xff, 0x3d, 0)],
        ["user.empty", new Uint8Array(0)],
      ]),
      pax: new Map([["VENDOR.key", Buffer.from("value")]]),
    }),
    content: bytesContent(file),
  },
  {
    header: tarHeader({ path: `${long}/é`, type: "file", size: 1 }),
    content: bytesContent(Buffer.of(65)),
  },
  {
    header: tarHeader({
      path: decodeName(Uint8Array.of(0x66, 0xff)),
      type: "fifo",
      mtime: -2,
      mtimeNanoseconds: 500_000_000,
    }),
  },
  { header: tarHeader({ path: "link", type: "symlink", linkPath: long }) },
  { header: tarHeader({ path: "hard", type: "hardlink", linkPath: "dir/file" }) },
  { header: tarHeader({ path: "null", type: "character", deviceMajor: 1, deviceMinor: 3 }) },
  {
    header: tarHeader({
      path: "large",
      type: "block",
      deviceMajor: 4095,
      deviceMinor: 2 ** 20 - 1,
    }),
  },
];

async function archive(): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(items)) parts.push(part);
  return concatBytes(parts);
}

test("GNU tar reads what is written", { skip: skipTar }, async () => {
  const input = await archive();
  const run = (args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync("tar", args, {
      input,
      env: { ...process.env, TZ: "UTC", LC_ALL: "C" },
    });
    assert.equal(status, 0, stderr.toString());
    // An unknown keyword is worth a warning to it, and nothing else is.
    for (const line of stderr.toString().trim().split("\n"))
      assert.match(line, /^$|Ignoring unknown extended header keyword '(VENDOR.key|hdrcharset)'/);
    return stdout.toString("latin1");
  };
  const lines = run(["--numeric-owner", "--full-time", "--quoting-style=escape", "-tvf", "-"])
    .trim()
    .split("\n")
    .map((line) => line.replaceAll(/ +/g, " "));
  const escaped = `${long}/\\303\\251`;
  assert.deepEqual(lines, [
    "drwxrwxrwt 0/0 0 1970-01-01 00:00:00 dir/",
    "-rwsr-xr-x 1000/3000000000 6 2023-11-14 22:13:20.123456789 dir/file",
    `-rw-r--r-- 0/0 1 1970-01-01 00:00:00 ${escaped}`,
    // It keeps -1.5 s (58.5), and shows the fraction of times before 1970 the wrong way round.
    "prw-r--r-- 0/0 0 1969-12-31 23:59:59.5 f\\377",
    `lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 link -> ${long}`,
    "hrw-r--r-- 0/0 0 1970-01-01 00:00:00 hard link to dir/file",
    "crw-r--r-- 0/0 1,3 1970-01-01 00:00:00 null",
    "brw-r--r-- 0/0 4095,1048575 1970-01-01 00:00:00 large",
  ]);
  assert.equal(run(["-xOf", "-", "dir/file"]), "hello\n");
});

const readInPython = `
import io, json, sys, tarfile
tar = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), errors="surrogateescape")
names = {b"0": "file", b"5": "directory", b"2": "symlink", b"1": "hardlink", b"3": "character", b"4": "block", b"6": "fifo"}
print(json.dumps([{
  "path": m.name, "type": names[m.type], "mode": m.mode, "uid": m.uid, "gid": m.gid,
  "userName": m.uname, "groupName": m.gname, "mtime": m.mtime, "size": m.size,
  "linkPath": m.linkname, "device": [m.devmajor, m.devminor],
} for m in tar], ensure_ascii=True))
`;

test("Python reads what is written", { skip: skipPython }, async () => {
  const { status, stdout, stderr } = spawnSync("python3", ["-c", readInPython], {
    input: await archive(),
  });
  assert.equal(status, 0, stderr.toString());
  assert.deepEqual(
    JSON.parse(stdout.toString()),
    items.map(({ header }) => ({
      path: header.path,
      type: header.type,
      mode: header.mode,
      uid: header.uid,
      gid: header.gid,
      userName: header.userName,
      groupName: header.groupName,
      mtime: header.mtime + header.mtimeNanoseconds / 1e9,
      size: header.size,
      linkPath: header.linkPath,
      device: [header.deviceMajor, header.deviceMinor],
    })),
  );
});

const writeInPython = `
import io, sys, tarfile
out = io.BytesIO()
tar = tarfile.open(fileobj=out, mode="w", format=int(sys.argv[1]), encoding="utf-8", errors="surrogateescape")
def add(name, type, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type = type
    info.size = len(content)
    for key, value in fields.items(): setattr(info, key, value)
    tar.addfile(info, io.BytesIO(content))
big = sys.argv[1] != "0"
add("d", tarfile.DIRTYPE, mode=0o755)
add("d/\\u00e9", tarfile.REGTYPE, b"content", uid=5_000_000 if big else 5, uname="user", mtime=-5 if big else 5)
add("l" * 90 + "/" + "n" * (150 if big else 90), tarfile.REGTYPE, b"x" * 1000)
add("s", tarfile.SYMTYPE, linkname="t" * (150 if big else 90))
add("c", tarfile.CHRTYPE, devmajor=5, devminor=7)
tar.close()
sys.stdout.buffer.write(out.getvalue())
`;

test("what Python writes is read, in each of its three formats", { skip: skipPython }, () => {
  for (const [format, big] of [
    ["0", false],
    ["1", true],
    ["2", true],
  ] as const) {
    const { status, stdout, stderr } = spawnSync("python3", ["-c", writeInPython, format]);
    assert.equal(status, 0, stderr.toString());
    const entries = [...tarEntries(stdout, { subject: "python.tar" })];
    const expected: Partial<TarHeader>[] = [
      { path: "d", type: "directory", mode: 0o755 },
      { path: "d/é", size: 7, uid: big ? 5_000_000 : 5, userName: "user", mtime: big ? -5 : 5 },
      { path: `${"l".repeat(90)}/${"n".repeat(big ? 150 : 90)}`, size: 1000 },
      { path: "s", type: "symlink", linkPath: "t".repeat(big ? 150 : 90) },
      { path: "c", type: "character", deviceMajor: 5, deviceMinor: 7 },
    ];
    assert.equal(entries.length, expected.length);
    for (const [index, fields] of expected.entries())
      assert.deepEqual({ ...entries[index]!.header, ...fields }, entries[index]!.header);
    assert.equal(Buffer.from(entries[1]!.content).toString(), "content");
  }
});

test("what GNU tar writes is read, in each of its formats", { skip: skipTar }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "bivy-tar-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const deep = "folder/".repeat(20);
  mkdirSync(join(folder, "root", deep), { recursive: true });
  writeFileSync(join(folder, "root", "file"), "content");
  linkSync(join(folder, "root", "file"), join(folder, "root", "hard"));
  symlinkSync("file", join(folder, "root", "link"));
  const entriesOf = (...args: string[]): Map<string, TarHeader> => {
    const { status, stdout, stderr } = spawnSync(
      "tar",
      [
        "--sort=name",
        "--owner=u:3000000",
        "--group=g:5",
        "-C",
        join(folder, "root"),
        "-cf",
        "-",
        ...args,
      ],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    assert.equal(status, 0, stderr.toString());
    const entries = [...tarEntries(stdout, { subject: "gnu.tar" })];
    return new Map(entries.map(({ header }) => [header.path, header]));
  };
  for (const [format, owner, mtime, nanoseconds] of [
    ["v7", "5:5", "@1700000000", 0],
    ["ustar", "5:5", "@1700000000", 0],
    ["oldgnu", "3000000:5", "@-5", 0],
    ["gnu", "3000000:5", "@-5", 0],
    ["posix", "3000000:5", "@-5.5", 500_000_000],
  ] as const) {
    const small = owner === "5:5" ? ["--owner=u:5"] : [];
    const folders = format === "v7" ? ["file", "hard", "link"] : ["."];
    const entries = entriesOf(`--format=${format}`, `--mtime=${mtime}`, ...small, ...folders);
    const prefix = format === "v7" ? "" : "./";
    const header = entries.get(`${prefix}file`)!;
    const seconds = Math.floor(Number(mtime.slice(1)));
    assert.deepEqual(
      {
        owner: `${header.uid}:${header.gid}`,
        name: header.userName,
        size: header.size,
        mtime: header.mtime,
        nanoseconds: header.mtimeNanoseconds,
      },
      { owner, name: format === "v7" ? "" : "u", size: 7, mtime: seconds, nanoseconds },
      format,
    );
    assert.equal(entries.get(`${prefix}hard`)!.type, "hardlink");
    assert.equal(entries.get(`${prefix}hard`)!.linkPath, `${prefix}file`);
    assert.equal(entries.get(`${prefix}link`)!.linkPath, "file");
    if (format === "v7") continue;
    assert.equal(entries.get(`./${deep.slice(0, -1)}`)!.type, "directory");
    assert.equal(entries.get(".")!.type, "directory");
  }
  const sparse = join(folder, "root", "sparse");
  writeFileSync(sparse, "x");
  truncateSync(sparse, 1024 * 1024);
  for (const format of ["gnu", "posix"])
    assert.throws(
      () => entriesOf(`--format=${format}`, "--sparse", "--hole-detection=raw", "sparse"),
      {
        code: "tar-sparse",
        hint: /--sparse/,
      },
    );
});
