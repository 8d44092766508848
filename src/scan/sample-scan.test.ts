/**
 * Databases and subjects of a few rows and packages, made for one test, in memory. It has no tests of
 * its own; the name keeps it out of the published package.
 */
import { openDatabase, updateDatabase, type AdvisoryDatabase } from "../advisory/index.ts";
import { bytesContent, defaultLimits, encodeText } from "../base/index.ts";
import { alpineBranch } from "../inventory/index.ts";
import {
  scanSubject,
  type ScanOptions,
  type ScanPackage,
  type ScanReport,
  type ScanSubject,
} from "./index.ts";

/** 2026-11-30 at noon. */
export const now = Date.parse("2026-11-30T12:00:00Z") / 1000;

/** Origin → fixed version → ids, by `BRANCH/REPOSITORY`. */
export type Rows = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>>
>;

export interface SampleDatabase {
  readonly rows: Rows;
  /** Other feeds' files by the end of their URLs. */
  readonly files?: Readonly<Record<string, string>>;
  readonly fetched?: number;
}

export async function sampleDatabase({
  rows,
  files = {},
  fetched = now,
}: SampleDatabase): Promise<AdvisoryDatabase> {
  const texts: Record<string, string> = { ...files };
  for (const [place, packages] of Object.entries(rows)) {
    const [branch, repository] = place.split("/");
    texts[`/${place}.json`] = JSON.stringify({
      distroversion: branch,
      reponame: repository,
      archs: ["x86_64"],
      packages: Object.entries(packages).map(([name, secfixes]) => ({ pkg: { name, secfixes } })),
    });
  }
  const branches = [...new Set(Object.keys(rows).map((place) => place.split("/")[0]!))];
  const { image } = await updateDatabase(
    {
      subject: "sample",
      async fetch({ url }) {
        const name = Object.keys(texts).find((each) => url.endsWith(each));
        return name === undefined
          ? undefined
          : { content: bytesContent(encodeText(texts[name]!)), url, fetched };
      },
      listBranches: async () => branches,
    },
    { limits: defaultLimits, now: fetched },
  );
  return openDatabase(image, defaultLimits, "sample");
}

/** `NAME VERSION [ORIGIN]` */
export function samplePackage(words: string, more: Partial<ScanPackage> = {}): ScanPackage {
  const [name = "", version = "", origin = name] = words.split(" ");
  return { name, version, origin, arch: "x86_64", ...more };
}

export function sampleSubject(
  packages: readonly (string | ScanPackage)[],
  more: Partial<ScanSubject> & { readonly release?: string } = {},
): ScanSubject {
  const { release = "3.19.4", ...rest } = more;
  const branch = alpineBranch(release);
  return {
    name: "app",
    kind: "image",
    distribution: {
      id: "alpine",
      name: "Alpine Linux",
      version: release,
      ...(branch === undefined ? {} : { branch }),
      path: "etc/os-release",
    },
    packages: packages.map((each) => (typeof each === "string" ? samplePackage(each) : each)),
    layers: [{}],
    labels: new Map(),
    repositories: [],
    unjudged: [],
    problems: [],
    ...rest,
  };
}

export async function scanSample(
  subject: ScanSubject,
  database: AdvisoryDatabase | Rows,
  options: Partial<ScanOptions> = {},
): Promise<ScanReport> {
  const isRows = !("digest" in database);
  return scanSubject(subject, {
    database: isRows
      ? await sampleDatabase({ rows: database as Rows })
      : (database as AdvisoryDatabase),
    time: now,
    version: "1.2.3",
    maxAge: 86_400,
    ...options,
  });
}

/** `ID PACKAGE FIXED` of each finding that counts. */
export function rowsOf({ findings }: Pick<ScanReport, "findings">): readonly string[] {
  return findings.map(({ id, package: { name }, fixed }) => `${id} ${name} ${fixed}`).sort();
}
