/** Image consumers: skopeo, podman and umoci take what bivy builds, and what they unpack is a working Alpine. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { canRunArch } from "../src/sandbox/index.ts";
import { demoProgram } from "../src/cli/demo-program.ts";
import { run } from "./alpine-root.ts";
import { fixtures, needs } from "./requirements.ts";
import {
  build,
  openWorkspace,
  readLayout,
  type BuildSummary,
  type ImageDocument,
  type Workspace,
} from "./run-bivy.ts";
import {
  makeRepository,
  sampleConfig,
  sampleKey,
  writeRepository,
  type SamplePackage,
} from "./signed-repository.ts";

const alpine = needs({ root: true, fixtures: true, tools: ["umoci", "chroot", "unshare"] });
const skopeo = needs({ tools: ["skopeo"] });
const podman = needs({ root: true, tools: ["podman"] });

/** Configuration of the image: what an image can say that clients show. */
const container = {
  entrypoint: { command: "/bin/sh" },
  cmd: "-c 'echo hello'",
  "work-dir": "/srv",
  "stop-signal": "SIGQUIT",
  environment: { GREETING: "hello world" },
  accounts: { users: [{ username: "web", uid: 10000 }], "run-as": "web" },
  volumes: ["/var/lib/data"],
  ports: [8080, "53/udp"],
  annotations: { "org.opencontainers.image.title": "sample" },
  labels: { "com.example.team": "platform" },
};

test("an unpacked image is a working Alpine", alpine, async (context) => {
  const workspace = openWorkspace(context);
  const key = join(fixtures, "repo", "keys", "fixture@bivy-6743a001.rsa.pub");
  const config = workspace.write(
    "image.yaml",
    JSON.stringify({
      contents: {
        build_repositories: [{ url: join(fixtures, "repo/v3.19/main"), keys: [key] }],
        packages: ["alpine-baselayout", "alpine-keys", "apk-tools", "busybox", "libc-utils"],
      },
      archs: ["x86_64"],
      layering: { strategy: "origin", budget: 4 },
    }),
  );
  const layout = workspace.path("layout");
  const { archs } = await build(workspace, [config, "-o", `oci:${layout}:app`]);
  assert.equal(archs[0]!.layers, 5);
  assert.deepEqual(archs[0]!.failedScripts, []);
  const bundle = workspace.path("bundle");
  run("umoci", ["unpack", "--image", `${layout}:app`, bundle]);
  const inside = (...words: string[]) => run("chroot", [join(bundle, "rootfs"), ...words]);
  assert.equal(inside("/bin/sh", "-c", "echo $((6 * 7)) | sed s/4/four/"), "four2\n");
  assert.equal(inside("/bin/cat", "/etc/apk/arch").trim(), "x86_64");
  const installed = inside("/sbin/apk", "info", "-v").trim().split("\n");
  assert.equal(installed.length, 15);
  assert.ok(installed.includes("busybox-1.36.1-r19"));
  assert.match(inside("/sbin/apk", "info", "-L", "busybox"), /^bin\/busybox$/m);
  assert.match(inside("/sbin/apk", "info", "-W", "/bin/busybox"), /owned by busybox-1\.36\.1-r19/);
  assert.equal(inside("/sbin/apk", "audit", "--system"), "");
  assert.match(
    inside("/sbin/apk", "fix", "--simulate", "--no-network"),
    /^OK: \d+ MiB in 15 packages\n$/,
  );
  // It can go on from here: the database, the world and the scripts are those of apk.
  const removed = inside("/sbin/apk", "del", "--no-network", "libc-utils");
  assert.match(removed, /\(1\/3\) Purging libc-utils[^]*OK: \d+ MiB in 12 packages\n$/);
});

const interpreter = (arch: "x86_64" | "aarch64", text: string) => ({
  "bin/interpreter": { mode: 0o755, text: demoProgram(arch, text) },
});
const scripts = { "post-install": "#!/bin/interpreter\n", trigger: "#!/bin/interpreter\n" };
const triggers = ["/usr/*"];
const files = { "usr/share/sample": "the same everywhere\n" };

const twoArchs: readonly SamplePackage[] = [
  { name: "interpreter", arch: "x86_64", files: interpreter("x86_64", "I ran") },
  { name: "app", arch: "x86_64", depends: ["interpreter"], files, scripts, triggers },
  { name: "interpreter", arch: "aarch64", files: interpreter("aarch64", "I ran") },
  { name: "app", arch: "aarch64", depends: ["interpreter"], files, scripts, triggers },
];

/** A small image in every form, of one architecture and of two. */
async function buildForms(
  context: TestContext,
  archs: readonly string[],
): Promise<{ workspace: Workspace; summary: BuildSummary; stderr?: string }> {
  const workspace = openWorkspace(context);
  const repository = writeRepository(workspace.path("repository"), makeRepository(twoArchs));
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: [repository], packages: ["app"], archs }, sampleKey(), container),
  );
  const summary = await build(workspace, [
    config,
    "-o",
    `oci:${workspace.path("layout")}:app`,
    "-o",
    `oci-archive:${workspace.path("oci.tar")}:example.com/app:1`,
    "-o",
    `docker-archive:${workspace.path("docker.tar")}:example.com/app:2`,
  ]);
  return { workspace, summary };
}

