import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseDockerfile } from "../../../dockerfile/index.ts";
import { planDockerfile } from "../plan.ts";
import { type RunStep } from "../steps.ts";
import { conditionOf, type Action } from "./action.ts";
import { readRun, type RunContext } from "./read-run.ts";

const platform = { os: "linux", architecture: "amd64" };

/** The RUN steps of a Dockerfile, whose lines follow a FROM. */
function stepsOf(lines: string, buildArguments: Readonly<Record<string, string>> = {}): RunStep[] {
  const dockerfile = parseDockerfile(`FROM alpine\n${lines}\n`, { subject: "Dockerfile" });
  const plan = planDockerfile(dockerfile, {
    platform,
    buildPlatform: platform,
    buildArguments,
    base: () => ({ config: { Env: ["PATH=/usr/bin:/bin"] } }),
  });
  return plan.target.steps.filter((step) => step.kind === "run");
}

const repositories =
  "https://dl-cdn.alpinelinux.org/alpine/v3.19/main\nhttps://dl-cdn.alpinelinux.org/alpine/v3.19/community\n";

const files = new Map([
  ["/etc/apk/repositories", repositories],
  ["/etc/apk/arch", "x86_64\n"],
  ["/etc/alpine-release", "3.19.4\n"],
]);

const context: RunContext = { arch: "x86_64", files, hasApk: true, isEnvironmentKnown: true };

/** One line for each action: `apk …`, `FILE = …`, `! doubt`, `: doubt about this step`, `~ note`; `? ` in front of one that may not happen. */
function describe(action: Action): string {
  const maybe = conditionOf(action) === undefined ? "" : "? ";
  switch (action.kind) {
    case "apk":
      return `${maybe}${["apk", ...action.words].join(" ")}`;
    case "file": {
      const { content, path } = action;
      const value = content === undefined ? "gone" : (content.text ?? `(${content.reason})`);
      return `${maybe}${path} = ${value}`;
    }
    case "doubt":
      return `${maybe}${{ root: "!", step: ":", none: "~" }[action.reach]} ${action.reason}`;
  }
}

function read(script: string, more: Partial<RunContext> = {}): string[] {
  const [step] = stepsOf(`RUN <<'SCRIPT'\n${script}\nSCRIPT`);
  return readRun(step!, { ...context, ...more }).actions.map(describe);
}

interface Case {
  readonly script: string;
  readonly actions: readonly string[];
}

function check(cases: Readonly<Record<string, Case>>): void {
  for (const [name, { script, actions }] of Object.entries(cases))
    test(name, () => assert.deepEqual(read(script), actions));
}

