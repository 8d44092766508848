/**
 * Dockerfiles against Debian's buildah: bivy's image of each case holds path by path what buildah's
 * holds, and its container starts in the same way. Where the two builders differ BuildKit is right, and
 * the case says how. No secret is found in anything that bivy has made.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { startDockerRegistry } from "./docker-registry.ts";
import { buildWithBivy, filesWith } from "./dockerfiles/bivy.ts";
import { isBuildahKnown, openBuildah, type Buildah } from "./dockerfiles/buildah.ts";
import { forReference, readBases, readCases, type DockerfileCase } from "./dockerfiles/cases.ts";
import { expectationOf, type Expectation } from "./dockerfiles/expectation.ts";
import { differences, listImage } from "./dockerfiles/image-listing.ts";
import { listenAsAgent, placeCase, type PlacedCase } from "./dockerfiles/place.ts";
import { startWebServer, type WebServer } from "./dockerfiles/web-server.ts";
import { needs } from "./requirements.ts";
import { openWorkspace, type Outcome, type Workspace } from "./run-bivy.ts";

interface Setting {
  readonly workspace: Workspace;
  readonly registry: string;
  readonly web: WebServer;
  readonly buildah: Buildah;
  /** Another buildah may have learnt what the one of the differences does otherwise. */
  readonly isBuildahKnown: boolean;
  /** Where cases and agents have their places, apart from what bivy makes. */
  readonly places: Workspace;
}

async function open(context: TestContext): Promise<Setting> {
  const { host } = await startDockerRegistry(context, { logs: false });
  const setting = {
    workspace: openWorkspace(context),
    registry: host,
    web: await startWebServer(context),
    buildah: openBuildah(context),
    isBuildahKnown: await isBuildahKnown(),
    places: openWorkspace(context),
  };
  // One after the other, since later ones may build on earlier ones.
  for (const [index, base] of readBases().entries()) {
    const placed = await place(setting, base, `base-${index}`);
    await setting.buildah.publish(placed, `${host}/${base.name}`);
  }
  return setting;
}

async function place(
  { registry, web, places }: Setting,
  each: DockerfileCase,
  label: string,
): Promise<PlacedCase> {
  const servers = { registry, web: await web.serve(each.web ?? {}) };
  const socket = each.ssh === true ? agentOf(places, label) : undefined;
  return placeCase(places.path(label), each, servers, socket);
}

function agentOf(places: Workspace, label: string): string {
  return places.path(`${label}.sock`);
}

/** The image that the case must come to; undefined where it must fail. */
async function expect(
  setting: Setting,
  each: DockerfileCase,
  label: string,
): Promise<Expectation | undefined> {
  const image = await setting.buildah.build(await place(setting, forReference(each), label));
  const fails = each.fails !== undefined && each.reference?.builds !== true;
  if ("failure" in image) {
    assert.ok(fails, `buildah cannot build ${each.name}: ${image.failure}`);
    return undefined;
  }
  assert.ok(!fails, `buildah builds ${each.name}`);
  return each.fails === undefined ? expectationOf(each, await listImage(image)) : undefined;
}

async function compare(
  workspace: Workspace,
  each: DockerfileCase,
  placed: PlacedCase,
  label: string,
  expected: Expectation | undefined,
): Promise<void> {
  const { outcome, image } = await buildWithBivy(workspace, placed, { layout: label });
  assertSecret(workspace, each, outcome);
  if (expected === undefined) {
    assert.equal(image, undefined, "bivy builds what must fail");
    const [, message] = /^error: (.*) \[[a-z-]+\]$/ms.exec(outcome.stderr) ?? [];
    assert.match(message ?? "no message", new RegExp(each.fails!), outcome.stderr);
    return;
  }
  assert.ok(image !== undefined, outcome.stderr);
  const found = await listImage(image);
  assert.deepEqual(differences(expected.tree, found.tree), {});
  assert.deepEqual(differences({ ...expected.config }, { ...found.config }), {});
  if (each.twice !== true) return;
  // Without what the first build has kept, so that all is made once more.
  const home = workspace.path(`${label}-home`);
  mkdirSync(home);
  const again = await buildWithBivy(workspace, placed, { layout: `${label}-again`, home });
  assert.equal(again.image?.digest, image.digest, again.outcome.stderr);
}

/** Secrets are neither in what bivy prints nor in any file that it leaves. */
function assertSecret(
  workspace: Workspace,
  { secrets = {} }: DockerfileCase,
  { stdout, stderr }: Outcome,
): void {
  const texts = Object.values(secrets);
  for (const text of texts) assert.ok(!`${stdout}${stderr}`.includes(text), "it is printed");
  if (texts.length > 0) assert.deepEqual(filesWith(workspace.folder, texts), []);
}

async function check(
  context: TestContext,
  setting: Setting,
  each: DockerfileCase,
  label: string,
): Promise<void> {
  // buildah writes into the context at times, so each builder has its own.
  const agents = each.ssh === true ? [`${label}-reference`, label] : [];
  for (const name of agents) {
    const agent = await listenAsAgent(agentOf(setting.places, name));
    context.after(() => agent.close());
  }
  const expected = await expect(setting, each, `${label}-reference`);
  if (setting.isBuildahKnown) assert.deepEqual(expected?.stale ?? [], []);
  // Every file of a workspace is searched for secrets, so that nothing else may go on in it.
  const workspace = each.secrets === undefined ? setting.workspace : openWorkspace(context);
  await compare(workspace, each, await place(setting, each, label), label, expected);
}

test("a secret is found where it is, packed or not", (context) => {
  const workspace = openWorkspace(context);
  const texts = ["a secret", "another"];
  workspace.write("folder/clear", "here is a secret.");
  workspace.write("folder/packed", gzipSync("and another"));
  workspace.write("folder/below/packed", zstdCompressSync("a secret"));
  workspace.write("folder/none", "a  secret");
  assert.deepEqual(filesWith(workspace.path("folder"), texts), ["below/packed", "clear", "packed"]);
});

const real = needs({ root: true, fixtures: true, tools: ["buildah", "docker-registry"] });

test("Dockerfiles and buildah", { ...real, concurrency: 2 }, async (context) => {
  const setting = await open(context);
  const cases = [...readCases()].flatMap(([topic, all]) =>
    all.map((each) => [`${topic}: ${each.name}`, each] as const),
  );
  assert.ok(cases.length >= 60, `only ${cases.length} cases`);
  await Promise.all(
    cases.map(([name, each], index) =>
      context.test(name, (inner) => check(inner, setting, each, `case-${index}`)),
    ),
  );
});
