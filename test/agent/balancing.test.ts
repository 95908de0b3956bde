import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Balancing } from "../../src/agent/balancing.js";
import type { Config } from "../../src/agent/config.js";
import { configOf } from "../../src/agent/config.js";
import { lbConfigOf } from "../../src/agent/lb-config.js";
import { OperatorError } from "../../src/base/errors.js";
import type { LbConfig } from "../../src/lb/config.js";
import { decodeLbConfig } from "../../src/lb/config-file.js";
import type { Desired, Observation, Plan } from "../../src/lb/model.js";
import type * as lb from "../../src/lb/proxy.js";
import type { Member } from "../../src/serf/events.js";
import { pause, until } from "../support/wait.js";
import { keptLog, member } from "./handler-events.js";
import { tempDir } from "./temp-dir.js";

const encoder = new TextEncoder();

/** A proxy that serves what it was last told, and tells what it was wanted to. */
class NotedProxy implements lb.Proxy {
  readonly wanted: Desired[] = [];
  #served: Desired | undefined;

  async observe(): Promise<Observation> {
    const servers = (this.#served?.pools ?? []).flatMap((pool) =>
      pool.servers.map(({ admission, ip, node, port, weight }) => {
        const state = admission === "ready" ? ("ready" as const) : ("maint" as const);
        return { pool: pool.name, name: node, node, ip, port, weight, state, up: true, inUse: 0 };
      }),
    );
    return { at: performance.now(), trouble: undefined, process: "1", servers, lingering: 0 };
  }

  async render(_current: string | undefined, desired: Desired): Promise<string> {
    this.wanted.push(desired);
    return `${JSON.stringify(desired.pools, (_, value) => (value instanceof Map ? [...value] : value))}\n`;
  }

  shape(): string {
    return "";
  }

  async check(): Promise<void> {}

  plan(_now: number, desired: Desired): Plan {
    const reload = this.#served?.version === desired.version ? undefined : "other servers";
    return { steps: [], reload, waits: [], lookAgain: undefined };
  }

  async perform(): Promise<void> {}

  async reload(desired: Desired): Promise<void> {
    this.#served = desired;
  }
}

const web = (name: string, tags: Readonly<Record<string, string>> = {}) =>
  member(name, { ip: [10, 0, 0, Number(name.slice(1))], tags: { role: "web", ...tags } });

/** The load balancer's part as an agent has it, with a proxy in memory. */
async function balancing() {
  const folder = tempDir({ "proxy.cfg": "", "other.cfg": "" });
  const log = keptLog();
  const tags: Record<string, string>[] = [];
  const proxies = new Map<string, NotedProxy>();
  let members: readonly Member[] = [member("lb")];
  let joined = true;
  let health = { isolated: false, awareness: 0 };
  const suspects = new Set<string>();
  const config = (changes: object = {}, over: object = {}): LbConfig =>
    decodeLbConfig(
      {
        state_dir: join(folder, "state"),
        settle_time: "10ms",
        settle_limit: "20ms",
        balancers: [
          {
            name: "edge",
            kind: "command",
            config: join(folder, "proxy.cfg"),
            reload: ["true"],
            governor: { quiet: "1ms", reload_gap: "0s" },
            pools: [{ name: "web", members: "role=web", port: 80 }],
            ...changes,
          },
        ],
        ...over,
      },
      "test",
    );
  const part = new Balancing({
    log,
    now: () => performance.now(),
    serf: {
      local: members[0] as Member,
      members: () => [...members],
      suspects: (name: string) => suspects.has(name),
      health: () => health,
    },
    isJoined: () => joined,
    tags: {
      cover: async (set) => {
        tags.push(Object.fromEntries(set));
      },
    },
    proxies: ({ name }) => {
      const proxy = proxies.get(name) ?? new NotedProxy();
      proxies.set(name, proxy);
      return proxy;
    },
  });
  onTestFinished(() => part.stop());
  const ask = (name: string, payload = ""): unknown => {
    const answer = part.answer(name, encoder.encode(payload));
    return answer === undefined ? undefined : JSON.parse(answer);
  };
  return {
    part,
    folder,
    log,
    tags,
    config,
    ask,
    set: (...state: Member[]) => {
      members = [member("lb"), ...state];
      part.noteChange();
    },
    join: () => {
      joined = true;
      part.noteChange();
    },
    unjoin: () => {
      joined = false;
    },
    suspect: (name: string) => {
      suspects.add(name);
      part.noteChange();
    },
    feel: (now: typeof health) => {
      health = now;
    },
    /** What the proxy is to serve: `NODE ADMISSION (CAUSE)`. */
    wanted: (name = "edge"): string[] =>
      (proxies.get(name)?.wanted.at(-1)?.pools ?? []).flatMap(({ servers }) =>
        servers.map(({ admission, cause, node }) => `${node} ${admission} (${cause})`),
      ),
  };
}

interface Status {
  readonly applied: string | null;
}

type Bench = Awaited<ReturnType<typeof balancing>>;

