/** bivy sign and attest: keys, layouts, the store, and registries with and without referrers, from the outside. */
import assert from "node:assert/strict";
import { chmodSync, cpSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { identity, issuer, sampleSigstore, sampleToken } from "../src/sign/sample-sigstore.test.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import { rawImages, seed } from "./registry-images.ts";
import { startRegistry } from "./registry-server.ts";
import { needs } from "./requirements.ts";
import {
  assertFailure,
  assertNothingLeft,
  build,
  openWorkspace,
  projectFolder,
  readLayout,
  runBivy,
  succeed,
  type Workspace,
} from "./run-bivy.ts";

const predicate = JSON.stringify({ bomFormat: "CycloneDX", serial: "1.10000000000000000001" });

/** A workspace with the image of examples/hello in `oci:app:1`, and the key pairs `ours` and `other`. */
async function openSigning(context: TestContext) {
  const workspace = openWorkspace(context);
  cpSync(join(projectFolder, "examples", "hello"), workspace.path("hello"), { recursive: true });
  const { digest, archs } = await build(workspace, [
    workspace.path("hello", "image.yaml"),
    "--output",
    "oci:app:1",
  ]);
  workspace.write("bom.json", predicate);
  for (const name of ["ours", "other"]) await succeed(workspace, ["sign", "--generate-key", name]);
  return { workspace, digest, children: archs.map((each) => each.digest) };
}

/** Of index.json. */
interface Entry {
  readonly digest: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Checked {
  readonly digest: string;
  readonly predicateType?: string;
  readonly verdict: { readonly status: string; readonly fault?: string };
}

/** What `bivy verify` says of signatures and attestations, and with which code it ends. */
async function verify(workspace: Workspace, image: string, ...flags: string[]) {
  return verifyBy(workspace, image, ["--signature-key", "ours.pub", ...flags]);
}

async function verifyBy(workspace: Workspace, image: string, flags: readonly string[]) {
  const outcome = await runBivy(workspace, ["verify", image, "--format", "json", ...flags]);
  assert.ok(outcome.exitCode === 0 || outcome.exitCode === 1, outcome.stderr);
  const { signatures } = JSON.parse(outcome.stdout) as {
    signatures: { signatures: Checked[]; attestations: Checked[] };
  };
  const judge = ({ verdict }: Checked) => verdict.fault ?? verdict.status;
  return {
    exitCode: outcome.exitCode,
    signatures: signatures.signatures.map(judge),
    attestations: signatures.attestations.map(
      (each) => `${each.predicateType ?? "?"} ${judge(each)}`,
    ),
  };
}

test("a key pair is made once; its private half is for its owner alone", async (context) => {
  const workspace = openWorkspace(context);
  const environment = { BIVY_KEY_PASSWORD: "open" };
  const { stdout } = await succeed(workspace, ["sign", "--generate-key", "a"], { environment });
  assert.match(stdout, /^a\.key: .*\na\.pub: .*\n$/);
  assert.equal(statSync(workspace.path("a.key")).mode & 0o777, 0o600);
  const before = readFileSync(workspace.path("a.key"), "utf8");
  assert.match(before, /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/);
  assertFailure(await runBivy(workspace, ["sign", "--generate-key", "a"]), {
    exitCode: 3,
    code: "file-exists",
    message: /a\.pub/,
  });
  assert.equal(readFileSync(workspace.path("a.key"), "utf8"), before);
  assertNothingLeft(workspace);
});

test("what is signed in a layout is verified there; other keys, images and claims are not", async (context) => {
  const { workspace, digest } = await openSigning(context);
  assert.deepEqual((await verify(workspace, "oci:app:1")).signatures, []);
  const words = ["sign", "oci:app:1", "--key", "ours.key", "--annotation", "team=blue"];
  const signed = await succeed(workspace, words);
  assert.equal(signed.stdout, `${digest}  signed\n`);
  assert.match(signed.stderr, /bivy verify oci:app:1 --signature-key ours\.pub/);
  assert.doesNotMatch(signed.stderr, /local store/);
  await succeed(workspace, ["sign", "oci:app:1", "--key", "other.key"]);
  const attested = ["attest", "oci:app:1", "--key", "ours.key", "--predicate", "bom.json"];
  await succeed(workspace, [...attested, "--type", "cyclonedx"]);
  const good = await verify(workspace, "oci:app:1", "--annotation", "team=blue");
  assert.deepEqual(good, {
    exitCode: 0,
    signatures: ["valid", "other-signer"],
    attestations: ["https://cyclonedx.org/bom valid"],
  });
  const claims = await verify(workspace, "oci:app:1", "--annotation", "team=red");
  assert.deepEqual([claims.exitCode, claims.signatures[0]], [1, "other-claims"]);

  // Under the tag of an image of the index, what is signed is about another image.
  const name = "org.opencontainers.image.ref.name";
  const tagOf = (of: string) => `${of.replace(":", "-")}.sig`;
  const file = workspace.path("app", "index.json");
  const index = JSON.parse(readFileSync(file, "utf8")) as { manifests: Entry[] };
  const signature = index.manifests.find((each) => each.annotations[name] === tagOf(digest));
  assert.ok(signature);
  const { manifests: images } = readLayout(workspace.path("app")).json(digest);
  const child = { ...images[0]!, annotations: { [name]: "child" } };
  const moved = { ...signature, annotations: { [name]: tagOf(child.digest) } };
  index.manifests.push(child, moved);
  writeFileSync(file, JSON.stringify(index));
  const elsewhere = await verify(workspace, "oci:app:child");
  assert.deepEqual(elsewhere, {
    exitCode: 1,
    signatures: ["other-image", "other-signer"],
    attestations: [],
  });
  assertNothingLeft(workspace);
});

test("a predicate stands in the statement byte for byte, and a wrong one is said", async (context) => {
  const { workspace } = await openSigning(context);
  const words = ["attest", "oci:app:1", "--key", "ours.key", "--type"];
  await succeed(workspace, [...words, "cyclonedx", "--predicate", "bom.json"]);
  const { index, json, blob } = readLayout(workspace.path("app"));
  const tagged = index.manifests.find(({ annotations }) =>
    annotations["org.opencontainers.image.ref.name"]!.endsWith(".att"),
  );
  const envelope = JSON.parse(blob(json(tagged!.digest).layers[0]!.digest).toString()) as {
    payload: string;
  };
  const statement = Buffer.from(envelope.payload, "base64").toString();
  assert.ok(statement.endsWith(`"predicate":${predicate}}`), statement);

  const warned = await succeed(workspace, [...words, "slsaprovenance1", "--predicate", "bom.json"]);
  assert.match(warned.stderr, /^warning: bom\.json: has no buildDefinition/);
  workspace.write("text.spdx", "SPDXVersion: SPDX-2.3\n");
  await succeed(workspace, [...words, "spdx", "--predicate", "text.spdx"]);
  const { attestations } = await verify(workspace, "oci:app:1");
  assert.deepEqual(attestations, [
    "https://cyclonedx.org/bom valid",
    "https://slsa.dev/provenance/v1 valid",
    "https://spdx.dev/Document valid",
  ]);
  assertFailure(await runBivy(workspace, [...words, "vuln", "--predicate", "text.spdx"]), {
    exitCode: 2,
    code: "config-invalid",
    message: /text\.spdx: expected a JSON document/,
  });
  assertFailure(await runBivy(workspace, [...words, "cyclondx", "--predicate", "bom.json"]), {
    exitCode: 2,
    code: "usage",
    message: /expected a URI/,
    hint: /cyclonedx/,
  });
});

for (const form of [[], ["--bundle"]]) {
  const name = form.length === 0 ? "tags" : "bundles";

  test(`${name}: every image of an index in a registry is signed, and each verified`, async (context) => {
    const { workspace, digest, children } = await openSigning(context);
    for (const referrers of [true, false]) {
      const { host, contents } = await startRegistry(context, { referrers });
      const image = `docker://${host}/team/app:1`;
      await succeed(workspace, ["image", "copy", "oci:app:1", image]);
      const words = ["sign", image, "--key", "ours.key", "--recursive", ...form];
      const { stdout } = await succeed(workspace, words);
      assert.equal(stdout, [digest, ...children].map((each) => `${each}  signed\n`).join(""));
      const again = await succeed(workspace, words);
      assert.equal(again.stdout, stdout.replaceAll("signed", "signed already"));
      for (const which of ["team/app:1", ...children.map((each) => `team/app@${each}`)]) {
        const { exitCode, signatures } = await verify(workspace, `docker://${host}/${which}`);
        assert.equal(exitCode, 0);
        assert.ok(signatures.length > 0 && signatures.every((each) => each === "valid"));
      }
      const tags = [...contents.repositories.get("team/app")!.tags.keys()];
      const suffix = form.length === 0 ? ".sig" : "";
      const expected = form.length > 0 && referrers ? [] : [digest, ...children];
      assert.deepEqual(
        tags.filter((tag) => tag !== "1").sort(),
        expected.map((each) => `${each.replace(":", "-")}${suffix}`).sort(),
      );
    }
  });

  const debian = needs({ tools: ["docker-registry"] });
  test(
    `${name}: a real registry keeps them, and copies take them along`,
    debian,
    async (context) => {
      const { workspace } = await openSigning(context);
      const { host } = await startDockerRegistry(context);
      await succeed(workspace, ["image", "copy", "oci:app:1", `${host}/a:1`]);
      const flags = ["--key", "ours.key", ...form];
      await succeed(workspace, ["sign", `${host}/a:1`, ...flags]);
      const predicateFlags = ["--predicate", "bom.json", "--type", "cyclonedx"];
      await succeed(workspace, ["attest", `${host}/a:1`, ...flags, ...predicateFlags]);
      const good = {
        exitCode: 0,
        signatures: ["valid"],
        attestations: ["https://cyclonedx.org/bom valid"],
      };
      assert.deepEqual(await verify(workspace, `${host}/a:1`), good);
      await succeed(workspace, ["image", "copy", `${host}/a:1`, "oci:copy:1"]);
      assert.deepEqual(await verify(workspace, "oci:copy:1"), good);
    },
  );
}

test("the store keeps signatures beside the image that they are about", async (context) => {
  const { workspace, digest } = await openSigning(context);
  await succeed(workspace, ["image", "copy", "oci:app:1", "store:example.com/app:1"]);
  // The name is one of a registry, and yet it is the copy here that is signed: that is said.
  const here = await succeed(workspace, ["sign", "example.com/app:1", "--key", "ours.key"]);
  assert.match(here.stderr, /^kept in the local store: bivy image copy takes it along/m);
  for (const form of [[], ["--bundle"]])
    await succeed(workspace, ["sign", "example.com/app:1", "--key", "ours.key", ...form]);
  assert.deepEqual((await verify(workspace, "example.com/app:1")).signatures, ["valid", "valid"]);
  const named = await succeed(workspace, [
    "sign",
    `store:example.com/app@${digest}`,
    "--key",
    "ours.key",
  ]);
  assert.equal(named.stdout, `${digest}  signed already\n`);
});

test("without a key pair an identity signs, and is verified offline", async (context) => {
  const { workspace } = await openSigning(context);
  const instance = await sampleSigstore();
  const { url } = await instance.serve(context);
  workspace.write("root.json", instance.trustedRoot);
  const environment = { SIGSTORE_ID_TOKEN: sampleToken({ sub: identity, iss: issuer }) };
  const services = ["--keyless", "--fulcio-url", url, "--rekor-url", url];
  await succeed(workspace, ["sign", "oci:app:1", ...services], { environment });
  const flags = ["--trusted-root", "root.json", "--offline", "--certificate-oidc-issuer", issuer];
  const by = (...who: string[]) => verifyBy(workspace, "oci:app:1", [...flags, ...who]);
  const good = { exitCode: 0, signatures: ["valid"], attestations: [] };
  assert.deepEqual(await by("--certificate-identity", identity), good);
  assert.deepEqual(
    await by("--certificate-identity-regexp", "https://github.com/example/.*"),
    good,
  );
  const bad = { exitCode: 1, signatures: ["other-signer"], attestations: [] };
  assert.deepEqual(await by("--certificate-identity", "somebody@example.com"), bad);
  assert.deepEqual(await by("--certificate-identity-regexp", "github.com/example"), bad);
  const incomplete = [
    ["--certificate-identity", identity],
    ["--certificate-oidc-issuer", issuer],
    ["--trusted-root", "root.json"],
    ["--annotation", "team=blue"],
  ];
  for (const words of incomplete)
    assertFailure(await runBivy(workspace, ["verify", "oci:app:1", ...words]), {
      exitCode: 2,
      code: "usage",
      message: /expected/,
    });
});

test("wrong usage is said, and nothing is written", async (context) => {
  const { workspace } = await openSigning(context);
  const layout = () => readFileSync(workspace.path("app", "index.json"), "utf8");
  const before = layout();
  workspace.write("locked.key", "");
  await succeed(workspace, ["sign", "--generate-key", "locked2"], {
    environment: { COSIGN_PASSWORD: "open" },
  });
  const refused: [words: string[], exitCode: number, code: string, message: RegExp][] = [
    [[], 2, "usage", /expected either an image or --generate-key, found neither/],
    [["oci:app:1", "--generate-key", "x"], 2, "usage", /found both/],
    [["oci:app:1"], 2, "usage", /expected either --key FILE or --keyless, found neither/],
    [["oci:app:1", "--key", "ours.key", "--keyless"], 2, "usage", /found both/],
    [["oci:app:1", "--key", "ours.key", "-a", "blue"], 2, "usage", /expected KEY=VALUE/],
    [["oci:app:1", "--key", "ours.pub"], 3, "key-invalid", /found a public one/],
    [["oci:app:1", "--key", "locked.key"], 3, "key-invalid", /expected a private key/],
    [["oci:app:1", "--key", "locked2.key"], 3, "key-invalid", /locked with a passphrase/],
    [["oci:app:1", "--key", "absent.key"], 3, "file-not-found", /absent\.key/],
    [["oci:app:2", "--key", "ours.key"], 3, "image-not-found", /no image named "2"/],
    [["oci:app:1", "--keyless", "--offline"], 3, "offline", /bivy is offline/],
    [["dir:hello", "--key", "ours.key"], 2, "usage", /expected an image in a registry/],
  ];
  for (const [words, exitCode, code, message] of refused)
    assertFailure(await runBivy(workspace, ["sign", ...words]), {
      exitCode: exitCode as 2,
      code: code as "usage",
      message,
    });
  assert.equal(layout(), before);
  const passphrase = workspace.write("passphrase", "open\n");
  chmodSync(passphrase, 0o600);
  const words = ["sign", "oci:app:1", "--key", "locked2.key", "--key-password-file", passphrase];
  await succeed(workspace, words);
});

test("the image is what its digest says: a registry that gives another is not signed", async (context) => {
  const { workspace } = await openSigning(context);
  const { host, contents } = await startRegistry(context);
  const image = await rawImages["a single image"]!();
  seed(contents, "a", "1", image);
  const other = await rawImages["zstd layers"]!();
  const repository = contents.repositories.get("a")!;
  repository.manifests.set(image.root.digest, other.manifests.get(other.root.digest)!);
  const pinned = `docker://${host}/a@${image.root.digest}`;
  const outcome = await runBivy(workspace, ["sign", pinned, "--key", "ours.key"]);
  assertFailure(outcome, { exitCode: 3, code: "digest-mismatch", message: /expected/ });
  assert.deepEqual([...repository.tags.keys()], ["1"]);
});
