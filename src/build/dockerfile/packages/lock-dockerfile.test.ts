import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../../../test/refusals.ts";
import { makeRepository, sampleKey } from "../../../../test/signed-repository.ts";
import { parseKey } from "../../../apk/index.ts";
import { isBivyError } from "../../../base/index.ts";
import { parseDockerfile } from "../../../dockerfile/index.ts";
import { planDockerfile } from "../plan.ts";
import { completeLock, stepsOf } from "./dockerfile-lock.ts";
import { type StepRecording } from "./follow-stage.ts";
import { diffLocks } from "./lock-difference.ts";
import { type LockResult } from "./lock-dockerfile.ts";
import { requireCurrentDockerfileLock } from "./lock-request.ts";
import {
  describeLock,
  openProject,
  readerOf,
  sampleRoot,
  samples,
  type SampleOptions,
} from "./sample-lock.test.ts";

const main = samples(
  "base",
  "musl",
  "curl-8.5-r0: libcurl=8.5-r0",
  "libcurl-8.5-r0: zlib",
  "zlib",
  "gcc: musl-dev",
  "musl-dev",
  "git: zlib",
  "jq",
);

/** Signed with a key that no image has. */
const otherKey = sampleKey("other.rsa.pub");

function findingsOf({ findings }: LockResult): string[] {
  return findings.map(
    ({ line, text, reason, blocking }) => `${line}: ${text}: ${reason}${blocking ? "" : " (note)"}`,
  );
}

interface Case {
  readonly dockerfile: string;
  readonly steps: readonly string[];
  readonly findings?: readonly string[];
  readonly options?: (url: string) => SampleOptions;
}

