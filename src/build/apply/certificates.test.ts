import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAtom } from "../../apk/index.ts";
import {
  applyYaml,
  attributesAt,
  sampleTree,
  textAt,
  type SamplePackage,
} from "../sample-root.test.ts";

/** Made for these tests; nobody has their private keys. */
const certificateA = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIUT2yXbsl1isocij3kWhJyv70nsGIwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGVGVzdCBhMCAXDTI2MTEyMDE2MTA0M1oYDzIxMjYxMDI3MTYx
MDQzWjARMQ8wDQYDVQQDDAZUZXN0IGEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQSysnF/O83zsIFAiEb6IlwFPC/uyUpaR62P4uFEbaz1OWaMfO17+DQZ/A4Bc+G
l+TV7Rnjtt4COal3qe2QouHto1MwUTAdBgNVHQ4EFgQUcRXIQ+8IRZl9oxTXfs1k
zuHQjMgwHwYDVR0jBBgwFoAUcRXIQ+8IRZl9oxTXfs1kzuHQjMgwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiB00455NbD6Z3oE9VUuY3WmBYRom7qS
8sMdUDKWtZ+z8QIgNVI6S/G/6T/D1an+KKzO/ymrjRaChfizkBWzqGPqruY=
-----END CERTIFICATE-----
`;
const fingerprintA = "5eb02064494696d5d3bfe74ec2fbc8c656245272d610dd811a0dd90b47555a4c";
const certificateB = `-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUQYF2a6py9FxmC+EOyafqj+/WCjkwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGVGVzdCBiMCAXDTI2MTEyMDE2MTA0M1oYDzIxMjYxMDI3MTYx
MDQzWjARMQ8wDQYDVQQDDAZUZXN0IGIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AARcfvnh5NF+/Z3PYudczqOQ5RsflOvHbZmtlE2dvQVkdwyi4SMCNN7APtNbBlSi
l/o1x7ggp0/++AEg3Yg+6Meno1MwUTAdBgNVHQ4EFgQU/zVd+TPqk7WIm883GNPp
9OINDEkwHwYDVR0jBBgwFoAU/zVd+TPqk7WIm883GNPp9OINDEkwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA8AaUMjkCSYr9i92eym4bCbk1Hwzk
AXlztvwCiHjSX9ACIBecGDLw5DB3KLrkgeJAzBCoz0EdD6qO1+4Bgdnnt3F7
-----END CERTIFICATE-----
`;

const bundlePath = "etc/ssl/certs/ca-certificates.crt";
const bundle: SamplePackage = {
  name: "ca-certificates-bundle",
  files: { [bundlePath]: "# first\n" },
};

function additional(name: string, content: string): string {
  return `certificates: {additional: [{name: ${name}, content: ${JSON.stringify(content)}}]}`;
}

test("a certificate gets a file of its own, and goes to the end of every bundle", async () => {
  const ecs = "var/lib/ecs/deps/execute-command/certs/tls-ca-bundle.pem";
  const tree = await sampleTree(bundle, { name: "ecs", files: { [ecs]: "no line break" } });
  const crlf = `Our own root\r\n${certificateA.replaceAll("\n", "\r\n")}`;
  const events = await applyYaml(tree, additional("our-root", crlf));
  const path = `usr/local/share/ca-certificates/our-root-${fingerprintA}.crt`;
  assert.equal(await textAt(tree, path), certificateA);
  assert.equal(attributesAt(tree, path), "file 644 0:0 now");
  assert.equal(attributesAt(tree, "usr/local/share/ca-certificates"), "directory 755 0:0 now");
  assert.equal(await textAt(tree, bundlePath), `# first\n${certificateA}\n`);
  assert.equal(attributesAt(tree, bundlePath), "file 644 0:0 now");
  assert.equal(await textAt(tree, ecs), `no line break\n${certificateA}\n`);
  assert.deepEqual(events, []);
  await applyYaml(tree, additional("our-root", certificateA));
  assert.equal(await textAt(tree, bundlePath), `# first\n${certificateA}\n`, "once is enough");
});

test("a certificate that the bundle has already is not added again", async () => {
  const [begin, ...rest] = certificateA.trimEnd().split("\n");
  const oneLine = `${begin!}\n${rest.slice(0, -1).join("")}\n${rest.at(-1)!}\n`;
  const tree = await sampleTree({ name: "p", files: { [bundlePath]: oneLine } });
  await applyYaml(tree, additional("a", certificateA));
  assert.equal(await textAt(tree, bundlePath), oneLine);
  assert.equal(attributesAt(tree, bundlePath), "file 644 0:0 then");
});

test("an image without a bundle, or with a truststore of Java's, is warned about", async () => {
  const tree = await sampleTree({ name: "java", files: { "etc/ssl/certs/java/cacerts": "" } });
  const events = await applyYaml(tree, additional("a", certificateA));
  assert.deepEqual(
    events.map((event) => event.type === "warning" && event.text),
    [
      "i.yaml: certificates: the image has no bundle of certificates (/etc/ssl/certs/ca-certificates.crt), so no program will find them",
      "i.yaml: certificates: the certificates are not in Java's truststore /etc/ssl/certs/java/cacerts",
    ],
  );
  assert.equal(tree.list("usr/local/share/ca-certificates").length, 1);
});

test("what is not a certificate names its field", async () => {
  const broken = certificateA.replace("MIIB", "AAAA");
  await assert.rejects(applyYaml(await sampleTree(bundle), additional("a", broken)), {
    code: "config-invalid",
    message:
      /^i\.yaml: certificates\.additional\[0\]\.content: expected a certificate in PEM form, found one that cannot be read: /,
    hint: "It begins with -----BEGIN CERTIFICATE-----; copy it again, with all of its lines.",
  });
});

const system = "usr/share/ca-certificates";

test("certificates of packages that provide a name are added and listed", async () => {
  const ours: SamplePackage = {
    name: "ours",
    info: { provides: [parseAtom("custom-ca-certificates=1")] },
    files: {
      [`${system}/ours/b.crt`]: certificateB,
      [`${system}/ours/two.crt`]: certificateA + certificateB,
      [`${system}/ours/readme.txt`]: certificateA,
      [`${system}/ours/broken.pem`]: certificateA.replace("MIIB", "AAAA"),
      "opt/ours/a.pem": `text\n${certificateA}`,
    },
  };
  const other: SamplePackage = { name: "other", files: { "opt/other/c.crt": certificateB } };
  const list: SamplePackage = {
    name: "ca-certificates",
    files: { "etc/ca-certificates.conf": "mozilla/x.crt" },
  };
  const tree = await sampleTree(bundle, list, ours, other);
  await applyYaml(tree, "certificates: {providers: [custom-ca-certificates]}");
  assert.equal(await textAt(tree, bundlePath), `# first\n${certificateA}\n${certificateB}\n`);
  assert.equal(await textAt(tree, "etc/ca-certificates.conf"), "mozilla/x.crt\nours/b.crt\n");
  await applyYaml(tree, "certificates: {providers: [custom-ca-certificates]}");
  assert.equal(await textAt(tree, "etc/ca-certificates.conf"), "mozilla/x.crt\nours/b.crt\n");
});

test("providers that no package has change nothing", async () => {
  const tree = await sampleTree(bundle);
  assert.deepEqual(await applyYaml(tree, "certificates: {providers: [nobody]}"), []);
  assert.equal(attributesAt(tree, bundlePath), "file 644 0:0 then");
});
