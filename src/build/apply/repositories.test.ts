import assert from "node:assert/strict";
import { test } from "node:test";
import { builtInKeys, generateSigningKey, keyToPem, parseKey, type Key } from "../../apk/index.ts";
import { TreeRoot } from "../../tree/index.ts";
import { applyYaml, attributesAt, baselayout, sampleTree, textAt } from "../sample-root.test.ts";

function sampleKey(name: string): { readonly key: Key; readonly pem: string } {
  const { publicPem } = generateSigningKey(name, 2048);
  return { key: parseKey(name, publicPem), pem: publicPem };
}

test("repositories of the build and of the running image are listed, each once", async () => {
  const tree = await sampleTree(baselayout, {
    name: "p",
    files: { "etc/apk/repositories": "old\n" },
  });
  const events = await applyYaml(
    tree,
    `contents:
  repositories:
    - https://dl-cdn.alpinelinux.org/alpine/v3.20/main/
    - "@edge https://dl-cdn.alpinelinux.org/alpine/edge main community"
    - ./packages
  build_repositories: [https://build.example/x]
  runtime_repositories:
    - /mnt/cdrom
    - https://dl-cdn.alpinelinux.org/alpine/v3.20/main`,
  );
  assert.equal(
    await textAt(tree, "etc/apk/repositories"),
    `https://dl-cdn.alpinelinux.org/alpine/v3.20/main
@edge https://dl-cdn.alpinelinux.org/alpine/edge/main
@edge https://dl-cdn.alpinelinux.org/alpine/edge/community
./packages
/mnt/cdrom
`,
  );
  assert.equal(attributesAt(tree, "etc/apk/repositories"), "file 644 0:0 now");
  assert.deepEqual(
    events.map((event) => event.type === "warning" && event.text),
    [
      "i.yaml: contents.repositories[3]: ./packages is a folder of this machine, and apk in the image will look for it there",
    ],
  );
});

test("without repositories what the packages brought stays", async () => {
  const tree = await sampleTree({ name: "p", files: { "etc/apk/repositories": "old\n" } });
  await applyYaml(tree, "contents: {build_repositories: [https://build.example/x]}");
  assert.equal(await textAt(tree, "etc/apk/repositories"), "old\n");
  const empty = new TreeRoot();
  await applyYaml(empty, "{}");
  assert.deepEqual(empty.list(""), []);
});

test("keys are written under their names, and one that is there already is left alone", async () => {
  const a = sampleKey("a.rsa.pub");
  const b = sampleKey("b.rsa.pub");
  const tree = await sampleTree({
    name: "keys",
    files: { "etc/apk/keys/a.rsa.pub": `# ours\n${a.pem}` },
  });
  await applyYaml(tree, "{}", {
    keys: [a.key, b.key, { ...b.key, repository: "https://x.example" }],
  });
  assert.equal(attributesAt(tree, "etc/apk/keys/a.rsa.pub"), "file 644 0:0 then");
  assert.equal(attributesAt(tree, "etc/apk/keys/b.rsa.pub"), "file 644 0:0 now");
  assert.equal(await textAt(tree, "etc/apk/keys/b.rsa.pub"), b.pem);
  assert.equal(keyToPem(b.key), b.pem);
});

test("alpine in the runtime keyring stands for Alpine's keys of the architecture", async () => {
  const tree = new TreeRoot();
  await applyYaml(tree, "contents: {runtime_keyring: [alpine]}", { arch: "riscv64" });
  const names = builtInKeys("riscv64").map(({ name }) => name);
  assert.deepEqual(tree.list("etc/apk/keys"), names.sort());
  assert.ok(names.length > 0);
});

test("a key never takes the place of another one", async () => {
  const ours = sampleKey("k.rsa.pub");
  const theirs = sampleKey("k.rsa.pub");
  const field =
    "i.yaml: contents.keyring and contents.runtime_keyring: the key k.rsa.pub: expected one key of this name";
  const expected = `${field}, with the fingerprint ${ours.key.fingerprint}`;
  const tree = await sampleTree({ name: "keys", files: { "etc/apk/keys/k.rsa.pub": theirs.pem } });
  await assert.rejects(applyYaml(tree, "{}", { keys: [ours.key] }), {
    code: "config-invalid",
    message: `${expected}; found the fingerprint ${theirs.key.fingerprint} in /etc/apk/keys/k.rsa.pub`,
  });
  await assert.rejects(applyYaml(new TreeRoot(), "{}", { keys: [theirs.key, ours.key] }), {
    message: `${expected}; found the fingerprint ${theirs.key.fingerprint} in another key`,
  });
  const broken = await sampleTree({ name: "keys", files: { "etc/apk/keys/k.rsa.pub": "no key" } });
  await assert.rejects(applyYaml(broken, "{}", { keys: [ours.key] }), {
    message: `${expected}; found no key in /etc/apk/keys/k.rsa.pub`,
  });
});

test("a directory in the place of a file names the field", async () => {
  const tree = await sampleTree({ name: "p", files: { "etc/apk/repositories/": "" } });
  await assert.rejects(applyYaml(tree, "contents: {repositories: [https://x.example/a]}"), {
    code: "file-exists",
    message:
      "i.yaml: contents.repositories: /etc/apk/repositories: expected no directory there, found one",
  });
});
