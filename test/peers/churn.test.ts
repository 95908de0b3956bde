import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { intBelow, SeededRandom } from "../../src/base/random.js";
import { loopbackNet } from "../support/agents.js";
import { EventLedger } from "../support/churn-ledger.js";
import { ChurnNode } from "../support/churn-node.js";
import { missingPrograms } from "../support/programs.js";
import { pause, until } from "../support/wait.js";

// A longer run, or another one: CHURN_MINUTES=10 CHURN_SEED=7 npm run test:peers -- churn
const minutes = Number(process.env.CHURN_MINUTES ?? 1);
const seed = Number(process.env.CHURN_SEED ?? 1);
const size = 5;

/** How many may be away at once. */
const mostAway = 3;

/** An agent that has just said something is left alone for so long. */
const speakingTime = 3_000;

/** For all to agree in the end: failures to be found, and full exchanges to mend what gossip missed. */
const settleTimeout = 180_000;

const folder = mkdtempSync(join(tmpdir(), "gossipd-churn-"));
const nodes: ChurnNode[] = [];
const ledger = new EventLedger();
const random = new SeededRandom(seed);

afterAll(async () => {
  for (const { processes } of nodes) for (const agent of processes) await agent.end();
  rmSync(folder, { recursive: true });
});

const pick = <T>(items: readonly T[]): T => items[intBelow(random, items.length)] as T;
const present = (): ChurnNode[] => nodes.filter(({ up }) => up);
const history: string[] = [];
const note = (text: string): void => {
  history.push(`${(performance.now() / 1_000).toFixed(1)} s: ${text}`);
};

/** Those who return, and when. */
const away: { readonly node: ChurnNode; readonly at: number }[] = [];

async function sendAway(node: ChurnNode): Promise<void> {
  const leaves = random.next() < 0.4;
  // Real Serf at another address gives up as long as its old one is not known to be gone.
  const moves = random.next() < 0.6 && (node.kind === "gossipd" || leaves);
  const delay = 200 + random.next() * 12_000;
  note(
    `${node.name} ${leaves ? "leaves" : "is killed"}, returns${moves ? " elsewhere" : ""} in ${Math.round(delay)} ms`,
  );
  if (leaves) await node.leave();
  else await node.kill();
  if (moves) node.move();
  away.push({ node, at: performance.now() + delay });
}

async function bringBack(all: boolean): Promise<void> {
  const due = away.filter(({ at }) => all || at <= performance.now());
  for (const entry of due) {
    away.splice(away.indexOf(entry), 1);
    note(`${entry.node.name} returns at ${entry.node.ip}`);
    await entry.node.start(pick(present()));
  }
}

async function say(node: ChurnNode): Promise<void> {
  const event = `event-${ledger.count + 1}`;
  note(`${node.name} says ${event}`);
  ledger.say(event);
  node.busyUntil = performance.now() + speakingTime;
  expect(await node.cli("event", "-coalesce=false", event, "x")).toMatchObject({ code: 0 });
}

async function tag(node: ChurnNode): Promise<void> {
  const value = String(intBelow(random, 1_000_000));
  note(`${node.name} tags itself n=${value}`);
  node.tags.n = value;
  node.busyUntil = performance.now() + speakingTime;
  expect(await node.cli("tags", "-set", `n=${value}`)).toMatchObject({ code: 0 });
}

async function ask(node: ChurnNode): Promise<void> {
  note(`${node.name} asks who is there`);
  const { code, stdout } = await node.cli("query", "-format=json", "-timeout=2s", "who");
  expect(code, stdout).toBe(0);
  const { Responses: responses } = JSON.parse(stdout) as { Responses: Record<string, string> };
  for (const [name, answer] of Object.entries(responses)) expect(answer).toBe(`${name}\n`);
}

/** How many members each shows alive, by its own program. */
async function views(): Promise<Map<string, string[]>> {
  const seen = new Map<string, string[]>();
  for (const node of present()) {
    const members = await node.agent.members();
    seen.set(
      node.name,
      members.map(({ name, status, addr, tags }) =>
        JSON.stringify([name, status, addr, Object.entries(tags).sort()]),
      ),
    );
  }
  return seen;
}

async function agree(what: string): Promise<void> {
  const expected = nodes.map(({ shown }) => shown).sort();
  let disagreeing: unknown;
  await until(
    what,
    async () => {
      const differing = [...(await views())].flatMap(([viewer, seen]) => {
        const strange = seen.filter((one) => !expected.includes(one));
        const missing = expected.filter((one) => !seen.includes(one));
        return strange.length + missing.length > 0 ? [{ viewer, strange, missing }] : [];
      });
      disagreeing = differing;
      return differing.length === 0;
    },
    {
      timeout: settleTimeout,
      every: 1_000,
      last: () => ({ disagreeing, history: history.slice(-40) }),
    },
  );
}

let key = randomBytes(32).toString("base64");

/** Needs all: whoever is away when keys change cannot come back, with Serf as with us. */
async function rotateKeys(): Promise<void> {
  await bringBack(true);
  await agree("all are back before keys change");
  const next = randomBytes(32).toString("base64");
  for (const [flag, value] of [
    ["-install", next],
    ["-use", next],
    ["-remove", key],
  ] as const) {
    const node = pick(present());
    note(`${node.name} does keys ${flag}`);
    let last: unknown;
    await until(
      `keys ${flag} succeeds everywhere`,
      async () => {
        const result = await node.cli("keys", flag, value);
        last = result;
        return result.code === 0;
      },
      { timeout: 60_000, every: 500, last: () => last },
    );
  }
  key = next;
}

test.skipIf(missingPrograms("serf").length > 0)(
  `${size} Serf agents and ${size} of ours agree after ${minutes} min of churn (CHURN_SEED=${seed})`,
  async () => {
    const ip = loopbackNet();
    for (let index = 0; index < 2 * size; index += 1) {
      const kind = index % 2 === 0 ? "serf" : "gossipd";
      const name = `${kind === "serf" ? "s" : "g"}${Math.floor(index / 2) + 1}`;
      const addresses = [1, 2, 3].map((place) => ip(place * 50 + index));
      const node = new ChurnNode({ name, kind, addresses, folder, key, ledger });
      nodes.push(node);
      await node.start(present()[0]);
    }
    await agree("all know each other before the churn");

    const end = performance.now() + minutes * 60_000;
    const rotations = Math.max(1, Math.floor(minutes / 3));
    let nextRotation = performance.now() + (minutes * 60_000) / (rotations + 1);
    while (performance.now() < end) {
      await bringBack(false);
      if (performance.now() > nextRotation) {
        await rotateKeys();
        nextRotation += (minutes * 60_000) / (rotations + 1);
      }
      const node = pick(present());
      const chance = random.next();
      if (chance < 0.35) await say(node);
      else if (chance < 0.5) await tag(node);
      else if (chance < 0.6) await ask(node);
      else if (away.length < mostAway && node.busyUntil < performance.now()) await sendAway(node);
      await pause(200 + random.next() * 2_000);
    }
    await bringBack(true);

    await agree("all agree in the end");
    await until("every event came where it was due", () => ledger.missing().length === 0, {
      timeout: 90_000,
      every: 1_000,
      last: () => ({ missing: ledger.missing(), history: history.slice(-60) }),
    });
    expect(ledger.wrong()).toEqual([]);
    expect(ledger.due).toBeGreaterThan(0);
    process.stdout.write(
      `churn: ${history.length} actions, ${ledger.count} events, ${ledger.due} deliveries due, all once\n`,
    );
  },
  minutes * 60_000 + 3 * settleTimeout + 300_000,
);