check({
  "a chain": {
    script: "apk update && apk add --no-cache curl git && rm -rf /var/cache/apk/*",
    actions: ["apk update", "apk add --no-cache curl git"],
  },
  "lines, options and quotes": {
    script: `set -eux
apk --update add --virtual .build-deps gcc "musl-dev=1.2.4-r2" 'nodejs=~18' jq@edge
/sbin/apk add -X https://example.com/apk --repository=https://example.org/apk so:libz.so.1
apk del .build-deps`,
    actions: [
      "apk --update add --virtual .build-deps gcc musl-dev=1.2.4-r2 nodejs=~18 jq@edge",
      "apk add -X https://example.com/apk --repository=https://example.org/apk so:libz.so.1",
      "apk del .build-deps",
    ],
  },
  "subshells, groups and pipes": {
    script: "(cd /tmp && apk add a); { apk add b; }; yes | apk add c; apk add d | cat; apk add e &",
    actions: ["apk add a", "apk add b", "apk add c", "apk add d", "apk add e"],
  },
  "commands that run others": {
    script: `sudo -E apk add a
env -i A=b apk add b
command apk add c; exec apk add d
timeout -k 5 60 apk add e; nice -n 5 apk add f; time apk add g
sh -ec 'apk add "$1"' sh h; su root -c "apk add i"; eval "apk add" j
echo k l | xargs -r apk add; echo m n | xargs -n 1 apk add; printf 'o\\0p' | xargs -0 -I X apk add X-dev
bash <<< "apk add q"; busybox sh -c 'apk add r'`,
    actions: [..."abcdefghij"]
      .map((name) => `apk add ${name}`)
      .concat(
        "apk add k l",
        "apk add m",
        "apk add n",
        "apk add o\0p-dev",
        "apk add q",
        "apk add r",
      ),
  },
  variables: {
    script: `PACKAGES="curl git"; VERSION=8.5.0-r0
export EXTRA=jq EMPTY=
apk add $PACKAGES "curl=$VERSION" \${EXTRA} $EMPTY $UNSET \${UNSET:-nano} \${VERSION:+vim}
apk add php\${VERSION%%.*}-\${VERSION##*-} \${PACKAGES/curl/wget} lib"$EXTRA"-dev
MORE="$PACKAGES"; MORE="$MORE bash"; MORE+=" zsh"; apk add $MORE
unset MORE; apk add x$MORE; A=1 apk add y`,
    actions: [
      "apk add curl git curl=8.5.0-r0 jq nano vim",
      "apk add php8-r0 wget git libjq-dev",
      "apk add curl git bash zsh",
      "apk add x",
      "apk add y",
    ],
  },
  "variables that are not known": {
    script: `deps="$(scanelf --needed /usr/local | tr ',' '\\n' | awk '{ print $1 }')"
apk add --virtual .rundeps $deps
apk del .build-deps
apk add "lib-$(date +%s)" $RANDOM`,
    actions: ["! the output of scanelf", "apk del .build-deps", "! the output of date"],
  },
  "what the machine and the base say": {
    script: `arch="$(apk --print-arch)"; machine=$(uname -m)
apk add a-$arch b-$machine c-$(cat /etc/apk/arch) d-$(cut -d. -f1,2 /etc/alpine-release)
apk add -X "https://nginx.org/alpine/v$(egrep -o '^[0-9]+\\.[0-9]+' /etc/alpine-release)/main" nginx`,
    actions: [
      "apk add a-x86_64 b-x86_64 c-x86_64 d-3.19",
      "apk add -X https://nginx.org/alpine/v3.19/main nginx",
    ],
  },
  "a switch on the architecture": {
    script: `case "$(apk --print-arch)" in
  x86_64|aarch64) apk add fast; flags=yes ;;
  arm*) apk add slow ;;
  *) echo unknown >&2; exit 1 ;;
esac
apk add after-$flags`,
    actions: ["apk add fast", "apk add after-yes"],
  },
  "a switch on something unknown": {
    script: `case "$(date +%u)" in 1) name=a; apk add monday ;; *) name=b ;; esac
apk add always; apk add $name`,
    actions: ["? apk add monday", "apk add always", '! what `"$(date +%u)"` is'],
  },
  "ways that fail leave one that does not": {
    script: `if echo "$SUM  key" | sha512sum -c -; then apk add verified; else echo bad; exit 1; fi
[ -x /usr/bin/foo ] || exit 1
apk add after
case "$(date)" in a) apk add a;; *) exit 2;; esac`,
    actions: ["apk add verified", "apk add after", "apk add a"],
  },
  "conditions that are known": {
    script: `A=1
[ "$A" = 1 ] && apk add a
test -n "$B" && apk add b
if [ -z "$B" -a "$A" -ge 1 ]; then apk add c; else apk add d; fi
[[ $A == [0-9] && ! $A =~ ^2 ]] && apk add e || apk add f
true && apk add g; false || apk add h; ! false && apk add i
if ! grep -q edge /etc/apk/repositories; then apk add j; fi
[ -f /etc/alpine-release ] && apk add k; :`,
    actions: ["a", "c", "e", "?f", ..."ghijk"].map((name) =>
      name.startsWith("?") ? `? apk add ${name.slice(1)}` : `apk add ${name}`,
    ),
  },
  "conditions that are not": {
    script: `if [ -f /app/list ]; then apk add a; elif id app; then apk add b; else apk add c; fi
which curl || apk add curl
grep -q x /app/list && apk add d
apk add e`,
    actions: [
      "? apk add a",
      "? apk add b",
      "? apk add c",
      "? apk add curl",
      "? apk add d",
      "apk add e",
    ],
  },
  "what has to succeed did": {
    script: `[ -f /app/list ] && apk add a`,
    actions: ["apk add a"],
  },
  "what does something is taken to succeed": {
    script: "wget https://example.com/x && cd /x && make && apk add a; true",
    actions: ["apk add a"],
  },
  "what hangs on apk": {
    script: `apk info -e curl || apk add curl
apk add a || apk add b
if ! apk add c; then exit 1; fi
until apk add d; do sleep 1; done
for i in 1 2 3; do apk add e && break || sleep 5; done`,
    actions: [
      "apk info -e curl",
      "? apk add curl",
      "apk add a",
      "? apk add b",
      "apk add c",
      "apk add d",
      "apk add e",
    ],
  },
  loops: {
    script: `for name in curl git; do apk add $name; done
for i in $(seq 2); do apk add x$i; [ $i = 1 ] && continue; apk add y$i; done
set -- a b c; while [ $# -gt 0 ]; do apk add "$1"; shift; done
printf 'p\\nq 1\\n' | while read -r name version; do apk add "$name=$version"; done`,
    actions: [
      "apk add curl",
      "apk add git",
      "apk add x1",
      "apk add x2",
      "apk add y2",
      "apk add a",
      "apk add b",
      "apk add c",
      "apk add p=",
      "apk add q=1",
    ],
  },
  "loops over something unknown": {
    script: `last=none
for name in $(ls /list); do apk add $name; apk add fixed; last=$name; done
apk add $last
while read -r line; do apk add "$line"; done < /app/list`,
    actions: [
      "? ! the output of ls",
      "? apk add fixed",
      "! the output of ls",
      "? ! the content of /app/list",
    ],
  },
  "a loop that may end early": {
    script: `for url in a b; do if wget $url; then ok=1; break; fi; done; apk add after
for name in a b; do ping -c1 x && break; apk add $name; done; apk add last`,
    actions: ["apk add after", "? apk add a", "? apk add b", "apk add last"],
  },
  functions: {
    script: `install() { local flags="--no-cache"; apk add $flags "$@"; }
quiet() { [ -n "$1" ] || return 0; apk add "$1"; }
install curl git; quiet; quiet jq; apk add x$flags
loop() { loop; }; loop
early() { which x && return; apk add maybe; }; early; apk add end`,
    actions: [
      "apk add --no-cache curl git",
      "apk add jq",
      "apk add x",
      "? apk add maybe",
      "apk add end",
    ],
  },
  "an early end": {
    script: `if [ -f /skip ]; then exit 0; fi
apk add a; exit 0; apk add never`,
    actions: ["? apk add a"],
  },
  "files that the script writes": {
    script: `echo "curl git" > /tmp/list; printf '%s\\n' jq nano >> /tmp/list
apk add $(cat /tmp/list)
cat <<LIST > packages
vim
# comment
LIST
apk add $(grep -v '^#' packages | tr '\\n' ' ')
cp packages other; xargs apk add < other
sort -u /tmp/list | head -n 1 | sed 's/curl/wget/' | xargs apk add`,
    actions: [
      "apk add curl git jq nano",
      "apk add vim",
      "apk add vim # comment",
      "apk add wget git",
    ],
  },
  "repositories are changed": {
    script: `echo "@edge https://dl-cdn.alpinelinux.org/alpine/edge/main" >> /etc/apk/repositories
sed -i -e 's|https\\?://dl-cdn.alpinelinux.org|http://mirror.example|g' -e '/community/d' /etc/apk/repositories
cd /etc/apk && printf 'http://a/%s\\n' main community > repositories
tee -a repositories <<< http://b | cat
sed -ri 's!^(http://)[a-b]!\\1c!;$d' repositories
rm repositories`,
    actions: [
      `/etc/apk/repositories = ${repositories}@edge https://dl-cdn.alpinelinux.org/alpine/edge/main\n`,
      "/etc/apk/repositories = http://mirror.example/alpine/v3.19/main\n@edge http://mirror.example/alpine/edge/main\n",
      "/etc/apk/repositories = http://a/main\nhttp://a/community\n",
      "/etc/apk/repositories = http://a/main\nhttp://a/community\nhttp://b\n",
      "/etc/apk/repositories = http://c/main\nhttp://c/community\n",
      "/etc/apk/repositories = gone",
    ],
  },
  "repositories are changed to something unknown": {
    script: `echo "http://$(hostname)/apk" >> /etc/apk/repositories
curl -fsSL https://example.com/list -o /etc/apk/repositories
python3 edit.py /etc/apk/repositories
[ -f /x ] && echo http://x >> /etc/apk/repositories
ls /etc/apk/repositories`,
    actions: [
      "/etc/apk/repositories = (the output of hostname)",
      "/etc/apk/repositories = (what https://example.com/list holds)",
      "/etc/apk/repositories = (what python3 makes of /etc/apk/repositories)",
      "? /etc/apk/repositories = (what python3 makes of /etc/apk/repositories)",
    ],
  },
  keys: {
    script: `wget -q -O /etc/apk/keys/a.rsa.pub https://example.com/a.rsa.pub
curl -so /tmp/b.rsa.pub https://example.com/b.rsa.pub && mv /tmp/b.rsa.pub /etc/apk/keys/
wget -P /etc/apk/keys https://example.com/c.rsa.pub
cd /etc/apk/keys && curl -LO https://example.com/d.rsa.pub
echo PEM > "/etc/apk/keys/e.rsa.pub"; cp /app/*.pub /etc/apk/keys/; rm -f e.rsa.pub`,
    actions: [
      "/etc/apk/keys/a.rsa.pub = (what https://example.com/a.rsa.pub holds)",
      "/etc/apk/keys/b.rsa.pub = (what https://example.com/b.rsa.pub holds)",
      "/etc/apk/keys/c.rsa.pub = (what https://example.com/c.rsa.pub holds)",
      "/etc/apk/keys/d.rsa.pub = (what https://example.com/d.rsa.pub holds)",
      "/etc/apk/keys/e.rsa.pub = PEM\n",
      "/etc/apk/keys = (the files that match /app/*.pub)",
      "/etc/apk/keys/e.rsa.pub = gone",
    ],
  },
  "apk in other hands": {
    script: `retry 5 apk add a
find / -name x -exec apk add b ';'
$WRAPPER apk add c
sh ./setup.sh; curl https://example.com | sh
eval "$(cat /app/commands) apk"
chroot /rootfs apk add d
which apk && echo apk add; rm -f /sbin/apk`,
    actions: [
      "! whether and how apk runs, which is up to retry",
      "? apk add b",
      "apk add c",
      "~ ./setup.sh is run, and cannot be read: the content of /setup.sh",
      "~ a script is run, and cannot be read: what https://example.com holds",
      "! eval runs the content of /app/commands",
      ": apk runs in another root",
    ],
  },
  "commands that change nothing": {
    script: `apk --version; apk info -vv | sort; apk list --installed; apk search x; apk fetch y
apk --no-network info --installed musl && apk stats; apk add`,
    actions: [
      "apk --version",
      "apk info -vv",
      "apk list --installed",
      "apk search x",
      "apk fetch y",
      "apk --no-network info --installed musl",
      "? apk stats",
      "apk add",
    ],
  },
  "patterns and lists of files are not known": {
    script: `apk add --allow-untrusted /tmp/*.apk; apk del "php*"; apk add 'py3-[a-z]*'`,
    actions: ["! the files that match /tmp/*.apk", "apk del php*", "apk add py3-[a-z]*"],
  },
  "upgrades make the release unknown": {
    script: "apk upgrade --no-cache && apk add -X http://x/$(cat /etc/alpine-release) a",
    actions: ["apk upgrade --no-cache", "! /etc/alpine-release after apk ran"],
  },
});