/** `URL` in a Dockerfile and in what is expected stands for the server. */
const cases: Readonly<Record<string, Case>> = {
  "exact packages, step by step": {
    dockerfile: `FROM alpine AS one
RUN apk add --no-cache curl
RUN apk add git && echo done
FROM one
RUN apk del curl
FROM alpine
COPY --from=1 /x /x
RUN apk add zlib`,
    steps: [
      "one: zlib-1.0-r0 libcurl-8.5-r0 curl-8.5-r0",
      "one: git-1.0-r0",
      "1: -curl-8.5-r0 -libcurl-8.5-r0",
      "2: zlib-1.0-r0",
    ],
  },
  "what comes and goes within a step": {
    dockerfile: `FROM alpine
RUN apk add --virtual .build-deps gcc jq && make && apk del --no-network .build-deps && apk add git`,
    steps: [
      "0: musl-dev-1.0-r0 gcc-1.0-r0 jq-1.0-r0 zlib-1.0-r0 git-1.0-r0 -gcc-1.0-r0 -musl-dev-1.0-r0 -jq-1.0-r0",
    ],
  },
  "what is there already is not locked": {
    dockerfile: "FROM alpine\nRUN apk add base && apk update\nRUN apk add musl jq",
    steps: ["0: jq-1.0-r0"],
  },
  "repositories with tags, and others": {
    dockerfile: `FROM alpine
RUN echo "@edge URL/edge" >> /etc/apk/repositories && apk add jq@edge zlib
RUN apk add -X URL/more --no-cache curl
RUN sed -i /edge/d /etc/apk/repositories`,
    steps: ["0: jq@edge-2.0-r0 zlib-1.0-r0", "0: libcurl-9.0-r0 curl-9.0-r0"],
  },
  upgrades: {
    dockerfile: "FROM old\nRUN apk upgrade --no-cache\nRUN apk add -u jq",
    steps: ["0: jq-1.0-r0 musl-1.0-r0"],
    options: (url) => ({
      images: { old: sampleRoot(`${url}/main\n`, samples("musl-0.9-r0", "jq-0.5-r0")) },
    }),
  },
  "what cannot be read is said, once": {
    dockerfile: `FROM alpine
RUN apk add jq && deps="$(scanelf /usr)" && apk add $deps && apk add curl
RUN apk add git
RUN echo no apk`,
    steps: ["0: jq-1.0-r0 ?", "0: ?"],
    findings: ["2: apk add $deps: the output of scanelf"],
  },
  "conditions, and commands that hang on others": {
    dockerfile: `FROM alpine
RUN apk info -e jq || apk add jq; apk info -e base && apk add git; apk add nope || apk add zlib; true
RUN if ping -c1 host; then apk add base; fi
RUN if ping -c1 host; then apk add curl; fi`,
    steps: ["0: jq-1.0-r0 zlib-1.0-r0 git-1.0-r0", "0: ?"],
    findings: [
      "2: apk add nope: apk fails: ERROR: unable to select packages:\n  nope (no such package):\n    required by: world[nope] (note)",
      "4: apk add curl: whether `ping -c1 host` succeeds",
    ],
  },
  "packages that cannot be had": {
    dockerfile: "FROM alpine\nRUN apk add curl=7.0-r0\nRUN apk add jq",
    steps: ["0: ?", "0: ?"],
    findings: [
      "2: apk add curl=7.0-r0: apk fails: ERROR: unable to select packages:\n  curl-8.5-r0:\n    breaks: world[curl=7.0-r0]",
    ],
  },
  "files, other roots and strange options": {
    dockerfile: `FROM alpine
RUN apk add --allow-untrusted ./glibc-2.35-r0.apk
FROM alpine
RUN apk add --root /rootfs jq
FROM alpine
RUN apk add --strange jq
FROM scratch
COPY --from=2 / /
COPY --from=0 /x /x
COPY --from=1 /y /y
RUN ["apk", "add", "jq"]`,
    steps: ["0: ?", "1: ?", "2: ?", "3: ?"],
    findings: [
      "2: apk add --allow-untrusted ./glibc-2.35-r0.apk: the package in the file ./glibc-2.35-r0.apk",
      "4: apk add --root /rootfs jq: the packages of another root, /rootfs",
      "6: apk add --strange jq: apk's command line: unrecognized option 'strange'",
    ],
  },
  "roots that apk makes": {
    dockerfile: `FROM alpine AS build
RUN mkdir -p /rootfs/etc && cp -r /etc/apk /rootfs/etc/ && apk add --root /rootfs --initdb jq
RUN apk --root=/rootfs add -X URL/more curl && apk add git
RUN apk -p /rootfs del jq && apk add -p /other --initdb -X URL/edge jq
FROM scratch
COPY --from=build /rootfs /
RUN ["/sbin/apk", "add", "-X", "URL/main", "jq"]`,
    steps: [
      "build: jq-1.0-r0",
      "build: libcurl-9.0-r0 curl-9.0-r0 zlib-1.0-r0 git-1.0-r0",
      "build: jq-2.0-r0 -jq-1.0-r0",
      "1: jq-1.0-r0",
    ],
  },
  "keys that come over the network": {
    dockerfile: `FROM alpine
RUN wget -O /etc/apk/keys/other.rsa.pub https://example.com/other.rsa.pub && apk add -X URL/other jq`,
    steps: ["0: ?"],
    findings: [
      "2: wget -O /etc/apk/keys/other.rsa.pub https://example.com/o…: the key other.rsa.pub: what https://example.com/other.rsa.pub holds (note)",
      "2: apk add -X URL/other jq: URL/other/x86_64/APKINDEX.tar.gz: signed by other.rsa.pub, which is not in the keyring",
    ],
  },
  "repositories of the image itself": {
    dockerfile: "FROM local\nRUN apk add jq\nRUN apk del base",
    steps: ["0: ?", "0: ?"],
    findings: ["2: apk add jq: /srv/packages is a folder of the image, with packages of its own"],
    options: () => ({ images: { local: sampleRoot("/srv/packages\n", samples("base")) } }),
  },
  "images of another distribution": {
    dockerfile: 'FROM debian\nRUN apk add jq\nFROM scratch\nRUN ["apk", "add", "jq"]',
    steps: ["1: ?"],
    findings: ["4: apk add jq: the root has no packages of Alpine"],
    options: () => ({ images: { debian: { "etc/debian_version": "12\n" } } }),
  },
  "settings that are copied": {
    dockerfile: `FROM alpine
COPY <<LIST /etc/apk/repositories
URL/edge
LIST
RUN apk add jq
FROM alpine
COPY packages.txt setup.sh /tmp/
COPY apk/ /etc/apk/
RUN xargs apk add < /tmp/packages.txt && sh /tmp/setup.sh
FROM scratch
COPY --from=1 / /
RUN apk del git
COPY --from=0 /etc/apk/repositories /etc/apk/repositories
RUN apk add musl-dev`,
    steps: ["0: jq-2.0-r0", "1: jq-2.0-r0 zlib-1.0-r0 git-1.0-r0", "2: -git-1.0-r0", "2: ?"],
    findings: [
      "13: COPY … /etc/apk/repositories: what COPY brings to /etc/apk/repositories (note)",
      "14: apk add musl-dev: COPY brings files to /etc/apk/repositories that cannot be looked at",
    ],
    options: (url) => ({
      context: {
        "packages.txt": "jq\nzlib\n",
        "setup.sh": "#!/bin/sh\napk add git\n",
        "apk/repositories": `${url}/edge\n${url}/main\n`,
      },
    }),
  },
  "keys that are copied": {
    dockerfile: `FROM alpine
COPY keys/other.rsa.pub /etc/apk/keys/
RUN apk add -X URL/other jq
FROM alpine
COPY keys /etc/apk/keys
RUN apk add -X URL/other jq
FROM alpine
COPY --from=0 /etc/apk/keys /etc/apk/keys
COPY --from=1 /x /x
ADD https://example.com/other.rsa.pub /etc/apk/keys/
RUN apk add -X URL/other jq`,
    steps: ["0: jq-3.0-r0", "1: jq-3.0-r0", "2: ?"],
    findings: [
      "8: COPY … /etc/apk/keys: a key that cannot be looked at; name it with --key if you trust it (note)",
      "10: ADD … /etc/apk/keys/: a key that cannot be looked at; name it with --key if you trust it (note)",
      "11: apk add -X URL/other jq: URL/other/x86_64/APKINDEX.tar.gz: signed by other.rsa.pub, which is not in the keyring",
    ],
    options: () => ({ context: { "keys/other.rsa.pub": otherKey.publicPem } }),
  },
  "files that the root does not tell of": {
    dockerfile: `FROM alpine
COPY --from=other /list /tmp/list
RUN apk add $(cat /tmp/list)
FROM alpine
COPY *.txt /tmp/
COPY list /tmp/
COPY --from=0 /x /x
RUN echo "jq" >> /tmp/list
RUN apk add $(cat /tmp/list)
FROM alpine
COPY --from=1 /x /x
RUN --mount=type=bind,target=/src xargs apk add < /src/list
RUN --mount=source=list,target=/list --mount=type=cache,target=/cache apk add $(cat /list /cache/list)
RUN apk add $(cat /src/list)`,
    steps: [
      "0: zlib-1.0-r0",
      "1: zlib-1.0-r0 git-1.0-r0 jq-1.0-r0",
      "2: zlib-1.0-r0 git-1.0-r0",
      "2: ?",
      "2: ?",
    ],
    findings: [
      "13: apk add $(cat /list /cache/list): the content of /cache/list",
      "14: apk add $(cat /src/list): the content of /src/list",
    ],
    options: () => ({ context: { list: "git\n" }, images: { other: { list: "zlib\n" } } }),
  },
  "roots that are unpacked or copied": {
    dockerfile: `FROM scratch
ADD alpine-minirootfs.tar.gz /
RUN apk add jq
FROM alpine
COPY --from=0 /x /x
COPY rootfs /
RUN apk add jq
FROM alpine
COPY --from=1 /x /x
COPY *.sh /tmp/
RUN sh /tmp/setup.sh && apk add zlib`,
    steps: ["0: ?", "1: ?", "2: zlib-1.0-r0"],
    findings: [
      "2: ADD … /: the database of packages that ADD brings to / (note)",
      "6: COPY … /: the database of packages that COPY brings to / (note)",
      "11: sh /tmp/setup.sh: /tmp/setup.sh is run, and cannot be read: the content of /tmp/setup.sh (note)",
    ],
    options: () => ({ context: { "rootfs/lib/apk/db/installed": "", "setup.sh": "apk add git" } }),
  },
  "scripts of the base, and triggers": {
    dockerfile: `FROM tools
RUN docker-install jq
FROM alpine AS parent
ONBUILD RUN apk add git
FROM parent
COPY --from=0 /x /x
RUN apk add jq`,
    steps: ["0: jq-1.0-r0", "2: zlib-1.0-r0 git-1.0-r0", "2: jq-1.0-r0"],
    options: (url) => ({
      images: {
        tools: sampleRoot(`${url}/main\n`, samples("base"), {
          "usr/local/bin/docker-install": '#!/bin/sh\nset -e\napk add "$@"\n',
        }),
      },
    }),
  },
};

