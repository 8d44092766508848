/**
 * Registries: images of every kind go through the real registry and through the strict one of this
 * process, and through every other place, byte for byte; what is there already is not sent again.
 */
import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { drain, type Content, type Digest } from "../src/base/index.ts";
import {
  blobsOf,
  createLayout,
  ociArchive,
  openArchive,
  openLayout,
  openStore,
  parseReference,
  writeArchiveFile,
  type ImageOrIndex,
  type Repository,
} from "../src/oci/index.ts";
import { registryUser, startDockerRegistry, type DockerRegistry } from "./docker-registry.ts";
import { assertFolderHolds, assertFolderIntact, assertRegistryHolds } from "./image-integrity.ts";
import { failure, refuses } from "./refusals.ts";
import { observeRegistries } from "./registry-client.ts";
import {
  artifact,
  imageOfSize,
  openRaw,
  rawImages,
  seed,
  sha256,
  type RawImage,
} from "./registry-images.ts";
import { assertDiscreet } from "./registry-secrets.ts";
import { startRegistry, type RegistryServerOptions } from "./registry-server.ts";
import { damaged } from "./registry-server/contents.ts";
import { needs } from "./requirements.ts";
import { openWorkspace, type Workspace } from "./run-bivy.ts";

const docker = needs({ tools: ["docker-registry"] });
const user = { user: "climber", password: "correct horse" };
const bearer = { kind: "bearer", ...user } as const;

const subject = artifact("test/subject", "what others refer to");
const images: Readonly<Record<string, () => Promise<RawImage>>> = {
  ...rawImages,
  "an artifact": async () => subject,
  "an artifact about another": async () =>
    artifact("test/note", "a note", { subject: subject.root, annotations: { by: "test" } }),
};

/** Layout → registry → layout → oci-archive → store → registry: nothing changes on the way. */
async function goRound(
  workspace: Workspace,
  repository: (name: string) => Repository,
  image: RawImage,
): Promise<void> {
  const { digest } = image.root;
  const path = workspace.path("round");
  assert.equal(
    await repository("a/first").put(await openRaw(workspace, image), { tag: "1" }),
    digest,
  );
  const pulled = await repository("a/first").open({ tag: "1" });
  assert.equal(pulled.digest, digest);
  await (await createLayout(path)).put(pulled, { name: "it" });
  assertFolderHolds(path, image);
  await writeArchiveFile(
    `${path}.tar`,
    ociArchive(await (await openLayout(path)).open("it"), { name: "it" }),
  );
  const store = openStore({ path: `${path}-store` });
  const reference = parseReference("example.com/a/b:1");
  await store.put(await (await openArchive(`${path}.tar`)).open("it"), reference);
  assertFolderHolds(store.path, image);
  await repository("a/second").put(await store.get(reference), { tag: "2" });
  const found = await repository("a/second").resolve({ tag: "2" });
  const { mediaType, size } = image.root;
  assert.deepEqual(found, { mediaType, digest, size });
}

/** Layout → registry → elsewhere in the same registry, and all of it read once: without a disk in between. */
async function goThere(
  workspace: Workspace,
  repository: (name: string) => Repository,
  image: RawImage,
): Promise<void> {
  await repository("a/first").put(await openRaw(workspace, image), { tag: "1" });
  const pulled = await repository("a/first").open({ tag: "1" });
  const read = new Set<string>();
  for await (const { descriptor, content } of blobsOf(pulled)) {
    await drain(asyncChunks(content));
    read.add(descriptor.digest);
  }
  assert.deepEqual(read, new Set([...image.blobs.keys(), ...image.manifests.keys()]));
  await repository("a/second").put(pulled, { tag: "2" });
}

async function* asyncChunks(content: Content): AsyncGenerator<Uint8Array> {
  yield* content.chunks();
}

