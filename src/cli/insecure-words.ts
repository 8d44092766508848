/** Insecure words: `--insecure`, whose host may be left out, on a command line with images behind it. */

/**
 * Makes a bare `--insecure` `--insecure=loopback`, so that it never takes an image for its host. The word
 * behind it is its host where it looks like one, as in a reference: with a dot, or `localhost`.
 */
export function spellOutInsecure(words: readonly string[]): string[] {
  const spelled: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") return [...spelled, ...words.slice(at)];
    if (word !== "--insecure") {
      spelled.push(word);
      continue;
    }
    const next = words[at + 1] ?? "";
    if (hostForm.test(next)) at += 1;
    spelled.push(`--insecure=${hostForm.test(next) ? next : "loopback"}`);
  }
  return spelled;
}

const hostForm =
  /^(?:localhost|loopback|\[[0-9a-f:]+\]|[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::\d{1,5})?$/i;
