/** Tests of proxies: which one is chosen, and what goes through it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chooseProxies } from "./proxy.ts";
import {
  answer,
  failsWith,
  observedClient,
  scriptedServer,
  secureServer,
  textOf,
} from "./scripted-server.test.ts";

const direct = undefined;
for (const [environment, url, expected] of [
  [{ http_proxy: "http://p:1" }, "http://a/", "http://p:1/"],
  [{ http_proxy: "http://p:1" }, "https://a/", direct],
  [{ HTTPS_PROXY: "p:1" }, "https://a/", "http://p:1/"],
  [{ https_proxy: "http://low", HTTPS_PROXY: "http://up" }, "https://a/", "http://low/"],
  [{ ALL_PROXY: "http://p:1" }, "https://a/", "http://p:1/"],
  [{ all_proxy: "http://p:1", http_proxy: "http://q" }, "http://a/", "http://q/"],
  [{ http_proxy: "  " }, "http://a/", direct],
  [{ HTTP_PROXY: "http://evil", REQUEST_METHOD: "GET" }, "http://a/", direct],
  [{ http_proxy: "http://p" }, "http://localhost:5000/", direct],
  [{ http_proxy: "http://p" }, "http://127.1.2.3/", direct],
  [{ http_proxy: "http://p" }, "http://[::1]/", direct],
  [{ http_proxy: "http://p", no_proxy: "*" }, "http://a/", direct],
  [{ http_proxy: "http://p", NO_PROXY: "b, a" }, "http://a/", direct],
  [{ http_proxy: "http://p", no_proxy: "example.com" }, "http://x.example.com/", direct],
  [{ http_proxy: "http://p", no_proxy: "example.com" }, "http://badexample.com/", "http://p/"],
  [{ http_proxy: "http://p", no_proxy: ".example.com" }, "http://x.Example.com/", direct],
  [{ http_proxy: "http://p", no_proxy: "*.example.com" }, "http://x.example.com/", direct],
  [{ http_proxy: "http://p", no_proxy: ".example.com" }, "http://example.com/", "http://p/"],
  [{ http_proxy: "http://p", no_proxy: "a:8080" }, "http://a:8080/", direct],
  [{ http_proxy: "http://p", no_proxy: "a:8080" }, "http://a/", "http://p/"],
  [{ http_proxy: "http://p", no_proxy: "a:80" }, "http://a/", direct],
  [{ http_proxy: "http://p", no_proxy: "10.0.0.0/8" }, "http://10.9.8.7/", direct],
  [{ http_proxy: "http://p", no_proxy: "10.0.0.0/8" }, "http://11.0.0.1/", "http://p/"],
  [{ http_proxy: "http://p", no_proxy: "10.0.0.1" }, "http://10.0.0.1/", direct],
  [{ http_proxy: "http://p", no_proxy: "fd00::/8" }, "http://[fd12::1]/", direct],
  [{ http_proxy: "http://p", no_proxy: "[fd12::1]:81" }, "http://[fd12::1]:81/", direct],
  [{ http_proxy: "http://p", no_proxy: "fd12::1" }, "http://[fd12::1]/", direct],
  [{ http_proxy: "http://p", no_proxy: "10.0.0.0/99,/,:,[" }, "http://10.0.0.1/", "http://p/"],
] as const)
  test(`${JSON.stringify(environment)} for ${url}`, () => {
    assert.equal(chooseProxies(environment)(new URL(url))?.url.href, expected);
  });

test("a proxy that is no http URL is refused without its password", () => {
  for (const value of ["socks5://u:secret@p:1", "http://u:secret@[bad"])
    assert.throws(
      () => chooseProxies({ http_proxy: value })(new URL("http://a/")),
      (error: Error) =>
        error.message.startsWith("http_proxy: expected") && !error.message.includes("secret"),
    );
});

test("http goes to the proxy in absolute form, with the proxy's credentials", async () => {
  await using proxy = await scriptedServer(answer(200, "via"));
  const environment = { http_proxy: proxy.url.replace("//", "//u:p@") };
  await using observed = observedClient({ environment });
  const response = await observed.client.get("http://x:y@mirror.example:81/f?q");
  assert.equal(await textOf(response.body), "via");
  const [request] = proxy.requests;
  assert.equal(request!.url, "http://mirror.example:81/f?q");
  assert.equal(request!.headers.host, "mirror.example:81");
  assert.equal(
    request!.headers["proxy-authorization"],
    `Basic ${Buffer.from("u:p").toString("base64")}`,
  );
  assert.equal(request!.headers.authorization, `Basic ${Buffer.from("x:y").toString("base64")}`);
});

test("a proxy that cannot be reached is named, without credentials", async () => {
  const proxy = await scriptedServer(answer(200));
  await proxy[Symbol.asyncDispose]();
  const environment = { all_proxy: proxy.url.replace("//", "//u:secret@") };
  await using observed = observedClient({ environment, retries: 1 });
  for (const scheme of ["http", "https"]) {
    const error = await failsWith(
      observed.client.get(`${scheme}://mirror.example/f`),
      "http-unreachable",
    );
    assert.ok(error.message.includes(`the proxy ${proxy.url}`), error.message);
    assert.doesNotMatch(error.message, /secret/);
  }
});

/** A proxy that knows CONNECT, and sends all of it to one port. */
async function tunnelProxy(port: number, status = 200) {
  const targets: string[] = [];
  const server = createServer();
  server.on("connect", (request, client) => {
    targets.push(`${request.url} ${request.headers["proxy-authorization"] ?? "-"}`);
    client.on("error", () => {});
    if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    client.write("HTTP/1.1 200 OK\r\n\r\n");
    const target = connect(port, "127.0.0.1");
    target.on("error", () => client.destroy());
    client.pipe(target).pipe(client);
    client.on("close", () => target.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    targets,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => void server.close(),
  };
}

/** A certificate of its own for mirror.example and 127.0.0.1; undefined without openssl. */
function createIdentity(): { key: string; cert: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "bivy-test-"));
  const key = join(folder, "key.pem");
  const cert = join(folder, "cert.pem");
  try {
    const names = "subjectAltName=DNS:mirror.example,IP:127.0.0.1";
    const options = ["-nodes", "-days", "2", "-subj", "/CN=bivy test", "-addext", names];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const where = ["-keyout", key, "-out", cert];
    execFileSync("openssl", ["req", "-x509", ...curve, ...options, ...where], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const identity = createIdentity();
const skip =
  identity === undefined && process.env["CI"] === undefined ? "openssl is not installed" : false;

test(
  "https goes through a CONNECT tunnel that is kept for the next request",
  { skip },
  async () => {
    await using server = await secureServer(identity!, answer(200, "secret"));
    using proxy = await tunnelProxy(server.port);
    await using observed = observedClient({
      environment: { https_proxy: `http://u:p@${proxy.address}` },
      extraCertificates: identity!.cert,
    });
    for (let count = 0; count < 2; count++)
      assert.equal(
        await textOf((await observed.client.get("https://mirror.example/f")).body),
        "secret",
      );
    const basic = `Basic ${Buffer.from("u:p").toString("base64")}`;
    assert.deepEqual(proxy.targets, [`mirror.example:443 ${basic}`]);
    assert.equal(server.requests[1]!.headers["proxy-authorization"], undefined);
    assert.equal(server.requests[1]!.headers.host, "mirror.example");
  },
);

for (const [status, hint] of [
  [407, /wants credentials/],
  [403, /allows this host/],
] as const)
  test(`a proxy that answers CONNECT with ${status}`, async () => {
    using proxy = await tunnelProxy(1, status);
    await using observed = observedClient({
      environment: { https_proxy: `http://${proxy.address}` },
    });
    const error = await failsWith(observed.client.get("https://mirror.example/f"), "http-status");
    assert.match(
      error.message,
      new RegExp(`answered CONNECT mirror.example:443 with HTTP ${status}`),
    );
    assert.match(error.hint!, hint);
    assert.equal(proxy.targets.length, 1);
  });

test(
  "an unknown certificate is refused once, and SSL_CERT_FILE makes it known",
  { skip },
  async (context) => {
    await using server = await secureServer(identity!, answer(200, "ok"));
    await using strict = observedClient();
    const error = await failsWith(strict.client.get(server.url), "http-unreachable");
    assert.match(error.message, /the server's certificate is not trusted/);
    assert.match(error.hint!, /SSL_CERT_FILE/);
    assert.equal(strict.waits.length, 0);
    const folder = mkdtempSync(join(tmpdir(), "bivy-test-"));
    context.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "ca.pem");
    writeFileSync(file, identity!.cert);
    await using trusting = observedClient({ environment: { SSL_CERT_FILE: file } });
    assert.equal(await textOf((await trusting.client.get(server.url)).body), "ok");
  },
);

test("a redirect from https down to http is refused", { skip }, async () => {
  await using plain = await scriptedServer(answer(200));
  await using server = await secureServer(identity!, answer(302, "", { location: plain.url }));
  await using observed = observedClient({ extraCertificates: identity!.cert });
  await failsWith(observed.client.get(server.url), "http-redirects");
  assert.equal(plain.requests.length, 0);
});
