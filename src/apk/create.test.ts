import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  array,
  assert as check,
  asyncProperty,
  constantFrom,
  integer,
  option,
  record,
  stringMatching,
  uint8Array,
  uniqueArray,
} from "fast-check";
import { openRealAlpine, withRealApk } from "../../test/alpine-fixtures.ts";
import { sourceOf } from "../../test/package-parts.ts";
import { refuses } from "../../test/refusals.ts";
import {
  makeRepository,
  sampleKey,
  smallWorld,
  writeRepository,
} from "../../test/signed-repository.ts";
import { collectBytes, defaultLimits as limits } from "../base/index.ts";
import { formatAtom, parseAtom } from "./atom.ts";
import {
  createIndexFile,
  createPackageFile,
  generateSigningKey,
  parseSigningKey,
  publicPemOf,
  type PackageRecipe,
} from "./create.ts";
import { readIndexArchive } from "./index-archive.ts";
import { formatIndex } from "./index-text.ts";
import { parseKey } from "./keyring.ts";
import { openPackage } from "./package-file.ts";
import { repositoryAt } from "./repositories.ts";

const signer = sampleKey();
const keyring = { keys: [parseKey(signer.key.name, signer.publicPem)] };

test("a new key signs, and survives being written and read", () => {
  const { key, publicPem, privatePem } = generateSigningKey("new.rsa.pub", 2048);
  const again = parseSigningKey("new.rsa.pub", privatePem);
  assert.ok(again.privateKey.equals(key.privateKey));
  assert.equal(publicPemOf(again), publicPem);
  assert.match(publicPem, /^-----BEGIN PUBLIC KEY-----/);
});

test("what is no private key is refused", async () => {
  for (const pem of ["", "hello", signer.publicPem])
    await refuses(() => parseSigningKey("me.rsa.pub", pem), {
      code: "key-invalid",
      message: "key me.rsa.pub: expected a private key in PEM form",
      hint: "It starts with -----BEGIN PRIVATE KEY-----",
    });
});

const word = stringMatching(/^[a-z][a-z0-9+._-]{0,12}$/);
const atom = constantFrom("a", "b=1.0-r0", "!c", "so:libc.so.1", "cmd:sh~1", "/bin/sh", "d>=2_rc1");
const line = stringMatching(/^[A-Za-zäß(][A-Za-z0-9 =#ö.]{0,20}[a-z]$/);

const recipe = record({
  name: word,
  version: constantFrom("1", "1.0-r0", "20240101_git-r3"),
  description: line,
  license: line,
  buildTime: integer({ min: 0, max: 2 ** 31 }),
  depends: array(atom, { maxLength: 3 }),
  provides: array(atom, { maxLength: 3 }),
  replacesPriority: integer({ min: 0, max: 9 }),
  triggers: array(constantFrom("/bin", "+/usr/*"), { maxLength: 2 }),
  files: uniqueArray(
    record({
      path: array(word, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
      mode: integer({ min: 0, max: 0o7777 }),
      content: uint8Array({ maxLength: 2000 }),
      xattr: option(uint8Array({ maxLength: 20 })),
    }),
    { maxLength: 6, selector: ({ path }) => path },
  ),
  script: option(uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString("hex"))),
});

test("a package that was made is read as what it was made of", async () => {
  await check(
    asyncProperty(recipe, async (given) => {
      const { files, script, depends, provides, ...info } = given;
      const made: PackageRecipe = {
        info: { ...info, depends: depends.map(parseAtom), provides: provides.map(parseAtom) },
        files: files.map(({ path, mode, content, xattr }) => ({
          header: {
            path,
            type: "file",
            mode,
            xattrs: new Map(xattr === null ? [] : [["user.x", xattr]]),
          },
          content,
        })),
        ...(script === null ? {} : { scripts: { "pre-upgrade": script } }),
      };
      const created = createPackageFile(made, [{ key: signer.key, algorithm: "RSA512" }]);
      assert.deepEqual(
        createPackageFile(made, [{ key: signer.key, algorithm: "RSA512" }]).bytes,
        created.bytes,
      );
      const opened = await openPackage(
        sourceOf("x.apk", created.bytes),
        { by: "signature", keyring },
        limits,
      );
      assert.equal(opened.identity, created.package.identity);
      assert.equal(created.package.size, created.bytes.byteLength);
      assert.deepEqual(opened.info.depends.map(formatAtom), depends);
      assert.deepEqual(opened.info.provides.map(formatAtom), provides);
      for (const field of [
        "name",
        "version",
        "description",
        "license",
        "buildTime",
        "replacesPriority",
        "triggers",
      ] as const)
        assert.deepEqual(opened.info[field], given[field], field);
      assert.equal(
        opened.info.installedSize,
        files.reduce((sum, { content }) => sum + content.length, 0),
      );
      assert.deepEqual(
        Buffer.from(opened.scripts.get("pre-upgrade") ?? []).toString(),
        script ?? "",
      );
      const found = [];
      for await (const entry of opened.data()) {
        const { path, mode, xattrs } = entry.header;
        const content = await collectBytes(entry.chunks(), 1e6, () => new Error("large"));
        found.push({
          path,
          mode,
          content: Buffer.from(content).toString("hex"),
          xattr: xattrs.get("user.x") ?? null,
        });
      }
      assert.deepEqual(
        found.map((file) => ({
          ...file,
          xattr: file.xattr === null ? null : Buffer.from(file.xattr).toString("hex"),
        })),
        files.map((file) => ({
          path: file.path,
          mode: file.mode,
          content: Buffer.from(file.content).toString("hex"),
          xattr: file.xattr === null ? null : Buffer.from(file.xattr).toString("hex"),
        })),
      );
    }),
    { numRuns: 40 },
  );
});

test("an index that was made is read as what it was made of", () => {
  const packages = smallWorld.map(
    ({ name }) =>
      createPackageFile({ info: { name, version: "2-r1", arch: "x86_64" }, files: [] }, []).package,
  );
  const bytes = createIndexFile(packages, "a description", [{ key: signer.key, algorithm: "RSA" }]);
  const trust = { keyring, repository: repositoryAt("/srv") };
  const found = readIndexArchive(bytes, { subject: "I", limits, trust });
  assert.equal(formatIndex(found.packages), formatIndex(packages));
  assert.equal(found.description, "a description");
});

test("the real apk verifies and installs what was made", withRealApk, (context) => {
  const alpine = openRealAlpine(context);
  // apk 2.14 reads RSA and RSA256 signatures.
  writeRepository(join(alpine.folder, "made"), makeRepository(smallWorld));
  mkdirSync(join(alpine.folder, "etc/apk/keys"), { recursive: true });
  const words = ["--no-network", "--no-cache", "--repositories-file", "/dev/null", "-X", "/made"];
  const untrusted = alpine.run("apk", "add", ...words, "app");
  assert.notEqual(untrusted.status, 0, untrusted.output);
  writeFileSync(join(alpine.folder, "etc/apk/keys", signer.key.name), signer.publicPem);
  const verified = alpine.run("apk", "verify", "/made/x86_64/app-1.0-r0.apk");
  assert.deepEqual(verified, { status: 0, output: "/made/x86_64/app-1.0-r0.apk: 0 - OK\n" });
  const added = alpine.run("apk", "add", ...words, "app");
  assert.equal(added.status, 0, added.output);
  assert.match(added.output, /Installing base \(1\.0-r0\)[^]*Installing library[^]*Installing app/);
  assert.equal(
    alpine.run("apk", "info", "-L", "app").output,
    "app-1.0-r0 contains:\nusr/bin/app\n\n",
  );
});
