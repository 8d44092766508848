/** Tests of credentials: where they are looked for, in which order, and by which names. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { type BivyEvent } from "../../base/index.ts";
import { type Credential } from "./credential.ts";
import { openCredentials, type CredentialsOptions } from "./credentials.ts";
import { failsWith } from "./sample-blobs.test.ts";

const auth = (user: string, password = "p") =>
  Buffer.from(`${user}:${password}`).toString("base64");
const auths = (entries: Record<string, object>) => ({ auths: entries });
const entry = (user: string) => ({ auth: auth(user) });

/** `~` is the home folder; a text is written as it is, all else as JSON. */
type Files = Readonly<Record<string, unknown>>;

const dockerFile = "~/.docker/config.json";
const podmanFile = "~/run/containers/auth.json";
const lastFile = "~/.config/containers/auth.json";

async function open(
  context: TestContext,
  files: Files,
  environment: NodeJS.ProcessEnv = {},
  options: CredentialsOptions = {},
) {
  const home = mkdtempSync(join(tmpdir(), "bivy-credentials-"));
  context.after(() => rmSync(home, { recursive: true, force: true }));
  const inHome = (path: string) => path.replace(/^~/, home);
  for (const [name, content] of Object.entries(files)) {
    const path = inHome(name);
    mkdirSync(dirname(path), { recursive: true });
    const isProgram = name.includes("docker-credential-");
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    if (isProgram) chmodSync(path, 0o755);
  }
  const events: BivyEvent[] = [];
  const source = openCredentials({
    environment: {
      HOME: home,
      XDG_RUNTIME_DIR: join(home, "run"),
      PATH: [join(home, "bin"), process.env["PATH"]].join(delimiter),
      ...Object.fromEntries(
        Object.entries(environment).map(([name, value]) => [name, value && inHome(value)]),
      ),
    },
    events: (event) => events.push(event),
    ...options,
    ...(options.authFile === undefined ? {} : { authFile: inHome(options.authFile) }),
  });
  return { home, source, events };
}

/** `user from place`, or the kind of token. */
function shown(found: Credential | undefined, home: string): string {
  if (found === undefined) return "nobody";
  const place = found.source.replace(home, "~");
  return `${found.kind === "basic" ? found.user : `${found.kind} ${found.token}`} from ${place}`;
}

