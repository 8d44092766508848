/**
 * Wide sockets: TCP connections that are read many kilobytes at a time.
 *
 * Node reads a socket 64 KiB at a time, each time into memory of its own: for a layer of a hundred
 * megabytes that costs as much as hashing it. A socket may bring one buffer instead (`onread`), which is
 * read into again and again. node:http is handed what arrives, and copies a body out of it before it
 * returns (wide-socket.test.ts holds it to that); it stops and starts the socket itself.
 */
import * as net from "node:net";

/** More is seldom there at once. */
const readSize = 256 * 1024;

/** A connection for node:http, which must listen for its data. */
export function connectWide(options: net.NetConnectOpts): net.Socket {
  const socket = net.connect({
    ...options,
    onread: {
      buffer: Buffer.allocUnsafeSlow(readSize),
      callback(size, buffer) {
        socket.emit("data", (buffer as Buffer).subarray(0, size));
        return true;
      },
    },
  });
  return socket;
}
