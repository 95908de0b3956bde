import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startBrowser } from "../support/browser.js";
import { followed, openPage } from "../support/opened-page.js";
import { fiveMembers, manyMembers, troubledAgent } from "../support/page-scenes.js";
import { memberInfo, ScriptedAgent } from "../support/scripted-agent.js";
import { until } from "../support/wait.js";

let browser: Browser;
let agent: ScriptedAgent | undefined;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await agent?.stop();
});

/** Opens the page of an agent that ends with the test. */
async function open(
  scripted: ScriptedAgent,
  options?: Parameters<typeof openPage>[2],
): Promise<Page> {
  agent = scripted;
  await scripted.start();
  return openPage(browser, scripted.url, options);
}

const dot = (name: string) => `.ring [data-member="${name}"]`;

test("arrows lead from those who suspect to the one that is suspected", async () => {
  const page = await open(troubledAgent());
  await page.waitForSelector(`${dot("web-3")}[data-standing="suspected"]`);
  expect(await page.locator(".bows path").count()).toBe(2);

  agent?.note({ kind: "confirmed", node: "web-3", by: "web-1", confirmations: 2 });
  await until(
    "a third arrow is there",
    async () => (await page.locator(".bows path").count()) === 3,
  );

  agent?.setSilently(memberInfo("web-3"));
  agent?.note({ kind: "cleared", node: "web-3", why: "refuted", incarnation: 2, after: 4_000 });
  await page.waitForSelector(`${dot("web-3")}[data-standing="alive"]`);
  expect(await page.locator(".bows path").count()).toBe(0);
  expect(followed(page)).toEqual({ foreign: [], errors: [] });
});

test("what a balancer serves otherwise than wanted stands out, and alone if that is asked for", async () => {
  const page = await open(troubledAgent());
  const balancer = page.locator('[data-balancer="edge"]');
  expect(await balancer.locator('[data-match="differs"]').getAttribute("data-server")).toBe(
    "web-3",
  );
  expect(await balancer.locator('[data-server="web-3"]').innerText()).toMatch(
    /drain suspected\s*≠[\s\S]*ready s03 weight 10/,
  );
  expect(await balancer.locator("[data-server]").count()).toBe(3);
  await balancer.getByLabel("differences only").check();
  expect(await balancer.locator("[data-server]").count()).toBe(1);
  expect(await page.textContent(".headline")).toContain("1 server not served as wanted");
});

test("a thousand members are drawn and searched, and listed as far as they are seen", async () => {
  const page = await open(new ScriptedAgent(manyMembers(1_000)));
  await page.waitForSelector(dot("web-1"));
  expect(await page.locator(".ring [data-member]").count()).toBe(1_000);

  await page.keyboard.press("/");
  await page.keyboard.type("role=db dc=west");
  await page.getByText("42 members of 1000").waitFor();
  expect(await page.locator(".dot:not(.faded)").count()).toBe(42);
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "List" }).click();
  await page.locator(".rows").focus();
  await page.keyboard.press("End");
  await page.waitForSelector('.rows [data-member="web-994"]');
  // Only what is seen is there.
  expect(await page.locator(".rows [data-member]").count()).toBeLessThan(60);
});

test("a change, and a step through the list, cost about as much with 1,000 members as with 50", async ({
  annotate,
}) => {
  const few = await costs(50);
  const many = await costs(1_000);
  const text = (cost: Costs) => `change ${cost.change} ms, step ${cost.step} ms`;
  await annotate(`processor time of the page: 50 members: ${text(few)}; 1,000: ${text(many)}`);
  expect(many.step / few.step).toBeLessThan(4);
  // All thousand places on the ring are looked at, and one is drawn.
  expect(many.change / few.change).toBeLessThan(8);
});

/** Processor time of the page's thread, in milliseconds; `change`: of one member. */
interface Costs {
  readonly change: number;
  readonly step: number;
}

const rounds = 30;

async function costs(count: number): Promise<Costs> {
  const members = manyMembers(count);
  const page = await open(new ScriptedAgent(members));
  await page.waitForSelector(dot("web-1"));
  const meter = await page.context().newCDPSession(page);
  await meter.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async () => {
    const { metrics } = await meter.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1_000;
  };
  const begin = await spent();
  for (const member of members.slice(0, rounds)) {
    agent?.set("member-leave", { ...member, status: "left" });
    await page.waitForSelector(`${dot(member.name)}[data-standing="left"]`);
  }
  const changed = await spent();
  await page.getByRole("button", { name: "List" }).click();
  await page.waitForSelector(".rows [data-member]");
  const listed = await spent();
  await page.evaluate(scrollAStepPerFrame);
  const scrolled = await spent();
  await page.context().close();
  await agent?.stop();
  agent = undefined;
  const each = (from: number, to: number) => Math.round(((to - from) / rounds) * 10) / 10;
  return { change: each(begin, changed), step: each(listed, scrolled) };
}

const scrollAStepPerFrame = `new Promise((resolve) => {
  const rows = document.querySelector(".rows");
  let frames = 0;
  requestAnimationFrame(function step() {
    frames += 1;
    rows.scrollTop += 36;
    if (frames < ${rounds}) requestAnimationFrame(step);
    else requestAnimationFrame(resolve);
  });
})`;

