import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { RuntimeSocket } from "../../src/lb/haproxy/runtime-socket.js";
import type { Server } from "../../src/lb/model.js";
import { missingPrograms } from "../support/programs.js";
import { SlotRunner, type SlotRunnerOptions, wanted } from "./slot-runner.js";
import { defaultsSection, globalSection, Haproxy, type HaproxyPlace } from "./support/haproxy.js";
import { Load, type LoadOptions } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { freshNet } from "./support/places.js";
import { waitUntil } from "./support/waiting.js";
import { WebProcess } from "./support/web-process.js";

const full = process.env.TEST_LB_FULL === "1";

const net = freshNet();

async function started(options: {
  readonly webs: number;
  readonly text?: (place: HaproxyPlace) => string;
  readonly runner?: SlotRunnerOptions;
}): Promise<{ haproxy: Haproxy; runner: SlotRunner; webs: readonly WebProcess[] }> {
  const { text } = options;
  const haproxy = await Haproxy.start({ ip: net(1), ...(text === undefined ? {} : { text }) });
  onTestFinished(() => haproxy.end());
  const webs = await Promise.all(
    Array.from({ length: options.webs }, (_, index) =>
      WebProcess.start({ name: `web${index + 1}`, ip: net(10 + index) }),
    ),
  );
  for (const web of webs) onTestFinished(() => web.child.kill());
  return { haproxy, runner: new SlotRunner(haproxy, options.runner), webs };
}

function loadOn(haproxy: Haproxy, options: Omit<LoadOptions, "target">): Load {
  const load = Load.start({ target: haproxy.target, ...options });
  onTestFinished(async () => void (await load.stop()));
  return load;
}

async function lostNothing(load: Load): Promise<number> {
  const report = await load.stop();
  say(`${reportLine(report)}`);
  expect(report.lost, reportLine(report)).toEqual([]);
  return report.total;
}

/** Figures, for whoever reads along. */
function say(text: string): void {
  process.stdout.write(`  ${text}\n`);
}

function middle(times: readonly number[]): string {
  const sorted = [...times].sort((one, other) => one - other);
  const text = (index: number): string => (sorted[index] ?? Number.NaN).toFixed(1);
  return `median ${text(Math.floor(sorted.length / 2))}, max ${text(sorted.length - 1)} ms`;
}

/** A connection as those keep it who open it once. */
async function heldConnection(
  path: string,
): Promise<{ readonly ask: (command: string) => Promise<string>; readonly close: () => void }> {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  const ask = async (command: string): Promise<string> => {
    socket.write(`${command}\n`);
    let text = "";
    while (!text.endsWith("\n> ")) text += String((await once(socket, "data"))[0]);
    return text.slice(0, -"\n> ".length).trim();
  };
  await ask("prompt");
  return { ask, close: () => void socket.destroy() };
}

/** Every server of the process, as far as a cold start would tell. */
async function servedState(haproxy: Haproxy): Promise<readonly string[]> {
  const servers = await haproxy.servers();
  return servers.map(({ name, ip, port, state, weight }) =>
    state === "ready" ? `${name} ${ip}:${port} ready ${weight}` : `${name} ${ip}:${port} ${state}`,
  );
}

/** The recommended file with several pools of the given lines. */
function withBackend(lines: string, mode = "http"): (place: HaproxyPlace) => string {
  return (place) => `${globalSection(place)}
${defaultsSection}
frontend users
    mode ${mode}
    bind ${place.ip}:${place.port}
    default_backend web

backend web
    mode ${mode}
    ${lines}
    # gossipd begin web
    # gossipd end web
`;
}

const quiet = withBackend("balance roundrobin");

