/**
 * Beside skopeo: what bivy's command line pushes into a registry skopeo pulls, and the other way round;
 * every digest of manifests, configs and layers stays the same.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { registryUser, startDockerRegistry } from "./docker-registry.ts";
import { assertFolderHolds, assertFolderIntact, assertRegistryHolds } from "./image-integrity.ts";
import {
  artifact,
  imageOfSize,
  rawImages,
  seed,
  sha256,
  writeRawLayout,
  type RawImage,
} from "./registry-images.ts";
import { startRegistry } from "./registry-server.ts";
import * as faults from "./registry-server/faults.ts";
import { needs } from "./requirements.ts";
import {
  assertFailure,
  openWorkspace,
  runBivy,
  startBivy,
  succeed,
  type RunOptions,
  type Workspace,
} from "./run-bivy.ts";

const run = promisify(execFile);
const real = needs({ tools: ["docker-registry", "skopeo"] });

/** A workspace whose user is known to a registry, or not. */
function openUser(
  context: TestContext,
  host?: string,
): { workspace: Workspace; known: RunOptions } {
  const workspace = openWorkspace(context);
  const auth = btoa(`${registryUser.user}:${registryUser.password}`);
  const auths = host === undefined ? {} : { [host]: { auth } };
  const file = workspace.write("auth.json", JSON.stringify({ auths }));
  return { workspace, known: { environment: { REGISTRY_AUTH_FILE: file } } };
}

async function skopeo(known: RunOptions, ...words: readonly string[]): Promise<Buffer> {
  const [command, ...more] = words;
  const { stdout } = await run("skopeo", [command!, ...more], {
    encoding: "buffer",
    env: { ...process.env, ...known.environment },
  });
  return stdout;
}

/** The image at a reference as skopeo sees it, and its config and layers as its manifest names them. */
async function assertSeen(known: RunOptions, reference: string, image: RawImage): Promise<void> {
  const plain = ["--tls-verify=false", `docker://${reference}`];
  const raw = await skopeo(known, "inspect", "--raw", ...plain);
  assert.equal(sha256(raw), image.root.digest);
  const { config, layers } = JSON.parse(raw.toString());
  if (config === undefined) return;
  const seen = JSON.parse((await skopeo(known, "inspect", ...plain)).toString());
  assert.equal(seen.Digest, image.root.digest);
  assert.deepEqual(
    seen.Layers,
    layers.map(({ digest }: { digest: string }) => digest),
  );
  const rawConfig = await skopeo(known, "inspect", "--config", "--raw", ...plain);
  assert.equal(sha256(rawConfig), config.digest);
}

/** oci: → registry by bivy → oci: by skopeo, and oci: → registry by skopeo → oci: and store by bivy. */
async function goBothWays(
  context: TestContext,
  host: string,
  name: string,
  image: RawImage,
  isKnown: boolean,
): Promise<void> {
  const { workspace, known } = openUser(context, isKnown ? host : undefined);
  const copy = (...words: readonly string[]) =>
    skopeo(known, "copy", "--all", "--quiet", "--preserve-digests", ...words);
  const bivy = (...words: readonly string[]) => succeed(workspace, ["image", ...words], known);
  const place = (folder: string) => `oci:${workspace.path(folder)}:it`;
  writeRawLayout(workspace.path("from"), { it: image });
  const { digest } = image.root;

  const pushed = `${host}/bivy/${name}:1`;
  assert.equal((await bivy("copy", place("from"), pushed)).stdout.trim().split("@")[1], digest);
  await assertSeen(known, pushed, image);
  const other = `${host}/skopeo/${name}:1`;
  if (image.root.mediaType.includes("docker")) {
    // Skopeo keeps no such image in a layout: it takes it from one repository to another.
    const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    await copy(...plain, `docker://${pushed}`, `docker://${other}`);
  } else {
    await copy("--src-tls-verify=false", `docker://${pushed}`, place("by-skopeo"));
    assertFolderHolds(workspace.path("by-skopeo"), image);
    await copy("--dest-tls-verify=false", place("from"), `docker://${other}`);
  }
  await bivy("copy", `docker://${other}`, place("by-bivy"));
  assertFolderHolds(workspace.path("by-bivy"), image);
  await bivy("pull", other, "--all-platforms");
  assertFolderHolds(workspace.path("home", ".local", "share", "bivy", "images"), image);

  const copied = `${host}/copied/${name}:2`;
  await bivy("copy", `docker://${other}`, copied);
  await assertSeen(known, copied, image);
  await bivy("push", other, `${copied}-pushed`);
  await assertSeen(known, `${copied}-pushed`, image);
}