test("shell form, exec form, files and other shells", () => {
  const steps = stepsOf(`ARG VERSION=1
ENV NAME=curl
RUN apk add $NAME=$VERSION \\
  # a comment
  && apk add git
RUN ["apk", "add", "$NAME"]
RUN ["/bin/sh", "-c", "apk add $NAME"]
RUN <<EOF
#!/usr/bin/env bash
apk add {a,b}-$NAME
EOF
RUN <<EOF
#!/usr/bin/env python3
run(["apk", "add", "curl"])
EOF
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN apk add php-{curl,gd}; false; apk add never
RUN v=1.2; apk add \${v/#1/x} \${v/%2/y} \${NAME^^}
RUN apk add "
ONBUILD RUN apk add later
USER nobody
RUN apk add --root "$HOME" x`);
  const actions = steps.map((step) => readRun(step, context).actions.map(describe));
  assert.deepEqual(actions, [
    ["apk add curl=1", "apk add git"],
    ["apk add $NAME"],
    ["apk add curl"],
    ["apk add a-curl b-curl"],
    ["! it is no shell script"],
    ["apk add php-curl php-gd", "apk add never"],
    ["apk add x.2 1.y CURL"],
    ["! its syntax is unusual"],
    ["! the home folder"],
  ]);
});

test("what a command depends on", () => {
  const [step] = stepsOf(
    `ARG VERSION
ARG FLAVOR
ARG COMMIT=0
RUN [ "$FLAVOR" = slim ] || extra=jq; echo $COMMIT; \\
  name="curl=$VERSION"; apk add $name; apk add $extra; if [ -n "$UNSET" ]; then apk add x; else apk add y; fi`,
    { VERSION: "8.5.0-r0", COMMIT: "abc" },
  );
  const { actions } = readRun(step!, context);
  assert.deepEqual(
    actions.map((action) => [describe(action), [...action.from].sort()]),
    [
      ["apk add curl=8.5.0-r0", ["VERSION"]],
      ["apk add jq", ["FLAVOR"]],
      ["apk add y", ["UNSET"]],
    ],
  );
});

