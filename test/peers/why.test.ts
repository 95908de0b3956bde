import { isDeepStrictEqual } from "node:util";
import { describe, expect, test as plain } from "vitest";
import { Agent, type Kind } from "../support/agents.js";
import { FaultNetwork } from "../support/fault-network.js";
import { missingNamespaces } from "../support/network.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

interface Cause {
  readonly cause: string;
  readonly confidence: string;
  readonly members: readonly string[];
  readonly summary: string;
  readonly because: readonly string[];
  readonly end: string | null;
}

interface Why {
  readonly status: string | null;
  readonly causes: readonly Cause[];
  readonly answered: readonly { readonly name: string }[];
  readonly recordless: readonly string[];
  readonly silent: readonly string[];
}

/** As agents log it: `EventMemberFailed`. */
type Event = "Join" | "Leave" | "Failed" | "Update";

/** The last event of each member that an agent logged, by name. */
function lastEvents(output: string): Map<string, string> {
  const events = new Map<string, string>();
  for (const [, event = "", name = ""] of output.matchAll(/EventMember(\w+): (\S+)/g)) {
    events.set(name, event);
  }
  return events;
}

/** Agents on a network of their own; the first of them is asked. */
class Stage {
  readonly network: FaultNetwork;
  readonly agents = new Map<string, Agent>();
  #first = "";

  constructor(hosts: number) {
    this.network = new FaultNetwork(hosts);
  }

  /** One agent on each host, by name; `s` begins the names of Serf's. */
  async open(names: readonly string[]): Promise<void> {
    this.#first = names[0] ?? "";
    await Promise.all(names.map((name, index) => this.start(name, index)));
    const all = Object.fromEntries(names.map((name) => [name, "Join"] as const));
    for (const agent of this.agents.values()) await this.shows(all, agent);
  }

  async start(name: string, index: number): Promise<Agent> {
    const { ip, within } = this.network.host(index);
    const kind: Kind = name.startsWith("s") ? "serf" : "gossipd";
    const retry = `-retry-join=${this.network.host(0).ip}:7946`;
    const args = ["-profile=local", "-retry-interval=1s", ...(index === 0 ? [] : [retry])];
    const agent = await Agent.start({ kind, name, ip, within, args });
    this.agents.set(name, agent);
    return agent;
  }

  agent(name: string): Agent {
    const agent = this.agents.get(name);
    if (agent === undefined) throw new Error(`no agent ${name}`);
    return agent;
  }

