import type { Browser, BrowserContextOptions, Page } from "playwright-core";

/** What a page did that it should not have. */
interface Conduct {
  /** Requests to any other server. */
  readonly foreign: string[];
  /** What the browser complained about: exceptions, and what the content security policy forbids. */
  readonly errors: string[];
}

const conducts = new WeakMap<Page, Conduct>();

/** Opens the page of an agent in a window of its own and waits until it is live. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const conduct: Conduct = { foreign: [], errors: [] };
  conducts.set(page, conduct);
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) conduct.foreign.push(request.url());
  });
  page.on("pageerror", (error) => conduct.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") conduct.errors.push(message.text());
  });
  await page.goto(url);
  await page.waitForSelector('[data-connection="live"]');
  return page;
}

export function followed(page: Page): Conduct {
  const conduct = conducts.get(page);
  if (conduct === undefined) throw new Error("this page was opened by somebody else");
  return conduct;
}
