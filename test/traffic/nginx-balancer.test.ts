import { describe, expect, onTestFinished, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { KeptByBalancer, type NamedMember } from "./kept-by-balancer.js";
import { KeptNginx, nginxWithGeneration, serverAt } from "./kept-nginx.js";
import { Load } from "./support/load-client.js";
import { type LoadReport, reportLine } from "./support/load-record.js";
import { Nginx } from "./support/nginx.js";
import { waitUntil } from "./support/waiting.js";
import { WebProcess } from "./support/web-process.js";

const ip = "127.0.0.77";
const isFull = process.env.TEST_LB_FULL !== undefined;

function print(what: string, report: LoadReport): void {
  process.stdout.write(`${what}: ${reportLine(report)}\n`);
}

async function webs(count: number): Promise<WebProcess[]> {
  const names = Array.from({ length: count }, (_, index) => `web${index + 1}`);
  const started = await Promise.all(names.map((name) => WebProcess.start({ name, ip })));
  onTestFinished(async () => {
    await Promise.all(started.map(({ child }) => child.kill()));
  });
  return started;
}

const draining = (member: NamedMember): NamedMember => ({ ...member, tags: { state: "draining" } });

describe.skipIf(missingPrograms("nginx").length > 0)("nginx under load", () => {
  test("loses no request of those whose server leaves when it is acknowledged", async () => {
    const nginx = await Nginx.start({
      ip,
      // What a reload costs kept connections is measured below.
      text: (place) =>
        nginxWithGeneration(place).replace("http {", "http {\n    keepalive_timeout 0;"),
    });
    onTestFinished(() => nginx.end());
    const { config, generationPort } = nginx.place;
    const kept = await KeptByBalancer.open({
      config,
      kind: "nginx",
      generation: `http://${ip}:${generationPort}/generation`,
    });
    const rounds = isFull ? 20 : 4;
    const members = await webs(rounds + 2);
    let left: NamedMember[] = members.map(({ name, port }) => ({ name, ip, port }));
    kept.tell(left);
    await kept.inStep();
    const clients = { freshPost: 4, fresh: 4, slowPost: 4 };
    const load = Load.start({ target: nginx.target, clients, rate: 200 });
    const waits: number[] = [];
    for (const leaver of members.slice(0, rounds)) {
      await load.more(40);
      kept.tell(left.map((one) => (one.name === leaver.name ? draining(one) : one)));
      const began = performance.now();
      await waitUntil(
        `${leaver.name} is out`,
        () => kept.balancer.drained(leaver.name).every(({ state }) => state === "out"),
        { last: () => [kept.balancer.drained(leaver.name), kept.status] },
      );
      waits.push(Math.round(performance.now() - began));
      await leaver.child.kill();
      left = left.filter(({ name }) => name !== leaver.name);
      kept.tell(left);
      await kept.inStep();
    }
    await load.more(40);
    const report = await load.stop();
    print(`${rounds} leaves through nginx, acknowledged after ${waits.join(", ")} ms`, report);
    expect(report.lost).toEqual([]);
  });

  test("loses on a reload what reloads by hand lose of kept connections, and nothing else", async () => {
    const kept = await KeptNginx.start({ ip });
    const [one, two] = await webs(2);
    if (one === undefined || two === undefined) throw new Error("no web servers");
    const pools = [one, two].map(({ port }) => [serverAt("web", ip, port)]);
    await kept.apply(pools[0] ?? []);
    const reloads = isFull ? 20 : 6;
    const losses = { byHand: 0, byChange: 0 };
    const load = Load.start({
      target: kept.nginx.target,
      clients: { kept: 32, post: 32 },
      rate: 800,
    });
    // By turns, so that both have the same disturbances.
    for (let round = 0; round < reloads; round += 1) {
      for (const way of ["byHand", "byChange"] as const) {
        await load.more(200);
        const before = load.lost;
        if (way === "byHand") {
          const { process } = await kept.proxy.observe();
          kept.nginx.child.signal("SIGHUP");
          await waitUntil(
            "it is done",
            async () => (await kept.proxy.observe()).process !== process,
          );
        } else await kept.apply(pools[(round + 1) % 2] ?? []);
        await load.more(100);
        losses[way] += load.lost - before;
      }
    }
    const report = await load.stop();
    print(
      `2 * ${reloads} reloads of nginx: by hand ${losses.byHand} lost, by changes ${losses.byChange} lost`,
      report,
    );
    expect(report.lost.filter(({ how }) => how !== "reused" && how !== "write")).toEqual([]);
    // Which idle connections are just used again is chance: 13 more in so few reloads is no difference.
    expect(losses.byChange).toBeLessThanOrEqual(2 * losses.byHand + 13);
  });

  test("is reloaded at most once in each gap, however often the pool changes", async () => {
    const nginx = await Nginx.start({ ip, text: nginxWithGeneration });
    onTestFinished(() => nginx.end());
    const gap = 1;
    const governor = { reload_gap: `${gap}s` };
    const kept = await KeptByBalancer.open({ config: nginx.place.config, kind: "nginx", governor });
    const began = performance.now();
    for (let change = 0; change < 30; change += 1) {
      const members = [9_000, 9_001 + (change % 2)];
      kept.tell(members.map((port) => ({ name: `web${port}`, ip, port })));
      await waitUntil("it is time for the next change", () => {
        return performance.now() > began + 100 * (change + 1);
      });
    }
    await kept.inStep();
    const seconds = (performance.now() - began) / 1_000;
    const reloads = nginx.log.split("signal 1 (SIGHUP) received from").length - 1;
    process.stdout.write(`30 changes in ${seconds.toFixed(1)} s: ${reloads} reloads\n`);
    expect(reloads).toBeGreaterThan(0);
    expect(reloads).toBeLessThanOrEqual(1 + Math.ceil(seconds / gap));
  });

  test("that is not there, or ends, is a reason in the status and nothing more", async () => {
    const nginx = await Nginx.prepare({ ip, text: nginxWithGeneration });
    onTestFinished(() => nginx.end());
    const [web] = await webs(1);
    if (web === undefined) throw new Error("no web server");
    const kept = await KeptByBalancer.open({ config: nginx.place.config, kind: "nginx" });
    kept.tell([{ name: "web1", ip, port: web.port }]);
    await kept.fails("nginx does not run: there is no process id in");
    await nginx.run();
    await kept.inStep();
    const load = Load.start({ target: nginx.target, clients: { fresh: 2 }, rate: 100 });
    await load.more(20);
    expect((await load.stop()).losses).toEqual({});
    await nginx.child.stop();
    await kept.fails("nginx does not run");
    await nginx.run();
    await kept.inStep();
  });
});