const servers: Readonly<Record<string, RegistryServerOptions>> = {
  "a registry with basic authentication and whole URLs": {
    authorization: { kind: "basic", ...user },
    locations: "absolute",
  },
  "a registry with bearer tokens, and blobs and uploads on another host": {
    authorization: bearer,
    storesElsewhere: true,
    uploadsElsewhere: true,
  },
  "a registry without ranges, mounts, referrers and deletion": {
    ranges: false,
    mounts: false,
    referrers: false,
    deletes: false,
  },
};

for (const [name, options] of Object.entries(servers))
  test(`images of every kind go through ${name}`, async (context) => {
    const registry = await startRegistry(context, options);
    for (const [kind, make] of Object.entries(images)) {
      const client = observeRegistries(context, { users: { [registry.host]: user } });
      const workspace = openWorkspace(context);
      const image = await make();
      await assert.doesNotReject(
        goThere(workspace, (at) => client.at(registry.host, at), image),
        kind,
      );
      assertRegistryHolds(registry.contents, "a/first", "1", image);
      assertRegistryHolds(registry.contents, "a/second", "2", image);
      assertDiscreet(registry);
    }
    assert.deepEqual(damaged(registry.contents), []);
    assert.equal(registry.contents.sessions.size, 0, "no upload is left open");
  });

/** Each blob and manifest of an image as the registry gives it to somebody else than bivy. */
async function assertServes(url: string, name: string, image: RawImage): Promise<void> {
  const authorization = `Basic ${btoa(`${registryUser.user}:${registryUser.password}`)}`;
  const accept = [
    ...new Set([...image.manifests.values()].map(({ mediaType }) => mediaType)),
  ].join();
  const get = async (path: string) => {
    const answer = await fetch(`${url}/v2/${name}/${path}`, { headers: { authorization, accept } });
    assert.equal(answer.status, 200, path);
    return sha256(Buffer.from(await answer.arrayBuffer()));
  };
  for (const digest of image.blobs.keys()) assert.equal(await get(`blobs/${digest}`), digest);
  for (const digest of image.manifests.keys())
    assert.equal(await get(`manifests/${digest}`), digest);
}

test("images of every kind go round through a registry and all places of this machine", async (context) => {
  const registry = await startRegistry(context);
  const client = observeRegistries(context);
  for (const [kind, make] of Object.entries(images)) {
    const image = await make();
    await assert.doesNotReject(
      goRound(openWorkspace(context), (at) => client.at(registry.host, at), image),
      kind,
    );
    assertRegistryHolds(registry.contents, "a/second", "2", image);
  }
});

for (const [name, { options, kinds }] of Object.entries({
  "open to all": { options: {}, kinds: Object.keys(images) },
  "with htpasswd": {
    options: { asksWho: true, relativeUrls: true },
    kinds: ["a single image", "several platforms with attestations", "a Docker manifest list"],
  },
}))
  test(`images go through docker-registry, ${name}`, docker, async (context) => {
    const registry = await startDockerRegistry(context, options);
    const client = observeRegistries(context, { users: { [registry.host]: registryUser } });
    for (const kind of kinds) {
      const image = await images[kind]!();
      await assert.doesNotReject(
        goThere(openWorkspace(context), (at) => client.at(registry.host, at), image),
        kind,
      );
      for (const at of ["a/first", "a/second"]) await assertServes(registry.url, at, image);
    }
  });

test("docker-registry with htpasswd tells who is not known", docker, async (context) => {
  const { host } = await startDockerRegistry(context, { asksWho: true });
  const open = (users: object) =>
    observeRegistries(context, { users: users as Record<string, typeof user> }).at(host, "a/b");
  await refuses(() => open({}).resolve({ tag: "1" }), {
    code: "registry-denied",
    message: "wants credentials",
    hint: "log in",
  });
  const wrong = { user: "climber", password: "wrong horse" };
  const denied = await refuses(
    () =>
      open({ [host]: wrong })
        .tags()
        .next(),
    {
      code: "registry-denied",
      message: 'refuses the credentials of "climber"',
      hint: /./,
    },
  );
  assert.ok(!`${denied.message}${denied.hint}`.includes("wrong horse"));
});