const kinds: Readonly<Record<string, readonly string[]>> = {
  "open to all": ["a single image", "zstd layers", "a layer that stands twice"],
  "with htpasswd": [
    "a manifest without mediaType",
    "Docker's media types",
    "a Docker manifest list",
    "several platforms with attestations",
  ],
};

for (const [name, images] of Object.entries(kinds))
  test(`bivy and skopeo share docker-registry, ${name}`, real, async (context) => {
    const asksWho = name === "with htpasswd";
    const { host } = await startDockerRegistry(context, { asksWho });
    await Promise.all(
      images.map(async (kind) => {
        const repository = kind.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
        await goBothWays(context, host, repository, await rawImages[kind]!(), asksWho);
      }),
    );
  });

test(
  "bivy and skopeo share a registry with bearer tokens",
  needs({ tools: ["skopeo"] }),
  async (context) => {
    const authorization = { kind: "bearer", ...registryUser } as const;
    const registry = await startRegistry(context, { authorization });
    const image = await rawImages["several platforms with attestations"]!();
    await goBothWays(context, registry.host, "app", image, true);
    assertRegistryHolds(registry.contents, "copied/app", "2", image);
  },
);

test("docker-registry with htpasswd lets nobody in unknown", real, async (context) => {
  const { host } = await startDockerRegistry(context, { asksWho: true });
  const { workspace, known } = openUser(context);
  const image = await rawImages["a single image"]!();
  writeRawLayout(workspace.path("from"), { it: image });
  const words = ["copy", `oci:${workspace.path("from")}:it`, `${host}/a/b:1`];
  assertFailure(await runBivy(workspace, ["image", ...words], known), {
    exitCode: 3,
    code: "registry-denied",
    message: /wants credentials/,
    hint: /log in/,
  });
  const auths = { [host]: { auth: btoa("climber:wrong horse") } };
  const wrong = workspace.write("wrong.json", JSON.stringify({ auths }));
  const refused = await runBivy(workspace, ["image", ...words, "--authfile", wrong], known);
  assertFailure(refused, {
    exitCode: 3,
    code: "registry-denied",
    message: /refuses the credentials of "climber"/,
  });
  assert.ok(!refused.stderr.includes("wrong horse"));
});

test(
  "signatures and attestations that refer to an image are copied with it",
  real,
  async (context) => {
    const { host } = await startDockerRegistry(context);
    const registry = await startRegistry(context);
    const image = await rawImages["several platforms with attestations"]!();
    const note = artifact("test/note", "a note about it", { subject: image.root });
    seed(registry.contents, "a/b", "1", image);
    seed(registry.contents, "a/b", "note", note);
    const signature = artifact("test/signature", "as cosign keeps it");
    const signatureTag = `${image.root.digest.replace(":", "-")}.sig`;
    seed(registry.contents, "a/b", signatureTag, signature);
    const { workspace, known } = openUser(context);
    const bivy = (...words: readonly string[]) => succeed(workspace, ["image", ...words], known);
    // From a registry that lists referrers to one that does not, and to another that does.
    await bivy("copy", `docker://${registry.host}/a/b:1`, `${host}/a/b:1`);
    const list = await skopeo(
      known,
      "inspect",
      "--raw",
      "--tls-verify=false",
      `docker://${host}/a/b:${image.root.digest.replace(":", "-")}`,
    );
    const [listed] = JSON.parse(list.toString()).manifests;
    assert.deepEqual([listed.digest, listed.artifactType], [note.root.digest, "test/note"]);
    await bivy("copy", `docker://${host}/a/b:1`, `${registry.host}/c/d:1`);
    const copied = registry.contents.repositories.get("c/d")!;
    assert.ok(copied.manifests.has(note.root.digest));
    assert.deepEqual([...copied.tags.keys()].sort(), ["1", signatureTag]);
    assert.equal(copied.tags.get(signatureTag), signature.root.digest);
    await bivy("copy", `docker://${host}/a/b:1`, `${registry.host}/e/f:1`, "--no-referrers");
    assert.equal(registry.contents.repositories.get("e/f")!.manifests.has(note.root.digest), false);
  },
);