describe.skipIf(missingPrograms("haproxy").length > 0)("haproxy's runtime socket", () => {
  test("answers each of 2,000 commands, and a wrong one among them spoils no other", async () => {
    const { runner } = await started({ webs: 0, text: quiet, runner: { slots: 50 } });
    await runner.settle([]);
    const commands = Array.from(
      { length: 2_000 },
      (_, index) =>
        `set server web/s${String(1 + (index % 50)).padStart(2, "0")} weight ${index % 100}`,
    );
    commands[700] = "set server web/nobody weight 1";
    const began = performance.now();
    const answers = await runner.socket.ask(commands);
    say(`2,000 commands: ${(performance.now() - began).toFixed(1)} ms`);
    const told = answers.flatMap((answer, index) => (answer === "" ? [] : [[index, answer]]));
    expect(told).toEqual([[700, "No such server."]]);
    expect((await runner.observe()).servers).toHaveLength(50);
    const times: number[] = [];
    for (let index = 0; index < 50; index += 1) {
      const start = performance.now();
      await runner.socket.ask(["set server web/s01 state maint"]);
      times.push(performance.now() - start);
    }
    say(`one command on a connection of its own: ${middle(times)}`);
  });

  test("tells kinds of answers apart by what really comes", async () => {
    const { runner } = await started({ webs: 0, text: quiet });
    await runner.settle([]);
    expect(
      await runner.socket.ask([
        "set server web/s01 check-addr 127.0.0.1",
        "set server web/s01 addr 127.0.0.9 port 80",
        "set server web/s01 addr 127.0.0.9 port 80",
        "set server web/s01 addr nonsense port 80",
        "set server web/s01 weight 300",
        "add server web/x 127.0.0.1:80",
        "del server web/x",
        "get weight web/s01",
        "set server web/s01 state maint",
      ]),
    ).toEqual([
      "health checks are not enabled on this server",
      "IP changed from '127.0.0.1' to '127.0.0.9', port changed from '1' to '80' by 'stats socket command'",
      "no need to change the addr, no need to change the port by 'stats socket command'",
      "Invalid addr 'nonsense' by 'stats socket command'",
      "Absolute weight can only be between 0 and 256 inclusive.",
      "New server registered.",
      "Server deleted.",
      "1 (initial 1)",
      "",
    ]);
  });

  test("of a frozen process is given up at the limit, and is used again afterwards", async () => {
    const { haproxy, runner } = await started({ webs: 0, text: quiet });
    const { worker } = await haproxy.master();
    process.kill(worker, "SIGSTOP");
    try {
      const socket = new RuntimeSocket(haproxy.place.statsSocket, 200);
      await expect(socket.ask(["show info"])).rejects.toThrow("within 200 ms");
    } finally {
      process.kill(worker, "SIGCONT");
    }
    expect((await runner.observe()).trouble).toBeUndefined();
  });
});

