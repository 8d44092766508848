/** References: where on the web a vulnerability is described. */

/** Ids come from feeds: nothing but these forms goes into a URL. */
const places: readonly (readonly [form: RegExp, name: string, url: string])[] = [
  [/^CVE-\d{4}-\d{4,19}$/, "NVD", "https://nvd.nist.gov/vuln/detail/"],
  [/^CVE-\d{4}-\d{4,19}$/, "Alpine", "https://security.alpinelinux.org/vuln/"],
  [/^GHSA(?:-[0-9a-z]{4}){3}$/, "GitHub", "https://github.com/advisories/"],
  [/^XSA-\d{1,6}$/, "Xen", "https://xenbits.xen.org/xsa/advisory-"],
  [/^(?:ALPINE|RUSTSEC|GO|PYSEC|OSV)-[\w-]{1,40}$/, "OSV", "https://osv.dev/vulnerability/"],
];

export interface Reference {
  /** Whose description it is. */
  readonly name: string;
  readonly url: string;
}

/** None where the id has no form that is known. */
export function referencesOf(ids: readonly string[]): readonly Reference[] {
  return ids.flatMap((id) =>
    places
      .filter(([form]) => form.test(id))
      .map(([, name, url]) => ({
        name,
        url: `${url}${name === "Xen" ? `${id.slice(4)}.html` : id}`,
      })),
  );
}
