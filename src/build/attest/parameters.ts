/** Parameters: what whoever started a build could choose, and what of it may be told. */
import { type BuildArguments, proxyVariables } from "../dockerfile/arguments.ts";
import { compareNames } from "../../base/index.ts";
import { redactCredentials } from "../../http/index.ts";

/**
 * How much is told. `min` is safe to publish whatever was passed in: values of build arguments and names
 * of secrets are left out. `max` has them, and the steps.
 */
export type ProvenanceMode = "min" | "max";

/** Names by which people pass what is secret; `PUBLIC_KEY` is none. */
const secretName =
  /(?:(?:^|_)(?:auth|jwt|(?:api)?key|pass|pat|pwd)|credential|passphrase|passwd|password|secret|token)s?(?:_|$)/i;
const publicName = /(?:^|_)(?:pub|public)(?:_|$)/i;

/**
 * The build arguments by name, sorted: null where the value is not told. Those of proxies are about the
 * network of the builder, and are left out. A value is withheld in `max`, too, where its name is that of
 * a secret or looks like one: to pass a secret so is a mistake, which must not become public.
 */
export function describeArguments(
  given: BuildArguments,
  secrets: readonly string[],
  mode: ProvenanceMode,
): Readonly<Record<string, string | null>> {
  const tells = (name: string): boolean =>
    mode === "max" && !isSecretName(name) && !secrets.includes(name);
  return Object.fromEntries(
    Object.entries(given)
      .filter(([name]) => !isProxy(name))
      .sort(([a], [b]) => compareNames(a, b))
      .map(([name, value]) => [name, tells(name) ? redactCredentials(value) : null]),
  );
}

function isSecretName(name: string): boolean {
  return secretName.test(name) && !publicName.test(name);
}

function isProxy(name: string): boolean {
  return proxyVariables({ [name]: "" }).length > 0;
}

/** Names, each once, sorted. */
export function sortedNames(names: readonly string[]): readonly string[] {
  return Array.from(new Set(names)).sort(compareNames);
}