describe.skipIf(missingPrograms("haproxy").length > 0)("members of a pool in slots", () => {
  test("come and go under load without a reload, and nothing is lost", async () => {
    const size = full ? 10 : 6;
    const { haproxy, runner, webs } = await started({ webs: size });
    const [one, two] = webs as [WebProcess, WebProcess];
    const stay = [wanted(one), wanted(two)];
    await runner.settle(stay);
    const reloads = runner.reloads;
    const load = loadOn(haproxy, {
      clients: { fresh: 4, kept: 6, post: 4, slow: 4, slowPost: 2, download: 2 },
      rate: 400,
    });
    const joins: number[] = [];
    const leaves: number[] = [];
    let pool: readonly Server[] = stay;
    for (let round = 0; round < (full ? 5 : 2); round += 1) {
      for (const web of webs.slice(2)) {
        pool = [...pool, wanted(web)];
        const began = performance.now();
        await runner.settle(pool);
        await waitUntil(`${web.name} answers`, () => load.firstOn(web.name, began) !== undefined, {
          every: 1,
        });
        joins.push((load.firstOn(web.name, began) ?? Number.NaN) - began);
      }
      for (const web of webs.slice(2)) {
        pool = pool.filter(({ node }) => node !== web.name);
        const began = performance.now();
        await runner.settle(pool);
        leaves.push(performance.now() - began);
        // Whoever drains may go at once: nothing is under way any more, and nothing comes.
        const { arrived } = await web.arrivals();
        await load.more(20);
        expect(await web.arrivals()).toMatchObject({ arrived, answered: arrived });
      }
    }
    await lostNothing(load);
    say(`join to first request: ${middle(joins)}; leave, drained: ${middle(leaves)}`);
    expect(runner.reloads).toBe(reloads);
    const served = await servedState(haproxy);
    await haproxy.child.stop();
    await haproxy.run();
    // The file is what is served: a cold start changes nothing.
    expect(await servedState(haproxy)).toEqual(served);
    expect(served.filter((text) => text.includes("ready")).length).toBe(2);
  });

  test("that move to another address are new servers, and the former gets nothing after its drain", async () => {
    const { haproxy, runner, webs } = await started({ webs: 2 });
    const [stays] = webs as [WebProcess];
    let old = webs[1] as WebProcess;
    await runner.settle([wanted(stays), wanted(old)]);
    const load = loadOn(haproxy, { clients: { kept: 8, post: 4, slow: 4, fresh: 2 }, rate: 300 });
    await load.more(100);
    const times: number[] = [];
    for (let move = 0; move < 5; move += 1) {
      const fresh = await WebProcess.start({ name: "web2", ip: net(40 + move) });
      onTestFinished(() => fresh.child.kill());
      const began = performance.now();
      await runner.settle([wanted(stays), wanted(fresh)]);
      times.push(performance.now() - began);
      const before = await old.arrivals();
      expect(before.answered).toBe(before.arrived);
      await load.more(150);
      // The former process still runs and would answer.
      expect((await old.arrivals()).arrived).toBe(before.arrived);
      expect((await fresh.arrivals()).arrived).toBeGreaterThan(0);
      old = fresh;
    }
    say(`moved and drained: ${middle(times)}`);
    await lostNothing(load);
  });

  test("in a slot whose connections were forgotten get none of their predecessor's", async () => {
    const { haproxy, runner, webs } = await started({ webs: 5, text: quiet, runner: { slots: 1 } });
    const [old, next, ...stay] = webs as [WebProcess, WebProcess, ...WebProcess[]];
    const others = stay.map((web) => wanted(web));
    await runner.settle([]);
    await runner.settle([wanted(old), ...others]);
    const load = loadOn(haproxy, { clients: { slow: 8 } });
    await load.more(24);
    const { name } = runner.lines.find(({ node }) => node === old.name) ?? { name: "" };
    // Maintenance in the midst of requests, as nobody should do it: their connections stay.
    await runner.socket.ask([`set server web/${name} state maint`]);
    await waitUntil("they are idle", async () => {
      const server = (await runner.observe()).servers.find((one) => one.name === name);
      return server?.inUse === 0 && (server.idle ?? 0) > 0;
    });
    const { arrived } = await old.arrivals();
    await runner.settle([wanted(next), ...others]);
    expect(runner.lines.find(({ node }) => node === next.name)?.name).toBe(name);
    await waitUntil("the next answers", () => load.answered(next.name) > 4);
    expect((await old.arrivals()).arrived).toBe(arrived);
    await lostNothing(load);
  });

  test("drain in peace up to the limit of the pool, and are then ended", async () => {
    const { haproxy, runner, webs } = await started({ webs: 2, runner: { drainLimit: 600 } });
    const [one, two] = webs as [WebProcess, WebProcess];
    await runner.settle([wanted(one)]);
    const load = loadOn(haproxy, { clients: { download: 2 } });
    await waitUntil("downloads run", async () => (await one.arrivals()).arrived === 2);
    await runner.settle([wanted(two)]);
    const report = await load.stop();
    expect(runner.done.filter((words) => words.includes("at the limit"))).toHaveLength(1);
    expect(report.lost.map(({ how, by }) => `${how} ${by}`)).toEqual(["cut web1", "cut web1"]);
  });

  test("get requests by their weight, in absolute numbers and from 0 as well", async () => {
    const { haproxy, runner, webs } = await started({ webs: 2 });
    const [one, two] = webs as [WebProcess, WebProcess];
    const shares: number[] = [];
    for (const weight of [0, 10, 100]) {
      await runner.settle([
        wanted(one, "ready", "alive", 100),
        wanted(two, "ready", "alive", weight),
      ]);
      const load = loadOn(haproxy, { clients: { fresh: 4 }, rate: 400 });
      await load.more(220);
      const { servers, answered } = await load.stop();
      shares.push((servers.web2?.count ?? 0) / answered);
    }
    expect(shares[0]).toBe(0);
    expect(shares[1]).toBeCloseTo(1 / 11, 1);
    expect(shares[2]).toBeCloseTo(1 / 2, 1);
  });

  test("beyond the slots wait for a reload, and those that fit do not", async () => {
    const { haproxy, runner, webs } = await started({ webs: 6, runner: { slots: 1 } });
    const [one, ...others] = webs as [WebProcess, ...WebProcess[]];
    await runner.settle([wanted(one)]);
    expect(runner.lines).toHaveLength(5);
    const load = loadOn(haproxy, { clients: { kept: 6, post: 2, fresh: 4 }, rate: 300 });
    await load.more(50);
    const all = [one, ...others].map((web) => wanted(web));
    const { steps, reload } = await runner.round(all);
    expect(steps).toHaveLength(4);
    expect(reload).toBe("web: no slot in the running process for 1 server");
    await runner.settle(all);
    expect(runner.reloads).toBe(2);
    await waitUntil("all answer", () => load.servedBy(0).length === 6);
    await lostNothing(load);
  });

  test("over reloads by somebody else lose no command, as a connection that is held does", async () => {
    const { haproxy, runner, webs } = await started({ webs: 3 });
    const [one, two, three] = webs as [WebProcess, WebProcess, WebProcess];
    const pool = [wanted(one), wanted(two)];
    await runner.settle(pool);
    const slot = runner.lines.find(({ node }) => node === two.name)?.name;
    const stateOfTwo = async (): Promise<string | undefined> =>
      (await runner.observe()).servers.find(({ name }) => name === slot)?.state;
    const processes = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      // A connection in use is not closed by the reload, and leads to the process before it.
      const held = await heldConnection(haproxy.place.statsSocket);
      processes.add((await runner.observe()).process);
      await runner.reload();
      await held.ask(`set server web/${slot} state drain`);
      expect(await stateOfTwo()).toBe("ready");
      held.close();
      // The very next batch reaches the process that serves now.
      await runner.socket.ask([`set server web/${slot} state drain`]);
      expect(await stateOfTwo()).toBe("drain");
      await runner.settle([...pool, ...(round % 2 === 0 ? [wanted(three)] : [])]);
      const ready = (await servedState(haproxy)).filter((text) => text.includes("ready"));
      expect(ready).toHaveLength(round % 2 === 0 ? 3 : 2);
    }
    expect(processes.size).toBe(3);
  });

  test("get their first request within milliseconds", async () => {
    const { haproxy, runner, webs } = await started({ webs: 2, text: quiet });
    const [one, two] = webs as [WebProcess, WebProcess];
    await runner.settle([wanted(one)]);
    const load = loadOn(haproxy, { clients: { kept: 2 } });
    const times: number[] = [];
    for (let join = 0; join < 20; join += 1) {
      await load.more(20);
      const began = performance.now();
      await runner.round([wanted(one), wanted(two)]);
      await waitUntil("it answers", () => load.firstOn(two.name, began) !== undefined, {
        every: 1,
      });
      times.push((load.firstOn(two.name, began) ?? Number.NaN) - began);
      await runner.settle([wanted(one)]);
    }
    say(`join to first request, with looking, writing and planning: ${middle(times)}`);
    await lostNothing(load);
  });

  test("a thousand at once are told in one batch", async () => {
    const { haproxy, runner } = await started({ webs: 0, text: quiet, runner: { slots: 1_100 } });
    await runner.settle([]);
    const reloads = runner.reloads;
    const members = Array.from({ length: 1_000 }, (_, index) =>
      wanted({ name: `w${index}`, ip: `127.99.${index >> 8}.${index & 255}`, port: 80 }),
    );
    const began = performance.now();
    const { steps } = await runner.round(members);
    const took = performance.now() - began;
    const again = performance.now();
    expect((await runner.round(members)).steps).toEqual([]);
    say(
      `1,000 joins: ${took.toFixed()} ms; a round without a change: ${(performance.now() - again).toFixed()} ms`,
    );
    expect(steps).toHaveLength(1_000);
    expect((await haproxy.servers()).filter(({ state }) => state === "ready")).toHaveLength(1_000);
    expect(runner.reloads).toBe(reloads);
    // Three times the mark, as the machine has other things to do.
    expect(took).toBeLessThan(3_000);
  });
});

