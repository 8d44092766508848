/** sandbox: running a command in a root, as root or in a user namespace. */
export { execute } from "./execute.ts";
export {
  type ExecuteRequest,
  type ExecuteResult,
  type RuntimeName,
  type SandboxMount,
} from "./execute-request.ts";
export { canRunArch, hostArch } from "./host-arch.ts";
export { canSetOwners, identityLimits, type IdentityLimits } from "./identity-map.ts";
export { coveredFolders, runInRoot, whyNoSandbox, type RunRequest, type RunResult } from "./run.ts";
export { whyNoExecution } from "./runtime.ts";
export { runInUserNamespace, wantsUserNamespace } from "./user-namespace.ts";
