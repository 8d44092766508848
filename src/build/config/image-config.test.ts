import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseImageConfig, type ImageConfig } from "./image-config.ts";

function read(text: string): Promise<ImageConfig> {
  return parseImageConfig(text, { subject: "i.yaml", hostArch: "aarch64" });
}

/** Texts, and what the error says of them, without the name of the file. */
const invalid = JSON.parse(
  readFileSync(new URL("./invalid.json", import.meta.url), "utf8"),
) as readonly (readonly [text: string, message: string])[];

test("what is wrong is named with its place, what was expected and what was found", async () => {
  for (const [text, message] of invalid)
    await assert.rejects(
      read(text),
      { name: "BivyError", code: "config-invalid", message: `i.yaml:${message}` },
      text,
    );
  await assert.rejects(read("include: base.yaml"), {
    code: "config-invalid",
    message: "i.yaml: expected a configuration that stands alone, found an include",
  });
});

test("hints say what to do", async () => {
  const hints: readonly (readonly [string, string])[] = [
    [
      "contents: {packges: [a]}",
      "The fields of contents are repositories, build_repositories, runtime_repositories, keyring, runtime_keyring, packages.",
    ],
    [
      "contents: {baseimage: {}}",
      "Name every package in contents.packages, or start from the image in a Dockerfile: FROM, then RUN apk add.",
    ],
    ["paths: [{path: /a, type: directory, permissions: 755}]", "Write 0o755."],
    ["volumes: [data]", 'Paths begin at the root of the image: "/data".'],
    ["layering: a", "The format is described in docs/formats/image-yaml.md."],
  ];
  for (const [text, hint] of hints) await assert.rejects(read(text), { hint }, text);
});

test("at most twenty problems are listed", async () => {
  const text = Array.from({ length: 30 }, (_, index) => `x${index}: 1`).join("\n");
  await assert.rejects(read(text), (error: Error) => {
    const lines = error.message.split("\n");
    assert.equal(lines.length, 21);
    assert.equal(lines[20], "  and 10 more");
    return true;
  });
});

test("an empty map has every default", async () => {
  assert.deepEqual(await read("{}"), {
    sources: ["i.yaml"],
    contents: {
      repositories: [],
      buildRepositories: [],
      runtimeRepositories: [],
      keyring: [],
      runtimeKeyring: [],
      packages: [],
    },
    entrypoint: undefined,
    cmd: [],
    stopSignal: undefined,
    workDir: undefined,
    environment: {},
    accounts: { runAs: undefined, users: [], groups: [] },
    archs: ["aarch64"],
    paths: [],
    files: [],
    volumes: [],
    ports: [],
    labels: {},
    annotations: {},
    healthcheck: undefined,
    layering: undefined,
    certificates: { additional: [], providers: [] },
    vcsUrl: undefined,
    scripts: "run",
  } satisfies ImageConfig);
  assert.deepEqual(await read("contents:\ncmd:\naccounts: ~"), await read("{}"));
});

test("a repository is a line or a map, and may have keys of its own", async () => {
  const { contents } = await parseImageConfig(
    `contents:
  repositories:
    - https://a/main/
    - "@edge https://a main community"
    - {url: https://b/main, tag: t, keys: [alpine, ./k.rsa.pub, https://b/k.rsa.pub]}
    - ./packages
  keyring:
    - {name: k.rsa.pub, content: "-----BEGIN PUBLIC KEY-----\\nAA==\\n-----END PUBLIC KEY-----\\n"}
`,
    { subject: "i.yaml", folder: "conf" },
  );
  const plain = { tag: undefined, keys: undefined };
  assert.deepEqual(contents.repositories, [
    { ...plain, url: "https://a/main", written: "https://a/main" },
    { ...plain, url: "https://a/main", written: "https://a/main", tag: "edge" },
    { ...plain, url: "https://a/community", written: "https://a/community", tag: "edge" },
    {
      url: "https://b/main",
      written: "https://b/main",
      tag: "t",
      keys: [
        { kind: "alpine" },
        { kind: "path", path: "conf/k.rsa.pub", written: "./k.rsa.pub" },
        { kind: "url", url: "https://b/k.rsa.pub" },
      ],
    },
    { ...plain, url: "conf/packages", written: "./packages" },
  ]);
  assert.deepEqual(contents.keyring, [
    {
      kind: "inline",
      name: "k.rsa.pub",
      content: "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n",
    },
  ]);
});

test("keys that would hide one another are refused", async () => {
  const key = '{name: k, content: "-----BEGIN PUBLIC KEY-----"}';
  await assert.rejects(read(`contents: {runtime_keyring: [${key}, ${key}]}`), {
    message: 'i.yaml:1:29: contents.runtime_keyring: expected names that differ, found "k" twice',
  });
});

test("architectures have apk's names, in one order, whatever they are called", async () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["[arm64, x86_64, amd64, 386]", ["x86", "x86_64", "aarch64"]],
    ["[arm/v7, armhf, loong64, s390x]", ["armhf", "armv7", "loongarch64", "s390x"]],
    ["[host, amd64]", ["x86_64", "aarch64"]],
    ["[]", ["aarch64"]],
    [
      "[all]",
      ["x86", "x86_64", "armhf", "armv7", "aarch64", "loongarch64", "ppc64le", "riscv64", "s390x"],
    ],
  ];
  for (const [archs, names] of cases)
    assert.deepEqual((await read(`archs: ${archs}`)).archs, names, archs);
});

test("scalars of the environment are text as written", async () => {
  const { environment } = await read(
    "environment: {A: 0755, B: true, C: 1.0, D: , E: ~, F: '', __proto__: x}",
  );
  assert.deepEqual(Object.entries(environment), [
    ["A", "0755"],
    ["B", "true"],
    ["C", "1.0"],
    ["D", ""],
    ["E", ""],
    ["F", ""],
    ["__proto__", "x"],
  ]);
});

