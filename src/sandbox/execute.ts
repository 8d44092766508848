/**
 * Executing a command of an image over a stack of layers, as the RUN of a Dockerfile does: the command
 * sees the union of folders, and what it changes lands in a folder of its own. Everything that is made
 * for it, processes and mounts alike, belongs to namespaces that end with it, or with this process.
 */
import { BivyError } from "../base/index.ts";
import type { ExecuteRequest, ExecuteResult } from "./execute-request.ts";
import { carryOut } from "./execution.ts";
import { requireIdentities } from "./identity-map.ts";
import { chooseRuntime } from "./runtime.ts";

/** A command that fails is a result; an error means that it was not run, or was interrupted. */
export async function execute(request: ExecuteRequest): Promise<ExecuteResult> {
  requireUsable(request);
  requireIdentities(request);
  const runtime = await chooseRuntime(request.interactive === true ? "unshare" : request.runtime);
  return carryOut(runtime, request);
}

/** Refuses what no program could be told, or what would be taken for something else on the way. */
function requireUsable({ command, environment, directory, hostname }: ExecuteRequest): void {
  const words = [...command, ...environment, directory];
  if (command.length === 0 || command[0] === "")
    throw new BivyError("config-invalid", "the command is empty; expected a program", {
      hint: "Name a program to run.",
    });
  if (words.some((word) => word.includes("\0")))
    throw new BivyError("config-invalid", "the command or its environment holds a NUL byte", {
      hint: "Programs cannot be given NUL bytes; write them to a file.",
    });
  const nameless = environment.find((entry) => entry.indexOf("=") < 1);
  if (nameless !== undefined)
    throw new BivyError("config-invalid", `environment ${nameless}: expected NAME=VALUE`, {
      hint: "Give the variable a name.",
    });
  if (!directory.startsWith("/"))
    throw new BivyError("config-invalid", `directory ${directory}: expected an absolute path`, {
      hint: "Begin it with a slash.",
    });
  if (hostname !== undefined && !/^[\w.-]{1,64}$/.test(hostname))
    throw new BivyError("config-invalid", `host name ${hostname}: expected at most 64 letters`, {
      hint: "Letters, digits, dots, hyphens and underscores are allowed.",
    });
}
