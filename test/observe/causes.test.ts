import { expect, test } from "vitest";
import type { Deed } from "../../src/observe/deed.js";
import type { Account, Loss } from "../../src/observe/why/account.js";
import { explain } from "../../src/observe/why/explain.js";
import type { Verdict } from "../../src/observe/why/verdict.js";
import type { TroubledProbe } from "../../src/swim/observation.js";
import { plainWords } from "./witnesses.js";

/** What one member tells: its deeds a second apart each, from 100 s on, and pings that were answered. */
function account(
  from: string,
  deeds: readonly Deed[],
  { acks = [], losses = [] }: { acks?: readonly number[]; losses?: readonly Loss[] } = {},
): Account {
  return {
    from,
    reach: 0,
    facts: deeds.map((deed, index) => {
      const at = 100_000 + 1_000 * index;
      return { seq: index + 1, at, until: at, times: 1, deed };
    }),
    roundTrips: acks.map((at) => ({ at, rtt: 1 })),
    losses,
    whole: true,
  };
}

function why(...accounts: readonly Account[]): Verdict | undefined {
  return explain("web", accounts, plainWords).episodes[0]?.verdict;
}

const probe = (over: Partial<TroubledProbe>): Deed => ({
  kind: "probe",
  node: "web",
  outcome: "lost",
  took: 1_000,
  helpers: ["h"],
  nacks: 1,
  tcp: "unreachable",
  unheard: false,
  ...over,
});

const suspected = (by: string, over: object = {}): Deed => ({
  kind: "suspected",
  node: "web",
  by,
  incarnation: 1,
  unheard: false,
  ...over,
});

const cleared: Deed = { kind: "cleared", node: "web", why: "refuted", incarnation: 2, after: 900 };

const moved = (from: string, to: string): Deed => ({
  kind: "moved",
  node: "web",
  from: `10.0.0.${from}:7946`,
  to: `10.0.0.${to}:7946`,
  incarnation: 1,
});

const loss = (node: string, how: Loss["how"], unheard = false): Loss => ({
  node,
  how,
  unheard,
  at: 100_500,
});

const nothing: Account = account("b", []);

const contested: Deed = {
  kind: "contested",
  node: "web",
  held: "10.0.0.1:7946",
  claimed: "10.0.0.2:7946",
};

const recorded: [string, readonly Account[], Partial<Verdict>][] = [
  [
    "two agents with one name",
    [account("a", [moved("1", "2"), moved("2", "1"), moved("1", "2")]), nothing],
    { cause: "contested", confidence: "likely" },
  ],
  [
    "two agents with one name that both answer",
    [account("a", [contested]), account("b", [contested])],
    { cause: "contested", confidence: "certain" },
  ],
  [
    "a member that was replaced before it was missed",
    [account("a", [moved("1", "2")]), nothing],
    { cause: "moved" },
  ],
  [
    "something else at its address",
    [account("a", [probe({ tcp: "closed" }), suspected("a")]), nothing],
    { cause: "stranger" },
  ],
  [
    "a firewall that rejects TCP, of an agent that says it ran all the time",
    [
      account("a", [probe({ tcp: "refused" }), suspected("a"), cleared]),
      account("web", [{ kind: "health", node: "web", score: 1 }]),
    ],
    { cause: "path", members: ["a"] },
  ],
  [
    "acks that come late to several, and nothing worse",
    [
      account("a", [probe({ outcome: "late", took: 700 }), probe({ outcome: "late", took: 800 })]),
      account("b", [probe({ outcome: "late", took: 900 })]),
    ],
    { cause: "overloaded", confidence: "likely" },
  ],
  [
    "an accuser whose own timers came late",
    [account("a", [probe({ delay: 800 }), suspected("a"), cleared]), nothing],
    { cause: "accuser", members: ["a"] },
  ],
  [
    "an accuser that loses packets of others as well",
    [
      account("a", [probe({ outcome: "helped" }), probe({ outcome: "helped" })], {
        losses: [loss("b", "helped"), loss("c", "helped")],
      }),
      account("b", [], { acks: [100_200] }),
    ],
    { cause: "accuser", members: ["a"] },
  ],
  [
    "packets that most lose now and then",
    ["a", "b", "c", "d"].map((from) => account(from, [probe({ outcome: "helped" })])),
    { cause: "path", members: [] },
  ],
  [
    "UDP that only one member does not get through",
    [
      account("a", [probe({ outcome: "tcp", tcp: "acked" }), probe({ outcome: "tcp" })]),
      account("b", [], { acks: [100_200] }),
    ],
    { cause: "udp-blocked", members: ["a"] },
  ],
  [
    "a member that only members without records accused, and that refuted",
    [account("a", [suspected("serf1"), cleared])],
    { cause: "path", confidence: "possible", members: ["serf1"] },
  ],
  [
    "a suspicion that a full exchange told, and that was refuted",
    [account("a", [suspected("a", { exchanged: true }), cleared])],
    { cause: "unknown" },
  ],
  [
    "a member that is back and never said why, whose host had refused",
    [
      account("a", [
        probe({ tcp: "refused" }),
        suspected("a"),
        {
          kind: "appeared",
          node: "web",
          address: "10.0.0.1:7946",
          before: "failed",
          incarnation: 3,
        },
      ]),
    ],
    { cause: "restarted", confidence: "likely" },
  ],
];

test.for(recorded)("%s", ([, accounts, expected]) => {
  expect(why(...accounts)).toMatchObject(expected);
});

test("a member of which nobody tells anything has no cause, nor one with two late acks", () => {
  expect(why(nothing)).toBeUndefined();
  const late = [probe({ outcome: "late" }), probe({ outcome: "late" })];
  expect(why(account("a", late), nothing)).toBeUndefined();
});

test("what happened long before has a cause of its own", () => {
  const before = account("a", [suspected("a"), cleared]);
  const long = 600_000;
  const [first] = account("a", [probe({ tcp: "refused" })]).facts;
  if (first === undefined) throw new Error("no fact");
  const later = { ...first, seq: 9, at: first.at + long, until: first.at + long };
  const accounts = [{ ...before, facts: [...before.facts, later] }];
  const causes = explain("web", accounts, plainWords).episodes.map(({ verdict }) => verdict.cause);
  expect(causes).toEqual(["process-gone", "path"]);
});
