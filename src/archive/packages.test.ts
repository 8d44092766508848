/** Real apk packages: three gzip members, of which the first two hold cut archives. */
import assert from "node:assert/strict";
import { createReadStream, existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { hashBytes, startHash } from "../base/index.ts";
import { gunzip, readGzipMembers, splitGzipMembers } from "./gzip-read.ts";
import { readTar, tarEntries } from "./tar-read.ts";
import { encodeTarHeader } from "./tar-write.ts";

const fixtures = fileURLToPath(new URL("../../../shared/fixtures/", import.meta.url));
const skip =
  existsSync(fixtures) || process.env["CI"] !== undefined
    ? false
    : "../shared/fixtures is not there";
const repository = `${fixtures}repo/v3.19/main/x86_64/`;

/** The identities that the index states, by file name. */
function identities(): Map<string, string> {
  const [, control] = splitGzipMembers(readFileSync(`${repository}APKINDEX.tar.gz`), {
    subject: "APKINDEX.tar.gz",
  });
  const index = [...tarEntries(control!.unpacked, { subject: "APKINDEX" })].find(
    ({ header }) => header.path === "APKINDEX",
  );
  const found = new Map<string, string>();
  for (const block of Buffer.from(index!.content).toString().trim().split("\n\n")) {
    const field = (key: string): string => new RegExp(`^${key}:(.*)$`, "m").exec(block)![1]!;
    found.set(`${field("P")}-${field("V")}.apk`, field("C"));
  }
  return found;
}

test("the SHA-1 of a package's control member is its identity in the index", { skip }, async () => {
  const packages = identities();
  assert.equal(packages.size, 15);
  for (const [name, identity] of packages) {
    const hashes = [startHash("sha1"), startHash("sha1"), startHash("sha1")];
    const paths: string[][] = [];
    const source = createReadStream(`${repository}${name}`, { highWaterMark: 10_000 });
    for await (const member of readGzipMembers(source, {
      subject: name,
      onCompressed: (index, chunk) => hashes[index]!.update(chunk),
    })) {
      const found: string[] = [];
      for await (const { header } of readTar(member.chunks(), { subject: name }))
        found.push(header.path);
      paths.push(found);
    }
    assert.equal(paths.length, 3);
    assert.match(paths[0]![0]!, /^\.SIGN\.RSA/);
    assert.equal(paths[1]![0], ".PKGINFO");
    assert.equal(`Q1${Buffer.from(hashes[1]!.bytes()).toString("base64")}`, identity, name);
    const [, control] = splitGzipMembers(readFileSync(`${repository}${name}`), { subject: name });
    const hash = Buffer.from(hashBytes("sha1", control!.compressed)).toString("base64");
    assert.equal(`Q1${hash}`, identity);
  }
});

test("files of packages carry the checksum that they have", { skip }, () => {
  let checked = 0;
  for (const name of readdirSync(repository).filter((file) => file.endsWith(".apk"))) {
    const data = splitGzipMembers(readFileSync(`${repository}${name}`), { subject: name })[2]!;
    for (const { header, content } of tarEntries(data.unpacked, { subject: name })) {
      if (header.type !== "file") continue;
      const stated = header.pax.get("APK-TOOLS.checksum.SHA1");
      assert.ok(stated !== undefined, `${name} ${header.path}`);
      const found = Buffer.from(hashBytes("sha1", content)).toString("hex");
      assert.equal(found, Buffer.from(stated).toString(), header.path);
      checked++;
    }
  }
  assert.ok(checked > 50, `${checked} files`);
});

test(
  "a root file system is read to its last entry, and survives being written",
  { skip },
  async () => {
    const folder = `${fixtures}minirootfs/`;
    const archives = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".tar.gz"),
    );
    for (const archive of archives) {
      let entries = 0;
      const source = gunzip(createReadStream(`${folder}${archive}`), { subject: archive });
      for await (const { header } of readTar(source, { subject: archive })) {
        const [again] = tarEntries(encodeTarHeader({ ...header, size: 0 }), { subject: archive });
        assert.deepEqual(again!.header, { ...header, size: 0 });
        entries++;
      }
      assert.ok(entries > 400, `${archive}: ${entries}`);
    }
  },
);
