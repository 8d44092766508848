/** Redirections: where a command's standard input comes from, and where its standard output goes. */
import { expandParts, expandText } from "./expand.ts";
import { appendFile, print, readFile, writeFile } from "./files.ts";
import { type Scope } from "./scope.ts";
import { type Place, type Shell } from "./shell.ts";
import { type NodeOf, type Redirection } from "./syntax.ts";
import { concatenate, empty, known, type Value } from "./value.ts";

type Target = { readonly path: Value; readonly appends: boolean } | "elsewhere";

/** Runs something with redirections. Other descriptors than those two are left out. */
export function withRedirections<Result>(
  redirections: readonly Redirection[],
  scope: Scope,
  shell: Shell,
  place: Place,
  run: () => Result,
): Result {
  if (redirections.length === 0) return run();
  const { input, output } = scope;
  let target: Target | undefined;
  let isInputChanged = false;
  for (const redirection of redirections) {
    const content = readInput(redirection, scope, shell);
    if (content !== undefined) {
      scope.input = { content, at: 0 };
      isInputChanged = true;
    } else target = targetOf(redirection, scope, shell) ?? target;
  }
  if (target !== undefined) scope.output = empty;
  const result = run();
  const printed = scope.output;
  if (isInputChanged) scope.input = input;
  if (target === undefined) return result;
  scope.output = output;
  if (target === "elsewhere" || scope.stopped) return result;
  if (target.path.text === "/dev/stdout") print(scope, printed);
  else if (target.appends) appendFile(target.path, printed, scope, shell, place);
  else writeFile(target.path, printed, scope, shell, place);
  return result;
}

function readInput(redirection: Redirection, scope: Scope, shell: Shell): Value | undefined {
  if (descriptorOf(redirection, 0) !== 0) return undefined;
  switch (redirection.type) {
    case "HereDoc":
      return textOfHeredoc(redirection, scope, shell);
    case "HereString":
      return redirection.target === undefined
        ? empty
        : concatenate([expandText(redirection.target, scope, shell), known("\n")]);
    case "Redirect": {
      const { operator, target } = redirection;
      if ((operator !== "<" && operator !== "<>") || target === undefined) return undefined;
      return readFile(expandText(target, scope, shell), scope, shell);
    }
  }
}

function textOfHeredoc(
  { body, delimiter, operator }: NodeOf<"HereDoc">,
  scope: Scope,
  shell: Shell,
): Value {
  const strip = (text: string): string =>
    operator === "<<-" ? text.replaceAll(/^\t+/gm, "") : text;
  if (delimiter?.quoted === true || body.parts === undefined) return known(strip(body.text));
  const value = expandParts(body.parts, scope, shell);
  return value.text === undefined ? value : { ...value, text: strip(value.text) };
}

function descriptorOf({ descriptor }: Redirection, usual: number): number {
  if (descriptor === undefined) return usual;
  return descriptor.type === "FileDescriptor" ? descriptor.value : -1;
}

function targetOf(redirection: Redirection, scope: Scope, shell: Shell): Target | undefined {
  if (redirection.type !== "Redirect" || redirection.target === undefined) return undefined;
  const { operator, target } = redirection;
  if (operator === "<" || operator === "<>" || operator === "<&") return undefined;
  const isBoth = operator === "&>" || operator === "&>>";
  if (!isBoth && descriptorOf(redirection, 1) !== 1) return undefined;
  const path = expandText(target, scope, shell);
  // A copy of another descriptor: the text goes to where errors go, mostly.
  if (operator === ">&" && /^\d+$|^-$/.test(path.text ?? ""))
    return path.text === "1" ? undefined : "elsewhere";
  return { path, appends: operator === ">>" || operator === "&>>" };
}
