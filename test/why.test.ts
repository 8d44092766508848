/** bivy why: what brought a package, file, library or command into an image, end to end. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { defaultLimits } from "../src/base/index.ts";
import { formatExplanation } from "../src/cli/why/text.ts";
import { dependencyGraph, readInventory } from "../src/inventory/index.ts";
import { createLayout, locateImage, openStore, parseImageLocator } from "../src/oci/index.ts";
import { explain } from "../src/why/index.ts";
import { databaseText, layeredImage, type SampleStep } from "./layered-root.ts";
import { fixtures, needs } from "./requirements.ts";
import {
  assertFailure,
  build,
  openWorkspace,
  succeed,
  runBivy,
  type Workspace,
} from "./run-bivy.ts";
import {
  makeRepository,
  sampleConfig,
  smallWorld,
  writeRepository,
  type SamplePackage,
} from "./signed-repository.ts";

const withFixtures = needs({ fixtures: true });

/** `app` brings in `library` and `base` by three kinds of names; `docs` stands for itself. */
const packages: readonly SamplePackage[] = [
  ...smallWorld.map((sample) =>
    sample.name === "library"
      ? {
          ...sample,
          provides: ["so:library.so.1=1.0"],
          files: {
            "usr/lib/library.so.1.0": "library\n",
            "usr/lib/library.so.1": { type: "symlink", linkPath: "library.so.1.0" } as const,
          },
        }
      : sample.name === "app"
        ? { ...sample, depends: ["so:library.so.1", "base"], provides: ["cmd:app=1.0-r0"] }
        : sample,
  ),
  { name: "docs", files: { "usr/share/doc/docs": "docs\n" } },
];

async function builtImage(context: TestContext): Promise<{ workspace: Workspace; image: string }> {
  const workspace = openWorkspace(context);
  const repository = writeRepository(workspace.path("packages"), makeRepository(packages));
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: [repository], packages: ["app", "docs"] }),
  );
  const image = `oci-archive:${workspace.path("image.tar")}`;
  await build(workspace, [config, "-o", image]);
  return { workspace, image };
}

async function why(workspace: Workspace, ...words: readonly string[]): Promise<string> {
  return (await succeed(workspace, ["why", ...words])).stdout;
}

test("an image that bivy built: a package, a library, a command, a file", async (context) => {
  const { workspace, image } = await builtImage(context);
  const lines = (text: string) =>
    text
      .replace(/ \(layer .*\)$/gm, "")
      .trimEnd()
      .split("\n");
  assert.deepEqual(lines(await why(workspace, image, "base")), [
    "base-1.0-r0",
    "└─ app-1.0-r0 needs base",
    "   └─ in world as app",
    "also needed by library-1.0-r0",
  ]);
  assert.deepEqual(lines(await why(workspace, image, "library.so.1")), [
    "/usr/lib/library.so.1 -> library.so.1.0, owned by library-1.0-r0",
    "/usr/lib/library.so.1.0: file, owned by library-1.0-r0",
    "",
    "library-1.0-r0",
    "│  provides so:library.so.1=1.0",
    "└─ app-1.0-r0 needs so:library.so.1",
    "   └─ in world as app",
  ]);
  assert.deepEqual(lines(await why(workspace, image, "tool")), [
    "/bin/tool: file, owned by base-1.0-r0",
    "",
    "base-1.0-r0",
    "└─ app-1.0-r0 needs base",
    "   └─ in world as app",
    "also needed by library-1.0-r0",
  ]);
  assert.deepEqual(lines(await why(workspace, image, "app")), [
    "app-1.0-r0",
    "└─ in world as app",
    "",
    "app is also the command /usr/bin/app",
  ]);
});

const database = "lib/apk/db/installed";
const first = { base: { files: "bin/tool" }, "base-doc": { installIf: "base docs" } };
const steps: readonly SampleStep[] = [
  {
    createdBy: "/bin/sh -c #(nop) ADD file:0123 in / ",
    files: {
      "bin/tool": { mode: 0o755, text: "tool" },
      "bin/evil\u001b[2J": { mode: 0o755, text: "x" },
      "etc/motd": "one",
      "etc/apk/world": "base\ngone\n",
      [database]: databaseText({ ...first, old: {} }),
    },
  },
  { createdBy: "/bin/sh -c #(nop)  ENV A=b" },
  {
    createdBy: "RUN /bin/sh -c apk add docs # buildkit",
    files: {
      "etc/motd": "two",
      "etc/apk/world": "base\ndocs\ngone\n",
      [database]: databaseText({ ...first, docs: {} }),
    },
  },
  { createdBy: "RUN /bin/sh -c rm /etc/motd # buildkit", files: { "etc/.wh.motd": "" } },
];

async function layeredLayout(context: TestContext): Promise<Workspace> {
  const workspace = openWorkspace(context);
  const layout = await createLayout(workspace.path("image"));
  await layout.put(await layeredImage(steps), { name: "1" });
  return workspace;
}