async function wants({ wanted }: Bench, ...servers: string[]): Promise<void> {
  await until(
    `the proxy is to serve ${servers.join(", ")}`,
    () => JSON.stringify(wanted()) === JSON.stringify(servers),
    { every: 5, last: () => wanted() },
  );
}

describe("the load balancer inside an agent", () => {
  test("is shown the members, and what becomes of them", async () => {
    const bench = await balancing();
    await bench.part.open(bench.config());
    bench.part.start();
    bench.set(web("w1"), web("w2"), member("db"));
    await wants(bench, "w1 ready (alive)", "w2 ready (alive)");
    bench.set(web("w1", { state: "draining" }), web("w2"), member("db"));
    await wants(bench, "w1 drain (draining)", "w2 ready (alive)");
    expect(readFileSync(join(bench.folder, "proxy.cfg"), "utf8")).toContain('"w2"');
  });

  test("hears of suspicions", async () => {
    const bench = await balancing();
    // Whether the service answers as well is not asked: who knows what there is at those addresses.
    const pool = { name: "web", members: "role=web", port: 80, max_suspects: 1, probe: false };
    await bench.part.open(bench.config({ pools: [pool] }));
    bench.part.start();
    bench.set(web("w1"), web("w2"));
    await wants(bench, "w1 ready (alive)", "w2 ready (alive)");
    bench.suspect("w1");
    await wants(bench, "w1 drain (suspected)", "w2 ready (alive)");
  });

  test("writes nothing before the agent has joined, or is told how things are", async () => {
    const bench = await balancing();
    await bench.part.open(bench.config());
    bench.unjoin();
    bench.set(web("w1"));
    bench.part.start();
    bench.set(web("w1"));
    await pause(100);
    expect(bench.wanted()).toEqual([]);
    bench.join();
    await wants(bench, "w1 ready (alive)");
  });

  test("that knows nobody leaves the file alone, but a member that serves itself is a cluster", async () => {
    const bench = await balancing();
    writeFileSync(join(bench.folder, "proxy.cfg"), "as it was\n");
    await bench.part.open(bench.config());
    bench.part.start();
    bench.set();
    await pause(150);
    expect(bench.wanted()).toEqual([]);
    expect(readFileSync(join(bench.folder, "proxy.cfg"), "utf8")).toBe("as it was\n");
    const pools = [{ name: "all", members: "!none", port: 80, include_self: true }];
    await bench.part.reload(async () => bench.config({ pools }));
    await wants(bench, "lb ready (alive)");
  });

  test("is told when our own health changes, of which there is no event", async () => {
    const bench = await balancing();
    await bench.part.open(bench.config({ guard: { keep_share: 0.5, min_servers: 1 } }));
    bench.part.start();
    bench.set(web("w1"), web("w2"), web("w3"));
    await wants(bench, "w1 ready (alive)", "w2 ready (alive)", "w3 ready (alive)");
    bench.feel({ isolated: true, awareness: 8 });
    await pause(1_100);
    bench.set({ ...web("w1"), status: "failed" }, web("w2"), web("w3"));
    await pause(200);
    expect(bench.wanted()[0]).toMatch(/^w1 ready/);
    bench.feel({ isolated: false, awareness: 0 });
    await until("it is out", () => bench.wanted()[0] !== "w1 ready (held)", { every: 20 });
  });

  test("answers the queries about balancing, and no others", async () => {
    const bench = await balancing();
    expect(bench.ask("lb-drained", "w1")).toBeUndefined();
    await bench.part.open(bench.config());
    bench.part.start();
    bench.set(web("w1"));
    await wants(bench, "w1 ready (alive)");
    await until("it is served", () => (bench.ask("lb-status") as Status).applied !== null, {
      every: 5,
    });
    expect(bench.ask("lb-drained", "w1")).toEqual({
      balancer: "edge",
      node: "w1",
      state: "serving",
      inUse: 0,
    });
    expect(bench.ask("load")).toBeUndefined();
    await bench.part.stop();
    expect(bench.ask("lb-drained", "w1")).toBeUndefined();
  });

  test("tells by a tag which balancers others may ask, and by info where its status is", async () => {
    const bench = await balancing();
    expect(bench.part.statusFile).toBeUndefined();
    const other = { config: join(bench.folder, "other.cfg"), kind: "command", reload: ["true"] };
    const pools = [{ members: "role=web", port: 80 }];
    const [edge] = [{ ...other, name: "edge", pools }];
    const dry = {
      ...other,
      name: "dry",
      config: join(bench.folder, "proxy.cfg"),
      pools,
      dry_run: true,
    };
    await bench.part.open(bench.config({}, { balancers: [edge, dry] }));
    expect(bench.tags).toEqual([]);
    bench.part.start();
    // Nobody has to wait for one that does nothing.
    expect(bench.tags).toEqual([{ balancer: "edge" }]);
    expect(bench.part.statusFile).toBe(join(bench.folder, "state", "status.json"));
    await until("it is there", () => existsSync(bench.part.statusFile ?? ""), { every: 10 });
  });
});

