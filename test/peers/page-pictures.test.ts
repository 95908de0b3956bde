import { mkdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBrowser } from "../support/browser.js";
import { openPage } from "../support/opened-page.js";
import { quietAgent, thousandAgent, troubledAgent } from "../support/page-scenes.js";
import type { ScriptedAgent } from "../support/scripted-agent.js";

/** The README's pictures are drawn anew with `GOSSIPD_PICTURES=1`; else it is only seen that they can be. */
const kept = process.env.GOSSIPD_PICTURES === "1";
const folder = kept
  ? fileURLToPath(new URL("../../src/page/screenshots/", import.meta.url))
  : join(tmpdir(), `gossipd-pictures-${process.pid}`);

interface Picture {
  readonly name: string;
  readonly scene: () => ScriptedAgent;
  readonly options: BrowserContextOptions;
  /** Not the whole page, but this. */
  readonly part?: string;
  readonly prepare: (page: Page) => Promise<unknown>;
}

const pictures: readonly Picture[] = [
  {
    name: "five-light",
    scene: quietAgent,
    options: { viewport: { width: 1280, height: 800 } },
    prepare: (page) => page.waitForSelector('.ring [data-member="web-1"]'),
  },
  {
    name: "failure-dark",
    scene: troubledAgent,
    options: { viewport: { width: 1280, height: 1050 }, colorScheme: "dark" },
    prepare: (page) => page.waitForSelector(".bows path"),
  },
  {
    name: "thousand-light",
    scene: thousandAgent,
    options: { viewport: { width: 1440, height: 860 } },
    part: ".cluster",
    prepare: (page) => page.selectOption('select[aria-label="Arrange the ring by"]', "role"),
  },
];

let browser: Browser;
beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  if (!kept) rmSync(folder, { recursive: true });
});

test.for(pictures)("the picture $name can be drawn and is small", async (picture) => {
  const agent = picture.scene();
  await agent.start();
  const page = await openPage(browser, agent.url, picture.options);
  await picture.prepare(page);
  const path = join(folder, `${picture.name}.png`);
  const drawn = picture.part === undefined ? page : page.locator(picture.part);
  await drawn.screenshot({ path });
  await page.context().close();
  await agent.stop();
  expect(statSync(path).size).toBeLessThan(200_000);
});