test("permissions are octal with a leading zero, however it is written", async () => {
  for (const written of ["0o755", "0755", '"0755"', '"0o755"', "00755"]) {
    const { paths } = await read(`paths: [{path: /a, type: directory, permissions: ${written}}]`);
    assert.deepEqual(
      paths,
      [
        {
          path: "a",
          uid: undefined,
          gid: undefined,
          type: "directory",
          permissions: 0o755,
          recursive: false,
        },
      ],
      written,
    );
  }
});

test("paths have the defaults of their types", async () => {
  const { paths } = await read(`paths:
  - {path: /a//b/./, type: directory, recursive: yes, uid: 0, gid: 5}
  - {path: /f, type: empty-file}
  - {path: /h, type: hardlink, source: /a/f}
  - {path: /s, type: symlink, source: ../x, permissions: 0o777}
  - {path: /, type: permissions, uid: 7}`);
  const owner = { uid: undefined, gid: undefined };
  assert.deepEqual(paths, [
    { path: "a/b", uid: 0, gid: 5, type: "directory", permissions: 0o755, recursive: true },
    { path: "f", ...owner, type: "empty-file", permissions: 0o644, recursive: false },
    { path: "h", ...owner, type: "hardlink", source: "a/f", permissions: undefined },
    { path: "s", ...owner, type: "symlink", source: "../x" },
    {
      path: "",
      uid: 7,
      gid: undefined,
      type: "permissions",
      permissions: undefined,
      recursive: false,
    },
  ]);
});

test("files come from the context or from the configuration itself", async () => {
  const { files } = await read(`files:
  - {path: /etc/motd, content: "hi\\n", uid: nginx, gid: 5, permissions: 0600}
  - {path: /srv/, source: /site/./a}
  - {path: /app, source: ., uid: "12"}`);
  assert.deepEqual(files, [
    {
      path: "etc/motd",
      uid: "nginx",
      gid: 5,
      kind: "content",
      content: "hi\n",
      permissions: 0o600,
    },
    {
      path: "srv",
      uid: 0,
      gid: 0,
      kind: "source",
      source: "site/a",
      permissions: undefined,
      below: true,
    },
    {
      path: "app",
      uid: 12,
      gid: 0,
      kind: "source",
      source: "",
      permissions: undefined,
      below: false,
    },
  ]);
});

test("accounts have the defaults that apko gives them", async () => {
  const { accounts } = await read(
    "accounts: {users: [{username: a, uid: 5}, {username: b, uid: 6, gid: 0, shell: /bin/ash, homedir: /}], groups: [{groupname: g, gid: 0, members: [a]}]}",
  );
  assert.deepEqual(accounts, {
    runAs: undefined,
    users: [
      { username: "a", uid: 5, gid: 5, shell: "/bin/sh", homedir: "/home/a" },
      { username: "b", uid: 6, gid: 0, shell: "/bin/ash", homedir: "/" },
    ],
    groups: [{ groupname: "g", gid: 0, members: ["a"] }],
  });
});

test("commands are lines or words, and an empty one is none", async () => {
  assert.deepEqual((await read("cmd: sh -c 'a b'")).cmd, ["sh", "-c", "a b"]);
  assert.deepEqual((await read("cmd: [sh, -c, 'a b', 1]")).cmd, ["sh", "-c", "a b", "1"]);
  assert.equal((await read("entrypoint: {command: ''}")).entrypoint, undefined);
});

test("healthchecks, ports and layers", async () => {
  const healthcheck = async (text: string) => (await read(`healthcheck: ${text}`)).healthcheck;
  assert.deepEqual((await healthcheck("{command: wget -q localhost}"))?.test, [
    "CMD",
    "wget",
    "-q",
    "localhost",
  ]);
  assert.deepEqual((await healthcheck("{test: a || b}"))?.test, ["CMD-SHELL", "a || b"]);
  assert.deepEqual((await healthcheck("{test: [NONE]}"))?.test, ["NONE"]);
  assert.equal(
    (await healthcheck("{command: a, interval: 1h2m3.5s}"))?.interval,
    3_723_500_000_000,
  );
  assert.equal((await healthcheck("{command: a, interval: 0}"))?.interval, 0);
  assert.deepEqual((await read("ports: [8080, 53/udp, 9000-9002/TCP, 9001]")).ports, [
    "8080/tcp",
    "53/udp",
    "9000/tcp",
    "9001/tcp",
    "9002/tcp",
  ]);
  assert.deepEqual((await read("layering: {strategy: origin}")).layering, {
    strategy: "origin",
    budget: 10,
  });
});

test("no YAML or schema library is loaded before a file is read", () => {
  const module = new URL("./include.ts", import.meta.url).href;
  const code = `
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        if (/node_modules|schema/.test(found.url)) console.log(found.url);
        return found;
      },
    });
    await import(${JSON.stringify(module)});`;
  const loaded = execFileSync(process.execPath, ["--input-type=module", "-e", code], {
    encoding: "utf8",
  });
  assert.match(loaded, /config\/schema\.ts/);
  assert.doesNotMatch(loaded, /node_modules/);
});

test("every example of the format's documentation is a configuration", async () => {
  const page = new URL("../../../docs/formats/image-yaml.md", import.meta.url);
  const examples = [...readFileSync(page, "utf8").matchAll(/```yaml\n([\s\S]*?)```/g)];
  assert.ok(examples.length > 15);
  for (const [, example] of examples) {
    const standsAlone = !example!.startsWith("include: ");
    await (standsAlone
      ? read(example!)
      : assert.rejects(read(example!), { message: /stands alone/ }));
  }
});