test("a root of another distribution has no apk", () => {
  const [step] = stepsOf(
    "RUN if command -v apt-get; then x; elif which apk; then apk add a; else y; fi; type apk && apk add b; true",
  );
  assert.deepEqual(readRun(step!, { ...context, hasApk: false }).actions.map(describe), []);
  assert.deepEqual(readRun(step!, context).actions.map(describe), ["? apk add a", "apk add b"]);
});

test("a base whose config is not known may set any variable", () => {
  const [step] = stepsOf("RUN apk add nginx=$NGINX_VERSION; VERSION=1; apk add curl=$VERSION");
  const { actions } = readRun(step!, { ...context, isEnvironmentKnown: false });
  assert.deepEqual(actions.map(describe), [
    "! the variable NGINX_VERSION, which the base image may set",
    "apk add curl=1",
  ]);
});

test("files are asked for, and scripts among them are followed", () => {
  const [step] = stepsOf("RUN docker-install curl && sh /tmp/setup.sh && apk add $(cat /tmp/list)");
  const first = readRun(step!, context);
  assert.deepEqual([...first.wanted].sort(), [
    "/tmp/list",
    "/tmp/setup.sh",
    "/usr/local/bin/docker-install",
    "/usr/local/sbin/docker-install",
  ]);
  const more = new Map([
    ...files,
    [
      "/usr/local/bin/docker-install",
      '#!/bin/sh\nset -e\nfor name; do apk add "$name-dev"; done\n',
    ],
    ["/tmp/setup.sh", "apk add setup\n"],
    ["/tmp/list", "jq\nnano\n"],
  ]);
  assert.deepEqual(readRun(step!, { ...context, files: more }).actions.map(describe), [
    "apk add curl-dev",
    "apk add setup",
    "apk add jq nano",
  ]);
});