test("the command line overcomes faults, and says what it cannot overcome", async (context) => {
  const registry = await startRegistry(context);
  const image = await imageOfSize(5 * 1024 * 1024);
  seed(registry.contents, "a/b", "1", image);
  const { workspace, known } = openUser(context);
  const reference = `${registry.host}/a/b:1`;
  const store = workspace.path("home", ".local", "share", "bivy", "images");
  const layer = { method: "GET", path: /blobs/ };
  registry.fault(layer, faults.corrupt(100));
  registry.fault(layer, faults.corrupt(100));
  assertFailure(await runBivy(workspace, ["image", "pull", reference], known), {
    exitCode: 3,
    code: "digest-mismatch",
    message: /expected sha256:/,
    hint: /./,
  });
  assertFolderIntact(store);
  registry.heal();
  registry.fault(layer, faults.breakAnswer(100));
  registry.fault({ path: /manifests/ }, faults.status(503));
  await succeed(workspace, ["image", "pull", reference], known);
  assertFolderHolds(store, image);
  registry.fault({ method: "PATCH" }, faults.breakRequest(1_000_000));
  await succeed(workspace, ["image", "push", reference, `${registry.host}/c/d:1`], known);
  assertRegistryHolds(registry.contents, "c/d", "1", image);
  assertFailure(await runBivy(workspace, ["image", "pull", `${registry.host}/a/b:2`], known), {
    exitCode: 3,
    code: "image-not-found",
    message: /a\/b:2/,
    hint: /./,
  });
});

test(
  "the command line trusts over TLS whom it is told to",
  needs({ tools: ["openssl"] }),
  async (context) => {
    const registry = await startRegistry(context, { secure: true, storesElsewhere: true });
    const image = await rawImages["a single image"]!();
    seed(registry.contents, "a/b", "1", image);
    const { workspace, known } = openUser(context);
    const authority = workspace.write("authority.pem", registry.ca!);
    const place = `oci:${workspace.path("copy")}:it`;
    const words = ["image", "copy", `docker://${registry.host}/a/b:1`, place];
    assertFailure(await runBivy(workspace, words, known), {
      exitCode: 3,
      code: "http-unreachable",
      message: /certificate/,
      hint: /--ca FILE/,
    });
    await succeed(workspace, [...words, "--ca", authority], known);
    assertFolderHolds(workspace.path("copy"), image);
    await succeed(workspace, ["image", "pull", `${registry.host}/a/b:1`, "--insecure"], known);
    const { authorization } = registry.requests.at(-1)!.headers;
    assert.equal(authorization, undefined);
  },
);

for (const signal of ["SIGINT", "SIGKILL"] as const)
  test(`a pull that ${signal} ends leaves the store whole, and the next one succeeds`, async (context) => {
    const registry = await startRegistry(context);
    const image = await imageOfSize(3 * 1024 * 1024);
    seed(registry.contents, "a/b", "1", image);
    const { workspace, known } = openUser(context);
    const words = ["image", "pull", `${registry.host}/a/b:1`];
    const running = startBivy(workspace, words, known);
    // Once, though several blobs are asked for: a second signal meets a process that is at its end.
    let wait: NodeJS.Timeout | undefined;
    const kill = () => void (wait ??= setTimeout(() => running.process.kill(signal), 100));
    registry.fault(
      { method: "GET", path: /blobs/, times: Infinity },
      { ...faults.stallAnswer(1_000_000), ...faults.meanwhile(kill) },
    );
    const outcome = await running.outcome;
    if (signal === "SIGINT")
      assertFailure(outcome, { exitCode: 130, code: "aborted", message: /aborted/ });
    const store = workspace.path("home", ".local", "share", "bivy", "images");
    // Who is killed cannot clear away; the next process does.
    if (signal === "SIGINT") assertFolderIntact(store);
    registry.heal();
    await succeed(workspace, words, known);
    assertFolderHolds(store, image);
  });
