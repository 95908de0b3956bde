import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Agent, loopbackNet, runCli } from "../support/agents.js";
import { startBrowser } from "../support/browser.js";
import { followed, openPage } from "../support/opened-page.js";
import { Haproxy } from "../traffic/support/haproxy.js";

test("the page shows what a real HAProxy serves beside what is wanted, while they differ and after", async () => {
  const ip = loopbackNet();
  const folder = mkdtempSync(join(tmpdir(), "gossipd-page-"));
  const haproxy = await Haproxy.start({ ip: ip(1) });
  const file = join(folder, "lb.json");
  const pool = { name: "web", members: "role=web", port: 8080 };
  const balancer = {
    name: "front",
    config: haproxy.place.config,
    master_socket: haproxy.place.masterSocket,
    pools: [pool],
  };
  writeFileSync(file, JSON.stringify({ state_dir: join(folder, "state"), balancers: [balancer] }));
  const agents: Agent[] = [];
  const browser = await startBrowser();
  const start = async (name: string, host: number, ...args: readonly string[]) => {
    const common = ["-profile=local", ...(host === 1 ? [] : [`-join=${ip(1)}`])];
    agents.push(
      await Agent.start({ kind: "gossipd", name, ip: ip(host), args: [...common, ...args] }),
    );
  };
  const order = async (what: string) => {
    const { code, stderr } = await runCli("gossipd", ["lb", what, `-rpc-addr=${ip(1)}:7373`]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  };
  try {
    await start("front-1", 1, `-lb=${file}`, `-http-addr=${ip(1)}:8081`);
    await Promise.all([start("web-1", 2, "-tag=role=web"), start("web-2", 3, "-tag=role=web")]);
    const page = await openPage(browser, `http://${ip(1)}:8081/`);
    const card = page.locator('[data-balancer="front"]');
    const becomes = (match: string, server: string) =>
      card.locator(`[data-server="${server}"][data-match="${match}"]`).waitFor({ timeout: 60_000 });
    await becomes("same", "web-1");
    await becomes("same", "web-2");

    // A balancer that pauses leaves its proxy as it is, whatever the members do.
    await order("pause");
    agents.find(({ name }) => name === "web-2")?.signal("SIGKILL");
    await becomes("differs", "web-2");
    expect(await card.locator('[data-server="web-2"]').innerText()).toMatch(
      /out failed[\s\S]*≠[\s\S]*ready/,
    );
    expect(await page.textContent(".headline")).toContain("1 server not served as wanted");

    await order("resume");
    await becomes("same", "web-2");
    await page
      .locator(".timeline li", { hasText: /Balancer front (changed|reloaded)/ })
      .first()
      .waitFor();
    expect(followed(page)).toEqual({ foreign: [], errors: [] });
  } finally {
    await browser.close();
    await Promise.all(agents.map((agent) => agent.end()));
    await haproxy.end();
    rmSync(folder, { recursive: true, force: true });
  }
});