describe.skipIf(missingPrograms("haproxy").length > 0)("a pool of one", () => {
  test("switches in one batch: never two, and no request for the former after it", async () => {
    const { haproxy, runner, webs } = await started({
      webs: 2,
      text: withBackend("balance first\n    option redispatch 1", "tcp"),
      runner: { exclusive: true },
    });
    let [now, next] = webs as [WebProcess, WebProcess];
    await runner.settle([wanted(now)]);
    const load = loadOn(haproxy, { clients: { fresh: 4, kept: 4, post: 2 }, rate: 400 });
    const gaps: number[] = [];
    for (let change = 0; change < 6; change += 1) {
      await load.more(60);
      const began = performance.now();
      const { steps } = await runner.round([wanted(next)]);
      expect(steps).toHaveLength(2);
      const told = performance.now();
      await waitUntil("the next answers", () => load.firstOn(next.name, began) !== undefined, {
        every: 1,
      });
      gaps.push((load.firstOn(next.name, began) ?? Number.NaN) - began);
      const { arrived } = await now.arrivals();
      await load.more(40);
      expect((await now.arrivals()).arrived).toBe(arrived);
      expect(load.lastOn(now.name) ?? 0).toBeLessThanOrEqual(told);
      await runner.settle([wanted(next)]);
      [now, next] = [next, now];
    }
    const report = await load.stop();
    say(`decision to first answer of the next: ${middle(gaps)}; ${reportLine(report)}`);
    // Sessions of the former are ended, and only those: nobody is refused.
    expect(report.lost.filter(({ how }) => how === "connect")).toEqual([]);
    expect(Math.max(...gaps)).toBeLessThan(150);
  });
});

describe.skipIf(missingPrograms("haproxy").length > 0)("where sessions keep connections", () => {
  // Without the rest some of these requests went to the former address, as no counter shows.
  test("of their own, a slot that rests leads none of them to the former address", async () => {
    const text = withBackend("balance roundrobin\n    http-reuse never");
    const resting = { slots: 1, rest: 60_000 };
    const { haproxy, runner, webs } = await started({ webs: 5, text, runner: resting });
    const [old, next, ...stay] = webs as [WebProcess, WebProcess, ...WebProcess[]];
    const others = stay.map((web) => wanted(web));
    await runner.settle([]);
    await runner.settle([wanted(old), ...others]);
    const load = loadOn(haproxy, { clients: { kept: 8 }, rate: 200 });
    await load.more(80);
    await runner.settle(others);
    const { arrived } = await old.arrivals();
    await runner.settle([wanted(next), ...others]);
    await load.more(150);
    expect((await old.arrivals()).arrived).toBe(arrived);
    await lostNothing(load);
  });
});