interface Place {
  readonly host: string;
  /** Requests so far, as `METHOD path status`. */
  readonly answered: () => string[];
}

async function bothRegistries(context: TestContext): Promise<readonly Place[]> {
  const here = await startRegistry(context);
  const answered = () =>
    here.requests.map(({ method, path, query, status }) => `${method} ${path}?${query} ${status}`);
  const places: Place[] = [{ host: here.host, answered }];
  if (docker.skip === false) places.push(await startDockerRegistry(context));
  return places;
}

test("what a repository has is not sent again, and a neighbour's blobs are mounted", async (context) => {
  const image = await rawImages["several platforms with attestations"]!();
  const raw = await openRaw(openWorkspace(context), image);
  for (const { host, answered } of await bothRegistries(context)) {
    const client = observeRegistries(context);
    await client.at(host, "a/b").put(raw, { tag: "1" });
    const afterFirst = answered().length;
    await client.at(host, "a/b").put(raw, { tag: "2" });
    const second = answered().slice(afterFirst);
    assert.equal(second.filter((line) => /^HEAD .*blobs/.test(line)).length, image.blobs.size);
    assert.deepEqual(
      second.filter((line) => /uploads/.test(line)),
      [],
    );
    const afterSecond = answered().length;
    await client.at(host, "c/d").put(await client.at(host, "a/b").open({ tag: "1" }), { tag: "1" });
    const third = answered().slice(afterSecond);
    const mounts = third.filter((line) => /^POST .*mount=.* 201$/.test(line));
    assert.equal(mounts.length, image.blobs.size, third.join("\n"));
    assert.deepEqual(
      third.filter((line) => /^(PATCH|PUT .*blobs|GET .*blobs)/.test(line)),
      [],
    );
    assert.equal((await client.at(host, "c/d").open({ tag: "1" })).digest, image.root.digest);
  }
});

test("a mount that is refused becomes an upload", async (context) => {
  const image = await rawImages["a single image"]!();
  const grants = (_: string | undefined, name: string, action: string) =>
    name !== "secret" || action === "push";
  for (const options of [{ mounts: false }, { authorization: { ...bearer, grants } }]) {
    const registry = await startRegistry(context, options);
    seed(registry.contents, "open/source", "1", image);
    seed(registry.contents, "secret", "1", image);
    const client = observeRegistries(context, { users: { [registry.host]: user } });
    const source = await client.at(registry.host, "open/source").open({ tag: "1" });
    await client.at(registry.host, "target").put(source, { tag: "1" });
    assertRegistryHolds(registry.contents, "target", "1", image);
    const sent = registry.story().some((line) => /^(PATCH|PUT) .*uploads/.test(line));
    assert.equal(sent, options.mounts === false);
  }
  // As if it came from a repository that this user may push to, and not read.
  const registry = await startRegistry(context, { authorization: { ...bearer, grants } });
  seed(registry.contents, "secret", "1", image);
  const client = observeRegistries(context, { users: { [registry.host]: user } });
  const raw = await openRaw(openWorkspace(context), image);
  assert.equal(raw.kind, "image");
  const repository = { registry: registry.host, repository: "secret" };
  const foreign: ImageOrIndex = {
    ...(raw as Extract<ImageOrIndex, { kind: "image" }>),
    blob: (descriptor) => ({
      ...(raw as Extract<ImageOrIndex, { kind: "image" }>).blob(descriptor),
      repository,
    }),
  };
  await client.at(registry.host, "target").put(foreign, { tag: "1" });
  assertRegistryHolds(registry.contents, "target", "1", image);
  assert.ok(registry.requests.some(({ query, status }) => query.has("mount") && status === 401));
});

