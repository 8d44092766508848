/** Challenges: what a server wants to see before it answers (`WWW-Authenticate`, RFC 9110, 11.6.1). */

export interface Challenge {
  /** In lower case, such as `bearer`. */
  readonly scheme: string;
  /** By lower-case name. Of a name that stands twice, the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
  /** What stands in place of parameters, as in `Negotiate TlRMTVNT`. */
  readonly token68?: string;
}

/** Longer headers are not looked at. */
const longestHeader = 16 * 1024;

const separators = /[\s,]*/y;
const blanks = /[ \t]*/y;
const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const token68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const quotedText = /"((?:[^"\\]|\\[\s\S])*)(?:"|\\?$)/y;
/** Some servers write a URL without the quotes that it needs. */
const bareText = /[^\s,]*/y;

/**
 * Reads the challenges of a header, of which several may stand in one line, each with its own
 * parameters after commas too. What cannot be understood is passed over: another challenge may do.
 */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  if (header === undefined || header.length > longestHeader) return [];
  const challenges: { scheme: string; parameters: Map<string, string>; token68?: string }[] = [];
  let at = 0;
  const take = (form: RegExp): string | undefined => {
    form.lastIndex = at;
    const match = form.exec(header);
    if (match === null) return undefined;
    at = form.lastIndex;
    return match[1] ?? match[0];
  };
  while (at < header.length) {
    take(separators);
    const word = take(token);
    if (word === undefined) {
      at += 1;
      continue;
    }
    take(blanks);
    const current = challenges.at(-1);
    if (header[at] === "=" && current !== undefined) {
      at += 1;
      take(blanks);
      const quoted = header[at] === '"' ? take(quotedText) : undefined;
      const value = quoted?.replace(/\\([\s\S])/g, "$1") ?? take(bareText) ?? "";
      const name = word.toLowerCase();
      if (!current.parameters.has(name)) current.parameters.set(name, value);
      continue;
    }
    const scheme = { scheme: word.toLowerCase(), parameters: new Map<string, string>() };
    const whole = take(token68);
    challenges.push(whole === undefined ? scheme : { ...scheme, token68: whole });
  }
  return challenges;
}
