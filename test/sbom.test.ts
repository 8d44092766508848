/** bivy sbom, end to end: documents of images and of other tools' documents, and beside images. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defaultLimits, readContent } from "../src/base/index.ts";
import { readInventory } from "../src/inventory/index.ts";
import { createLayout, type Image } from "../src/oci/index.ts";
import { parseSbom } from "../src/sbom/index.ts";
import { findNode } from "../src/tree/index.ts";
import { databaseText, layeredImage } from "./layered-root.ts";
import {
  assertFailure,
  openWorkspace,
  projectFolder,
  runBivy,
  succeed,
  type Workspace,
} from "./run-bivy.ts";
import { syftShaped, trivyShaped } from "./sbom-shapes.ts";

async function sampleImage(): Promise<Image> {
  return layeredImage(
    [
      {
        createdBy: "ADD rootfs",
        files: {
          "etc/os-release": "ID=alpine\nVERSION_ID=3.19.1\n",
          "etc/apk/repositories": "https://dl-cdn.alpinelinux.org/alpine/v3.19/main\n",
          "etc/apk/world": "app\n",
          "lib/apk/db/installed": databaseText({
            base: { files: "lib/libbase.so" },
            app: { depends: "base", files: "opt/app/main.js" },
          }),
          "lib/libbase.so": "b",
          "opt/app/main.js": "m",
        },
      },
      {
        createdBy: "COPY node_modules",
        files: {
          "srv/node_modules/left-pad/package.json": '{"name":"left-pad","version":"1.3.0"}',
        },
      },
    ],
    { Labels: { "dev.bivy.impact": "high" } },
  );
}

async function openLayout(workspace: Workspace) {
  const layout = await createLayout(workspace.path("image"));
  const image = await sampleImage();
  await layout.put(image, { name: "latest" });
  return { layout, image, argument: `oci:${workspace.path("image")}` };
}

test("the document of an image is the same each time, and the clock is not in it", async (context) => {
  const workspace = openWorkspace(context);
  const { argument, image } = await openLayout(workspace);
  const first = await succeed(workspace, ["sbom", argument]);
  const again = await succeed(workspace, ["sbom", argument]);
  assert.equal(first.stdout, again.stdout);
  const bom = JSON.parse(first.stdout);
  assert.equal(bom.metadata.timestamp, "2023-11-14T22:13:20Z");
  assert.equal(bom.metadata.component.version, image.digest);
  const dated = await succeed(workspace, ["sbom", argument], {
    environment: { SOURCE_DATE_EPOCH: "86400" },
  });
  assert.equal(JSON.parse(dated.stdout).metadata.timestamp, "1970-01-02T00:00:00Z");
});

test("both formats give back what is in the image", async (context) => {
  const workspace = openWorkspace(context);
  const { argument } = await openLayout(workspace);
  for (const format of ["cyclonedx", "spdx"]) {
    const path = workspace.path(`${format}.json`);
    await succeed(workspace, ["sbom", argument, "--format", format, "-o", path]);
    const document = parseSbom(readFileSync(path), { subject: path });
    assert.equal(document.format, format);
    assert.deepEqual(document.distribution?.branch, "v3.19");
    assert.deepEqual(
      document.packages.map(({ name, inWorld, path: names, repository }) => [
        name,
        inWorld,
        names,
        repository?.name,
      ]),
      [
        ["app", true, ["app"], "main"],
        ["base", false, ["app", "base"], "main"],
      ],
    );
    assert.deepEqual(document.unjudged, [{ ecosystem: "npm", count: 1 }]);
    assert.equal(document.others[0]?.layer, 1);
    assert.deepEqual(document.labels, new Map([["dev.bivy.impact", "high"]]));
  }
});

test("files are listed with their owners when they are asked for", async (context) => {
  const workspace = openWorkspace(context);
  const { argument } = await openLayout(workspace);
  const { stdout } = await succeed(workspace, ["sbom", argument, "--files", "--format", "json"]);
  const { files } = JSON.parse(stdout);
  const file = files.find(({ path }: { path: string }) => path === "lib/libbase.so");
  assert.equal(file.owner, "base");
  assert.match(file.sha256, /^[0-9a-f]{64}$/);
  const spdx = await succeed(workspace, ["sbom", argument, "--files", "--format", "spdx"]);
  assert.equal(JSON.parse(spdx.stdout).files.length, files.length);
});

test("a table fits the line and says why each package is there", async (context) => {
  const workspace = openWorkspace(context);
  const { argument } = await openLayout(workspace);
  const { stdout } = await succeed(workspace, ["sbom", argument, "--format", "table"]);
  for (const line of stdout.split("\n").slice(1)) assert.ok([...line].length <= 80, line);
  assert.match(stdout, /^Alpine Linux 3\.19\.1, 2 packages, 1 language package, 2 layers$/m);
  assert.match(stdout, /^app 1\S* +1 +v3\.19\/main +world/m);
  assert.match(stdout, /^base 1\S* +1 +v3\.19\/main +app/m);
  assert.match(stdout, /^npm +left-pad 1\.3\.0 +2 +srv\//m);
});

test("documents of other tools are converted, and nothing is made up", async (context) => {
  const workspace = openWorkspace(context);
  const inventory = await readInventory({ kind: "image", image: await sampleImage() });
  for (const [name, text] of [
    ["syft", syftShaped(inventory)],
    ["trivy", trivyShaped(inventory, "cyclonedx")],
  ] as const) {
    workspace.write(`${name}.json`, text);
    workspace.write(name, text);
    for (const argument of [`${name}.json`, `./${name}`, `sbom:${name}`]) {
      const { stdout } = await succeed(workspace, ["sbom", argument, "--format", "spdx"]);
      const document = parseSbom(Buffer.from(stdout), { subject: argument });
      assert.deepEqual(
        document.packages.map((each) => [each.name, each.inWorld, each.path]),
        [
          ["app", undefined, undefined],
          ["base", undefined, undefined],
        ],
      );
    }
  }
});

test("a document is attached once, as a referrer of the image", async (context) => {
  const workspace = openWorkspace(context);
  const { argument, layout, image } = await openLayout(workspace);
  for (const [format, type] of [
    ["cyclonedx", "application/vnd.cyclonedx+json"],
    ["spdx", "application/spdx+json"],
  ] as const) {
    const words = ["sbom", argument, "--attach", "--format", format];
    const { stdout } = await succeed(workspace, words);
    assert.match(stdout, /^sha256:[0-9a-f]{64} {2}attached\n$/);
    assert.match((await succeed(workspace, words)).stdout, / {2}attached already\n$/);
    const [found, ...others] = await layout.referrers(image.digest, type);
    assert.equal(others.length, 0);
    assert.equal(found?.digest, stdout.slice(0, 71));
  }
});

test("what cannot be done is said before it is tried", async (context) => {
  const workspace = openWorkspace(context);
  const { argument } = await openLayout(workspace);
  workspace.write("other.json", "{}");
  workspace.write("bom.json", '{"bomFormat":"CycloneDX","components":[]}');
  const failures: readonly (readonly [readonly string[], "usage" | "sbom-invalid", RegExp])[] = [
    [[argument, "--attach", "--format", "table"], "usage", /--attach/],
    [[argument, "--files", "--format", "table"], "usage", /--files/],
    [[argument, "--author", " "], "usage", /--author: expected a name/],
    [["bom.json", "--attach"], "usage", /expected an image/],
    [["other.json"], "sbom-invalid", /other\.json: expected a bill of materials/],
  ];
  for (const [words, code, message] of failures)
    assertFailure(await runBivy(workspace, ["sbom", ...words]), {
      exitCode: code === "usage" ? 2 : 3,
      code,
      message,
    });
});

test("a build puts its own list into the image, and gives the same image each time", async (context) => {
  const workspace = openWorkspace(context);
  const configuration = join(projectFolder, "examples", "hello", "image.yaml");
  const build = async (name: string, ...words: readonly string[]) => {
    const place = `oci:${workspace.path(name)}`;
    await succeed(workspace, ["build", configuration, "-o", place, "--arch", "x86_64", ...words]);
    const layout = await createLayout(workspace.path(name));
    const image = (await layout.open()) as Image;
    return {
      image,
      inventory: await readInventory({ kind: "image", image }, { keeps: () => true }),
    };
  };
  const plain = await build("plain");
  for (const [format, file] of [
    ["spdx", "image.spdx.json"],
    ["cyclonedx", "image.cdx.json"],
  ] as const) {
    const { image, inventory } = await build(format, "--sbom-in-image", format);
    assert.notEqual(image.digest, plain.image.digest);
    assert.equal(
      (await build(`${format}-2`, "--sbom-in-image", format)).image.digest,
      image.digest,
    );
    const node = findNode(inventory.tree.top, `var/lib/db/sbom/${file}`);
    assert.ok(node?.kind === "file");
    const bytes = await readContent(node.content, defaultLimits, file);
    const document = parseSbom(bytes, { subject: file });
    assert.equal(document.format, format);
    assert.equal(document.digest, undefined);
    assert.equal(document.layers.length, (await plain.image.layers()).length);
    assert.deepEqual(
      document.packages.map(({ name }) => name),
      inventory.packages.map(({ installed }) => installed.name),
    );
  }
  const place = `oci:${workspace.path("attested")}`;
  await succeed(workspace, ["build", configuration, "-o", place, "--sbom"]);
  const index = await (await createLayout(workspace.path("attested"))).open();
  assert.ok(index.kind === "index");
  const children = await index.children();
  assert.deepEqual(
    children.map(({ descriptor }) => descriptor.annotations?.["vnd.docker.reference.type"]),
    [undefined, undefined, "attestation-manifest", "attestation-manifest"],
  );
  // What is attached does not change what it is attached to.
  assert.ok(children.some(({ descriptor }) => descriptor.digest === plain.image.digest));
  assertFailure(await runBivy(workspace, ["build", configuration, "--sbom-in-image", "x"]), {
    exitCode: 2,
    code: "usage",
    message: /--sbom-in-image x: expected spdx or cyclonedx/,
  });
});

test("a Dockerfile's image has its list, too, and so has what is attached to it", async (context) => {
  const workspace = openWorkspace(context);
  workspace.write("context/Dockerfile", "FROM scratch\nCOPY a /a\n");
  workspace.write("context/a", "a");
  const place = `oci:${workspace.path("built")}`;
  await succeed(workspace, ["build", "-o", place, "--sbom-in-image", "spdx", "context"]);
  const layout = await createLayout(workspace.path("built"));
  const image = (await layout.open()) as Image;
  const config = await image.config();
  assert.equal(config.history?.at(-1)?.created_by, "bivy build --sbom-in-image");
  const { tree } = await readInventory({ kind: "image", image });
  assert.ok(findNode(tree.top, "var/lib/db/sbom/image.spdx.json"));
});