test("five hundred changes at once are drawn a few times, not five hundred", async () => {
  const members = manyMembers(1_000);
  const page = await open(new ScriptedAgent(members));
  await page.waitForSelector(dot("web-1"));
  await page.evaluate(`
    window.drawn = 0;
    new MutationObserver(() => { window.drawn += 1; }).observe(document.querySelector(".ring svg"), {
      subtree: true, attributes: true, childList: true,
    });
  `);
  for (const member of members.slice(0, 500)) {
    agent?.set("member-failed", { ...member, status: "failed" });
  }
  await page.getByText("500 members failed.").waitFor();
  const drawn = await page.evaluate<number>("window.drawn");
  expect(drawn).toBeGreaterThan(0);
  expect(drawn).toBeLessThan(100);
});

test("all is reached by keyboard", async () => {
  const page = await open(troubledAgent());
  await page.waitForSelector(dot("web-1"));
  await page.locator(".ring").focus();
  await page.keyboard.press("Home");
  const chosen = (name: string) => page.waitForSelector(`.details[data-details="${name}"]`);
  await chosen("db-1");
  await page.keyboard.press("ArrowRight");
  await chosen("edge-1");
  await page.keyboard.press("End");
  await chosen("web-3");
  expect(await page.getAttribute(".ring", "aria-activedescendant")).toBe(
    await page.getAttribute(dot("web-3"), "id"),
  );
  await page.keyboard.press("Escape");
  await page.locator(".details").waitFor({ state: "detached" });

  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Legend" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  await page.keyboard.press("/");
  await page.keyboard.type("web-2");
  await page.getByText("1 member of 5").waitFor();
  await page.keyboard.press("Escape");
  expect(await page.inputValue("input[type=search]")).toBe("");

  // Each thing that can be used is reached by Tab and shows that it is.
  const reached = new Set<string>();
  for (let press = 0; press < 60; press += 1) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate<string>(focusedThing));
  }
  for (const thing of ["Ring", "List", "every step", "Members", "alive", "differences only"]) {
    expect(
      [...reached].some((one) => one.includes(thing)),
      thing,
    ).toBe(true);
  }
  expect([...reached].filter((one) => one.endsWith("unseen"))).toEqual([]);
});

/** Says what has the focus, and whether that can be seen. */
const focusedThing = `(() => {
  const element = document.activeElement;
  const name = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent;
  const seen = element === document.body || element.matches(".ring") ||
    getComputedStyle(element).outlineStyle !== "none";
  return name.slice(0, 60) + (seen ? "" : " unseen");
})()`;

test("it is dark or light as the system is, or as the reader wants it", async () => {
  const page = await open(new ScriptedAgent(fiveMembers()), { colorScheme: "dark" });
  const paper = () => page.evaluate<string>("getComputedStyle(document.body).color");
  const dark = await paper();
  await page.getByRole("button", { name: /Light or dark/ }).click();
  const light = await paper();
  expect(light).not.toBe(dark);
  await page.reload();
  await page.waitForSelector('[data-connection="live"]');
  expect(await paper()).toBe(light);
  await page.emulateMedia({ colorScheme: "light" });
  expect(await paper()).toBe(light);
});

test("names, tags and reasons that are hostile are text and nothing else", async () => {
  const script = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';
  const turned = "evil\u202egnp.exe\u0000\u001b[31m";
  const scripted = new ScriptedAgent([
    memberInfo(script, { tags: { [script]: script, "\u2028": turned } }),
    memberInfo(turned),
    memberInfo("__proto__", { tags: { constructor: "1" } }),
    memberInfo("x".repeat(128)),
  ]);
  scripted.note({
    kind: "gone",
    node: script,
    state: "failed",
    by: turned,
    why: "told",
    incarnation: 1,
    confirmations: 0,
  });
  scripted.note({
    kind: "handler",
    run: 1,
    script,
    event: "user:<b>",
    nodes: [script],
    count: 1,
    took: 1,
    failure: script,
  });
  scripted.note({ kind: "of the future" } as never);
  const page = await open(scripted);
  await page.waitForSelector(".ring [data-member]");
  expect(await page.locator(".ring [data-member]").count()).toBe(4);
  for (const name of [script, turned, "__proto__"]) {
    await page.evaluate(`
      [...document.querySelectorAll(".ring [data-member]")]
        .find((element) => element.dataset.member === ${JSON.stringify(name)})
        ?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    `);
    await until(
      "it is shown",
      async () => (await page.getAttribute(".details", "data-details")) === name,
    );
  }
  await page.getByRole("button", { name: "List" }).click();
  await page.waitForSelector(".rows [data-member]");
  const text = await page.innerText("body");
  expect(text).toContain("<img src=x onerror=");
  for (const sign of ["\u202e", "\u0000", "\u001b"]) expect(text).not.toContain(sign);
  expect(await page.locator("main img, main script").count()).toBe(0);
  expect(await page.evaluate("window.hit")).toBeUndefined();
  expect(followed(page)).toEqual({ foreign: [], errors: [] });
});

