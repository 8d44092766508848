/**
 * Choosing how commands of an image are run. Each runtime is tried by having it run a command of the
 * host, once per process. The first that works is taken: crun confines most and is about as fast as
 * util-linux alone; runc confines as much, and costs 15 ms more; util-linux alone does without seccomp;
 * bubblewrap comes last since su and sudo do not work in it.
 */
import {
  BivyError,
  isBivyError,
  makeScratchFolder,
  messageOf,
  removeScratchFolder,
} from "../base/index.ts";
import { runtimeNames, type RuntimeName } from "./execute-request.ts";
import { carryOut, type Runtime } from "./execution.ts";
import type { MountLine } from "./mount-table.ts";
import { requireHolderTools, type HolderTools } from "./namespace-holder.ts";
import { stageNames } from "./stage.ts";
import { readSurroundings } from "./surroundings.ts";
import { TextTail } from "./text-tail.ts";
import { findTool } from "./tools.ts";

const tried = new Map<RuntimeName, Promise<Runtime | string>>();

/** The runtime of that name, or the best that works here; an error says why there is none. */
export async function chooseRuntime(wanted?: RuntimeName): Promise<Runtime> {
  if (process.geteuid?.() !== 0)
    throw unavailable("it needs root, of the machine or of a user namespace");
  const reasons: string[] = [];
  for (const name of wanted === undefined ? runtimeNames : [wanted]) {
    const found = tried.get(name) ?? tryRuntime(name);
    tried.set(name, found);
    const runtime = await found;
    if (typeof runtime !== "string") return runtime;
    reasons.push(`${name}: ${runtime}`);
  }
  throw unavailable(reasons.join("; "));
}

function unavailable(reason: string): BivyError {
  return new BivyError("sandbox-unavailable", `commands cannot be run in a root: ${reason}`, {
    hint: "Run as root, or allow user namespaces and mounts in them to plain users; install util-linux, and crun for the fullest protection.",
  });
}

/** Undefined when commands can be executed here and now, else the reason why not. */
export async function whyNoExecution(): Promise<string | undefined> {
  try {
    await chooseRuntime();
    return undefined;
  } catch (error) {
    if (isBivyError(error, "sandbox-unavailable")) return error.message;
    throw error;
  }
}

/** The runtime, or the reason why it does not work. */
async function tryRuntime(name: RuntimeName): Promise<Runtime | string> {
  const program = findTool(name, process.env["PATH"] ?? "");
  if (program === undefined) return "not found";
  let tools: HolderTools;
  try {
    tools = requireHolderTools();
  } catch (error) {
    return messageOf(error);
  }
  const best: Runtime = { name, program, tools, surroundings: readSurroundings() };
  const reason = await whyNot(best);
  if (reason === undefined) return best;
  if (!best.surroundings.inUserNamespace) return reason;
  // Where parts of the host's /sys are covered, as in many containers, no new one is allowed.
  const modest = { ...best, surroundings: { ...best.surroundings, ownSys: false } };
  return (await whyNot(modest)) === undefined ? modest : reason;
}

/** The host's own file tree as the root of a trial: it has a command that works. */
const hostRoot: MountLine = {
  source: "/",
  target: stageNames.root,
  type: "none",
  options: ["rbind"],
};

async function whyNot(runtime: Runtime): Promise<string | undefined> {
  const folder = await makeScratchFolder("probe");
  const said = new TextTail(1024);
  try {
    const { exitCode } = await carryOut(
      runtime,
      {
        lowers: [],
        upper: folder,
        work: folder,
        command: [findTool("true", process.env["PATH"] ?? "") ?? "true"],
        environment: [],
        directory: "/",
        user: { uid: 0, gid: 0, groups: [] },
        network: "none",
        privileged: false,
        mounts: [],
        onOutput: (_, chunk) => said.push(chunk),
      },
      hostRoot,
    );
    return exitCode === 0 ? undefined : `a trial ended with ${exitCode}: ${said.text().trim()}`;
  } catch (error) {
    if (isBivyError(error, "sandbox-unavailable")) return error.message;
    throw error;
  } finally {
    await removeScratchFolder(folder);
  }
}
