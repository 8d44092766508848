/** Feeds: where advisories and what ranks them come from, each with an age. */

export type FeedName = "secdb" | "releases" | "rejections" | "epss" | "kev" | "osv" | "nvd";

/** A feed as a database holds it. */
export interface FeedAge {
  readonly name: FeedName;
  /** Of secdb: the branch and the repository. */
  readonly branch?: string;
  readonly repository?: string;
  readonly url: string;
  /** When its server last said that it is current: seconds since 1970. */
  readonly fetched: number;
  /** How many entries it has: rows, vulnerabilities, branches. */
  readonly entries: number;
  /** SHA-256 of what is kept of it, in hex. */
  readonly sha256: string;
}

export const secdbUrl = "https://secdb.alpinelinux.org";

export const feedUrls: Readonly<Record<Exclude<FeedName, "secdb" | "nvd">, string>> = {
  releases: "https://alpinelinux.org/releases.json",
  rejections:
    "https://gitlab.alpinelinux.org/alpine/security/security-rejections/-/archive/master/security-rejections-master.tar.gz",
  epss: "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
  kev: "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
  osv: "https://osv-vulnerabilities.storage.googleapis.com/Alpine/all.zip",
};

/** NVD's feed of the CVEs of one year. */
export function nvdUrl(year: number): string {
  return `https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-${year}.json.gz`;
}