test("after its agent was gone the page has what happened meanwhile, and its clock may differ", async () => {
  const scripted = troubledAgent();
  const page = await open(scripted);
  await page.waitForSelector(dot("web-1"));
  await scripted.stop();
  await page.waitForSelector('[data-connection="lost"]');
  scripted.forget();
  scripted.setSilently(memberInfo("new-1"), { ...scripted.member("web-1"), status: "left" });
  scripted.clockAhead = 3 * 3_600_000;
  scripted.note({ kind: "started", node: "edge-1", address: "10.0.0.1:7946" });
  await scripted.start();
  await page.waitForSelector(dot("new-1"));
  await page.waitForSelector(`${dot("web-1")}[data-standing="left"]`);
  expect(await page.locator(".timeline li[data-kind]").count()).toBe(1);
  expect(await page.locator(".timeline time").getAttribute("title")).toMatch(/, now$/);
  scripted.note({ kind: "leaving", node: "edge-1" });
  await page.locator(".timeline li", { hasText: "began to leave" }).waitFor();
});

test("after the connection was gone it asks only for what it does not have", async () => {
  const scripted = troubledAgent();
  const page = await open(scripted);
  await page.waitForSelector(dot("web-1"));
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  const items = page.locator(".timeline li[data-kind]");
  const before = await items.count();
  await scripted.stop();
  await page.waitForSelector('[data-connection="lost"]');
  scripted.note({ kind: "leaving", node: "edge-1" });
  await scripted.start();
  await page.locator(".timeline li", { hasText: "began to leave" }).waitFor();
  expect(await items.count()).toBe(before + 1);
  const ofRecord = asked.filter((url) => url.includes("/v1/chronicle"));
  expect(ofRecord.map((url) => Number(new URL(url).searchParams.get("after")) > 0)).toEqual([true]);
});

test("a tab that nobody sees gives its connection back until it is looked at", async () => {
  const scripted = new ScriptedAgent(fiveMembers());
  agent = scripted;
  await scripted.start();
  const page = await (await browser.newContext()).newPage();
  await page.clock.install();
  await page.goto(scripted.url);
  await page.waitForSelector('[data-connection="live"]');
  const turn = (state: "hidden" | "visible") =>
    page.evaluate(`
      Object.defineProperty(document, "hidden", { configurable: true, value: ${state === "hidden"} });
      document.dispatchEvent(new Event("visibilitychange"));
    `);
  await turn("hidden");
  await page.clock.fastForward(30_000);
  expect(scripted.streams).toBe(1);
  await page.clock.fastForward(40_000);
  await until("the stream is given back", () => scripted.streams === 0);
  await page.clock.fastForward(600_000);
  expect(await page.getAttribute("[data-connection]", "data-connection")).toBe("lost");
  expect(scripted.streams).toBe(0);
  await turn("visible");
  await page.waitForSelector('[data-connection="live"]');
  expect(scripted.streams).toBe(1);
});

test("it says why the agent refuses it", async () => {
  const scripted = new ScriptedAgent(fiveMembers());
  scripted.refusal = "there are 1000 event streams already";
  agent = scripted;
  await scripted.start();
  const page = await (await browser.newContext()).newPage();
  await page.goto(scripted.url);
  await page
    .getByText("The agent does not answer: there are 1000 event streams already.")
    .waitFor();
});

test.for(["light", "dark"] as const)(
  "on a narrow window that is %s nothing is cut or too pale to be read",
  async (colorScheme) => {
    const page = await open(troubledAgent(), {
      colorScheme,
      viewport: { width: 320, height: 700 },
    });
    await page.waitForSelector(dot("web-1"));
    await page.locator('[data-balancer="edge"]').waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(320);
    expect(await page.evaluate(cutCounts)).toEqual([]);
    expect(await page.evaluate(paleTexts)).toEqual([]);
    await page.getByRole("button", { name: "List" }).click();
    await page.waitForSelector(".rows [data-member]");
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(320);
    expect(await page.evaluate(paleTexts)).toEqual([]);
  },
);

const cutCounts = `[...document.querySelectorAll(".counts .what")]
  .filter((element) => element.scrollWidth > element.clientWidth)
  .map((element) => element.textContent)`;

/** Texts whose contrast is below 4.5 to 1 (WCAG 2.1, 1.4.3). */
const paleTexts = `(() => {
  const part = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const brightness = ([red, green, blue]) =>
    0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue) + 0.05;
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    const colour = numbers(getComputedStyle(element).backgroundColor);
    return colour[3] === 0 ? behind(element.parentElement) : colour;
  };
  const hasText = ({ childNodes }) =>
    [...childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
  return [...document.querySelectorAll("body :not(script, style, svg *, .hidden, option)")]
    .filter((element) => hasText(element) && element.checkVisibility())
    .filter((element) => {
      const text = brightness(numbers(getComputedStyle(element).color));
      const ground = brightness(behind(element));
      return Math.max(text, ground) / Math.min(text, ground) < 4.5;
    })
    .map((element) => element.className + ": " + element.textContent);
})()`;
