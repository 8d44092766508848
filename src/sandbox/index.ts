/** sandbox: running a command in a root, as root or in a user namespace. */
export { canRunArch, hostArch } from "./host-arch.ts";
export { canSetOwners } from "./identity-map.ts";
export { coveredFolders, runInRoot, whyNoSandbox, type RunRequest, type RunResult } from "./run.ts";
export { runInUserNamespace, wantsUserNamespace } from "./user-namespace.ts";