  /** The one that is asked, unless told otherwise. */
  get asked(): Agent {
    return this.agent(this.#first);
  }

  /**
   * Waits until the last that `agent` logged of these members is this. Asking it again and again would
   * take the processor time that all the agents need.
   */
  async shows(expected: Readonly<Record<string, Event>>, agent = this.asked): Promise<void> {
    let seen = new Map<string, string>();
    await until(
      `${agent.name} tells of ${JSON.stringify(expected)}`,
      () => {
        seen = lastEvents(agent.output);
        return Object.entries(expected).every(([name, event]) => seen.get(name) === event);
      },
      { last: () => [...seen] },
    );
  }

  async why(node: string, through = this.asked): Promise<Why & { readonly cause: Cause }> {
    const { stdout } = await through.cli(["why", "-format=json", node], "gossipd");
    const why = JSON.parse(stdout) as Why;
    const cause = why.causes[0] ?? {
      cause: "none",
      confidence: "",
      members: [],
      summary: "",
      because: [],
      end: null,
    };
    return { ...why, cause };
  }

  /** Waits until the cause of what happened to `node` is `expected`; fails with what was said last. */
  async blames(
    node: string,
    expected: Partial<Cause>,
    through = this.asked,
  ): Promise<Why & { readonly cause: Cause }> {
    let last: (Why & { readonly cause: Cause }) | undefined;
    return await until(
      `the cause is ${JSON.stringify(expected)}`,
      async () => {
        last = await this.why(node, through);
        const { cause } = last;
        const entries = Object.entries(expected) as [keyof Cause, unknown][];
        const agrees = entries.every(([key, value]) => isDeepStrictEqual(cause[key], value));
        return agrees ? last : undefined;
      },
      { timeout: 20_000, every: 2_000, last: () => last },
    );
  }

  async end(): Promise<void> {
    try {
      await Promise.all([...this.agents.values()].map((agent) => agent.end()));
    } finally {
      this.network.remove();
    }
  }
}

type Open = (names: readonly string[], spare?: number) => Promise<Stage>;

const test = plain.extend<{ open: Open }>({
  /** Opens a stage that does not outlive the test. */
  // biome-ignore lint/correctness/noEmptyPattern: the form that vitest asks for
  open: async ({}, use) => {
    const stages: Stage[] = [];
    await use(async (names, spare = 0) => {
      const stage = new Stage(names.length + spare);
      stages.push(stage);
      await stage.open(names);
      return stage;
    });
    for (const stage of stages) await stage.end();
  },
});

const unable = missingPrograms("serf").length > 0 || missingNamespaces() !== undefined;

describe.skipIf(unable).concurrent("what is said of", () => {
  test("a member that left, one that was killed and both when they are back", async ({ open }) => {
    const stage = await open(["a", "b", "c", "left", "killed"]);
    stage.agent("left").signal("SIGINT");
    await stage.shows({ left: "Leave" });
    stage.agent("killed").signal("SIGKILL");
    await stage.shows({ killed: "Failed" });
    await stage.blames("left", { cause: "left", confidence: "certain", end: null });
    await stage.blames("killed", { cause: "process-gone", end: null });
    await Promise.all([stage.start("left", 3), stage.start("killed", 4)]);
    await stage.shows({ left: "Join", killed: "Join" });
    await stage.blames("left", { cause: "restarted" });
    const { cause } = await stage.blames("killed", { cause: "restarted" });
    expect(cause.summary).toContain("stopped or killed");
  });

  test("a paused process, while it is and when it goes on", async ({ open }) => {
    const stage = await open(["a", "b", "c", "web"]);
    stage.agent("web").signal("SIGSTOP");
    await stage.shows({ web: "Failed" });
    await stage.blames("web", { cause: "paused", confidence: "likely", end: null });
    stage.agent("web").signal("SIGCONT");
    await stage.shows({ web: "Join" });
    await stage.blames("web", { cause: "paused", confidence: "certain" });
  });

  test("a member that was killed and started elsewhere", async ({ open }) => {
    const stage = await open(["a", "b", "c", "web"], 1);
    stage.agent("web").signal("SIGKILL");
    await stage.start("web", 4);
    await stage.blames("web", { cause: "moved" });
  });

  test("a host whose link is gone, and when it is back", async ({ open }) => {
    const stage = await open(["a", "b", "c", "web"]);
    const host = stage.network.host(3);
    stage.network.plug(host, false);
    await stage.shows({ web: "Failed" });
    await stage.blames("web", { cause: "host-gone", end: null });
    stage.network.plug(host, true);
    await stage.shows({ web: "Join" });
    await stage.blames("web", { cause: "cut-off" });
  });

  test("a member that UDP does not reach, while TCP does", async ({ open }) => {
    const stage = await open(["a", "b", "c", "web"]);
    const web = stage.network.host(3);
    const others = stage.network.hosts.filter((host) => host !== web);
    stage.network.lose(
      { from: web, protocol: "udp" },
      ...others.map((from) => ({ from, to: web, protocol: "udp" as const })),
    );
    const why = await stage.blames("web", { cause: "udp-blocked", members: [] });
    expect(why).toMatchObject({ status: "alive", silent: ["web"] });
  });

  test("a member to which one other has no way", async ({ open }) => {
    const stage = await open(["a", "b", "c", "web"]);
    stage.network.lose({ from: stage.network.host(0), to: stage.network.host(3) });
    const why = await stage.blames("web", { cause: "path", members: ["a"] });
    expect(why.status).toBe("alive");
  });

  test("a member to which no packets pass, while packets from it do", async ({ open }) => {
    const stage = await open(["a", "b", "c", "web"]);
    const { hosts } = stage.network;
    const web = stage.network.host(3);
    const others = hosts.filter((host) => host !== web);
    const mend = stage.network.lose(...others.map((from) => ({ from, to: web })));
    await stage.shows({ web: "Failed" });
    await stage.blames("web", { cause: "one-way" });
    mend();
    await stage.shows({ web: "Join" });
    const { cause } = await stage.blames("web", { cause: "one-way" });
    expect(cause.summary).toContain("packets to it do not");
  });

  test("a member from which no packets pass, while packets to it do", async ({ open }) => {
    const stage = await open(["a", "b", "c", "web"]);
    const mend = stage.network.lose({ from: stage.network.host(3) });
    await stage.shows({ web: "Failed" });
    mend();
    await stage.shows({ web: "Join" });
    const { cause } = await stage.blames("web", { cause: "one-way" });
    expect(cause.summary).toContain("packets from it did not");
  });

  test("a network that is split in two, from both sides and afterwards", async ({ open }) => {
    const stage = await open(["a", "b", "c", "d", "e"]);
    const { hosts } = stage.network;
    const here = hosts.slice(0, 3);
    const there = hosts.slice(3);
    const mend = stage.network.lose(
      ...here.flatMap((from) => there.map((to) => ({ from, to }))),
      ...there.flatMap((from) => here.map((to) => ({ from, to }))),
    );
    await stage.shows({ d: "Failed", e: "Failed" });
    await stage.blames("d", { cause: "partition", members: ["e"] });
    await stage.blames("a", { cause: "partition" }, stage.agent("d"));
    mend();
    await stage.shows({ d: "Join", e: "Join" });
    await stage.blames("e", { cause: "partition", confidence: "certain" });
  });

  test("a member of Serf's that is killed, asked through another one of Serf's", async ({
    open,
  }) => {
    const stage = await open(["s1", "a", "b", "s2"]);
    stage.agent("s2").signal("SIGKILL");
    await stage.shows({ s2: "Failed" });
    const why = await stage.blames("s2", { cause: "process-gone" });
    expect(why.recordless).toEqual(["s1"]);
    expect(why.answered.map(({ name }) => name)).toEqual(["a", "b"]);
  });
});