test("blobs of every size are uploaded, in the chunks that a registry wants", async (context) => {
  const MiB = 1024 * 1024;
  for (const options of [{}, { minimumChunk: 2 * MiB, locations: "absolute" }] as const) {
    const registry = await startRegistry(context, options);
    const client = observeRegistries(context);
    // A layer is its content and two blocks at its end, so that these stand around a power of two.
    for (const size of [0, 1, 4 * MiB - 2048, 4 * MiB - 1536, 6 * MiB]) {
      const image = await imageOfSize(size);
      const raw = await openRaw(openWorkspace(context), image);
      await client.at(registry.host, "a/b").put(raw, { tag: `of-${size}` });
      assertRegistryHolds(registry.contents, "a/b", `of-${size}`, image);
    }
  }
});

test("at most four blobs are on their way at once, and more than one", async (context) => {
  const registry = await startRegistry(context);
  const image = await imageOfSize(300_000, ["1", "2", "3", "4", "5", "6", "7", "8"]);
  let most = 0;
  const running = new Set<object>();
  registry.fault(
    { path: /blobs\/sha256/, method: "GET", times: Infinity },
    {
      change(answer) {
        const key = {};
        running.add(key);
        most = Math.max(most, running.size);
        const body = answer.body as { size: number; chunks(): Iterable<Uint8Array> };
        return {
          ...answer,
          body: {
            size: body.size,
            async *chunks() {
              yield* body.chunks();
              await new Promise((resolve) => setTimeout(resolve, 5));
              running.delete(key);
            },
          },
        };
      },
    },
  );
  seed(registry.contents, "a/b", "1", image);
  const workspace = openWorkspace(context);
  const layout = await createLayout(workspace.path("layout"));
  await layout.put(await observeRegistries(context).at(registry.host, "a/b").open({ tag: "1" }));
  assertFolderHolds(layout.path, image);
  assert.ok(most > 1 && most <= 4, String(most));
});

async function allTags(repository: Repository): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of repository.tags()) tags.push(tag);
  return tags;
}

test("all tags come, over all pages", async (context) => {
  const image = await rawImages["a single image"]!();
  const names = Array.from({ length: 25 }, (_, index) => `v${String(index).padStart(2, "0")}`);
  for (const locations of ["relative", "absolute"] as const) {
    const registry = await startRegistry(context, {
      pageSize: 10,
      locations,
      authorization: bearer,
    });
    const client = observeRegistries(context, { users: { [registry.host]: user } });
    for (const name of names) seed(registry.contents, "a/b", name, image);
    assert.deepEqual(await allTags(client.at(registry.host, "a/b")), names);
    await refuses(() => allTags(client.at(registry.host, "no/such")), {
      code: "image-not-found",
      message: "no/such",
      hint: /./,
    });
  }
});

/** Four referrers of an image, put after it. */
async function attach(context: TestContext, repository: Repository) {
  const image = await rawImages["a single image"]!();
  await repository.put(await openRaw(openWorkspace(context), image), { tag: "1" });
  const notes = ["test/a", "test/b", "test/a", "test/d"].map((type, index) =>
    artifact(type, `note ${index}`, { subject: image.root, annotations: { n: String(index) } }),
  );
  const raws = await Promise.all(notes.map((note) => openRaw(openWorkspace(context), note)));
  const put = (raw: ImageOrIndex) => repository.put(raw, { digest: raw.digest });
  // The first alone, since docker-registry stumbles over two uploads of one blob, the config that all
  // share; then the others at once: a list that clients keep must lose none of them.
  await put(raws[0]!);
  await Promise.all(raws.slice(1).map(put));
  return { digest: image.root.digest as Digest, notes };
}

function expectedReferrers(notes: readonly RawImage[], ...which: readonly number[]) {
  return which.map((index) => {
    const [{ bytes } = { bytes: "" }] = notes[index]!.manifests.values();
    const { artifactType, annotations } = JSON.parse(bytes.toString());
    return { ...notes[index]!.root, artifactType, annotations };
  });
}

