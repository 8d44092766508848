/** Tests of the rules for hosts: TLS with one's own authorities, and who need not prove who they are. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createProxy } from "node:http";
import { createServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TLSSocket } from "node:tls";
import { test, type TestContext } from "node:test";
import { observeRegistries } from "../../../test/registry-client.ts";
import { startRegistry } from "../../../test/registry-server.ts";
import { blobOf, repositoryOf } from "../../../test/registry-server/contents.ts";
import { serverIdentity } from "../../../test/registry-server/certificate.ts";
import { needs } from "../../../test/requirements.ts";
import { drain } from "../../base/index.ts";
import { openHostRules } from "./host-rules.ts";
import { configBlob, failsWith, sampleBlob } from "./sample-blobs.test.ts";

const withOpenssl = needs({ tools: ["openssl"] });
const asksNothing = { certificateFolders: [] };

for (const [named, host, expected] of [
  [[], "registry.example.com", false],
  [["registry.example.com"], "registry.example.com", true],
  [["Registry.Example.com"], "registry.example.com:5000", true],
  [["registry.example.com:5000"], "registry.example.com:5000", true],
  [["registry.example.com:5000"], "registry.example.com", false],
  [["registry.example.com:5000"], "registry.example.com:5001", false],
  [["registry.example.com:443"], "registry.example.com", true],
  [["example.com"], "registry.example.com", false],
  [["loopback"], "registry.example.com", false],
  [["loopback"], "127.0.0.9:5000", true],
  [["loopback"], "localhost", true],
  [["loopback"], "[::1]:5000", true],
  [["[::1]"], "[::1]:5000", true],
] as const)
  test(`insecure: ${host} where ${named.join(", ") || "nothing"} is named`, () => {
    const rules = openHostRules({ ...asksNothing, insecure: named });
    assert.equal(rules.isInsecure(host), expected);
  });

test("loopback may be plain without being named, and nothing else", () => {
  const rules = openHostRules(asksNothing);
  assert.ok(rules.allowsPlain("localhost:5000") && rules.allowsPlain("127.0.0.1"));
  assert.ok(!rules.allowsPlain("10.0.0.1:5000") && !rules.isInsecure("localhost:5000"));
});

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "bivy-certs-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test(
  "a private authority: unknown, given, in certs.d, or not asked for",
  withOpenssl,
  async (context) => {
    const server = await startRegistry(context, { secure: true });
    const put = (options: Parameters<typeof observeRegistries>[1]) =>
      observeRegistries(context, options).at(server.host, "a/b").sink().putBlob(configBlob());
    const error = await failsWith(put({}), "http-unreachable");
    assert.match(error.message, /certificate is not trusted/);
    assert.match(error.hint!, /--ca FILE.*certs\.d.*--insecure 127\.0\.0\.1/);
    await put({ authorities: server.ca! });
    const certificates = folder(context);
    mkdirSync(join(certificates, server.host));
    writeFileSync(join(certificates, server.host, "ca.crt"), server.ca!);
    await put({ certificateFolders: [join(certificates, "none"), certificates] });
    await put({ insecure: [server.host] });
    await put({ insecure: ["loopback"] });
    await failsWith(put({ insecure: ["registry.example.com"] }), "http-unreachable");
  },
);

test(
  "trust in an insecure host ends with it: a redirect elsewhere is verified",
  withOpenssl,
  async (context) => {
    const server = await startRegistry(context, { secure: true, storesElsewhere: true });
    const blob = sampleBlob(1000);
    repositoryOf(server.contents, "a/b").blobs.set(blob.descriptor.digest, blobOf([blob.bytes]));
    const read = (insecure: string[]) =>
      drain(
        observeRegistries(context, { insecure })
          .at(server.host, "a/b")
          .blob(blob.descriptor)
          .chunks() as AsyncIterable<Uint8Array>,
      );
    const error = await failsWith(read([server.host]), "http-unreachable");
    assert.match(error.message, /certificate is not trusted.*redirected to https:\/\/127\.0\.0\.2/);
    await read([server.host, new URL(server.storageUrl).host]);
  },
);

test("plain http is refused, with what would allow it", async (context) => {
  const server = await startRegistry(context);
  // Leads every name to the registry, also one that is not known for loopback.
  const proxy = createProxy().on("connect", (_, socket: Socket) => {
    const tunnel = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    socket.pipe(tunnel).pipe(socket);
    for (const end of [socket, tunnel]) end.on("error", () => {});
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  context.after(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const http = { environment: { https_proxy: `http://127.0.0.1:${port}` } };
  const registries = observeRegistries(context, { http });
  const resolved = registries.at("registry.example.com", "a").resolve({ tag: "x" });
  const error = await failsWith(resolved, "http-unreachable");
  assert.match(error.hint!, /plain http.*--insecure registry\.example\.com/);
  assert.deepEqual(server.requests, []);
});

test("a client shows its certificate where one stands in certs.d", withOpenssl, async (context) => {
  const identity = serverIdentity();
  const seen: unknown[] = [];
  const server = createServer(
    { ...identity, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      seen.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN);
      response.writeHead(404).end();
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.closeAllConnections());
  context.after(() => server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const certificates = folder(context);
  const own = join(certificates, host);
  mkdirSync(own);
  writeFileSync(join(own, "ca.crt"), identity.ca);
  const words = ["req", "-x509", "-nodes", "-newkey", "ec", "-subj", "/CN=the client"];
  const files = ["-keyout", join(own, "me.key"), "-out", join(own, "me.cert")];
  execFileSync("openssl", [...words, "-pkeyopt", "ec_paramgen_curve:prime256v1", ...files], {
    stdio: "ignore",
  });
  const registries = observeRegistries(context, { certificateFolders: [certificates] });
  assert.equal(await registries.at(host, "a/b").resolve({ tag: "x" }), undefined);
  assert.deepEqual([...new Set(seen)], ["the client"]);
  rmSync(join(own, "me.key"));
  const without = observeRegistries(context, { certificateFolders: [certificates] });
  const error = await failsWith(without.at(host, "a/b").resolve({ tag: "x" }), "config-invalid");
  assert.match(error.message, /me\.cert: expected me\.key beside it/);
});

test("a host from outside names no folder elsewhere", async (context) => {
  const certificates = folder(context);
  writeFileSync(join(certificates, "ca.crt"), "-----BEGIN CERTIFICATE-----");
  mkdirSync(join(certificates, "x"));
  const rules = openHostRules({ certificateFolders: [join(certificates, "x")] });
  for (const host of ["..", ".", "../x", "", "/"]) assert.equal(await rules.trust(host), undefined);
});
