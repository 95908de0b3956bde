import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { registry } from "../../src/cli/registry.js";
import type { HandlerState } from "../../src/observe/handler-run.js";
import { balancerStatus } from "../support/balancer-status.js";
import { SerfCluster } from "../support/serf-cluster.js";
import { ScrapedMember } from "./prometheus-source.js";
import { tempDir } from "./temp-dir.js";

function monitoring(file: string): string {
  return readFileSync(new URL(`../../docker/monitoring/${file}`, import.meta.url), "utf8");
}

const handler: HandlerState = {
  script: "h",
  filters: ["*"],
  kind: "event",
  retries: true,
  running: null,
  waiting: 0,
  resting: null,
  counts: { runs: 0, failures: 0, timeouts: 0, retries: 0, givenUp: 0 },
  times: { sumMillis: 0, buckets: [] },
  lastRun: null,
  lastSuccessAt: null,
  seen: null,
};

/** An agent that has one of everything. */
function everything(): ScrapedMember {
  const balancers = [balancerStatus()];
  const member = new ScrapedMember(new SerfCluster(), "a", {
    balancing: () => ({
      at: "",
      keeper: null,
      self: "a",
      joined: true,
      virtualIp: null,
      balancers,
    }),
    handlerStates: () => [handler],
    http: () => ({ connections: 0, streams: 0, streamsCut: 0, answers: { "2xx": 0 } }),
  });
  const run = { run: 1, event: "state", nodes: [], count: 0, took: 1 } as const;
  member.chronicle.note({ kind: "handler", script: "h", ...run });
  return member;
}

interface Selector {
  readonly metric: string;
  /** Of labels that are ours. */
  readonly matchers: readonly { readonly label: string; readonly value: RegExp }[];
}

/** What `text` asks Prometheus for. */
function selectorsIn(text: string): readonly Selector[] {
  const found = text.matchAll(/\b((?:gossipd|process)_[a-z_]+)(?:\{([^{}]*)\})?/g);
  return Array.from(found, ([, metric = "", inside = ""]) => {
    const matchers = Array.from(
      inside.replaceAll('\\"', '"').matchAll(/(\w+)=(~?)"([^"]*)"/g),
      ([, label = "", isPattern, value = ""]) => ({
        label,
        value: new RegExp(`^(?:${isPattern === "" ? value.replace(/[^\w ]/g, "\\$&") : value})$`),
      }),
    ).filter(({ label }) => !["instance", "job"].includes(label));
    return { metric, matchers };
  });
}

function isTold(scrape: ReadonlyMap<string, number>, { matchers, metric }: Selector): boolean {
  return [...scrape.keys()].some((sample) => {
    const [name = "", inside = ""] = sample.split(/[{}]/);
    const labels = new Map(
      Array.from(inside.matchAll(/(\w+)="([^"]*)"/g), ([, label, value]) => [label, value]),
    );
    return (
      name === metric && matchers.every(({ label, value }) => value.test(labels.get(label) ?? ""))
    );
  });
}

test.for(["dashboard.json", "alerts.yml"])(
  "%s asks only for numbers that an agent tells",
  async (file) => {
    const scrape = await everything().scrape();
    const selectors = selectorsIn(monitoring(file));
    expect(selectors.length).toBeGreaterThan(20);
    const unknown = selectors.filter((selector) => !isTold(scrape, selector));
    expect(unknown.map(({ metric, matchers }) => `${metric} ${JSON.stringify(matchers)}`)).toEqual(
      [],
    );
  },
);

test("each alert has a test of when it fires", () => {
  const alerts = Array.from(monitoring("alerts.yml").matchAll(/alert: (\w+)/g), ([, name]) => name);
  const tests = monitoring("alerts.test.yml");
  expect(alerts.length).toBeGreaterThan(20);
  expect(alerts.filter((name) => !new RegExp(`\\b${name}\\b`).test(tests))).toEqual([]);
});

test.for(["alerts.yml", "dashboard.json", "README.md"])(
  "the commands that %s tells of exist",
  (file) => {
    const told = Array.from(
      monitoring(file).matchAll(/\bgossipd ([a-z][a-z-]+)/g),
      ([, name]) => name,
    );
    const known = new Set<string | undefined>(registry.map(({ name }) => name));
    expect(told.length).toBeGreaterThan(1);
    expect(told.filter((name) => !known.has(name))).toEqual([]);
  },
);

test("the list of targets has the members that are alive, whatever their names and tags are", () => {
  const targets = join(tempDir(), "targets.json");
  const input = `a\t10.0.0.1\tweb\trole=web\nx","y"\t2001:db8::1\t\t"]}\n`;
  const script = fileURLToPath(new URL("../../docker/monitoring/targets.sh", import.meta.url));
  execFileSync(script, { input, env: { ...process.env, TARGETS: targets } });
  expect(JSON.parse(readFileSync(targets, "utf8"))).toEqual([
    { targets: ["10.0.0.1:7380", "[2001:db8::1]:7380"] },
  ]);
  execFileSync(script, { input: "", env: { ...process.env, TARGETS: targets } });
  expect(JSON.parse(readFileSync(targets, "utf8"))).toEqual([{ targets: [] }]);
});

test("the panels of the dashboard do not overlap, and have ids of their own", () => {
  const { panels } = JSON.parse(monitoring("dashboard.json")) as {
    panels: readonly {
      readonly id: number;
      readonly gridPos: {
        readonly h: number;
        readonly w: number;
        readonly x: number;
        readonly y: number;
      };
    }[];
  };
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
    Array.from({ length: h * w }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
});
