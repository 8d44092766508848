/** KEV: CISA's catalog of vulnerabilities that are known to be exploited (https://www.cisa.gov/kev). */
import { BivyError } from "../base/index.ts";
import { isObject, parseFeedJson } from "./feed-json.ts";

/** What the catalog says of a vulnerability. */
export interface Exploited {
  /** The day on which it came into the catalog. */
  readonly added: string;
  /** The day by which agencies must have mended it. */
  readonly due?: string;
  /** Whether it is known from campaigns of ransomware. */
  readonly ransomware: boolean;
}

const dayForm = /^\d{4}-\d\d-\d\d$/;

/** The catalog by CVE id. Throws `advisories-invalid`. */
export function parseKev(bytes: Uint8Array, subject: string): ReadonlyMap<string, Exploited> {
  const { vulnerabilities } = parseFeedJson(bytes, subject);
  if (!Array.isArray(vulnerabilities))
    throw new BivyError("advisories-invalid", `${subject}: expected a list of vulnerabilities`, {
      hint: "This is no catalog of CISA's, or a damaged one.",
    });
  const known = new Map<string, Exploited>();
  for (const entry of vulnerabilities as readonly unknown[]) {
    if (!isObject(entry)) continue;
    const { cveID, dateAdded, dueDate, knownRansomwareCampaignUse: use } = entry;
    if (typeof cveID !== "string" || typeof dateAdded !== "string" || !dayForm.test(dateAdded))
      continue;
    known.set(cveID, {
      added: dateAdded,
      ...(typeof dueDate === "string" && dayForm.test(dueDate) ? { due: dueDate } : {}),
      ransomware: use === "Known",
    });
  }
  return known;
}
