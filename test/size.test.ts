/** bivy size, end to end: figures of images of known sizes, several side by side, and the page in a browser. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { createLayout } from "../src/oci/index.ts";
import type { PullComparison, SizeComparison, SizeReport } from "../src/size/index.ts";
import { browserTool, openInBrowser } from "./browser.ts";
import { databaseText, layeredImage, type LayerFiles, type SampleStep } from "./layered-root.ts";
import { fixtures, needs } from "./requirements.ts";
import { assertFailure, openWorkspace, runBivy, succeed, type Workspace } from "./run-bivy.ts";

/** Each would do harm if it were taken for markup, or for what a terminal obeys. */
const hostileNames = [
  "<img src=x onerror=globalThis.harmed=1>",
  "<script>globalThis.harmed=1<",
  '" onfocus="globalThis.harmed=1" autofocus="',
  "${globalThis.harmed=1}",
  "\u001b[2J\u001b]0;title\u0007",
];

const baseFiles: LayerFiles = {
  "lib/apk/db/installed": databaseText({
    base: { files: "lib/libbase.so bin/tool" },
    app: { depends: "base", files: "opt/app/main.js" },
  }),
  "etc/apk/world": "app\n",
  "lib/libbase.so": "b".repeat(40_000),
  "bin/tool": "t".repeat(20_000),
  "var/cache/apk/index": "c".repeat(3000),
};

const steps: readonly SampleStep[] = [
  { createdBy: "/bin/sh -c #(nop) ADD base", files: baseFiles },
  { createdBy: "CMD" },
  {
    createdBy: "RUN build <b>",
    files: {
      "opt/app/main.js": "m".repeat(30_000),
      "bin/tool": { text: "t".repeat(20_000), mode: 0o755 },
      ...Object.fromEntries(
        hostileNames.map((name, index) => [`opt/app/${name}`, "h".repeat(800 + index)]),
      ),
    },
  },
];

async function writeImage(
  workspace: Workspace,
  name: string,
  image: readonly SampleStep[] = steps,
): Promise<string> {
  const layout = await createLayout(workspace.path(name));
  await layout.put(await layeredImage(image), { name: "latest" });
  return `oci:${workspace.path(name)}`;
}

interface SizeResult {
  readonly images: readonly SizeReport[];
  readonly comparison?: SizeComparison;
  readonly pull: { readonly links: readonly PullComparison[] };
}

async function sizeOf(workspace: Workspace, ...words: readonly string[]): Promise<SizeResult> {
  const flags = ["--format", "json", "--platform", "linux/amd64"];
  const { stdout } = await succeed(workspace, ["size", ...flags, ...words]);
  return JSON.parse(stdout) as SizeResult;
}

/** Bytes of all contents of the base layer. */
const baseSize = Object.values(baseFiles).reduce((sum, text) => sum + (text as string).length, 0);

test("the JSON has every figure of an image", async (context) => {
  const workspace = openWorkspace(context);
  const image = await writeImage(workspace, "image");
  const { images, comparison, pull } = await sizeOf(workspace, image);
  assert.equal(images.length, 1);
  assert.equal(comparison, undefined);
  const report = images[0]!;
  const hostileSize = 5 * 800 + 10;
  const { totals, layers, waste, packages, savings } = report;
  assert.equal(totals.unpacked, baseSize + 30_000 + 20_000 + hostileSize);
  assert.equal(totals.visible, totals.unpacked - 20_000);
  const blobs = layers.map(({ compressed }) => compressed!);
  assert.equal(totals.compressed, totals.manifest! + totals.config! + blobs[0]! + blobs[1]!);
  assert.deepEqual(
    layers.map(({ instruction, added, changed }) => [instruction, added.files, changed.files]),
    [
      ["ADD base", 5, 0],
      ["RUN build <b>", 6, 1],
    ],
  );
  assert.deepEqual(waste.files, [
    {
      path: "bin/tool",
      bytes: 20_000,
      copies: [{ bytes: 20_000, layer: 0, fate: "metadata", by: 1 }],
    },
  ]);
  assert.deepEqual(
    packages!.world.map(({ entry, exclusive, shared }) => [entry, exclusive.bytes, shared.bytes]),
    [["app", 90_000, 0]],
  );
  assert.deepEqual(
    savings.map(({ kind, bytes }) => [kind, bytes]),
    [
      ["metadata", 20_000],
      ["package-cache", 3000],
    ],
  );
  assert.deepEqual(
    pull.links.map(({ link }) => [link.bitsPerSecond, link.latencySeconds]),
    [10e6, 100e6, 1e9].map((rate) => [rate, 0.05]),
  );
  const again = await sizeOf(workspace, image);
  assert.deepEqual(again, { images, pull }, "the same from run to run");
});