const hub = "docker.io/library/alpine";
const cases: readonly [string, Files, NodeJS.ProcessEnv, Readonly<Record<string, string>>][] = [
  ["no files", {}, {}, { "r.io/a": "nobody" }],
  [
    "docker's file, by host",
    { [dockerFile]: auths({ "r.io": entry("u"), "s.io:5000": entry("v") }) },
    {},
    {
      "r.io/a": `u from ${dockerFile}`,
      "s.io:5000/a/b": `v from ${dockerFile}`,
      "s.io/a": "nobody",
      "r.io:443/a": "nobody",
      "x.r.io/a": "nobody",
    },
  ],
  [
    "docker's keys may be URLs",
    {
      [dockerFile]: auths({
        "https://r.io": entry("u"),
        "https://s.io/v1/": entry("v"),
        "http://t.io/v2/": entry("w"),
        "x.io/v1/": entry("x"),
      }),
    },
    {},
    {
      "r.io/a": `u from ${dockerFile}`,
      "s.io/a": `v from ${dockerFile}`,
      "t.io/a": `w from ${dockerFile}`,
      "x.io/a": `x from ${dockerFile}`,
    },
  ],
  [
    "Docker Hub by its old name",
    { [dockerFile]: auths({ "https://index.docker.io/v1/": entry("u") }) },
    {},
    { [hub]: `u from ${dockerFile}`, "index.docker.io.evil.com/a": "nobody" },
  ],
  [
    "Docker Hub by the name that podman writes",
    { [podmanFile]: auths({ "docker.io": entry("u"), "docker.io/mine": entry("m") }) },
    {},
    { [hub]: `u from ${podmanFile}`, "docker.io/mine/x": `m from ${podmanFile}` },
  ],
  [
    "the most specific of podman's keys",
    {
      [podmanFile]: auths({
        "q.io": entry("all"),
        "q.io/team": entry("team"),
        "q.io/team/app/": entry("app"),
      }),
    },
    {},
    {
      "q.io/team/app": `app from ${podmanFile}`,
      "q.io/team/app/part": `app from ${podmanFile}`,
      "q.io/team/application": `team from ${podmanFile}`,
      "q.io/teammate": `all from ${podmanFile}`,
      "q.io/v2": `all from ${podmanFile}`,
    },
  ],
  [
    "a part of a registry is not all of it",
    { [podmanFile]: auths({ "q.io/team": entry("team") }) },
    {},
    { "q.io/other/app": "nobody" },
  ],
  [
    "kinds of entries",
    {
      [dockerFile]: auths({
        "a.io": { username: "u", password: "p" },
        "b.io": { ...entry("u"), identitytoken: "I" },
        "c.io": { registrytoken: "R" },
        "d.io": {},
        "e.io": { auth: "" },
        "f.io": { auth: auth("<token>", "T") },
        "g.io": { auth: Buffer.from("u:p\0\0").toString("base64") },
      }),
      [lastFile]: auths({ "d.io": entry("d") }),
    },
    {},
    {
      "a.io/x": `u from ${dockerFile}`,
      "b.io/x": `identity-token I from ${dockerFile}`,
      "c.io/x": `registry-token R from ${dockerFile}`,
      "d.io/x": `d from ${lastFile}`,
      "e.io/x": "nobody",
      "f.io/x": `identity-token T from ${dockerFile}`,
      "g.io/x": `u from ${dockerFile}`,
    },
  ],
  [
    "the order of files",
    {
      [dockerFile]: auths({ "a.io": entry("docker") }),
      [podmanFile]: auths({ "a.io": entry("podman"), "b.io": entry("podman") }),
      [lastFile]: auths({ "a.io": entry("last"), "b.io": entry("last"), "c.io": entry("last") }),
    },
    {},
    {
      "a.io/x": `docker from ${dockerFile}`,
      "b.io/x": `podman from ${podmanFile}`,
      "c.io/x": `last from ${lastFile}`,
    },
  ],
  [
    "files that variables name",
    {
      "~/d/config.json": auths({ "a.io": entry("config"), "b.io": entry("config") }),
      "~/mine.json": auths({ "a.io": entry("mine") }),
      [dockerFile]: auths({ "a.io": entry("home"), "b.io": entry("home"), "c.io": entry("home") }),
    },
    { DOCKER_CONFIG: "~/d", REGISTRY_AUTH_FILE: "~/mine.json" },
    {
      "a.io/x": "mine from ~/mine.json",
      "b.io/x": "config from ~/d/config.json",
      "c.io/x": "nobody",
    },
  ],
  [
    "a file that is still to be written",
    { [dockerFile]: auths({ "a.io": entry("home") }) },
    { REGISTRY_AUTH_FILE: "~/none.json" },
    { "a.io/x": `home from ${dockerFile}` },
  ],
  [
    "variables",
    { [dockerFile]: auths({ "a.io": entry("home"), "b.io": entry("home") }) },
    {
      BIVY_REGISTRY_HOST: "a.io",
      BIVY_REGISTRY_USER: "me",
      BIVY_REGISTRY_PASSWORD: "p",
      DOCKER_AUTH_CONFIG: JSON.stringify(auths({ "a.io": entry("ci"), "c.io": entry("ci") })),
    },
    {
      "a.io/x": "me from BIVY_REGISTRY_USER and BIVY_REGISTRY_PASSWORD",
      "b.io/x": `home from ${dockerFile}`,
      "c.io/x": "ci from DOCKER_AUTH_CONFIG",
    },
  ],
];

for (const [name, files, environment, expected] of cases)
  test(`credentials: ${name}`, async (context) => {
    const { home, source, events } = await open(context, files, environment);
    for (const [reference, words] of Object.entries(expected)) {
      const slash = reference.indexOf("/");
      const wanted = {
        registry: reference.slice(0, slash),
        repository: reference.slice(slash + 1),
      };
      assert.equal(shown(await source.find(wanted), home), words, reference);
    }
    assert.deepEqual(events, []);
  });

test("what the caller gives comes before all else", async (context) => {
  const { source } = await open(
    context,
    { [dockerFile]: auths({ "a.io": entry("home") }) },
    {},
    { given: new Map([["a.io", { user: "given", password: "p" }]]) },
  );
  const found = await source.find({ registry: "a.io", repository: "x" });
  assert.equal(found?.kind === "basic" && found.user, "given");
});

test("a file that the user names must be there", async (context) => {
  const { source } = await open(context, {}, {}, { authFile: "~/none.json" });
  const error = await failsWith(
    source.find({ registry: "a.io", repository: "x" }),
    "file-not-found",
  );
  assert.match(error.message, /none\.json/);
});

