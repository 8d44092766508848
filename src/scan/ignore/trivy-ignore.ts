/**
 * Trivy's `.trivyignore`, read: an id on each line, `exp:YYYY-MM-DD` behind it for the last day, and
 * comments (https://trivy.dev, "Filtering"). It has no place for reasons.
 */
import type { IgnoreProblem, ReadIgnore } from "./ignore-problem.ts";
import { isDay, type IgnoreRule } from "./ignore-rules.ts";
import { quote } from "../quote.ts";

const idForm = /^[A-Za-z][\w.]*(?:-[\w.]+)+$/;

/** Whether the first line that says something begins with an id, as no YAML file of ours can. */
export function looksLikeTrivyIgnore(text: string): boolean {
  const first = /^[^\S\n]*([^\s#]\S*)/m.exec(text)?.[1];
  return first !== undefined && idForm.test(first);
}

export function parseTrivyIgnore(text: string, subject: string): ReadIgnore {
  const rules: IgnoreRule[] = [];
  const problems: IgnoreProblem[] = [];
  let offset = 0;
  for (const [index, line] of text.split("\n").entries()) {
    const words = [...line.replace(/(?:^|\s)#.*$/s, "").matchAll(/\S+/g)];
    const [id, ...others] = words;
    if (id !== undefined) {
      const expires = others.map(([word]) => /^exp:(.*)$/.exec(word)?.[1]);
      const strange = words.find(([word], at) =>
        at === 0 ? !idForm.test(word) : !isDay(expires[at - 1] ?? ""),
      );
      if (strange === undefined)
        rules.push({
          ids: [id[0]],
          reason: "",
          ...(expires[0] === undefined ? {} : { expires: expires[0] }),
          source: `${subject}:${index + 1}`,
        });
      else
        problems.push({
          offset: offset + strange.index,
          message:
            strange === id
              ? `expected the id of a vulnerability, found ${quote(strange[0])}`
              : `expected exp:YYYY-MM-DD, found ${quote(strange[0])}`,
        });
    }
    offset += line.length + 1;
  }
  const warnings =
    rules.length === 0
      ? []
      : [`${subject}: it gives no reasons; bivy-ignore.yaml has a place for them`];
  return { rules, problems, warnings };
}
