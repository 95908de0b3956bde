import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Agent, loopbackNet } from "../support/agents.js";
import { startBrowser } from "../support/browser.js";
import { followed, openPage } from "../support/opened-page.js";
import { until } from "../support/wait.js";

const ip = loopbackNet();
const url = `http://${ip(1)}:8080/`;
let browser: Browser;
let agents: Agent[] = [];

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());
afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.end()));
  agents = [];
});

function start(name: string, host: number, ...args: readonly string[]): Promise<Agent> {
  const join = host === 1 ? [] : [`-join=${ip(1)}`];
  const options = { kind: "gossipd", name, ip: ip(host) } as const;
  const started = Agent.start({ ...options, args: ["-profile=local", ...join, ...args] });
  return started.then((agent) => {
    agents.push(agent);
    return agent;
  });
}

function watched(): Promise<Agent> {
  return start("n1", 1, `-http-addr=${ip(1)}:8080`, "-tag=role=edge");
}

const standing = (page: Page, name: string, is: string) =>
  page.waitForSelector(`.ring [data-member="${name}"][data-standing="${is}"]`, { timeout: 30_000 });

async function told(page: Page, text: RegExp): Promise<void> {
  let lines: readonly string[] = [];
  const read = async () => {
    lines = await page.locator(".timeline li").allTextContents();
    return lines.some((line) => text.test(line));
  };
  await until(`the time line says ${text}`, read, { timeout: 30_000, last: () => lines });
}

test("a page shows joins, changes of tags, failures with their cause, and departures as they happen", async () => {
  await watched();
  const page = await openPage(browser, url);
  await page.getByText("This agent is alone.").waitFor();

  const [web, db] = await Promise.all([start("web", 2, "-tag=role=web"), start("db", 3)]);
  await standing(page, "web", "alive");
  await standing(page, "db", "alive");
  await page.getByText("All 3 members are alive.").waitFor();
  await told(page, /web joined/);

  // Handlers are told of many changes at once: what comes sooner would be one with the join.
  await page.getByLabel("every step").check();
  await told(page, /Told handlers: .*web.* joined/);

  await page.click('[data-member="web"] .reach');
  const details = page.locator('[data-details="web"]');
  await details.getByText("role").waitFor();
  await web.cli(["tags", "-set", "role=api", "-set", "zone=b"]);
  await details.locator(".tag", { hasText: "role" }).filter({ hasText: "api" }).waitFor();
  await details.getByText("role: web → api, zone=b added").waitFor();
  await told(page, /web changed/);
  await page.keyboard.press("Escape");

  db.signal("SIGKILL");
  await standing(page, "db", "failed");
  await page.getByText("1 member failed.").waitFor();
  await told(page, /(n1|web) suspects db/);
  await told(page, /db failed.*(refuses connections|nobody refuted|told by web)/);

  await web.cli(["leave"]);
  await standing(page, "web", "left");
  await told(page, /web left.*on purpose/);
  expect(followed(page)).toEqual({ foreign: [], errors: [] });
});

test("a page says that its agent is gone, and goes on when it is back", async () => {
  const first = await watched();
  const page = await openPage(browser, url);
  await start("web", 2);
  await standing(page, "web", "alive");

  await first.end();
  await page.waitForSelector('[data-connection="lost"]');
  expect(await page.textContent(".connection")).toMatch(/^Lost for \d+ s/);
  // What was last known stays to be read.
  expect(await page.locator(".ring [data-member]").count()).toBe(2);

  await watched();
  const back = await start("db", 3, `-join=${ip(2)}`);
  await back.cli(["join", ip(1)]);
  await page.waitForSelector('[data-connection="live"]', { timeout: 30_000 });
  await standing(page, "db", "alive");
  await told(page, /This agent started/);
  expect(followed(page).foreign).toEqual([]);
});