test("the pull is modelled for the line that is named, and layers that are there are left out", async (context) => {
  const workspace = openWorkspace(context);
  const image = await writeImage(workspace, "image");
  const base = await writeImage(workspace, "base", steps.slice(0, 2));
  const line = ["--bandwidth", "8M", "--latency", "100ms"];
  const whole = (await sizeOf(workspace, image, ...line)).pull.links;
  const rest = (await sizeOf(workspace, image, ...line, "--present", base)).pull.links;
  assert.deepEqual(whole[0]!.link, { bitsPerSecond: 8e6, latencySeconds: 0.1 });
  const [all, missing] = [whole[0]!.estimates[0]!, rest[0]!.estimates[0]!];
  assert.deepEqual([all.presentLayers, missing.presentLayers], [0, 1]);
  assert.ok(missing.bytes < all.bytes && missing.seconds < all.seconds);
  assert.ok(Math.abs(all.transferSeconds - (0.4 + all.bytes / 1e6)) < 1e-9);
});

test("the table fits 80 columns, and a terminal obeys nothing in it", async (context) => {
  const workspace = openWorkspace(context);
  const image = await writeImage(workspace, "image");
  const { stdout } = await succeed(workspace, ["size", image, "--platform", "linux/amd64"]);
  const lines = stdout.split("\n");
  for (const line of lines.filter((each) => !each.includes(workspace.folder)))
    assert.ok([...line].length <= 80, line);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(stdout, /[\0-\x09\x0b-\x1f\x7f]/);
  for (const said of [
    /^ *\S+ KiB {2}to download, compressed \(config \d+ B, manifest \d+ B\)$/m,
    /^ *\S+ KiB {2}on disk, unpacked$/m,
    /^ *19\.5 KiB {2}wasted/m,
    /stored again for a new mode or owner, 1 file: \/bin\/tool/,
    /stored in layer 1, hidden by layer 2: RUN build <b>$/m,
    /^87\.9 KiB {9}2 {5}0 B {2}app$/m,
    /^ {2}bivy why \S+ PACKAGE\|FILE$/m,
  ])
    assert.match(stdout, said);
});

