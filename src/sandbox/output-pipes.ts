/**
 * The pipes that a command writes its output to. Node itself gives children sockets, which cannot be
 * opened again by way of /dev/stdout, as commands do. So another process makes pipes (pipe(7)), and they
 * are opened here by way of /proc.
 */
import { closeSync, constants, fchownSync, openSync } from "node:fs";
import { Socket } from "node:net";
import type { SandboxUser } from "./execute-request.ts";

export type OutputStream = "stdout" | "stderr";

/** The descriptors of the sandbox's first process that are a pipe each, empty and open for reading. */
const held: Readonly<Record<OutputStream, number>> = { stdout: 5, stderr: 6 };

export interface OutputPipe {
  /** For the standard stream of a command. */
  readonly descriptor: number;
  /** To be called once no command writes any more; resolves when all was read. */
  finish(): Promise<void>;
}

/** `holder` is the process id of the sandbox's first process. The user may open the pipe again, whoever it is. */
export function openOutputPipe(
  holder: number,
  stream: OutputStream,
  user: SandboxUser,
  onChunk: (chunk: Buffer) => void,
): OutputPipe {
  const path = `/proc/${holder}/fd/${held[stream]}`;
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