describe("a reload", () => {
  test("that changes nothing disturbs nothing", async () => {
    const bench = await balancing();
    await bench.part.open(bench.config());
    bench.part.start();
    await bench.part.reload(async () => bench.config());
    expect(bench.log.lines.filter((line) => line.includes("taken over"))).toEqual([]);
    expect(bench.tags).toHaveLength(1);
  });

  test("takes over what is right", async () => {
    const bench = await balancing();
    await bench.part.open(bench.config());
    bench.part.start();
    bench.set(web("w1"), member("db", { tags: { role: "db" } }));
    await wants(bench, "w1 ready (alive)");
    const pools = [{ name: "db", members: "role=db", port: 5432 }];
    await bench.part.reload(async () => bench.config({ name: "inner", pools }));
    await until("the new one works", () => bench.wanted("inner")[0] === "db ready (alive)", {
      every: 5,
      last: () => bench.log.lines,
    });
    expect(bench.tags.at(-1)).toEqual({ balancer: "inner" });
  });

  test("can begin to balance, and end it", async () => {
    const bench = await balancing();
    bench.part.start();
    bench.set(web("w1"));
    await bench.part.reload(async () => bench.config());
    await wants(bench, "w1 ready (alive)");
    await bench.part.reload(async () => undefined);
    expect(bench.tags).toEqual([{ balancer: "" }, { balancer: "edge" }, { balancer: "" }]);
    expect(bench.ask("lb-status")).toBeUndefined();
  });

  test.for([
    {
      what: "cannot be read",
      read: () => {
        throw new OperatorError("line one\nline two");
      },
      reasons: ["line one", "line two"],
    },
    {
      what: "cannot be opened",
      read: ({ config, folder }: Bench) =>
        config({}, { state_dir: join(folder, "proxy.cfg", "state") }),
      reasons: [expect.stringContaining("proxy.cfg")],
    },
  ])("refuses what $what, says why, and goes on as before", async ({ read, reasons }) => {
    const bench = await balancing();
    await bench.part.open(bench.config());
    bench.part.start();
    await bench.part.reload(async () => read(bench));
    const errors = bench.log.lines.filter((line) => line.startsWith("ERR"));
    expect(errors.map((line) => JSON.parse(line.slice(line.indexOf("{"))).reason)).toEqual(reasons);
    bench.set(web("w1"));
    await wants(bench, "w1 ready (alive)");
    expect(bench.ask("lb-status")).toMatchObject({ balancer: "edge" });
  });
});

test("at the end of the agent the proxy keeps what it has", async () => {
  const bench = await balancing();
  await bench.part.open(bench.config());
  bench.part.start();
  bench.set(web("w1"));
  await wants(bench, "w1 ready (alive)");
  await bench.part.stop();
  const file = readFileSync(join(bench.folder, "proxy.cfg"), "utf8");
  bench.set();
  await pause(100);
  expect(bench.wanted()).toEqual(["w1 ready (alive)"]);
  expect(readFileSync(join(bench.folder, "proxy.cfg"), "utf8")).toBe(file);
});

describe("its configuration", () => {
  const section = {
    balancers: [{ config: "/etc/nginx/up.conf", kind: "nginx", pools: [{ members: "role=web" }] }],
  };
  const from = (config: Config, name: string): Config => ({
    ...config,
    origins: { ...config.origins, loadBalancer: { kind: "file", name } },
  });

  test("may be a section or a file, and need not be there", async () => {
    expect(await lbConfigOf(configOf({}))).toBeUndefined();
    const folder = tempDir({ "lb.json": JSON.stringify(section) });
    const inFile = await lbConfigOf(configOf({ lbFile: join(folder, "lb.json") }));
    const inSection = await lbConfigOf(from(configOf({ loadBalancer: section }), "/etc/a.json"));
    expect(inFile?.balancers[0]?.file).toBe("/etc/nginx/up.conf");
    expect(JSON.stringify(inSection)).toBe(JSON.stringify(inFile));
  });

  test("cannot be both", async () => {
    await expect(lbConfigOf(configOf({ lbFile: "x", loadBalancer: section }))).rejects.toThrow(
      "-lb (lb_file) and load_balancer say the same thing",
    );
  });

  test("names the file with what is wrong in it", async () => {
    const wrong = { balancers: [{ config: "/x.cfg", kind: "haproxy", poools: [] }] };
    const config = from(configOf({ loadBalancer: wrong }), "/etc/a.json");
    await expect(lbConfigOf(config)).rejects.toThrow(
      /^\/etc\/a\.json: load_balancer: [\s\S]*poools/,
    );
    const folder = tempDir({});
    writeFileSync(join(folder, "lb.json"), "{");
    await expect(lbConfigOf(configOf({ lbFile: join(folder, "lb.json") }))).rejects.toThrow(
      join(folder, "lb.json"),
    );
  });
});
