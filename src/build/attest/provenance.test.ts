import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { digestOf, encodeText } from "../../base/index.ts";
import { parsePlatform, parseReference } from "../../oci/index.ts";
import { describeProvenance, type ProvenanceInput, type ProvenanceOptions } from "./provenance.ts";

const platform = parsePlatform("linux/amd64");
const content = encodeText("FROM alpine:3.19\n");
const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;

const input: ProvenanceInput = {
  version: "1.2.3",
  dockerfile: { path: "build/Dockerfile", content },
  source: {
    url: "https://user:hunter2@git.example.com/app.git",
    ref: "refs/heads/main",
    commit: "c".repeat(40),
  },
  target: "app",
  platform,
  buildArguments: {
    VERSION: "3",
    http_proxy: "http://proxy.example.com",
    NO_PROXY: "localhost",
    NPM_TOKEN: "hunter2",
    signing: "hunter2",
    MIRROR: "https://user:hunter2@mirror.example.com/",
    PUBLIC_KEY: "abc",
  },
  contexts: ["b", "a", "b"],
  secrets: ["signing", "npm"],
  ssh: ["default"],
  images: [
    { reference: parseReference("busybox:1.36"), digest: digest("b"), platform },
    { reference: parseReference("alpine:3.19"), digest: digest("a"), platform },
    { reference: parseReference("alpine:3.19"), digest: digest("a"), platform },
  ],
  downloads: [
    {
      url: "https://user:hunter2@example.com/a.tar.gz?X-Amz-Signature=hunter2&v=1",
      digest: digest("d"),
    },
  ],
  commits: [{ url: "https://git.example.com/lib.git", commit: "e".repeat(40) }],
  packages: [
    {
      name: "libcrypto3",
      version: "3.1.4-r5",
      arch: "x86_64",
      origin: "openssl",
      identity: "Q1AQEBAQEBAQEBAQEBAQEBAQEBAQE=",
      location: "https://user:hunter2@dl.example.com/x86_64/libcrypto3-3.1.4-r5.apk",
      distribution: { id: "alpine", version: "3.19.1" },
    },
    {
      name: "own",
      version: "1-r0",
      arch: "noarch",
      origin: "own",
      identity: `X2${"0f".repeat(32)}`,
      location: "/home/someone/own-1-r0.apk",
    },
  ],
  steps: [
    { stage: "app", line: 2, instruction: "RUN --mount=type=secret,id=npm make" },
    {
      stage: "app",
      line: 3,
      instruction: "ADD https://user:hunter2@example.com/a.tar.gz /",
      layer: digest("f"),
    },
  ],
  hermetic: false,
};

function predicateOf(options: ProvenanceOptions = {}, more: Partial<ProvenanceInput> = {}) {
  const { type, text } = describeProvenance({ ...input, ...more }, options);
  return { type, text, predicate: JSON.parse(text) };
}

const dependencies = [
  {
    uri: "git+https://git.example.com/lib.git",
    digest: { gitCommit: "e".repeat(40) },
  },
  {
    uri: "https://example.com/a.tar.gz?X-Amz-Signature=%E2%80%A6&v=1",
    digest: { sha256: "d".repeat(64) },
  },
  {
    uri: "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=alpine-3.19.1&upstream=openssl",
    digest: { apkControlSha1: "01".repeat(20) },
    downloadLocation: "https://dl.example.com/x86_64/libcrypto3-3.1.4-r5.apk",
  },
  {
    uri: "pkg:apk/alpine/own@1-r0?arch=noarch",
    digest: { apkControlSha256: "0f".repeat(32) },
  },
  {
    uri: `pkg:docker/alpine@3.19?digest=${digest("a")}&platform=linux%2Famd64`,
    digest: { sha256: "a".repeat(64) },
  },
  {
    uri: `pkg:docker/busybox@1.36?digest=${digest("b")}&platform=linux%2Famd64`,
    digest: { sha256: "b".repeat(64) },
  },
];

const buildType = "pkg:npm/bivy?build=dockerfile-v1#docs/formats/attestations.md";
const source = {
  uri: "git+https://git.example.com/app.git@refs/heads/main",
  digest: { gitCommit: "c".repeat(40) },
};
const withheld = {
  MIRROR: null,
  NPM_TOKEN: null,
  PUBLIC_KEY: null,
  VERSION: null,
  signing: null,
};
const told = {
  MIRROR: "https://mirror.example.com/",
  NPM_TOKEN: null,
  PUBLIC_KEY: "abc",
  VERSION: "3",
  signing: null,
};
const names = { contexts: ["a", "b"], secrets: ["npm", "signing"], ssh: ["default"] };
const steps = [
  { stage: "app", line: 2, instruction: "RUN --mount=type=secret,id=npm make" },
  {
    stage: "app",
    line: 3,
    instruction: "ADD https://example.com/a.tar.gz /",
    layer: { sha256: "f".repeat(64) },
  },
];