test("images of other systems, folders and archives stand side by side", async (context) => {
  const workspace = openWorkspace(context);
  const first = await writeImage(workspace, "first");
  const debian = await writeImage(workspace, "debian", [
    {
      createdBy: "ADD rootfs",
      files: {
        "etc/os-release": "ID=debian\nVERSION_ID=12\nNAME=Debian\n",
        "var/lib/dpkg/status": "x".repeat(5000),
        "usr/lib/libc.a": "a".repeat(60_000),
      },
    },
  ]);
  workspace.write("root/opt/data", "d".repeat(123));
  const folder = `dir:${workspace.path("root")}`;
  const { images, comparison } = await sizeOf(workspace, first, debian, folder);
  assert.equal(images[1]!.distribution?.id, "debian");
  assert.equal(images[1]!.packages, undefined);
  assert.equal(images[1]!.savings[0]!.kind, "static-libraries");
  const { totals, layers } = images[2]!;
  assert.deepEqual([totals.compressed, totals.unpacked, totals.files], [undefined, 123, 1]);
  assert.equal(layers.length, 1);
  assert.deepEqual(
    comparison!.images.map(({ unpackedRatio }) => unpackedRatio),
    images.map((report) => report.totals.unpacked / images[0]!.totals.unpacked),
  );
  assert.equal(comparison!.images[2]!.compressedRatio, undefined);
  assert.equal(comparison!.differences[0]!.folders[0]!.name, "usr/lib");
  assert.equal(comparison!.differences[0]!.packages, undefined);
  const words = ["size", first, debian, folder, "--platform", "linux/amd64", "--top", "3"];
  const { stdout } = await succeed(workspace, words);
  assert.match(stdout, /^#\s+COMPRESSED\s+RATIO\s+UNPACKED\s+RATIO\s+FILES\s+PACKAGES\s+IMAGE$/m);
  assert.match(stdout, /^\[3\]\s+123 B\s+0\.00\s+1\s+/m);
  for (const line of stdout.split("\n")) assert.ok([...line].length <= 80, line);
});

test("what cannot be done is said", async (context) => {
  const workspace = openWorkspace(context);
  const image = await writeImage(workspace, "image");
  const usage: readonly (readonly [readonly string[], RegExp])[] = [
    [["--top", "0"], /--top 0: expected a number/],
    [["--bandwidth", "fast"], /--bandwidth fast: expected bits per second/],
    [["--bandwidth", "0"], /--bandwidth 0: expected bits per second/],
    [["--latency", "50"], /--latency 50: expected a time/],
    [[image, "--format", "html"], /--format html: expected one image, found 2/],
  ];
  for (const [words, message] of usage)
    assertFailure(await runBivy(workspace, ["size", image, ...words]), {
      exitCode: 2,
      code: "usage",
      message,
    });
  assertFailure(await runBivy(workspace, ["size", "oci:none"]), {
    exitCode: 3,
    code: "file-not-found",
    message: /none/,
  });
  assertFailure(await runBivy(workspace, ["size", image, "--present", `dir:${workspace.folder}`]), {
    exitCode: 2,
    code: "usage",
    message: /expected an image/,
  });
});

test(
  "real images: what packages own and what they do not is all that there is",
  needs({ fixtures: true }),
  async (context) => {
    const workspace = openWorkspace(context);
    const names = ["alpine-310.tar.gz", "alpine-311.tar.gz"];
    const { images } = await sizeOf(
      workspace,
      ...names.map((name) => join(fixtures, "images", name)),
    );
    for (const { packages, totals, layers } of images) {
      assert.equal(packages!.packages.length, 14);
      const owned = packages!.packages.reduce((sum, { bytes }) => sum + bytes, 0);
      assert.equal(owned + packages!.unowned.bytes, totals.visible);
      assert.equal(layers[0]!.unpacked, totals.visible);
      assert.equal(totals.isCompressed, false, "docker save does not compress");
    }
  },
);

async function writePage(workspace: Workspace, image: string): Promise<string> {
  const page = workspace.path("size.html");
  const words = ["size", image, "--platform", "linux/amd64", "--format", "html", "-o", page];
  await succeed(workspace, words);
  return page;
}

/** Of the page's background, 0 to 765. */
async function brightnessOf(page: Page): Promise<number> {
  const background = "getComputedStyle(document.body).backgroundColor";
  const colour = await page.evaluate<string>(background);
  return colour.match(/\d+/g)!.reduce((sum, part) => sum + Number(part), 0);
}

const browser = needs({ tools: [browserTool] });

test(
  "the page shows a treemap that can be gone into, searched and filtered",
  browser,
  async (context) => {
    const workspace = openWorkspace(context);
    const file = await writePage(workspace, await writeImage(workspace, "image"));
    const { page, incidents } = await openInBrowser(context, file);
    const cell = (name: string) => page.locator(`.cell[aria-label^="${name},"]`);
    const crumbs = page.locator("#crumbs button");

    const areaOf = async (name: string): Promise<number> => {
      const box = await cell(name).first().boundingBox();
      return box!.width * box!.height;
    };
    assert.ok((await page.locator(".cell:visible").count()) >= 10);
    assert.ok((await brightnessOf(page)) > 600);
    const ratio = (await areaOf("lib")) / (await areaOf("opt"));
    const { "lib/libbase.so": library, "lib/apk/db/installed": database } = baseFiles;
    const expected = ((library as string).length + (database as string).length) / 34_010;
    assert.ok(Math.abs(ratio / expected - 1) < 0.02, `${ratio} ${expected}`);

    await context.test("by mouse", async () => {
      await cell("opt").first().locator("> .label").click();
      assert.match((await crumbs.allTextContents()).join(), /^all \S+ KiB,opt 33\.2 KiB$/);
      assert.equal(await crumbs.count(), 2);
      assert.equal(await cell("lib").count(), 0);
      await cell("main.js").first().click();
      assert.equal(await crumbs.count(), 3);
      await crumbs.first().click();
      assert.equal(await cell("lib").count(), 1);
    });

    await context.test("by keys", async () => {
      await page.locator(".cell[tabindex='0']").focus();
      await page.keyboard.press("ArrowRight");
      assert.equal(await page.locator(".cell:focus").getAttribute("aria-level"), "2");
      await page.keyboard.press("ArrowLeft");
      await page.keyboard.press("Enter");
      assert.equal(await crumbs.count(), 2);
      await page.keyboard.press("Escape");
      assert.equal(await crumbs.count(), 1);
      assert.equal(await page.locator(".cell:focus").getAttribute("aria-level"), "1");
      await page.keyboard.press("/");
      assert.equal(await page.locator("#search:focus").count(), 1);
    });

    await context.test("by search", async () => {
      const search = page.locator("#search");
      const rows = page.locator("#list .row");
      await search.fill("LIBBASE");
      assert.match((await page.locator("#list-title").textContent())!, /^1 found, 39\.1 KiB$/);
      assert.deepEqual(await rows.allTextContents(), ["lib/libbase.so39.1 KiB"]);
      assert.match((await cell("libbase.so").getAttribute("class"))!, /\bfound\b/);
      assert.match((await cell("main.js").first().getAttribute("class"))!, /\bdimmed\b/);
      await rows.first().click();
      assert.equal(await crumbs.count(), 2);
      assert.equal(
        await page.locator(".cell:focus").getAttribute("aria-label"),
        await cell("libbase.so").getAttribute("aria-label"),
      );
      await search.fill("");
      assert.equal(await page.locator(".found, .dimmed").count(), 0);
      await crumbs.first().click();
    });

    await context.test("a tooltip says path, size, layer and package", async () => {
      const tooltip = page.locator("#tooltip");
      await cell("main.js").hover();
      assert.equal(await tooltip.isVisible(), true);
      const facts = await tooltip.locator("div").allTextContents();
      assert.match(facts[1]!, /^29\.3 KiB, \d+\.\d % of all$/);
      assert.deepEqual(
        [facts[0], ...facts.slice(2)],
        ["opt/app/main.js", "layer 2: RUN build <b>", "package app 1-r0"],
      );
      await page.mouse.move(2, 2);
      assert.equal(await tooltip.isVisible(), false);
    });

    await context.test("by layer and by package", async () => {
      const outer = page.locator('.cell[aria-level="1"] > .label');
      const names = async () =>
        (await outer.allTextContents()).map((text) => text.replace(/ ·.*/, ""));
      await page.locator("#layer").selectOption("1");
      assert.deepEqual(await names(), ["opt", "bin"]);
      await page.locator("#layer").selectOption("");
      await page.locator("#view").selectOption("packages");
      assert.deepEqual(await names(), ["base 1-r0", "app 1-r0", "(no package)"]);
      await page.locator("#colour").selectOption("layer");
      await page.locator("#view").selectOption("folders");
      assert.deepEqual((await names()).sort(), ["bin", "lib", "opt", "var"]);
    });

    assert.deepEqual(incidents, [], "no dialog, no error, nothing asked of the network");
  },
);

test("hostile names do nothing on the page", browser, async (context) => {
  const workspace = openWorkspace(context);
  const file = await writePage(workspace, await writeImage(workspace, "image"));
  const { page, incidents } = await openInBrowser(context, file, { colorScheme: "dark" });
  assert.ok((await brightnessOf(page)) < 150, "dark where the reader's system is");
  await page.locator("#search").fill("opt/app/");
  await page.locator("#list .row").nth(1).click();
  const cells = await page.locator(".cell").count();
  assert.ok(cells >= hostileNames.length + 1, `${cells}`);
  for (let index = 0; index < cells; index += 1)
    await page.locator(".cell").nth(index).hover({ force: true });
  const shown = (await page.locator("#list").textContent())!;
  for (const name of hostileNames.slice(0, 4)) assert.ok(shown.includes(name), name);
  assert.ok(shown.includes("\ufffd[2J"), "control characters have a mark");
  assert.equal(await page.evaluate("globalThis.harmed"), undefined);
  assert.equal(await page.locator("img, #list script, #treemap script").count(), 0);
  // Even where a name became markup, the policy would let no script of it run.
  await page.evaluate(
    "document.body.append(Object.assign(document.createElement('script'), { textContent: 'globalThis.harmed = 1' }))",
  );
  assert.equal(await page.evaluate("globalThis.harmed"), undefined);
  assert.match(incidents.join("\n"), /^error: .*Content Security Policy[^\n]*$/);
});

test(
  "a page that cannot name every file still has them all, and answers",
  browser,
  async (context) => {
    const workspace = openWorkspace(context);
    const files = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [
        `usr/lib/m${index % 50}/${"long-".repeat(40)}${index}.js`,
        "x".repeat(index % 61),
      ]),
    );
    const image = await writeImage(workspace, "many", [{ createdBy: "COPY", files }]);
    const file = await writePage(workspace, image);
    assert.ok(readFileSync(file).byteLength < 2_000_000);
    const { page, incidents } = await openInBrowser(context, file);
    assert.match((await page.locator("#list-title").textContent())!, /^10,000 files/);
    const cells = await page.locator(".cell").count();
    assert.ok(cells > 500 && cells <= 2500, `${cells}`);
    assert.ok((await page.locator(".cell.small-files").count()) > 0);
    await page.locator("#search").fill("usr/lib/m");
    assert.equal(await page.locator("#list .row").count(), 200);
    assert.deepEqual(incidents, []);
  },
);