for (const [name, { dockerfile, steps, findings = [], options }] of Object.entries(cases))
  test(name, async (context) => {
    const project = await openProject(context);
    project.publish({
      main,
      edge: samples("jq-2.0-r0"),
      more: samples("curl-9.0-r0: libcurl=9.0-r0", "libcurl-9.0-r0"),
    });
    for (const [path, bytes] of otherRepository()) project.server.files.set(path, bytes);
    const { url } = project.server;
    const fill = (text: string): string => text.replaceAll("URL", url);
    const result = await project.lock(fill(dockerfile), options?.(url));
    assert.deepEqual(
      { steps: describeLock(result.lock), findings: findingsOf(result) },
      {
        steps,
        findings: findings.map(fill),
      },
    );
  });

function otherRepository(): ReadonlyMap<string, Buffer> {
  const files = makeRepository(samples("jq-3.0-r0"), otherKey);
  return new Map(Array.from(files, ([path, bytes]) => [`other/${path}`, bytes]));
}

test("a key that the user names, or none at all, makes a repository known", async (context) => {
  const project = await openProject(context);
  for (const [path, bytes] of otherRepository()) project.server.files.set(path, bytes);
  const { url } = project.server;
  const dockerfile = `FROM alpine\nRUN apk add -X ${url}/other jq`;
  project.publish({ main });
  for (const [path, bytes] of otherRepository()) project.server.files.set(path, bytes);
  const named = await project.lock(dockerfile, {
    keys: [parseKey(otherKey.key.name, otherKey.publicPem)],
  });
  assert.deepEqual(describeLock(named.lock), ["0: jq-3.0-r0"]);
  assert.deepEqual(
    named.lock.keys.map(({ name }) => name),
    ["other.rsa.pub"],
  );
  const untrusted = await project.lock(dockerfile, { allowUntrusted: true });
  assert.deepEqual(describeLock(untrusted.lock), ["0: jq-3.0-r0"]);
  assert.equal(untrusted.lock.platforms[0]!.steps[0]!.packages[0]!.signedBy, undefined);
});

