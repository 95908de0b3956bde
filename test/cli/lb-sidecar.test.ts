import { describe, expect, onTestFinished, test } from "vitest";
import { Sidecar, type SidecarParts } from "../../src/cli/lb/sidecar.js";
import type { LbOrder } from "../../src/lb/load-balancer.js";
import type { View } from "../../src/lb/model.js";
import { RpcClient } from "../../src/rpc/client.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { RecordedLog } from "../support/recorded-log.js";
import { until } from "../support/wait.js";

const lb = member("lb1", { ip: [10, 0, 0, 1] });
const web1 = member("web1", { ip: [10, 0, 0, 2], tags: { role: "web" } });
const web2 = member("web2", { ip: [10, 0, 0, 3], tags: { role: "web" } });

/** An agent called lb1 that knows these members. */
async function agentWith(...known: readonly ReturnType<typeof member>[]): Promise<Bench> {
  const bench = await Bench.start();
  bench.api.known = known;
  bench.api.sections = new Map([["agent", new Map([["name", "lb1"]])]]);
  return bench;
}

/** A sidecar whose load balancer only notes what it is told. */
class Watched {
  readonly views: View[] = [];
  readonly orders: LbOrder[] = [];
  readonly log = new RecordedLog();
  /** Whom the sidecar finds when it connects. */
  agent: Bench;
  readonly ended: Promise<void>;
  stop: () => void = () => {};

  constructor(agent: Bench, parts: Partial<SidecarParts> = {}) {
    this.agent = agent;
    const stopped = new Promise<void>((resolve) => {
      this.stop = resolve;
    });
    const sidecar = new Sidecar({
      connect: () => RpcClient.connect({ host: "127.0.0.1", port: this.agent.port, authKey: "" }),
      balancer: {
        update: (view) => void this.views.push(view),
        drained: (node) => {
          const known = this.last?.members.find(({ name }) => name === node);
          const state = known?.tags.get("state") === "draining" ? "draining" : "serving";
          return [{ balancer: "edge", node, state, inUse: 1 }];
        },
        order: (order) => {
          this.orders.push(order);
          return "paused";
        },
        status: () => ({
          at: "",
          keeper: null,
          self: "lb1",
          joined: true,
          virtualIp: null,
          balancers: [],
        }),
      },
      names: ["edge", "api"],
      servesItself: false,
      settleTime: 40,
      settleLimit: 2_000,
      poll: 5_000,
      log: this.log,
      now: () => performance.now(),
      after: (delay, run) => {
        const timer = setTimeout(run, delay);
        return () => clearTimeout(timer);
      },
      ...parts,
    });
    this.ended = sidecar.run(stopped);
    onTestFinished(async () => {
      this.stop();
      await this.ended;
    });
  }

  get last(): View | undefined {
    return this.views.at(-1);
  }

  /** The names in the last view. */
  get names(): string[] {
    return (this.last?.members ?? []).map(({ name }) => name);
  }

  /** Waits until the last view is as said. */
  async sees(what: string, probe: (view: View) => boolean): Promise<View> {
    return await until(
      what,
      () => (this.last !== undefined && probe(this.last) ? this.last : undefined),
      { every: 5, last: () => this.last },
    );
  }
}

const hex = (text: string): string => Buffer.from(text).toString("hex");

test("the members of the agent are what the load balancer is told", async () => {
  const watched = new Watched(await agentWith(lb, web1));
  const view = await watched.sees("a view", () => true);
  expect(view).toEqual({
    self: "lb1",
    members: [
      { name: "lb1", ip: "10.0.0.1", tags: new Map(), status: "alive", suspected: false },
      {
        name: "web1",
        ip: "10.0.0.2",
        tags: new Map([["role", "web"]]),
        status: "alive",
        suspected: false,
      },
    ],
    health: { isolated: false, awareness: 0 },
    joined: true,
  });
});

test("an event has the members read anew, whatever it says", async () => {
  const agent = await agentWith(lb, web1);
  const watched = new Watched(agent);
  await watched.sees("one server", () => watched.names.length === 2);
  agent.api.known = [lb, web1, web2];
  agent.api.emit({ kind: "member", event: "member-leave", members: [web1] });
  await watched.sees("the other server", () => watched.names.includes("web2"));
  expect(watched.names).toEqual(["lb1", "web1", "web2"]);
});

test("what no event tells is found by polling", async () => {
  const agent = await agentWith(lb, web1);
  const watched = new Watched(agent, { poll: 50 });
  await watched.sees("one server", () => watched.names.length === 2);
  agent.api.known = [lb, web1, web2];
  await watched.sees("the other server", () => watched.names.includes("web2"));
});

