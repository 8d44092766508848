/** The page of scan reports in a browser: filters, details, keys, without script, and hostile names in it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { writeReport, type ReportOptions, type ScanReport } from "../src/scan/index.ts";
import { browserTool, openInBrowser, type BrowserOptions, type OpenedPage } from "./browser.ts";
import { needs } from "./requirements.ts";
import { openWorkspace } from "./run-bivy.ts";
import {
  cleanReport,
  failedOptions,
  hostileReport,
  hostileTexts,
  options,
  sampleReport,
} from "./sample-scan-reports.ts";

const browser = needs({ tools: [browserTool] });

async function openPage(
  context: TestContext,
  reports: readonly ScanReport[],
  more: ReportOptions = options,
  browserOptions: BrowserOptions = {},
  change: (html: string) => string = (html) => html,
): Promise<OpenedPage> {
  const file = openWorkspace(context).path("scan.html");
  writeFileSync(file, change(await writeReport("html", reports, more)));
  return openInBrowser(context, file, browserOptions);
}

test("findings are filtered without loading the page again", browser, async (context) => {
  const { page, incidents } = await openPage(context, [sampleReport]);
  const visibleIds = async (): Promise<string[]> =>
    page.locator(".entry:visible .id").allTextContents();
  const status = page.locator("#status");
  const all = await visibleIds();
  assert.deepEqual(all, ["CVE-2024-12797", "CVE-2024-7264", "XSA-458", "CVE-2023-42363"]);

  await context.test("by severity", async () => {
    await page.getByRole("combobox", { name: "Severity" }).selectOption("critical");
    // A part that is folded opens where something in it matches.
    assert.deepEqual(await visibleIds(), ["CVE-2024-12797", "CVE-2024-45490"]);
    assert.equal(await status.textContent(), "2 of 7 shown");
  });

  await context.test("by state, together with severity", async () => {
    await page.locator("#state").selectOption("suppressed");
    assert.deepEqual(await visibleIds(), ["CVE-2024-45490"]);
    assert.equal(await page.locator(".none:visible").count(), 1, "the list above says it is empty");
    await page.getByRole("button", { name: "Reset" }).click();
    assert.deepEqual(await visibleIds(), all);
    for (const [state, ids] of [
      ["exploited", ["CVE-2024-12797"]],
      ["available", ["CVE-2024-12797", "CVE-2024-7264"]],
      ["not-affected", ["CVE-2022-1292"]],
    ] as const) {
      await page.locator("#state").selectOption(state);
      assert.deepEqual(await visibleIds(), ids);
    }
    await page.getByRole("button", { name: "Reset" }).click();
  });

  await context.test("by package", async () => {
    await page.locator("#origin").selectOption({ label: "curl" });
    assert.deepEqual(await visibleIds(), ["CVE-2024-7264", "CVE-2024-2511"]);
    await page.getByRole("button", { name: "Reset" }).click();
  });

  await context.test("by words, from the keyboard", async () => {
    await page.evaluate("document.activeElement.blur()");
    await page.keyboard.press("/");
    await page.keyboard.type("LIBSSL3 ransomware");
    assert.deepEqual(await visibleIds(), ["CVE-2024-12797"]);
    await page.locator("#search").fill("git");
    assert.deepEqual(await visibleIds(), ["CVE-2024-7264", "CVE-2024-45490", "CVE-2024-2511"]);
    await page.keyboard.press("Escape");
    assert.deepEqual(await visibleIds(), all);
    assert.equal(await status.textContent(), "");
  });
  assert.deepEqual(incidents, [], "no error, nothing asked of the network");
});

test("details open by mouse and by keys, all at once too", browser, async (context) => {
  const { page, incidents } = await openPage(context, [sampleReport]);
  const open = page.locator(".entry[open]");
  assert.equal(await open.count(), 0);
  const first = page.locator(".entry > summary").first();
  await first.click();
  assert.equal(await open.count(), 1);
  assert.match((await page.locator(".facts:visible").textContent())!, /apk-tools → libcrypto3/);
  const name = (await first.textContent())!.replaceAll(/\s+/g, " ").trim();
  assert.match(
    name,
    /^risk 45\.5 CVE-2024-12797 libcrypto3, libssl3 .* critical 9\.1 EPSS 42% exploited$/,
  );
  await first.focus();
  await page.keyboard.press("Enter");
  assert.equal(await open.count(), 0);
  await page.getByRole("button", { name: "Unfold all" }).click();
  assert.equal(await page.locator(".entry[open]:visible").count(), 4);
  await page.getByRole("button", { name: "Fold all" }).click();
  assert.equal(await open.count(), 0);
  assert.deepEqual(incidents, []);
});

test(
  "without script the page is whole, and offers no filter that would do nothing",
  browser,
  async (context) => {
    const withoutScript = (html: string): string => html.replace(/<script>.*?<\/script>/s, "");
    const { page, incidents } = await openPage(context, [sampleReport], options, {}, withoutScript);
    assert.equal(await page.locator("#filters:visible").count(), 0);
    assert.equal(await page.locator(".entry:visible").count(), 4);
    await page.getByText("Suppressed (2)").click();
    assert.equal(await page.locator(".entry:visible").count(), 6);
    await page.locator(".entry > summary").first().click();
    assert.equal(await page.locator(".facts:visible").count(), 1);
    assert.deepEqual(incidents, []);
  },
);

test(
  "several subjects are reached from the table, and filtered together",
  browser,
  async (context) => {
    const other = { ...sampleReport, subject: { ...sampleReport.subject, name: "other" } };
    const { page, incidents } = await openPage(
      context,
      [cleanReport, sampleReport, other],
      failedOptions,
    );
    assert.match((await page.locator(".note").first().textContent())!, /Not scanned: debian:12/);
    await page.getByRole("link", { name: "other" }).click();
    assert.ok(await page.locator("#s3 h2").isVisible());
    await page.getByLabel("Search").fill("XSA-458");
    assert.equal(await page.locator(".entry:visible").count(), 2);
    // That the address has another fragment now is no request for something else.
    assert.deepEqual(
      incidents.filter((each) => !each.includes("#s3")),
      [],
    );
  },
);

/** Of the page's background, 0 to 765. */
const brightness =
  "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((sum, part) => sum + Number(part), 0)";

test(
  "hostile words do nothing on the page, in light and dark, wide and narrow",
  browser,
  async (context) => {
    for (const [colorScheme, width] of [
      ["light", 1280],
      ["dark", 420],
    ] as const) {
      const { page, incidents } = await openPage(
        context,
        hostileTexts.map(hostileReport),
        options,
        { colorScheme, width },
      );
      const light = await page.evaluate<number>(brightness);
      assert.ok(colorScheme === "light" ? light > 600 : light < 150, `${light}`);
      await page.getByRole("button", { name: "Unfold all" }).click();
      for (const state of ["suppressed", "not-affected", ""])
        await page.locator("#state").selectOption(state);
      await page.getByLabel("Search").fill("<script>");
      assert.ok((await page.locator(".entry:visible").count()) >= 3);
      assert.equal(await page.evaluate("globalThis.harmed"), undefined);
      assert.equal(await page.locator("img, main script").count(), 0);
      const overflow =
        "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      assert.ok((await page.evaluate<number>(overflow)) <= 0, "nothing is wider than the page");
      assert.deepEqual(incidents, []);
    }
  },
);