test("a recording tells what could not be read, and what comes behind it", async (context) => {
  const project = await openProject(context);
  project.publish({ main });
  const dockerfile = `FROM alpine AS app
RUN apk add --virtual .build-deps gcc && apk add $(scanelf /usr) && apk del .build-deps
RUN apk add git && apk del jq`;
  const first = await project.lock(dockerfile);
  assert.deepEqual(describeLock(first.lock), ["app: musl-dev-1.0-r0 gcc-1.0-r0 ?", "app: ?"]);
  const [step] = first.lock.platforms[0]!.steps;
  const repositories = `${project.server.url}/main\n`;
  const installed = samples("base", "musl");
  const recording: StepRecording = {
    before: readerOf(sampleRoot(repositories, installed)),
    after: readerOf(
      sampleRoot(repositories, [
        ...installed,
        ...samples("jq", "curl-8.5-r0: libcurl=8.5-r0", "libcurl-8.5-r0: zlib", "zlib", "strange"),
      ]),
    ),
    fetched: ["musl-dev-1.0-r0", "gcc-1.0-r0"],
  };
  const second = await project.lock(dockerfile, { recordings: { [step!.id]: recording } });
  assert.deepEqual(describeLock(second.lock), [
    "app: musl-dev-1.0-r0 gcc-1.0-r0 jq-1.0-r0 curl-8.5-r0 libcurl-8.5-r0 zlib-1.0-r0 ? recorded",
    "app: git-1.0-r0 -jq-1.0-r0",
  ]);
  assert.deepEqual(findingsOf(second), [
    "2: strange-1.0-r0: no repository that is known and trusted has it",
  ]);
});

