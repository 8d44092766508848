/**
 * Scan reports as they come, and as nobody wishes them, made of nothing. It has no tests of its own; the
 * name keeps it out of the published package.
 */
import { severityLevel } from "../../advisory/index.ts";
import type { Finding } from "../finding.ts";
import type { ScanReport } from "../report.ts";
import { riskOf } from "../risk.ts";
import type { ScanPackage } from "../subject.ts";
import type { ReportOptions } from "./failure.ts";

/** 2025-01-04 at noon. */
export const time = Date.parse("2025-01-04T12:00:00Z") / 1000;

export const options: ReportOptions = { version: "1.2.3" };

export const failedOptions: ReportOptions = {
  version: "1.2.3",
  failures: [
    {
      name: "debian:12",
      code: "nothing-to-scan",
      text: "debian:12: expected packages of apk, found Debian 12 without apk packages",
      hint: "Other distributions need their own scanner.",
    },
  ],
};

const digest = `sha256:${"5f".repeat(32)}` as const;

/** `NAME VERSION ORIGIN` */
export function samplePackage(words: string, more: Partial<ScanPackage> = {}): ScanPackage {
  const [name = "", version = "", origin = name] = words.split(" ");
  return { name, version, origin, arch: "x86_64", layer: 0, inWorld: true, path: [name], ...more };
}

export interface SampleFinding extends Partial<Finding> {
  readonly score?: number;
  readonly likely?: number;
}

export function sampleFinding(
  id: string,
  each: ScanPackage,
  { score, likely, ...more }: SampleFinding = {},
): Finding {
  const severity =
    score === undefined
      ? undefined
      : {
          score,
          level: severityLevel(score),
          source: "NVD",
          vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        };
  const epss =
    likely === undefined ? undefined : { probability: likely, percentile: Math.sqrt(likely) };
  return {
    id,
    aliases: [],
    package: each,
    fixed: "9.9.9-r0",
    branch: "v3.19",
    repository: "main",
    availability: {
      state: "available",
      version: "9.9.9-r0",
      repository: "https://dl-cdn.alpinelinux.org/alpine/v3.19/main",
    },
    ...(severity === undefined ? {} : { severity }),
    ...(epss === undefined ? {} : { epss }),
    risk: riskOf(severity, epss, more.kev, 0.5),
    remedy: {
      kind: "upgrade",
      command: `apk upgrade ${each.name}`,
      text: "upgrade to 9.9.9-r0 or newer",
    },
    ...more,
  };
}

const crypto = samplePackage("libcrypto3 3.1.4-r2 openssl", {
  inWorld: false,
  path: ["apk-tools", "libcrypto3"],
});
const ssl = samplePackage("libssl3 3.1.4-r2 openssl", {
  inWorld: false,
  path: ["apk-tools", "libssl3"],
});
const busybox = samplePackage("busybox 1.36.1-r15");
const curl = samplePackage("libcurl 8.5.0-r0 curl", {
  layer: 1,
  inWorld: false,
  path: ["git", "libcurl"],
  repository: {
    branch: "v3.19",
    name: "main",
    url: "https://dl-cdn.alpinelinux.org/alpine/v3.19/main",
    evidence: "only-branch",
  },
});
const expat = samplePackage("libexpat 2.5.0-r2 expat", {
  layer: 1,
  inWorld: false,
  path: ["git", "libexpat"],
});

const openssl: SampleFinding = {
  score: 9.1,
  likely: 0.42,
  fixed: "3.1.8-r0",
  aliases: ["GHSA-abcd-efgh-1234"],
  kev: { added: "2024-12-01", due: "2024-12-22", ransomware: true },
  firstSeen: "2024-11-30",
  remedy: {
    kind: "rebuild-base",
    command: "RUN apk upgrade --no-cache libcrypto3 libssl3",
    text: "it is in the base image: rebuild on a newer one, or upgrade it in a layer of yours",
  },
};

const curlRemedy: SampleFinding = {
  fixed: "8.9.0-r0",
  remedy: {
    kind: "upgrade",
    command: "apk upgrade curl libcurl",
    text: "upgrade to 8.9.0-r0 or newer",
  },
};