test("layers are told with the instruction that made them", async (context) => {
  const workspace = await layeredLayout(context);
  const ask = (word: string) => why(workspace, "oci:image:1", word);
  assert.equal(
    await ask("docs"),
    `docs-1-r0 (layer 2 of 3: RUN apk add docs)
└─ in world as docs
also needed by base-doc-1-r0

world asks for gone, which is not installed
`,
  );
  assert.equal(
    await ask("base-doc"),
    `base-doc-1-r0 (layer 1 of 3: ADD file:0123 in /)
├─ base-1-r0 meets its install_if: base docs
│  └─ in world as base
└─ docs-1-r0 meets its install_if: base docs
   └─ in world as docs

world asks for gone, which is not installed
`,
  );
  assert.equal(
    await ask("/etc/motd"),
    `/etc/motd: removed (layer 3 of 3: RUN rm /etc/motd)
  earlier: file (layer 1 of 3: ADD file:0123 in /)
  earlier: file (layer 2 of 3: RUN apk add docs)

world asks for gone, which is not installed
`,
  );
  assert.equal(
    await ask("old"),
    `old-1-r0: installed by layer 1, removed (layer 2 of 3: RUN apk add docs)

world asks for gone, which is not installed
`,
  );
});

test("names from an image do not reach the terminal as they are", async (context) => {
  const workspace = await layeredLayout(context);
  const text = await why(workspace, "oci:image:1", "evil\u001b[2J");
  assert.match(text, /^\/bin\/evil\ufffd\[2J: file, owned by no package/);
});

test("JSON has it all, and --output takes it", async (context) => {
  const workspace = await layeredLayout(context);
  const words = ["oci:image:1", "base-doc", "--format", "json", "--paths", "1"];
  const document = JSON.parse(await why(workspace, ...words));
  assert.equal(document.image, "oci:image:1");
  assert.equal(document.packages[0].pathCount, 2);
  assert.equal(document.packages[0].paths.length, 1);
  assert.deepEqual(document.brokenWorld, ["gone"]);
  assert.equal(document.layers[1].createdBy, "RUN /bin/sh -c apk add docs # buildkit");
  assert.equal(await why(workspace, "oci:image:1", "docs", "--output", "result.txt"), "");
});

test("what is not there is exit 3 with the nearest name, and wrong use is exit 2", async (context) => {
  const workspace = await layeredLayout(context);
  assertFailure(await runBivy(workspace, ["why", "oci:image:1", "dcos"]), {
    exitCode: 3,
    code: "not-in-image",
    message: /^oci:image:1: expected a package, library, command or file named "dcos", found none$/,
    hint: /Did you mean docs\?/,
  });
  const wrong = await runBivy(workspace, ["why", "oci:image:1", "docs", "--paths", "0"]);
  assert.equal(wrong.exitCode, 2);
});

async function inventoryOf(argument: string) {
  const store = openStore({ limits: defaultLimits });
  const located = await locateImage(parseImageLocator(argument), { store });
  return readInventory(located!);
}

const roots = [
  "images/alpine-310.tar.gz",
  "images/alpine-311.tar.gz",
  "minirootfs/alpine-minirootfs-3.10.9-x86_64.tar.gz",
  "minirootfs/alpine-minirootfs-3.19.4-x86_64.tar.gz",
];

for (const root of roots)
  test(`${root}: every package comes from world, and every line fits`, withFixtures, async () => {
    const inventory = await inventoryOf(join(fixtures, root));
    const graph = dependencyGraph(
      inventory.packages.map(({ installed }) => installed),
      inventory.world,
    );
    assert.ok(graph.world.every(({ holds }) => holds));
    for (const { installed } of inventory.packages) {
      assert.deepEqual(
        graph.nodes
          .filter((node) => node.package === installed)
          .flatMap(({ dependencies }) => dependencies)
          .filter(({ satisfiedBy }) => satisfiedBy.length === 0),
        [],
        installed.name,
      );
      const explanation = explain(inventory, graph, installed.name);
      const [reason] = explanation.packages;
      assert.equal(reason?.installed, installed);
      assert.ok(reason.count > 0, installed.name);
      for (const line of formatExplanation(explanation, inventory).split("\n"))
        assert.ok([...line].length <= 80, line);
    }
    for (const [path, owner] of inventory.owners)
      assert.ok(
        explain(inventory, graph, `/${path}`).packages.some(
          ({ installed }) => installed === owner.package,
        ),
        path,
      );
  });

test(
  "an image, a root archive and a folder of Alpine answer alike",
  withFixtures,
  async (context) => {
    const workspace = openWorkspace(context);
    const archive = join(fixtures, "minirootfs/alpine-minirootfs-3.19.4-x86_64.tar.gz");
    mkdirSync(workspace.path("root"));
    execFileSync("tar", ["-xzf", archive, "-C", workspace.path("root")]);
    const expected = await why(workspace, archive, "ls");
    assert.equal(
      expected,
      `/bin/ls -> /bin/busybox, a command of busybox
/bin/busybox: file, owned by busybox-1.36.1-r19

busybox-1.36.1-r19
└─ in world as busybox
also needed by busybox-binsh-1.36.1-r19, ssl_client-1.36.1-r19
`,
    );
    assert.equal(await why(workspace, "dir:root", "ls"), expected);
    assert.match(
      await why(workspace, join(fixtures, "images/alpine-310.tar.gz"), "so:libcrypto.so.1.1"),
      /^libcrypto1\.1-1\.1\.1d-r2 \(layer 1 of 1: ADD file:.*\)\n│ {2}provides so:libcrypto\.so\.1\.1=1\.1\n└─ apk-tools-2\.10\.4-r2 needs so:libcrypto\.so\.1\.1\n {3}└─ in world as apk-tools$/m,
    );
  },
);