test("an update changes what it names and what that drags, and nothing else", async (context) => {
  const project = await openProject(context);
  project.publish({ main });
  const dockerfile = "FROM alpine\nRUN apk upgrade && apk add curl jq\nRUN apk add git";
  const { lock } = await project.lock(dockerfile);
  const newer = samples(
    "base-2.0-r0",
    "musl-2.0-r0",
    "curl-9.0-r0: libcurl=9.0-r0",
    "libcurl-9.0-r0: zlib>=2",
    "zlib-2.0-r0",
    "git-2.0-r0: zlib",
    "jq-2.0-r0",
    "new",
  );
  project.publish({ main: newer });
  const update = async (...names: string[]): Promise<string[]> => {
    const { lock: after } = await project.lock(dockerfile, { previous: { lock, update: names } });
    return diffLocks(lock, after).packages.map(
      ({ stage, name, before, after: now }) => `${stage} ${name} ${before} -> ${now}`,
    );
  };
  assert.deepEqual(await update("jq"), ["0 jq 1.0-r0 -> 2.0-r0"]);
  assert.deepEqual(await update("curl"), [
    "0 curl 8.5-r0 -> 9.0-r0",
    "0 libcurl 8.5-r0 -> 9.0-r0",
    "0 zlib 1.0-r0 -> 2.0-r0",
  ]);
  assert.deepEqual(await update(), []);
  const error = await failure(() => update("crul"));
  assert.equal(error.code, "usage");
  assert.equal(error.hint, "Did you mean curl?");
  const all = await project.lock(dockerfile);
  assert.deepEqual(describeLock(all.lock), [
    "0: base-2.0-r0 musl-2.0-r0 zlib-2.0-r0 libcurl-9.0-r0 curl-9.0-r0 jq-2.0-r0",
    "0: git-2.0-r0",
  ]);
});

test("a lock is outdated when what it answers changes, and only then", async (context) => {
  const project = await openProject(context);
  project.publish({ main });
  const text = `FROM alpine
ARG VERSION=8.5-r0 COMMIT
RUN echo $COMMIT && apk add "curl=$VERSION"
RUN make`;
  const { lock } = await project.lock(project.plan(text, { COMMIT: "one" }));
  const check = (dockerfile: string, values: Readonly<Record<string, string>> = {}): string => {
    try {
      requireCurrentDockerfileLock(lock, project.plan(dockerfile, values), "bivy.lock");
      return "current";
    } catch (error) {
      assert.ok(isBivyError(error, "lock-outdated"));
      return error.message;
    }
  };
  assert.equal(check(text, { COMMIT: "two" }), "current");
  assert.equal(check(`# comment\n${text.replace("RUN make", "RUN make install")}`), "current");
  assert.match(check(text, { VERSION: "9" }), /: line 3: VERSION has another value$/);
  assert.match(check(text.replace("apk add", "apk add jq")), /steps that run apk, changed$/);
  assert.match(check(`${text}\nRUN apk add jq`), /steps that run apk, changed$/);
  assert.match(
    check(text.replace("alpine", "alpine:3.19")),
    /: the lock does not have the image .*alpine:3.19$/,
  );
  const other = planDockerfile(parseDockerfile(text, { subject: "Dockerfile" }), {
    platform: { os: "linux", architecture: "arm64" },
    base: () => ({ config: {} }),
  });
  assert.throws(
    () => requireCurrentDockerfileLock(lock, other, "bivy.lock"),
    /does not have the platform linux\/arm64/,
  );
});

test("the digests of images, for each platform", async (context) => {
  const project = await openProject(context);
  const { lock } = await project.lock(
    "FROM alpine AS a\nFROM scratch\nCOPY --from=a /x /\nCOPY --from=other:1 /y /",
    {
      images: { other: {} },
    },
  );
  assert.deepEqual(
    Array.from(lock.images, ([reference, digests]) => [reference, Object.fromEntries(digests)]),
    [
      ["docker.io/library/alpine:latest", { "linux/amd64": "sha256:alpine" }],
      ["docker.io/library/other:1", { "linux/amd64": "sha256:other" }],
    ],
  );
});

test("a package that several steps have is completed once", async (context) => {
  const project = await openProject(context);
  project.publish({ main });
  const { lock } = await project.lock(
    "FROM alpine AS a\nRUN apk add jq\nFROM alpine\nCOPY --from=a /x /x\nRUN apk add jq",
  );
  const asked: string[] = [];
  const complete = await completeLock(lock, (each, arch) => {
    asked.push(`${each.package.name} ${arch}`);
    return Promise.resolve({ ...each, vendored: "kept" });
  });
  assert.deepEqual(asked, ["jq x86_64"]);
  for (const { packages } of stepsOf(complete, "linux/amd64"))
    assert.deepEqual(
      packages.map(({ vendored }) => vendored),
      ["kept"],
    );
  assert.deepEqual(stepsOf(complete, "linux/arm64"), []);
});