test("the least that is told", () => {
  const { type, predicate } = predicateOf();
  assert.equal(type, "https://slsa.dev/provenance/v1");
  assert.deepEqual(predicate, {
    buildDefinition: {
      buildType,
      externalParameters: {
        dockerfile: {
          name: "build/Dockerfile",
          digest: { sha256: digestOf(content).slice(7) },
        },
        source,
        platform: "linux/amd64",
        target: "app",
        buildArgs: withheld,
      },
      resolvedDependencies: dependencies,
    },
    runDetails: {
      builder: { id: "pkg:npm/bivy@1.2.3", version: { bivy: "1.2.3" } },
      metadata: { bivy_mode: "min", bivy_hermetic: false },
    },
  });
});

test("the most that is told", () => {
  const { predicate } = predicateOf({ mode: "max" }, { builderId: "https://ci.example.com/1" });
  const { buildDefinition, runDetails } = predicate;
  assert.deepEqual(buildDefinition.externalParameters, {
    dockerfile: { name: "build/Dockerfile", digest: { sha256: digestOf(content).slice(7) } },
    source,
    platform: "linux/amd64",
    target: "app",
    buildArgs: told,
    ...names,
  });
  assert.deepEqual(buildDefinition.internalParameters, { steps });
  assert.deepEqual(buildDefinition.resolvedDependencies, dependencies);
  assert.equal(runDetails.builder.id, "https://ci.example.com/1");
  assert.equal(runDetails.metadata.bivy_mode, "max");
});

test("what is not known is not stated", () => {
  const { target: _target, source: _source, hermetic: _hermetic, ...rest } = input;
  const { text } = describeProvenance(rest);
  for (const word of ["target", '"source"', "hermetic", "undefined"])
    assert.ok(!text.includes(word), word);
});

test("the same for readers of version 0.2", () => {
  const { type, predicate } = predicateOf({ version: "v0.2", mode: "max" });
  assert.equal(type, "https://slsa.dev/provenance/v0.2");
  assert.deepEqual(predicate, {
    builder: { id: "pkg:npm/bivy@1.2.3" },
    buildType,
    invocation: {
      configSource: { ...source, entryPoint: "build/Dockerfile" },
      parameters: { target: "app", buildArgs: told, ...names },
      environment: { platform: "linux/amd64" },
    },
    buildConfig: { steps },
    metadata: {
      completeness: { parameters: true, environment: false, materials: false },
      reproducible: false,
    },
    materials: dependencies.map(({ uri, digest: set }) => ({ uri, digest: set })),
  });
  const { source: _source, ...rest } = input;
  const local = JSON.parse(describeProvenance(rest, { version: "v0.2" }).text);
  assert.deepEqual(local.invocation.configSource, {
    digest: { sha256: digestOf(content).slice(7) },
    entryPoint: "build/Dockerfile",
  });
  assert.ok(!Object.hasOwn(local, "buildConfig"));
  assert.equal(local.metadata.completeness.parameters, false);
});

const everyWay: readonly ProvenanceOptions[] = (["v1", "v0.2"] as const).flatMap((version) =>
  (["min", "max"] as const).map((mode) => ({ version, mode })),
);

test("the order in which things were found does not show", () => {
  const reversed = {
    images: input.images.toReversed(),
    packages: input.packages.toReversed(),
    contexts: input.contexts.toReversed(),
    secrets: input.secrets.toReversed(),
    buildArguments: Object.fromEntries(Object.entries(input.buildArguments).reverse()),
  };
  for (const options of everyWay)
    assert.equal(predicateOf(options, reversed).text, predicateOf(options).text);
});

test("neither secrets, nor proxies, nor paths of this machine are told", () => {
  for (const options of everyWay) {
    const { text } = predicateOf(options);
    for (const word of ["hunter2", "proxy", "PROXY", "/home"])
      assert.ok(!text.includes(word), word);
  }
});

const secretNames = [
  "TOKEN",
  "GITHUB_TOKEN",
  "npm_token_file",
  "API_KEY",
  "APIKEY",
  "DB_PASSWORD",
  "PGPASSWORD",
  "NPMTOKEN",
  "AWS_SECRET_ACCESS_KEY",
  "SSH_PRIVATE_KEY",
  "GH_PAT",
  "BASIC_AUTH",
  "CREDENTIALS",
];
const plainNames = [
  "VERSION",
  "AUTHOR",
  "KEYBOARD",
  "PATH_PREFIX",
  "SSH_PUBLIC_KEY",
  "TOKENIZER",
  "BYPASS",
];

test("values are withheld where the name says that they are secret", () => {
  const tellsOf = (name: string): unknown =>
    predicateOf({ mode: "max" }, { buildArguments: { [name]: "value" } }).predicate.buildDefinition
      .externalParameters.buildArgs[name];
  for (const name of secretNames) assert.equal(tellsOf(name), null, name);
  for (const name of plainNames) assert.equal(tellsOf(name), "value", name);
});

test("in the least, no value of an argument is told", () => {
  const name = fc.stringMatching(/^[A-Za-z_]\w{0,12}$/);
  const value = fc.uuid();
  fc.assert(
    fc.property(fc.dictionary(name, value), (buildArguments) => {
      for (const version of ["v1", "v0.2"] as const) {
        const { text } = predicateOf({ version }, { buildArguments });
        for (const each of Object.values(buildArguments)) assert.ok(!text.includes(each));
      }
    }),
    { numRuns: 50 },
  );
});
