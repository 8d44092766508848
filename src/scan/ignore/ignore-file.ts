/**
 * The ignore file, read: bivy's own in YAML (docs/formats/ignore-file.md), and Trivy's list of ids.
 * Which of them it is, its content says.
 */
import { BivyError, defaultLimits, limitExceeded, type Limits } from "../../base/index.ts";
import { ignoreRules, type IgnoreRules } from "./ignore-rules.ts";
import { ignoreError } from "./ignore-problem.ts";
import { parseIgnoreYaml } from "./ignore-yaml.ts";
import { looksLikeTrivyIgnore, parseTrivyIgnore } from "./trivy-ignore.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Throws `ignore-file-invalid`, with every problem and the place of each, and `limit-exceeded`. A file
 * with a problem has no rules: half of them would be a surprise.
 */
export async function parseIgnoreFile(
  bytes: Uint8Array,
  subject: string,
  limits: Limits = defaultLimits,
): Promise<IgnoreRules> {
  if (bytes.byteLength > limits["document-size"])
    throw limitExceeded("document-size", limits, subject);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new BivyError("ignore-file-invalid", `${subject}: expected text in UTF-8`, { cause });
  }
  const { rules, problems, warnings } = looksLikeTrivyIgnore(text)
    ? parseTrivyIgnore(text, subject)
    : await parseIgnoreYaml(text, subject);
  if (problems.length > 0) throw ignoreError(subject, text, problems);
  return ignoreRules(subject, rules, warnings);
}
