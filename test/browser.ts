/** A browser for tests: the system's Chromium, headless, with a profile of its own, that says what it asks of the network. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium, type Page } from "playwright-core";
import { findTool } from "./requirements.ts";

export const browserTool = "chromium";

const quietFlags = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface OpenedPage {
  readonly page: Page;
  /** Dialogs, errors and messages of the page, and requests other than for the page itself. */
  readonly incidents: readonly string[];
}

export interface BrowserOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
}

/** Opens a file in a browser that is closed when the test ends. */
export async function openInBrowser(
  context: TestContext,
  file: string,
  options: BrowserOptions = {},
): Promise<OpenedPage> {
  const profile = mkdtempSync(join(tmpdir(), "bivy-browser-"));
  const { width = 1280, height = 900, colorScheme = "light" } = options;
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: findTool(browserTool)!,
    headless: true,
    args: quietFlags,
    viewport: { width, height },
    colorScheme,
  });
  context.after(async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  const incidents: string[] = [];
  const address = pathToFileURL(file).href;
  page.on("dialog", (dialog) => {
    incidents.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => incidents.push(`error: ${error.message}`));
  page.on("console", (message) => incidents.push(`${message.type()}: ${message.text()}`));
  page.on("request", (request) => {
    if (request.url() !== address) incidents.push(`request: ${request.url()}`);
  });
  await page.goto(address);
  return { page, incidents };
}