const secret = "s3cret-word";
for (const [name, text] of [
  ["no JSON", `{"auths":{"a.io":{"auth":"${secret}`],
  ["no map", JSON.stringify([secret])],
  ["an auth without a colon", JSON.stringify(auths({ "a.io": { auth: btoa(secret) } }))],
  ["a number", JSON.stringify(auths({ "a.io": { auth: 7, password: secret } }))],
] as const)
  test(`a damaged file is named, and not quoted: ${name}`, async (context) => {
    const { source } = await open(context, { [dockerFile]: text });
    const error = await failsWith(
      source.find({ registry: "a.io", repository: "x" }),
      "config-invalid",
    );
    assert.match(error.message, /\.docker\/config\.json: /);
    assert.doesNotMatch(
      `${error.stack} ${String(error.cause)}`,
      new RegExp(`${secret}|${btoa(secret)}`),
    );
  });

test("half of the variables is an error", async (context) => {
  const { source } = await open(
    context,
    {},
    { BIVY_REGISTRY_USER: "u", BIVY_REGISTRY_PASSWORD: "p" },
  );
  await failsWith(source.find({ registry: "a.io", repository: "x" }), "config-invalid");
});

/** A helper that keeps what it was asked, and answers by script. */
const helper = (script: string) =>
  `#!/bin/sh\nread server\necho "$1 $server" >> "$HOME/asked"\n${script}\n`;
const answers = (user: string) =>
  helper(`echo '{"ServerURL":"x","Username":"${user}","Secret":"S"}'`);

test("helpers: for a host, for all hosts, and the file after them", async (context) => {
  const { home, source, events } = await open(context, {
    "~/bin/docker-credential-cloud": answers("clouduser"),
    "~/bin/docker-credential-chain": helper(
      'case "$server" in s.io|https://index.docker.io/v1/) echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"S\\"}";; *) echo "credentials not found in native keychain"; exit 1;; esac',
    ),
    [dockerFile]: {
      credHelpers: { "r.io": "cloud" },
      credsStore: "chain",
      auths: { "t.io": entry("filed"), "r.io": entry("filed"), "s.io": {} },
    },
  });
  for (const [registry, expected] of [
    ["r.io", "clouduser from docker-credential-cloud"],
    ["s.io", "identity-token S from docker-credential-chain"],
    ["docker.io", "identity-token S from docker-credential-chain"],
    ["t.io", `filed from ${dockerFile}`],
    ["u.io", "nobody"],
  ] as const)
    assert.equal(shown(await source.find({ registry, repository: "a/b" }), home), expected);
  assert.deepEqual(events, []);
});

test("a helper is asked once", async (context) => {
  const { home, source } = await open(context, {
    "~/bin/docker-credential-cloud": answers("u"),
    [dockerFile]: { credsStore: "cloud" },
  });
  await Promise.all(
    ["a", "b", "c"].map((repository) => source.find({ registry: "r.io", repository })),
  );
  const { readFileSync } = await import("node:fs");
  assert.equal(readFileSync(join(home, "asked"), "utf8"), "get r.io\n");
});

for (const [name, script, expected] of [
  ["cloud", "echo trouble; exit 3", /docker-credential-cloud: it ended with 3: trouble/],
  ["cloud", `echo '{"Secret":"${secret}"'; exit 3`, /it ended with 3;/],
  ["cloud", "echo nonsense", /expected JSON/],
  ["cloud", "echo '{}'", /expected Username and Secret/],
  ["cloud", "kill -9 $$", /ended by SIGKILL/],
  ["cloud", "yes | head -c 200000", /writes more than/],
  ["absent", "true", /docker-credential-absent: there is no such program/],
  ["../evil", "true", /expected a name of letters/],
  ["-x", "true", /expected a name of letters/],
] as const)
  test(`a helper that fails is named, and the work goes on: ${name}, ${script}`, async (context) => {
    const { source, events } = await open(context, {
      "~/bin/docker-credential-cloud": helper(script),
      [dockerFile]: { credsStore: name, auths: { "r.io": entry("filed") } },
    });
    const found = await source.find({ registry: "r.io", repository: "a" });
    assert.equal(found?.kind === "basic" && found.user, "filed");
    assert.equal(events.length, 1);
    const [event] = events;
    assert.match(event?.type === "warning" ? event.text : "", expected);
    assert.doesNotMatch(JSON.stringify(events), new RegExp(secret));
  });