const findings: readonly Finding[] = [
  sampleFinding("CVE-2024-12797", crypto, openssl),
  sampleFinding("CVE-2024-12797", ssl, openssl),
  sampleFinding("CVE-2024-7264", curl, {
    ...curlRemedy,
    score: 6.5,
    likely: 0.0123,
    vex: {
      status: "under_investigation",
      text: "Being looked at.",
      source: "vex.json, statement 2",
    },
  }),
  sampleFinding("XSA-458", busybox, {
    fixed: "1.36.1-r17",
    availability: {
      state: "not-available",
      version: "1.36.1-r16",
      repository: "https://dl-cdn.alpinelinux.org/alpine/v3.19/main",
    },
    remedy: { kind: "wait", text: "1.36.1-r17 is not in the repository yet; try again later" },
  }),
  sampleFinding("CVE-2023-42363", busybox, {
    score: 2.1,
    likely: 0.0004,
    fixed: "1.36.1-r17",
    availability: { state: "unknown", reason: "no index was looked into" },
    remedy: {
      kind: "rebuild-base",
      command: "RUN apk upgrade --no-cache busybox busybox-binsh ssl_client",
      text: "it is in the base image: rebuild on a newer one, or upgrade it in a layer of yours",
    },
  }),
];

const suppressed: readonly Finding[] = [
  sampleFinding("CVE-2024-45490", expat, {
    score: 9.8,
    likely: 0.011,
    fixed: "2.6.3-r0",
    suppression: {
      by: "ignore-file",
      reason: "We never parse XML.",
      source: ".bivyignore.yaml, line 3",
      expires: "2025-06-30",
    },
  }),
  sampleFinding("CVE-2024-2511", curl, {
    ...curlRemedy,
    score: 5.3,
    suppression: {
      by: "vex",
      reason: "Not reachable.",
      source: "https://example.com/vex/1",
      justification: "vulnerable_code_not_in_execute_path",
    },
  }),
];

const installed = [crypto, ssl, busybox, curl, expat];
const others = ["alpine-baselayout", "musl", "zlib", "git", "ca-certificates-bundle", "scanelf"];

export const sampleReport: ScanReport = {
  subject: {
    name: "registry.example.com/team/app:1.4",
    kind: "image",
    digest,
    distribution: {
      id: "alpine",
      name: "Alpine Linux",
      version: "3.19.1",
      branch: "v3.19",
      path: "etc/os-release",
    },
    layers: [
      { diffId: digest, createdBy: "ADD alpine-minirootfs-3.19.1-x86_64.tar.gz /" },
      { createdBy: "RUN apk add --no-cache git" },
    ],
    packages: installed.length + others.length,
  },
  time,
  version: "1.2.3",
  branch: "v3.19",
  support: {
    branch: "v3.19",
    ends: "2025-11-01",
    repositories: new Map([
      ["main", "2025-11-01"],
      ["community", undefined],
    ]),
    newest: "3.19.9",
    ended: false,
  },
  feeds: [
    {
      name: "secdb",
      branch: "v3.19",
      repository: "main",
      url: "https://secdb.alpinelinux.org/v3.19/main.json",
      fetched: time - 3 * 3600,
      entries: 1234,
      sha256: "ab".repeat(32),
    },
    {
      name: "epss",
      url: "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
      fetched: time - 26 * 3600,
      entries: 300_000,
      sha256: "cd".repeat(32),
    },
  ],
  findings,
  suppressed,
  notAffected: [
    {
      id: "CVE-2022-1292",
      package: ssl,
      because: "never-affected",
      branch: "v3.19",
      repository: "main",
    },
  ],
  noFixData: ["alpine-baselayout", "ca-certificates-bundle", "scanelf"],
  unreadable: [
    { origin: "zlib", version: "1.2.11.r3", ids: ["CVE-2022-37434"], repository: "main" },
  ],
  unjudged: [
    { ecosystem: "npm", count: 212 },
    { ecosystem: "pypi", count: 3 },
  ],
  warnings: [
    {
      code: "mixed-branches",
      text: "not of v3.19: https://dl-cdn.alpinelinux.org/alpine/edge/testing. Which packages came from there cannot be told without a tag",
      hint: "Tag such a line (@edge URL), and install from it by name@edge.",
    },
  ],
  versions: new Map([
    ...installed.map(({ name, version }): [string, string] => [name, version]),
    ...others.map((name): [string, string] => [name, "1.0-r0"]),
  ]),
};

