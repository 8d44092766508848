import assert from "node:assert/strict";
import { createServer, request, type IncomingMessage } from "node:http";
import { type AddressInfo, type NetConnectOpts } from "node:net";
import { test } from "node:test";
import { connectWide } from "./wide-socket.ts";

/** Bytes that differ wherever two readings of the same buffer could be mixed up. */
function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

test("what was received stays as it is while the socket is read on", async () => {
  const body = pattern(8 * 1024 * 1024);
  const server = createServer((_, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({
        host: "127.0.0.1",
        port,
        createConnection: (o) => connectWide(o as NetConnectOpts),
      })
        .on("response", resolve)
        .on("error", reject)
        .end();
    });
    // All chunks are held until the end, and the reader stops now and then, so that the socket does.
    const chunks: Buffer[] = [];
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      if (chunks.length % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(chunks.length > 1);
    assert.ok(Buffer.concat(chunks).equals(body));
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
