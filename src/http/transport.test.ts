/** Tests of connections: kept, refused half-way, silent, or speaking something else. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import {
  answer,
  failsWith,
  observedClient,
  patternBytes,
  scriptedServer,
  textOf,
} from "./scripted-server.test.ts";

/** Speaks raw bytes: the nth chunk that comes over a connection is answered by the nth text. */
async function earlyServer(...answers: (string | undefined)[]) {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    let count = 0;
    socket.on("error", () => {});
    socket.on("data", () => {
      const text = answers[count++];
      if (text !== undefined) socket.write(text);
      else if (count === answers.length) socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("an answer before the end of an upload ends the upload", async () => {
  await using server = await scriptedServer(answer(201));
  await using early = await earlyServer("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  await using observed = observedClient();
  let pieces = 0;
  const body = function* () {
    for (; pieces < 10_000; pieces++) yield Buffer.alloc(64 * 1024);
  };
  const error = await failsWith(
    observed.client.request({ url: early.url, method: "POST", body }),
    "http-status",
  );
  assert.match(error.message, /HTTP 413/);
  assert.ok(pieces < 10_000);
  assert.equal((await observed.client.request({ url: server.url, method: "PUT" })).status, 201);
});

test("a kept connection that the server has closed is replaced, without a wait", async () => {
  await using server = await earlyServer(
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    undefined,
  );
  await using observed = observedClient();
  for (let count = 0; count < 3; count++)
    assert.equal(await textOf((await observed.client.get(server.url)).body), "ok");
  assert.equal(server.connections(), 3);
  assert.deepEqual(observed.waits, []);
});

test("a handshake that does not come, and answers that are not HTTP", async () => {
  await using silent = await earlyServer("", "", "");
  await using observed = observedClient({ connectMilliseconds: 60, retries: 1 });
  const url = silent.url.replace("http:", "https:");
  const error = await failsWith(observed.client.get(url), "http-unreachable");
  assert.match(error.message, /no connection within 60 ms/);
  await using garbage = await earlyServer("SSH-2.0-OpenSSH\r\n");
  await failsWith(observed.client.get(garbage.url), "http-invalid");
  await using huge = await earlyServer(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}\r\n\r\n`);
  await failsWith(observed.client.get(huge.url), "http-invalid");
});

test("a header that HTTP does not allow is refused, without its value", async () => {
  await using server = await scriptedServer(answer(200));
  await using observed = observedClient();
  const headers = { authorization: "Bearer a\r\nX-Evil: 1" };
  const error = await failsWith(observed.client.get(server.url, { headers }), "http-invalid");
  assert.doesNotMatch(error.message, /Evil/);
});

function runModule(code: string, ...words: string[]): string {
  const options = ["--input-type=module", "-e", code, new URL("./index.ts", import.meta.url).href];
  return execFileSync(process.execPath, [...options, ...words], {
    encoding: "utf8",
    timeout: 5000,
  });
}

test("no network module is loaded before the first request", () => {
  const loaded = runModule(`
    const { createHttpClient, openCache } = await import(process.argv[1]);
    createHttpClient();
    openCache("/nowhere");
    process.stdout.write(process.moduleLoadList.join());
  `);
  assert.doesNotMatch(loaded, /NativeModule (?:https?|tls|zlib)\b/);
});

test("a client that is not closed does not keep the process alive", () => {
  const printed = runModule(`
    const { createHttpClient } = await import(process.argv[1]);
    const { createServer } = await import("node:http");
    const server = createServer((request, response) => response.end("kept")).listen(0, "127.0.0.1");
    server.unref();
    await new Promise((resolve) => server.once("listening", resolve));
    const client = createHttpClient({ environment: {} });
    const url = "http://127.0.0.1:" + server.address().port;
    for await (const chunk of (await client.get(url)).body) process.stdout.write(chunk);
    await client.request({ url, method: "HEAD" });
  `);
  assert.equal(printed, "kept");
});

test("a transfer goes on while another request finds out about certificates", async () => {
  const body = patternBytes(2_000_000);
  await using server = await scriptedServer(answer(200, body));
  await using observed = observedClient();
  const response = await observed.client.get(server.url);
  const reader = response.body[Symbol.asyncIterator]();
  let size = (await reader.next()).value!.byteLength;
  await failsWith(observed.client.get(server.url.replace("http:", "https:")), "http-unreachable");
  for (let step = await reader.next(); step.done !== true; step = await reader.next())
    size += step.value.byteLength;
  assert.equal(size, body.byteLength);
});
