/**
 * The pipes that a command writes its output to. Node itself gives children sockets, which cannot be
 * opened again by way of /dev/stdout; commands do that, so these are named pipes (fifo(7)).
 */
import { closeSync, constants, fchownSync, openSync } from "node:fs";
import { Socket } from "node:net";
import type { SandboxUser } from "./execute-request.ts";

export type OutputStream = "stdout" | "stderr";

/** The names in the working folder, as the sandbox's first process makes them. */
export const pipeNames: Readonly<Record<OutputStream, string>> = { stdout: "out", stderr: "err" };

export interface OutputPipe {
  /** For the standard stream of a command. */
  readonly descriptor: number;
  /** To be called once no command writes any more; resolves when all was read. */
  finish(): Promise<void>;
}

/** The user may open the pipe again, whoever it is. */
export function openOutputPipe(
  folder: string,
  stream: OutputStream,
  user: SandboxUser,
  onChunk: (chunk: Buffer) => void,
): OutputPipe {
  const path = `${folder}/${pipeNames[stream]}`;
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // Held open until all is over, so that the reader sees no end before.
  const descriptor = openSync(path, constants.O_WRONLY);
  fchownSync(descriptor, user.uid, user.gid);
  const socket = new Socket({ fd: reader, readable: true, writable: false });
  const ended = new Promise<void>((resolve) => {
    socket.on("close", () => resolve());
    socket.on("error", () => resolve());
  });
  socket.on("data", onChunk);
  return {
    descriptor,
    finish: () => {
      closeSync(descriptor);
      return ended;
    },
  };
}
