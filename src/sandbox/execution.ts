/**
 * The course of one execution: lay out the stage, start the first process, fill in what it has mounted,
 * let it mount the rest, start the command, and wait until all of its processes are gone.
 */
import { existsSync, statfsSync } from "node:fs";
import { constants } from "node:os";
import { BivyError, isBivyError, throwIfAborted } from "../base/index.ts";
import { bubblewrapMounts, bubblewrapWords, writeArguments } from "./bubblewrap.ts";
import { enterSandbox } from "./enter.ts";
import type { ExecuteRequest, ExecuteResult, RuntimeName } from "./execute-request.ts";
import { procMounts } from "./kernel-mounts.ts";
import { layOut } from "./layout.ts";
import type { MountLine } from "./mount-table.ts";
import { NamespaceHolder, type HolderTools } from "./namespace-holder.ts";
import { ociMounts, ociWords, writeBundle } from "./oci-runtime.ts";
import { openOutputPipe, type OutputPipe, type OutputStream } from "./output-pipes.ts";
import { exitCodeOf } from "./refusal.ts";
import { layStage, stageNames } from "./stage.ts";
import { TextTail } from "./text-tail.ts";
import type { Surroundings } from "./surroundings.ts";

/** A way to carry out commands that was found to work. */
export interface Runtime {
  readonly name: RuntimeName;
  /** Where the program is; unshare(1) for the plain one. */
  readonly program: string;
  readonly tools: HolderTools;
  readonly surroundings: Surroundings;
}

const defaultHostname = "buildkitsandbox";
/** Bytes of standard error in which a runtime's own last words are looked for. */
const lastWords = 1024;

/** `rootLine` is mounted as the root instead of the request's union. */
export async function carryOut(
  runtime: Runtime,
  request: ExecuteRequest,
  rootLine?: MountLine,
): Promise<ExecuteResult> {
  const { signal } = request;
  throwIfAborted(request.signal);
  layStage(request, runtime.surroundings.inUserNamespace, rootLine);
  const holder = new NamespaceHolder({
    tools: runtime.tools,
    folder: request.work,
    network: request.network,
    hostname: request.hostname ?? defaultHostname,
    runtime: runtimeWords(runtime, request),
  });
  const stop = (): void => holder.kill();
  signal?.addEventListener("abort", stop);
  try {
    return await perform(runtime, request, holder);
  } catch (error) {
    throwIfAborted(request.signal);
    throw explained(error, request);
  } finally {
    holder.kill();
    await holder.end;
    signal?.removeEventListener("abort", stop);
  }
}

async function perform(
  runtime: Runtime,
  request: ExecuteRequest,
  holder: NamespaceHolder,
): Promise<ExecuteResult> {
  const pid = await holder.staged();
  throwIfAborted(request.signal);
  const stage = `/proc/${pid}/cwd`;
  const isOci = runtime.name === "crun" || runtime.name === "runc";
  const stubs = layOut(stage, request, runtime.surroundings, [
    ...(isOci ? ociMounts : procMounts(stageNames.root, request.privileged)),
    ...(runtime.name === "bwrap" ? bubblewrapMounts : []),
  ]);
  if (runtime.name === "bwrap") writeArguments(stage, request);
  if (isOci) writeBundle(stage, runtime.name === "crun" ? runtime.tools : undefined, request);
  const output = openOutput(pid, request);
  try {
    await holder.makeReady();
    const entered =
      runtime.name === "unshare"
        ? await runInside(runtime, request, holder, pid, output.descriptors)
        : undefined;
    const { exitCode, wasRefused } = await holder.end;
    await output.finish();
    throwIfAborted(request.signal);
    return {
      exitCode: entered ?? exitCodeOf(runtime.name, exitCode, wasRefused, output.lastWords()),
      stubs,
    };
  } finally {
    holder.kill();
    await holder.end;
    await output.finish();
  }
}

function runtimeWords(
  { name, program, tools }: Runtime,
  request: ExecuteRequest,
): readonly string[] | undefined {
  switch (name) {
    case "unshare":
      return undefined;
    case "bwrap":
      return bubblewrapWords(program, tools, request);
    case "crun":
    case "runc":
      return ociWords(name, program, request.work);
  }
}

async function runInside(
  { tools }: Runtime,
  request: ExecuteRequest,
  holder: NamespaceHolder,
  pid: number,
  output: readonly number[],
): Promise<number> {
  const isInteractive = request.interactive === true;
  const child = enterSandbox(
    tools,
    pid,
    request,
    isInteractive ? [0, 1, 2] : ["ignore", ...output],
    isInteractive,
  );
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
  holder.release();
  return exitCode;
}

interface Output {
  readonly descriptors: readonly number[];
  lastWords(): string;
  /** Resolves when all output was handed on; called once no command writes any more. */
  finish(): Promise<void>;
}

function openOutput(holder: number, { interactive, user, onOutput }: ExecuteRequest): Output {
  const tail = new TextTail(lastWords);
  const open = (stream: OutputStream): OutputPipe =>
    openOutputPipe(holder, stream, user, (chunk) => {
      if (stream === "stderr") tail.push(chunk);
      onOutput(stream, chunk);
    });
  const pipes = interactive === true ? [] : [open("stdout"), open("stderr")];
  let finished: Promise<void> | undefined;
  return {
    descriptors: pipes.map((pipe) => pipe.descriptor),
    lastWords: () => tail.text(),
    finish: () =>
      (finished ??= Promise.all(pipes.map((pipe) => pipe.finish())).then(() => undefined)),
  };
}

/** File systems that cannot take what an overlay writes, by the type that statfs(2) gives. */
const poorUppers: Readonly<Record<number, string>> = {
  0x794c7630: "overlayfs",
  0x6969: "NFS",
  0x65735546: "FUSE",
  0x01021997: "9p",
  0x4d44: "FAT",
};

/** A mount that is refused says little about why. */
function explained(error: unknown, { upper }: ExecuteRequest): unknown {
  if (!isBivyError(error, "sandbox-unavailable") || error.hint !== undefined) return error;
  const kind = existsSync(upper) ? poorUppers[statfsSync(upper).type] : undefined;
  return kind === undefined
    ? new BivyError(error.code, error.message, {
        cause: error,
        hint: "It needs root, or a kernel of version 5.11 or newer that allows user namespaces and mounts in them.",
      })
    : new BivyError(error.code, `${error.message}; ${upper} lies on ${kind}`, {
        cause: error,
        hint: `${kind} cannot hold the changes of an overlay. Choose a folder on another file system with XDG_CACHE_HOME and TMPDIR, or one in memory such as /dev/shm.`,
      });
}
