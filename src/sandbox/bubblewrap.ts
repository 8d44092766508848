/**
 * Running a command with bubblewrap (bwrap(1)). It always forbids new privileges, so that su and sudo
 * do not work for users other than root, and it sets PWD.
 */
import { writeFileSync } from "node:fs";
import { grantedCapabilities } from "./capabilities.ts";
import { groupWords } from "./enter.ts";
import type { MountLine } from "./mount-table.ts";
import type { BundleRequest } from "./oci-runtime.ts";
import { stageNames } from "./stage.ts";

/** Where it finds the root: a place that every user can reach by its path, unlike the working folder. */
const crossroads = "/tmp";

export const bubblewrapMounts: readonly MountLine[] = [
  { source: stageNames.root, target: crossroads, type: "none", options: ["rbind"] },
];

const argumentFile = `${stageNames.state}/arguments`;

/**
 * It becomes the user that it believes to have been called by: it takes a real user id other than the
 * effective one, root, for its own set-user-id bit. The shell is there to open the file of arguments.
 */
export function bubblewrapWords(
  program: string,
  { sh, setpriv }: { readonly sh: string; readonly setpriv: string },
  { user, command }: BundleRequest,
): readonly string[] {
  const become = [
    setpriv,
    ...(user.uid === 0 ? [] : ["--ruid", `${user.uid}`, "--euid", "0"]),
    ...groupWords(user),
    "--",
  ];
  return [
    sh,
    "-c",
    `exec "$@" 5<${argumentFile}`,
    "sandbox",
    ...become,
    program,
    "--args",
    "5",
    "--",
    ...command,
  ];
}

/** The environment may hold secrets, which the arguments of a process do not keep. */
export function writeArguments(stage: string, request: BundleRequest): void {
  const { environment, directory, user, privileged } = request;
  const capabilities = ["--cap-drop", "ALL"].concat(
    grantedCapabilities(privileged).flatMap((name) => ["--cap-add", `CAP_${name.toUpperCase()}`]),
  );
  const variables = environment.flatMap((entry) => {
    const equals = entry.indexOf("=");
    return ["--setenv", entry.slice(0, equals), entry.slice(equals + 1)];
  });
  const words = [
    "--dev-bind",
    crossroads,
    "/",
    "--chdir",
    directory,
    ...(user.uid === 0 ? capabilities : []),
    "--clearenv",
    ...variables,
  ];
  writeFileSync(`${stage}/${argumentFile}`, words.map((word) => `${word}\0`).join(""), {
    mode: 0o600,
  });
}