test("skopeo inspects and copies every form", skopeo, async (context) => {
  const { workspace, summary } = await buildForms(context, ["x86_64"]);
  const sources = [
    `oci:${workspace.path("layout")}:app`,
    `oci-archive:${workspace.path("oci.tar")}:example.com/app:1`,
    `docker-archive:${workspace.path("docker.tar")}:example.com/app:2`,
  ];
  const inspected = sources.map((source) => JSON.parse(run("skopeo", ["inspect", source])));
  assert.equal(inspected[0].Digest, summary.digest);
  assert.equal(inspected[1].Digest, summary.digest);
  const configs = sources.map((source) =>
    JSON.parse(run("skopeo", ["inspect", "--config", source])),
  );
  for (const [index, { Architecture, Os, Labels }] of inspected.entries()) {
    assert.deepEqual([Architecture, Os], ["amd64", "linux"]);
    assert.equal(Labels["com.example.team"], "platform", sources[index]);
    assert.deepEqual(configs[index], configs[0]);
    const copy = `oci:${workspace.path(`copy-${index}`)}:copy`;
    run("skopeo", ["copy", "--quiet", sources[index]!, copy]);
    assert.deepEqual(JSON.parse(run("skopeo", ["inspect", copy])).Labels, Labels);
  }
  const { config, rootfs, history } = configs[0];
  assert.deepEqual(
    {
      ...config,
      Env: config.Env.filter((line: string) => !/^(PATH|SSL_CERT_FILE)=/.test(line)),
    },
    {
      User: "10000",
      ExposedPorts: { "8080/tcp": {}, "53/udp": {} },
      Env: ["GREETING=hello world"],
      Entrypoint: ["/bin/sh"],
      Cmd: ["-c", "echo hello"],
      Volumes: { "/var/lib/data": {} },
      WorkingDir: "/srv",
      Labels: { "com.example.team": "platform", "org.opencontainers.image.title": "sample" },
      StopSignal: "SIGQUIT",
    },
  );
  assert.equal(rootfs.diff_ids.length, 1);
  assert.equal(
    history.filter((entry: { empty_layer?: boolean }) => entry.empty_layer !== true).length,
    1,
  );
});

test("podman loads both archives", podman, async (context) => {
  const { workspace } = await buildForms(context, ["x86_64"]);
  const storage = [
    "--root",
    workspace.path("storage"),
    "--runroot",
    workspace.path("run"),
    "--storage-driver",
    "vfs",
  ];
  for (const name of ["oci.tar", "docker.tar"])
    run("podman", [...storage, "load", "--quiet", "--input", workspace.path(name)]);
  const format = "{{.Repository}}:{{.Tag}} {{.ID}}";
  const listed = run("podman", [...storage, "images", "--no-trunc", "--format", format]);
  const { index, json } = readLayout(workspace.path("layout"));
  const imageId = json(index.manifests[0]!.digest).config.digest;
  assert.deepEqual(listed.trim().split("\n").sort(), [
    `example.com/app:1 ${imageId}`,
    `example.com/app:2 ${imageId}`,
  ]);
});

const foreign = {
  skip:
    skopeo.skip ||
    (canRunArch("aarch64") ? "this host runs aarch64, so none of its scripts is skipped" : false),
};

test(
  "an image index has every architecture, and names the scripts it skipped",
  foreign,
  async (context) => {
    const { workspace, summary } = await buildForms(context, ["x86_64", "aarch64"]);
    const [arm, intel] = [...summary.archs].sort((a, b) => (a.arch < b.arch ? -1 : 1));
    assert.deepEqual([arm!.arch, intel!.arch], ["aarch64", "x86_64"]);
    assert.deepEqual(arm!.skippedScripts, ["app-1.0-r0.post-install", "app-1.0-r0.trigger"]);
    const source = `oci:${workspace.path("layout")}:app`;
    const raw = run("skopeo", ["inspect", "--raw", source]);
    assert.equal(`sha256:${createHash("sha256").update(raw).digest("hex")}`, summary.digest);
    const index = JSON.parse(raw) as ImageDocument & { mediaType: string };
    assert.equal(index.mediaType, "application/vnd.oci.image.index.v1+json");
    assert.deepEqual(
      index.manifests.map(({ digest, platform }) => [digest, platform]),
      [
        [intel!.digest, { architecture: "amd64", os: "linux" }],
        [arm!.digest, { architecture: "arm64", os: "linux" }],
      ].sort(
        (a, b) =>
          summary.archs.findIndex((each) => each.digest === a[0]) -
          summary.archs.findIndex((each) => each.digest === b[0]),
      ),
    );
    run("skopeo", ["copy", "--quiet", "--all", source, `oci:${workspace.path("copy")}:all`]);
    const choose = (arch: string) =>
      JSON.parse(run("skopeo", ["inspect", "--override-arch", arch, source]));
    assert.equal(choose("arm64").Architecture, "arm64");
    assert.equal(choose("amd64").Architecture, "amd64");
  },
);
