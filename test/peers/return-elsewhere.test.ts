import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, type CliMember, type Kind, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { pause, until } from "../support/wait.js";

/** Whether the others have seen it fail when it returns. */
type Moment = "before it is missed" | "after it failed";

interface Round {
  readonly kind: Kind;
  readonly moment: Moment;
  readonly outcome: string;
}

/** So long a Serf agent that returns is watched. */
const serfPatience = 75_000;

describe.skipIf(missingPrograms("serf").length > 0)(
  "a node that returns at another address",
  () => {
    const ip = loopbackNet();
    const folder = mkdtempSync(join(tmpdir(), "gossipd-return-"));
    const everyStarted: Agent[] = [];
    /** Those that are watched: Serf's at first, ours later. */
    const peers: Agent[] = [];
    const rounds: Round[] = [];
    let host = 1;

    async function start(kind: Kind, name: string, args: string[] = []): Promise<Agent> {
      const agent = await Agent.start({ kind, name, ip: ip(host++), args });
      everyStarted.push(agent);
      return agent;
    }

    /** An agent that writes down what its handlers are told, and stays. */
    async function startPeer(kind: Kind, name: string): Promise<void> {
      const line = `while read -r name address rest; do echo "$SERF_EVENT $name $address"; done`;
      writeFileSync(join(folder, name), "");
      const handler = `-event-handler=${line} >> ${join(folder, name)}`;
      const seed = peers.map(({ gossip }) => `-join=${gossip}`).slice(0, 1);
      peers.push(await start(kind, name, [handler, ...seed]));
    }

    const firstPeer = (): string => (peers[0] as Agent).gossip;

    /** What the handlers of `peer` were told of `name`, oldest first. */
    function told(peer: Agent, name: string): string[] {
      const lines = readFileSync(join(folder, peer.name), "utf8").split("\n");
      return lines.filter((line) => line.split(" ")[1] === name);
    }

    async function member(peer: Agent, name: string): Promise<CliMember | undefined> {
      return (await peer.members()).find((one) => one.name === name);
    }

    async function allSee(name: string, status: string, address: string, timeout = 60_000) {
      for (const peer of peers) {
        let seen: CliMember | undefined;
        await until(
          `${peer.name} shows ${name} ${status} at ${address}`,
          async () => {
            seen = await member(peer, name);
            return seen?.status === status && seen.addr === `${address}:7946`;
          },
          { timeout, every: 100, last: () => seen },
        );
      }
    }

    /** Starts a node, kills it, and starts it elsewhere; returns the new one. */
    async function bringBack(kind: Kind, name: string, moment: Moment): Promise<Agent> {
      const first = await start(kind, name, [`-join=${firstPeer()}`]);
      await allSee(name, "alive", first.ip);
      // Handlers are told after a while only; what they were told before is no matter here.
      for (const peer of peers) {
        await until(`${peer.name} tells of ${name}`, () => told(peer, name).length > 0);
      }
      first.signal("SIGKILL");
      await first.exited;
      if (moment === "after it failed") {
        await allSee(name, "failed", first.ip, 60_000);
        for (const peer of peers) {
          const failed = `member-failed ${name} ${first.ip}`;
          await until(`${peer.name} tells that ${name} failed`, () =>
            told(peer, name).includes(failed),
          );
        }
      }
      return await start(kind, name, [`-join=${firstPeer()}`]);
    }

    beforeAll(async () => {
      for (const name of ["s1", "s2", "s3"]) await startPeer("serf", name);
    });

    afterAll(async () => {
      for (const agent of everyStarted) await agent.end();
      rmSync(folder, { recursive: true, force: true });
      const lines = rounds.map(({ kind, moment, outcome }) => `  ${kind}, ${moment}: ${outcome}`);
      process.stdout.write(`back among three Serf agents, since its start:\n${lines.join("\n")}\n`);
    });

    test.for<[number, Moment]>([
      [1, "before it is missed"],
      [2, "after it failed"],
      [3, "before it is missed"],
      [4, "after it failed"],
      [5, "before it is missed"],
    ])(
      "round %i: ours is shown by three Serf agents and told to their handlers, %s",
      async ([round, moment]) => {
        const name = `ours${round}`;
        const back = await bringBack("gossipd", name, moment);
        const started = performance.now();
        await allSee(name, "alive", back.ip);
        const time = performance.now() - started;
        rounds.push({ kind: "gossipd", moment, outcome: `shown by all after ${seconds(time)}` });
        for (const peer of peers) {
          await until(`${peer.name} tells where ${name} is`, () =>
            told(peer, name).at(-1)?.endsWith(` ${back.ip}`),
          );
          expect(told(peer, name).map((line) => line.split(" ")[0])).toEqual([
            "member-join",
            "member-failed",
            "member-join",
          ]);
        }
        await back.cli(["leave"]);
      },
    );

    test("Serf's own agents do the same: what becomes of them is measured beside ours", async () => {
      const moments: Moment[] = [
        "before it is missed",
        "after it failed",
        "before it is missed",
        "after it failed",
        "before it is missed",
      ];
      const results = await Promise.all(
        moments.map(async (moment, index): Promise<Round> => {
          const name = `theirs${index + 1}`;
          const back = await bringBack("serf", name, moment);
          return { kind: "serf", moment, outcome: await fate(back) };
        }),
      );
      rounds.push(...results);
    });

    /** What becomes of an agent that has just come back. */
    async function fate(back: Agent): Promise<string> {
      const started = performance.now();
      let code: number | null | undefined;
      void back.exited.then((exit) => {
        code = exit;
      });
      while (performance.now() < started + serfPatience) {
        const time = seconds(performance.now() - started);
        if (code !== undefined) return `ends itself with exit status ${code} after ${time}`;
        const views = await Promise.all(peers.map((peer) => member(peer, back.name)));
        const isSeen = (one: CliMember | undefined): boolean =>
          one?.status === "alive" && one.addr === back.gossip;
        if (views.every(isSeen)) return `shown by all after ${time}`;
        await pause(250);
      }
      return `not shown by all within ${seconds(serfPatience)}`;
    }

    describe("with two of ours among them", () => {
      beforeAll(async () => {
        for (const name of ["g1", "g2"]) await startPeer("gossipd", name);
      });

      test.for<Moment>(["before it is missed", "after it failed"])(
        "is told to the handlers of ours exactly once, %s",
        async (moment) => {
          const name = `mixed-${moment.slice(0, 5)}`;
          const back = await bringBack("gossipd", name, moment);
          await allSee(name, "alive", back.ip);
          const arrivals = (peer: Agent): string[] =>
            told(peer, name).filter((line) => line.endsWith(` ${back.ip}`));
          const ours = peers.filter(({ kind }) => kind === "gossipd");
          for (const peer of ours) {
            await until(`${peer.name} tells where ${name} is`, () => arrivals(peer).length > 0);
          }
          // What came too much would come within the next window.
          await pause(4_000);
          // One of Serf's that hears of the return from ours within its window merges it with the departure.
          for (const peer of peers) expect(arrivals(peer).length).toBeLessThanOrEqual(1);
          for (const peer of ours) {
            const kind = moment === "after it failed" ? "member-join" : "member-update";
            expect(arrivals(peer)).toEqual([`${kind} ${name} ${back.ip}`]);
          }
        },
      );

      test.for<{ elder: Kind; newcomer: Kind; code: number }>([
        { elder: "serf", newcomer: "gossipd", code: 1 },
        { elder: "gossipd", newcomer: "serf", code: 0 },
        { elder: "gossipd", newcomer: "gossipd", code: 1 },
      ])(
        "a $newcomer agent that takes the name of a living $elder agent ends, and only it",
        async (row) => {
          const name = `${row.elder}-${row.newcomer}`;
          const elder = await start(row.elder, name, [`-join=${firstPeer()}`]);
          await allSee(name, "alive", elder.ip);
          for (const peer of peers) {
            await until(`${peer.name} tells of ${name}`, () => told(peer, name).length > 0);
          }
          const newcomer = await start(row.newcomer, name, [`-join=${firstPeer()}`]);
          expect(await newcomer.exited).toBe(row.code);
          expect(newcomer.output).toMatch(
            /minority in name conflict resolution, quitting \[0 \/ \d+\]/,
          );
          expect(newcomer.output).toContain(elder.gossip);
          await pause(5_000);
          await allSee(name, "alive", elder.ip);
          expect(elder.output).not.toContain("quitting");
          for (const peer of peers)
            expect(told(peer, name)).toEqual([`member-join ${name} ${elder.ip}`]);
          await elder.end();
        },
      );
    });

    describe("among three of ours alone", () => {
      beforeAll(async () => {
        peers.length = 0;
        for (const name of ["h1", "h2", "h3"]) await startPeer("gossipd", name);
      });

      test.for<Moment>(["before it is missed", "after it failed"])(
        "stays and is shown even if it is one of Serf's, %s",
        async (moment) => {
          const name = `stock-${moment.slice(0, 5)}`;
          const back = await bringBack("serf", name, moment);
          await allSee(name, "alive", back.ip);
          // It would end itself when its query for conflicts is over.
          await pause(6_000);
          expect(back.output).not.toContain("quitting");
          await allSee(name, "alive", back.ip);
        },
      );
    });
  },
);

function seconds(millis: number): string {
  return `${(millis / 1_000).toFixed(1)} s`;
}