/** Nothing found in an image of which little is known. */
export const cleanReport: ScanReport = {
  ...sampleReport,
  subject: { ...sampleReport.subject, name: "alpine:3.19", layers: [{}] },
  findings: [],
  suppressed: [],
  notAffected: [],
  unreadable: [],
  unjudged: [],
  warnings: [],
};

/** Each would do harm if it were taken for markup, for a line of its own, or for what a terminal obeys. */
export const hostileTexts: readonly string[] = [
  "<script>globalThis.harmed=1</script>",
  "<img src=x onerror=globalThis.harmed=1>",
  '" onfocus="globalThis.harmed=1" autofocus="',
  "' onclick='globalThis.harmed=1",
  "]]>--><!--</details></style></title>",
  "a|b|c `code` ``` **bold** [x](javascript:alert(1)) ![i](http://x/y.png) @everyone #1",
  "www.example.com http://example.com/ &amp; &#60;script&#62;",
  "line\nsecond line\r\n\n# heading\n\n| cell |",
  "\u001b[2J\u001b]0;title\u0007\u009b31m",
  "\u202eexe.txt\u2066\u200b\ufeff\u{e0041}",
  "\udcff\ud800 \ufffe \u0000 \u2028 \u0085",
  "$(touch harmed); `touch harmed` && rm -rf ~",
  "--root=/ -X",
  "宽字符漢字".repeat(20),
  "é\u0301\u0301\u0301 ✂️👩‍👩‍👧",
  "x".repeat(3000),
  "__proto__",
  "",
];

/** All that comes from outside is the same text. */
export function hostileReport(text: string): ScanReport {
  const name = `${text}a`;
  const each: ScanPackage = {
    name,
    version: text,
    origin: `${text}b`,
    arch: text,
    layer: 1,
    inWorld: false,
    path: [text, name],
    repository: { branch: text, name: text, url: text, evidence: "tag" },
  };
  const finding = sampleFinding(`${text}c`, each, {
    score: 7.5,
    likely: 0.3,
    aliases: [text],
    fixed: text,
    branch: text,
    repository: text,
    firstSeen: text,
    availability: { state: "not-available", version: text, repository: text },
    severity: { score: 7.5, level: "high", source: text, vector: text },
    kev: { added: text, due: text, ransomware: false },
    vex: { status: "affected", text, source: text },
    remedy: { kind: "upgrade", command: `apk upgrade ${text} fine`, text },
  });
  return {
    ...sampleReport,
    subject: {
      name: `${text}d`,
      kind: "image",
      distribution: { id: text, name: text, version: text, branch: text, path: text },
      layers: [{ createdBy: text }, { createdBy: text }],
      packages: 2,
    },
    branch: text,
    feeds: [{ ...sampleReport.feeds[0]!, branch: text, repository: text, url: text }],
    findings: [finding, sampleFinding("CVE-2024-1", each)],
    suppressed: [
      {
        ...finding,
        suppression: {
          by: "vex",
          reason: text,
          source: text,
          expires: text,
          justification: text,
        },
      },
    ],
    notAffected: [
      { id: text, package: each, because: "never-affected", branch: text, repository: text },
    ],
    noFixData: [text],
    unreadable: [{ origin: text, version: text, ids: [text], repository: text }],
    unjudged: [{ ecosystem: text, count: 1 }],
    warnings: [{ code: text, text, hint: text }],
    versions: new Map([
      [name, text],
      [text, text],
    ]),
  };
}

/** A reader that is not careful sees a line, a mark of direction or an order to the terminal in it. */
// oxlint-disable-next-line no-control-regex
export const disturbing = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]|\p{Cf}|\p{Cs}/u;
