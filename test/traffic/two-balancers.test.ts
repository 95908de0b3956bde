import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findProgram, missingPrograms } from "../support/programs.js";
import { AgentProcess } from "./support/agent-process.js";
import { Child } from "./support/child.js";
import { Haproxy, serves } from "./support/haproxy.js";
import { freshNet, gossipd } from "./support/places.js";
import { lbConfig } from "./support/stage.js";
import { waitUntil } from "./support/waiting.js";
import { WebProcess } from "./support/web-process.js";

/** A proxy with the agent that keeps it in step by reloads, since these are what must not coincide. */
interface Edge {
  readonly haproxy: Haproxy;
  readonly agent: AgentProcess;
}

async function edge(
  name: string,
  ip: string,
  join: readonly string[],
  delay: number,
): Promise<Edge> {
  const haproxy = await Haproxy.start({ ip });
  onTestFinished(() => haproxy.end());
  const { place } = haproxy;
  const config = `${place.folder}/lb.json`;
  const balancer = {
    mode: "reload",
    binary: slowChecker(place.folder, delay),
    governor: { reload_gap: "1s" },
  };
  writeFileSync(config, JSON.stringify(lbConfig(place, { balancer })));
  const args = ["-profile=local", `-lb=${config}`];
  const agent = await AgentProcess.start({ kind: "gossipd", name, ip, join, args });
  onTestFinished(() => agent.child.kill());
  return { haproxy, agent };
}

/** HAProxy, that takes `delay` seconds more to check a file. */
function slowChecker(folder: string, delay: number): string {
  const path = join(folder, "checker");
  writeFileSync(path, `#!/bin/sh\nsleep ${delay}\nexec '${findProgram("haproxy")}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** When it reloaded, ms. */
function reloadsOf({ haproxy }: Edge): number[] {
  const text = readFileSync(join(haproxy.place.folder, "lb", "audit.jsonl"), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { time: string; way: string })
    .flatMap(({ time, way }) => (way === "reload" ? [Date.parse(time)] : []));
}

test.skipIf(missingPrograms("haproxy").length > 0).for([
  { speed: "equally fast", delay: 0 },
  { speed: "one of them slow", delay: 1 },
])(
  "two balancers, $speed, agree soon after each change and do not reload at the same time",
  async ({ delay }) => {
    const net = freshNet();
    const first = await edge("edge1", net(1), [], 0);
    const second = await edge("edge2", net(2), [first.agent.gossip], delay);
    const nodes = await Promise.all(
      ["web1", "web2"].map(async (name, index) => {
        const ip = net(3 + index);
        const web = await WebProcess.start({ name, ip });
        onTestFinished(() => web.child.kill());
        const tags = { role: "web", port: String(web.port) };
        const join = [first.agent.gossip];
        const args = ["-profile=local"];
        const agent = await AgentProcess.start({ kind: "gossipd", name, ip, tags, join, args });
        onTestFinished(() => agent.child.kill());
        return { web, agent };
      }),
    );
    const addresses = nodes.map(({ web }) => web.address);
    await Promise.all([first, second].map(({ haproxy }) => serves(haproxy, addresses)));
    const agree = async (): Promise<boolean> => {
      const rpc = `-rpc-addr=${first.agent.ip}:7373`;
      const status = new Child("lb status", [...gossipd, "lb", "status", "-all", rpc]);
      return (await status.ended) === "exit status 0" && /edge: agree, 2 of 2/.test(status.said);
    };
    await waitUntil("they agree", agree);
    const begun = Date.now();
    const times: number[] = [];
    for (const weight of ["10", "20", "30"]) {
      await nodes[0]?.agent.setTags({ weight });
      const weighs = async (): Promise<boolean> => {
        const servers = await Promise.all([first, second].map(({ haproxy }) => haproxy.servers()));
        return servers.every((own) => own.some((one) => String(one.weight) === weight));
      };
      const changed = waitUntil(`both serve the weight ${weight}`, weighs);
      times.push(await changed);
      await waitUntil("they say that they agree", agree);
    }
    // The mark is 10 s; the machine may be three times as slow.
    expect(Math.max(...times)).toBeLessThan(30_000);
    const [one = [], other = []] = [first, second].map((own) =>
      reloadsOf(own).filter((time) => time > begun),
    );
    expect(Math.min(one.length, other.length)).toBeGreaterThanOrEqual(3);
    // The second lets the first go half a second before.
    const gaps = one.flatMap((time) => other.map((same) => Math.abs(time - same)));
    process.stderr.write(
      `two balancers: agreed after ${times.map((time) => time.toFixed(0)).join(", ")} ms, reloads ${Math.min(...gaps).toFixed(0)} ms apart\n`,
    );
    expect(Math.min(...gaps), JSON.stringify([one, other])).toBeGreaterThan(100);
  },
);