function inOrder<T extends { digest: string }>(found: readonly T[]): T[] {
  return [...found].sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

async function checkReferrers(context: TestContext, repository: Repository): Promise<Digest> {
  const { digest, notes } = await attach(context, repository);
  const check = async (type: string | undefined, ...which: readonly number[]) =>
    assert.deepEqual(
      inOrder(await repository.referrers(digest, type)),
      inOrder(expectedReferrers(notes, ...which)),
    );
  await check(undefined, 0, 1, 2, 3);
  await check("test/a", 0, 2);
  await check("test/c");
  assert.equal(await repository.remove({ digest: notes[0]!.root.digest as Digest }), true);
  await check("test/a", 2);
  for (const note of notes.slice(1))
    await repository.remove({ digest: note.root.digest as Digest });
  await check(undefined);
  assert.deepEqual(await repository.referrers(`sha256:${"0".repeat(64)}`), []);
  return digest;
}

test("referrers come from the registry's own list", async (context) => {
  for (const options of [{ pageSize: 1 }, { filters: false, locations: "absolute" }] as const) {
    const registry = await startRegistry(context, options);
    await checkReferrers(context, observeRegistries(context).at(registry.host, "a/b"));
    assert.deepEqual([...registry.contents.repositories.get("a/b")!.tags.keys()], ["1"]);
  }
});

test("referrers of a registry without them stand in an index under a tag", async (context) => {
  const registry = await startRegistry(context, { referrers: false });
  const repository = observeRegistries(context).at(registry.host, "a/b");
  const { digest, notes } = await attach(context, repository);
  const { tags, manifests } = registry.contents.repositories.get("a/b")!;
  const list = manifests.get(tags.get(digest.replace(":", "-"))!)!;
  assert.equal(list.mediaType, "application/vnd.oci.image.index.v1+json");
  assert.deepEqual(
    inOrder(JSON.parse(Buffer.from(list.bytes).toString()).manifests),
    inOrder(expectedReferrers(notes, 0, 1, 2, 3)),
  );
  const other = await startRegistry(context, { referrers: false });
  await checkReferrers(context, observeRegistries(context).at(other.host, "a/b"));
});

test("referrers of docker-registry are kept by its clients", docker, async (context) => {
  const registry: DockerRegistry = await startDockerRegistry(context, { asksWho: true });
  const users = { [registry.host]: registryUser };
  await checkReferrers(context, observeRegistries(context, { users }).at(registry.host, "a/b"));
});

test("tags and images are removed, where the registry allows it", async (context) => {
  const image = await rawImages["a single image"]!();
  const digest = image.root.digest as Digest;
  const registry = await startRegistry(context, { authorization: bearer });
  const client = observeRegistries(context, { users: { [registry.host]: user } });
  const repository = client.at(registry.host, "a/b");
  for (const tag of ["1", "2", "3"]) seed(registry.contents, "a/b", tag, image);
  assert.equal(await repository.remove({ tag: "1" }), true);
  assert.equal(await repository.remove({ tag: "1" }), false);
  assert.deepEqual(await allTags(repository), ["2", "3"]);
  assert.equal(await repository.remove({ digest }), true);
  assert.equal(await repository.resolve({ digest }), undefined);
  assert.deepEqual(await allTags(repository), []);

  const keeping = await startRegistry(context, { deletes: false });
  seed(keeping.contents, "a/b", "1", image);
  await refuses(() => observeRegistries(context).at(keeping.host, "a/b").remove({ digest }), {
    code: "registry-refused",
    message: "405",
    hint: "does not allow",
  });
});

test("docker-registry removes by digest, and says so of tags", docker, async (context) => {
  const { host } = await startDockerRegistry(context);
  const repository = observeRegistries(context).at(host, "a/b");
  const image = await rawImages["a single image"]!();
  await repository.put(await openRaw(openWorkspace(context), image), { tag: "1" });
  await refuses(() => repository.remove({ tag: "1" }), {
    code: "registry-refused",
    message: "a/b:1",
    hint: image.root.digest,
  });
  assert.equal(await repository.remove({ digest: image.root.digest as Digest }), true);
  assert.equal(await repository.resolve({ tag: "1" }), undefined);
});

test("what there is not is told, with a tag that may have been meant", async (context) => {
  const registry = await startRegistry(context);
  seed(registry.contents, "a/b", "3.20", await rawImages["a single image"]!());
  const repository = observeRegistries(context).at(registry.host, "a/b");
  assert.equal(await repository.resolve({ tag: "3.19" }), undefined);
  await refuses(() => repository.open({ tag: "3.2" }), {
    code: "image-not-found",
    message: "a/b:3.2",
    hint: "3.20",
  });
  const elsewhere = observeRegistries(context).at(registry.host, "no/such");
  assert.equal((await failure(() => elsewhere.open({ tag: "1" }))).code, "image-not-found");
});

test("an index is pushed in part, and pulled in part", async (context) => {
  const image = await rawImages["several platforms with attestations"]!();
  const registry = await startRegistry(context);
  seed(registry.contents, "a/b", "1", image);
  const repository = observeRegistries(context).at(registry.host, "a/b");
  const workspace = openWorkspace(context);
  const layout = await createLayout(workspace.path("layout"));
  const index = await repository.open({ tag: "1" });
  assert.equal(index.kind, "index");
  const arm = (await (index as Extract<ImageOrIndex, { kind: "index" }>).children()).find(
    ({ descriptor }) => descriptor.platform?.architecture === "arm64",
  )!;
  registry.heal();
  await layout.put(await arm.open(), { name: "arm" });
  const fetched = registry.story().filter((line) => /^GET .*blobs/.test(line));
  assert.equal(new Set(fetched).size, 3, "a config and two layers");
  assert.ok(assertFolderIntact(layout.path).has(arm.descriptor.digest));
});

/** Passes connections on to a host, and breaks the first that has passed so many bytes of one way. */
async function breakOnce(
  context: TestContext,
  host: string,
  way: "up" | "down",
  bytes: number,
): Promise<string> {
  let isBroken = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(host.split(":")[1]), "127.0.0.1");
    const [from, to] = way === "up" ? [near, far] : [far, near];
    let passed = 0;
    for (const socket of [near, far]) {
      sockets.add(socket.on("error", () => {}));
      socket.on("close", () => [near, far].map((each) => each.destroy()));
    }
    to.pipe(from);
    from.on("data", (chunk: Buffer) => {
      passed += chunk.byteLength;
      if (isBroken || passed < bytes) return void to.write(chunk);
      isBroken = true;
      to.write(chunk.subarray(0, bytes - passed), () => to.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("docker-registry behind a network that breaks", docker, async (context) => {
  const registry = await startDockerRegistry(context);
  const image = await imageOfSize(6 * 1024 * 1024);
  const workspace = openWorkspace(context);
  const up = observeRegistries(context);
  const upwards = await breakOnce(context, registry.host, "up", 3_000_000);
  await up.at(upwards, "a/b").put(await openRaw(workspace, image), { tag: "1" });
  await assertServes(registry.url, "a/b", image);
  assert.equal(up.waits.length, 1);
  const down = observeRegistries(context);
  const downwards = await breakOnce(context, registry.host, "down", 3_000_000);
  const layout = await createLayout(workspace.path("pulled"));
  await layout.put(await down.at(downwards, "a/b").open({ tag: "1" }));
  assertFolderHolds(layout.path, image);
  assert.equal(down.waits.length, 1);
  assert.ok(
    registry.answered().some((line) => line.endsWith(" 206")),
    "only the rest is asked for",
  );
});
