import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, allShow, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { Prometheus } from "../support/prometheus.js";
import { until } from "../support/wait.js";

const ip = loopbackNet();
const missing = missingPrograms("prometheus", "promtool");
const folder = fileURLToPath(new URL("../../docker/monitoring/", import.meta.url));

function http(host: number): string {
  return `${ip(host)}:7380`;
}

function promtool(args: readonly string[], input = ""): { status: number | null; words: string } {
  const { status, stderr, stdout } = spawnSync("promtool", args, {
    cwd: folder,
    input,
    encoding: "utf8",
  });
  return { status, words: stdout + stderr };
}

/** What is true where several suites run on few processors. */
const ofBusyMachine = /^Gossipd(EventLoopSlow|Stalled|Unhealthy|WronglySuspected) /;

/** The rules as they are delivered, but for their patience. */
function impatientRules(): string {
  return readFileSync(join(folder, "alerts.yml"), "utf8").replace(/\bfor: \w+/g, "for: 1s");
}

/** All that the dashboard asks, for all agents. */
function dashboardExpressions(): readonly string[] {
  const { panels } = JSON.parse(readFileSync(join(folder, "dashboard.json"), "utf8")) as {
    readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
  };
  return panels
    .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    .map((expr) => expr.replaceAll("$job", "gossipd").replaceAll("$instance", ".*"));
}

describe.skipIf(missing.length > 0)(`Prometheus (missing: ${missing.join(", ")})`, () => {
  const work = mkdtempSync(join(tmpdir(), "gossipd-prometheus-test-"));
  const agents: Agent[] = [];
  let prometheus: Prometheus;

  beforeAll(async () => {
    const proxy = join(work, "proxy.cfg");
    writeFileSync(proxy, "# gossipd begin\n# gossipd end\n");
    const balancer = {
      name: "edge",
      kind: "command",
      config: proxy,
      reload: ["true"],
      line: "server %n %h",
      pools: [{ members: "role=web", port: 80, include_self: true }],
    };
    const config = join(work, "agent.json");
    const section = { state_dir: join(work, "state"), balancers: [balancer] };
    writeFileSync(config, JSON.stringify({ load_balancer: section }));
    const own: Readonly<Record<string, readonly string[]>> = {
      a: [`-config-file=${config}`, "-event-handler=member-join=false", "-tag=role=web"],
      b: [`-join=${ip(1)}`],
      c: [`-join=${ip(1)}`],
    };
    for (const [index, name] of ["a", "b", "c"].entries()) {
      const args = ["-profile=local", `-http-addr=${http(index + 1)}`, ...(own[name] ?? [])];
      agents.push(await Agent.start({ kind: "gossipd", name, ip: ip(index + 1), args }));
    }
    await allShow(agents, { a: "alive", b: "alive", c: "alive" });
    prometheus = await Prometheus.start({
      address: `${ip(9)}:9090`,
      targets: [http(1), http(2), http(3)],
      rules: impatientRules(),
    });
  });

  afterAll(async () => {
    await prometheus?.end();
    await Promise.all(agents.map((agent) => agent.end()));
    rmSync(work, { recursive: true, force: true });
  });

  test("promtool takes the rules, their tests and the configuration as they are delivered", () => {
    expect(promtool(["check", "rules", "--lint=all", "alerts.yml"])).toMatchObject({ status: 0 });
    const tested = promtool(["test", "rules", "alerts.test.yml"]);
    expect(tested, tested.words).toMatchObject({ status: 0 });
    expect(promtool(["check", "config", "prometheus.yml"])).toMatchObject({ status: 0 });
  });

  test("promtool finds no fault in what an agent tells", async () => {
    const answer = await fetch(`http://${http(1)}/metrics`);
    expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(promtool(["check", "metrics"], await answer.text())).toEqual({ status: 0, words: "" });
  });

  test("Prometheus scrapes all agents, which agree on who is there", async () => {
    await until("all are scraped", async () => {
      const up = await prometheus.query("up == 1");
      return up.length === 3;
    });
    const alive = await prometheus.query('gossipd_members{status="alive"}');
    expect(alive.map(({ value }) => value)).toEqual([3, 3, 3]);
    const inStep = 'gossipd_balancer_in_step{balancer="edge"} == 1';
    await until("the balancer is in step", async () => (await prometheus.query(inStep)).length > 0);
    const scraped = "count by (instance) (scrape_samples_scraped)";
    expect(await prometheus.query(scraped)).toHaveLength(3);
  });

  test("Prometheus has an answer to all that the dashboard asks", async () => {
    const unanswered = async (): Promise<readonly string[]> => {
      const empty: string[] = [];
      for (const expression of dashboardExpressions()) {
        if ((await prometheus.query(expression)).length === 0) empty.push(expression);
      }
      return empty;
    };
    let left: readonly string[] = [];
    await until(
      "all is answered",
      async () => {
        left = await unanswered();
        return left.length === 0;
      },
      { every: 500, last: () => left },
    );
  });

  test("nothing but the handler that fails is alarming", async () => {
    const failing = [`GossipdHandlerFailing ${http(1)}`];
    let seen: readonly string[] = [];
    await until(
      failing.join(),
      async () => {
        seen = (await prometheus.firing()).filter((alert) => !ofBusyMachine.test(alert));
        return seen.join() === failing.join();
      },
      { every: 250, last: () => seen },
    );
    const [failure] = await prometheus.query("gossipd_handler_failures_total > 0");
    expect(failure?.metric).toMatchObject({ instance: http(1), script: "false" });
  });

  test("the alerts fire for a member whose process is killed", async () => {
    agents[1]?.signal("SIGKILL");
    const expected = ["GossipdMemberFailed", `GossipdDown ${http(2)}`];
    let seen: readonly string[] = [];
    await until(
      expected.join(" and "),
      async () => {
        seen = await prometheus.firing();
        return expected.every((alert) => seen.includes(alert));
      },
      { every: 250, last: () => seen },
    );
    const [failed] = await prometheus.query('max(gossipd_members{status="failed"})');
    expect(failed?.value).toBe(1);
  });
});