describe("the tag balancer", () => {
  test("stays as it is if no balancer changes anything", async () => {
    const agent = await agentWith(lb, web1);
    const watched = new Watched(agent, { names: [] });
    await until("it follows", () => watched.names.includes("web1"));
    watched.stop();
    await watched.ended;
    expect(agent.api.calls.filter((call) => call.startsWith("setTags"))).toEqual([]);
  });

  test("tells others whom to ask, and is gone with the sidecar", async () => {
    const agent = await agentWith(lb, web1);
    const watched = new Watched(agent);
    const tagged = 'setTags [["balancer","edge,api"]] []';
    await until("the tag is set", () => agent.api.calls.includes(tagged));
    watched.stop();
    await watched.ended;
    expect(agent.api.calls.at(-1)).toBe('setTags [] ["balancer"]');
  });

  test("is not set again if it is there", async () => {
    const agent = await agentWith(lb, web1);
    agent.api.sections = new Map([
      ["agent", new Map([["name", "lb1"]])],
      ["tags", new Map([["balancer", "edge,api"]])],
    ]);
    const watched = new Watched(agent, { poll: 50 });
    await until("members were read again", () => watched.views.length > 2);
    expect(agent.api.calls).toEqual([]);
  });

  test("may be refused: all else goes on", async () => {
    const agent = await agentWith(lb, web1);
    agent.api.failure = "tags are too long";
    const watched = new Watched(agent, { poll: 50 });
    await until("it is told", () => watched.log.at("warn").includes("tag balancer cannot be set"));
    agent.api.known = [lb, web1, web2];
    await watched.sees("the other server", () => watched.names.includes("web2"));
  });
});

describe("a query", () => {
  test("of a node that drains is answered from members that are read then", async () => {
    const agent = await agentWith(lb, web1);
    const watched = new Watched(agent);
    await watched.sees("a view", () => true);
    agent.api.known = [lb, member("web1", { tags: { role: "web", state: "draining" } })];
    const query = {
      kind: "query",
      id: 7,
      ltime: 1,
      name: "lb-drained",
      expiresIn: 10_000,
    } as const;
    agent.api.emit({ ...query, payload: Buffer.from("web1") });
    const line = '{"balancer":"edge","node":"web1","state":"draining","inUse":1}\n';
    const answer = await until("an answer", () =>
      agent.api.calls.find((call) => call.startsWith("respond")),
    );
    expect(answer).toBe(`respond 7 ${hex(line)}`);
  });

  test("with an order is carried out", async () => {
    const agent = await agentWith(lb, web1);
    const watched = new Watched(agent);
    await watched.sees("a view", () => true);
    const query = { kind: "query", id: 8, ltime: 1, name: "lb-order", expiresIn: 10_000 } as const;
    agent.api.emit({ ...query, payload: Buffer.from('{"kind":"pause"}') });
    await until("an answer", () => agent.api.calls.includes(`respond 8 ${hex("paused")}`));
    expect(watched.orders).toEqual([{ kind: "pause" }]);
  });
});

describe("an agent that is away", () => {
  test("leaves the last view, marked as isolated", async () => {
    const agent = await agentWith(lb, web1, web2);
    const watched = new Watched(agent);
    await watched.sees("a view", () => true);
    await agent.server.close();
    const view = await watched.sees("isolated", ({ health }) => health.isolated);
    expect(view.joined).toBe(true);
    expect(watched.names).toEqual(["lb1", "web1", "web2"]);
  });

  test("and comes back with nobody is not believed before it found the others", async () => {
    const first = await agentWith(lb, web1, web2);
    const watched = new Watched(first);
    await watched.sees("a view", () => true);
    const second = await agentWith(lb);
    watched.agent = second;
    await first.server.close();
    const warning = "agent knows nobody else, the pools stay";
    await until("it is told", () => watched.log.at("warn").includes(warning));
    expect(watched.names).toEqual(["lb1", "web1", "web2"]);
    expect(watched.last?.health.isolated).toBe(true);
    second.api.known = [lb, web2];
    second.api.emit({ kind: "member", event: "member-join", members: [web2] });
    await watched.sees("the cluster", ({ health }) => !health.isolated);
    expect(watched.names).toEqual(["lb1", "web2"]);
  });

  test("and comes back while it still learns of members is not believed before it stands still", async () => {
    const first = await agentWith(lb, web1, web2);
    const watched = new Watched(first, { settleTime: 400 });
    await watched.sees("a view", () => true);
    const second = await agentWith(lb, web1);
    watched.agent = second;
    await first.server.close();
    await until("it is followed again", () => second.api.subscriptions > 0);
    second.api.known = [lb, web1, web2];
    await watched.sees("the cluster", ({ health }) => !health.isolated);
    const sizes = watched.views.map(({ members }) => members.length);
    expect(sizes.every((size) => size === 3)).toBe(true);
  });

  test("is sought again and again, and the end does not wait for it", async () => {
    const agent = await agentWith(lb, web1);
    await agent.server.close();
    const watched = new Watched(agent);
    const retries = (): number => watched.log.at("warn").length;
    await until("it is sought again", () => retries() > 1);
    expect(watched.views).toEqual([]);
    watched.stop();
    await watched.ended;
  });
});

describe("an agent that is alone from the start", () => {
  test("is no view yet", async () => {
    const watched = new Watched(await agentWith(lb));
    const view = await watched.sees("a view", () => true);
    expect(view).toMatchObject({ joined: false, health: { isolated: false } });
  });

  test("is one if it may be a server itself", async () => {
    const watched = new Watched(await agentWith(lb), { servesItself: true });
    expect(await watched.sees("a view", () => true)).toMatchObject({ joined: true });
  });
});