test("what is written stays known behind the step", () => {
  const [step] = stepsOf(
    "RUN echo curl > /list; date > /now; cd /srv && echo a > b; ls > /etc/alpine-release",
  );
  assert.deepEqual(Object.fromEntries(readRun(step!, context).written), {
    "/list": "curl\n",
    "/now": undefined,
    "/srv/b": "a\n",
    "/etc/alpine-release": undefined,
  });
});

test("scripts that go on for ever come to an end", () => {
  const scripts = [
    "while true; do apk add a; done; apk add b",
    "x=a; while true; do x=$x$x; done; apk add $x",
    "f() { f; f; }; f; apk add a",
    `for a in $(seq 99); do for b in $(seq 99); do for c in $(seq 99); do :; done; done; done; apk add a`,
    `echo ${"a".repeat(900)} | grep -E '(a*)*(a*)*b' || apk add a`,
  ];
  for (const script of scripts) assert.ok(read(script).length > 0, script);
});

test("nothing that is no script makes reading fail", () => {
  const words = [
    "apk",
    "add",
    "$x",
    "`",
    "$(",
    ")",
    "{",
    "}",
    "if",
    "then",
    "fi",
    "case",
    "in",
    "esac",
    "for",
  ];
  const more = [
    "do",
    "done",
    "while",
    ";",
    "&&",
    "||",
    "|",
    ">",
    ">>",
    "/etc/apk/repositories",
    "'",
    '"',
    "\n",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words, ...more), { maxLength: 25 }), (parts) => {
      const [step] = stepsOf("RUN x");
      const script = parts.join(" ");
      readRun({ ...step!, words: ["/bin/sh", "-c", script], script }, context);
    }),
    { numRuns: 500 },
  );
});
