/**
 * Identifiers: the strings in which secdb names vulnerabilities. One string may hold several names of
 * one vulnerability, and words that are none: `CVE-2019-3829 GNUTLS-SA-2019-03-27`, `CVE-2017-16808 (AoE)`,
 * `CVE-2017-17434-1`, `CVE-2019-19451.patch`.
 */

/** One vulnerability as an entry of secdb names it. */
export interface VulnerabilityName {
  /** A CVE id where there is one, else the first word. */
  readonly id: string;
  /** Its other names in the same string, in their order. */
  readonly aliases: readonly string[];
}

const cveForm = /CVE-\d{4}-\d{4,}/g;

const plainCve = /^CVE-\d{4}-\d{4,}$/;
const noAliases: readonly string[] = [];

/** Names of other lists of vulnerabilities; what else stands in a string is a remark. */
const aliasForm =
  /^(?:GHSA(?:-[0-9a-z]{4}){3}|[A-Z][A-Z0-9]*(?:-SA)?-\d[\w.:-]*|[A-Z]{2,}SA-[\w.:-]*\d[\w.:-]*)$/;

/**
 * The vulnerabilities of an entry: each CVE is one of its own, and has the other names as aliases. An
 * entry without a CVE is one vulnerability, which goes by its first word. None for a blank entry.
 */
export function parseVulnerabilityNames(entry: string): readonly VulnerabilityName[] {
  // Nearly all entries are this, and a file has thousands.
  if (plainCve.test(entry)) return [{ id: entry, aliases: noAliases }];
  const words = entry.split(/\s+/).filter(Boolean);
  const [first] = words;
  if (first === undefined) return [];
  const cves = [...new Set(entry.match(cveForm))];
  const others = words.filter((word) => !word.startsWith("CVE-") && aliasForm.test(word));
  if (cves.length === 0) return [{ id: first, aliases: others.filter((other) => other !== first) }];
  return cves.map((id) => ({ id, aliases: [...cves.filter((cve) => cve !== id), ...others] }));
}
