/** Scopes: what a bearer token allows (distribution, docs/spec/auth/scope.md). */

/** `*` is how docker's registry and others have deletion: they disagree on any narrower word. */
export type Actions = "pull" | "pull,push" | "*";

export function repositoryScope(repository: string, actions: Actions): string {
  return `repository:${repository}:${actions}`;
}

/** The scopes of a challenge, which stand with blanks between them. */
export function parseScopes(text: string | undefined): readonly string[] {
  return (text ?? "").split(" ").filter((scope) => scope !== "");
}

/** Whether who has `granted` may do all that `scope` says. */
export function isGranted(scope: string, granted: readonly string[]): boolean {
  const { resource, actions } = splitScope(scope);
  const same = granted.map(splitScope).filter((each) => each.resource === resource);
  const allowed = new Set(same.flatMap((each) => each.actions));
  return actions.every((action) => allowed.has(action));
}

/** A resource may have colons of its own, as with the port of a registry. */
function splitScope(scope: string): { resource: string; actions: readonly string[] } {
  const colon = scope.lastIndexOf(":");
  return { resource: scope.slice(0, colon), actions: scope.slice(colon + 1).split(",") };
}
