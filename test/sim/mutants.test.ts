import { expect, test } from "vitest";
import type { Instant } from "../../src/base/units.js";
import type { SerfEvent, SerfOutput } from "../../src/serf/events.js";
import type { Holdings } from "../../src/serf/holdings.js";
import { Serf } from "../../src/serf/serf.js";
import type { SerfStats } from "../../src/serf/stats.js";
import type { Plan } from "../../src/sim/plan.js";
import { simulate } from "../../src/sim/trial.js";
import type { SwimMember } from "../../src/swim/member.js";

type Parts = ConstructorParameters<typeof Serf>;

const node = { startAt: 0, snapshot: true, rejoins: false, introduced: true, rate: 1, offset: 0 };

/** Three members, to which little happens. */
const plan: Plan = {
  seed: 5,
  profile: "local",
  encrypted: true,
  conditions: {
    latency: 1,
    jitter: 1,
    tail: 0,
    loss: 0,
    duplication: 0,
    reordering: 0,
    reorderTime: 0,
  },
  settings: {
    eventBuffer: 16,
    coalescePeriod: 0,
    userCoalescePeriod: 0,
    reconnectTimeout: 1e8,
    tombstoneTimeout: 1e8,
  },
  nodes: [node, { ...node, startAt: 500 }, { ...node, startAt: 1_000 }],
  trouble: 40_000,
  steps: [
    { kind: "event", node: 0, name: "deploy", bytes: 9, coalesce: false, begin: 8_000, end: 8_000 },
    { kind: "rotation", node: 1, key: 1, begin: 9_000, end: 9_000 },
    { kind: "tags", node: 0, value: "web", begin: 10_000, end: 10_000 },
    { kind: "leave", node: 2, comeback: "same", begin: 30_000, end: 35_000 },
  ],
};

/** A member that does with its outputs what it should not. */
function tampering(change: (output: SerfOutput) => readonly SerfOutput[]): typeof Serf {
  return class extends Serf {
    override drain(): SerfOutput[] {
      return super.drain().flatMap(change);
    }
  };
}

/** As {@link tampering}, with events. */
function misreporting(change: (event: SerfEvent) => readonly SerfEvent[]): typeof Serf {
  return tampering((output) =>
    output.kind === "event"
      ? change(output.event).map((event) => ({ kind: "event", event }))
      : [output],
  );
}

class Forgetful extends Serf {
  override *swimMembers(): Iterable<SwimMember> {
    for (const member of super.swimMembers()) {
      const { aliveClaims } = this.swimCounters;
      yield { ...member, incarnation: Math.max(0, 9 - aliveClaims) };
    }
  }
}

class TurningBack extends Serf {
  override stats(): SerfStats {
    const stats = super.stats();
    return { ...stats, memberTime: stats.memberTime > 4 ? 3 : stats.memberTime };
  }
}

class Hoarding extends Serf {
  override holdings(): Holdings {
    return { ...super.holdings(), timers: this.swimCounters.packetsReceived };
  }
}

class GivingUp extends Serf {
  override *swimMembers(): Iterable<SwimMember> {
    for (const member of super.swimMembers()) {
      const isOurs = member.name === this.local.name;
      yield isOurs && this.stats().memberTime > 4 ? { ...member, state: "dead" } : member;
    }
  }
}

class Chatty extends Serf {
  override get queuedClaims(): number {
    return Math.max(1, super.queuedClaims);
  }
}

class Hesitant extends Serf {
  override setTags(now: Instant, tags: ReadonlyMap<string, string>): void {
    super.setTags(now, tags, () => {});
  }
}

class Stuttering extends Serf {
  override setTags(
    now: Instant,
    tags: ReadonlyMap<string, string>,
    done: (error: string | undefined) => void,
  ): void {
    super.setTags(now, tags, (error) => {
      done(error);
      done(error);
    });
  }
}

class Renaming extends Serf {
  override setTags(
    now: Instant,
    _tags: ReadonlyMap<string, string>,
    done: (error: string | undefined) => void,
  ): void {
    super.setTags(now, new Map([["tag", "db"]]), done);
  }
}

class Throwing extends Serf {
  override handleTimeout(now: Instant): void {
    if (this.stats().memberTime > 4) throw new TypeError("x is not a function");
    super.handleTimeout(now);
  }
}

/** Says nothing any more, by UDP or TCP, from a certain time on. */
class Falling extends Serf {
  override drain(): SerfOutput[] {
    const outputs = super.drain();
    if (this.stats().memberTime <= 4) return outputs;
    return outputs.filter(({ kind }) => kind !== "packet" && kind !== "write");
  }
}

test.for<{ what: string; serf: (...parts: Parts) => Serf; rule: string; text: string | RegExp }>([
  {
    what: "tells of an event twice",
    serf: (...parts) =>
      new (misreporting((event) => (event.kind === "user" ? [event, event] : [event])))(...parts),
    rule: "events come at most once",
    text: /was told deploy twice/,
  },
  {
    what: "does not tell all of an event",
    serf: (config, host) =>
      config.name === "n2"
        ? new (misreporting((event) => (event.kind === "user" ? [] : [event])))(config, host)
        : new Serf(config, host),
    rule: "all agree in the end",
    text: "n2 was not told deploy",
  },
  {
    what: "tells of a member twice",
    serf: (...parts) => new (misreporting((event) => [event, event]))(...parts),
    rule: "what is told of members makes sense",
    text: /was told member-join of n1, which was here/,
  },
  {
    what: "lets incarnations fall",
    serf: (...parts) => new Forgetful(...parts),
    rule: "incarnations never fall",
    text: /held n1 alive at \d, now alive at \d/,
  },
  {
    what: "turns its clock back",
    serf: (...parts) => new TurningBack(...parts),
    rule: "Lamport clocks only grow",
    text: /became 3/,
  },
  {
    what: "never forgets a timer",
    serf: (...parts) => new Hoarding(...parts),
    rule: "bounds hold",
    text: /of at most 136 timers/,
  },
  {
    what: "gives itself up",
    serf: (...parts) => new GivingUp(...parts),
    rule: "nobody gives itself up",
    text: /holds itself for dead/,
  },
  {
    what: "sends packets that are too long",
    serf: (...parts) =>
      new (tampering((output) =>
        output.kind === "packet" ? [{ ...output, payload: new Uint8Array(1_406) }] : [output],
      ))(...parts),
    rule: "packets keep their budget",
    text: /sent 1406 bytes/,
  },
  {
    what: "never has said all",
    serf: (...parts) => new Chatty(...parts),
    rule: "all agree in the end",
    text: /still has 1 messages to gossip/,
  },
  {
    what: "never says that it has done what it was told",
    serf: (...parts) => new Hesitant(...parts),
    rule: "all agree in the end",
    text: "tags of n1 has not ended",
  },
  {
    what: "says twice that it has done what it was told",
    serf: (...parts) => new Stuttering(...parts),
    rule: "commands end once",
    text: "tags of n1 ended twice",
  },
  {
    what: "has other tags than it was told to",
    serf: (...parts) => new Renaming(...parts),
    rule: "all agree in the end",
    text: /holds n1 to have tag tag=db, it is web/,
  },
  {
    what: "ends although nobody else has its name",
    serf: (...parts) =>
      new (tampering((output) =>
        output.kind === "event" && output.event.kind === "user"
          ? [output, { kind: "stop", reason: "the name is in use" }]
          : [output],
      ))(...parts),
    rule: "nobody loses a name without a rival",
    text: /the name is in use/,
  },
  {
    what: "does not keep its keys",
    serf: (config, host) => new Serf(config, { ...host, saveKeyring: () => {} }),
    rule: "all agree in the end",
    text: /has the keys k1, on its disk are k0/,
  },
  {
    what: "throws",
    serf: (...parts) => new Throwing(...parts),
    rule: "nothing throws",
    text: /x is not a function/,
  },
  {
    what: "falls silent",
    serf: (config, host) =>
      config.name === "n1" ? new Falling(config, host) : new Serf(config, host),
    rule: "joins succeed when all is well",
    text: "n3 reached nobody",
  },
])("a member that $what is found out", ({ serf, rule, text }) => {
  const { failure } = simulate(plan, serf);
  expect(failure?.rule).toBe(rule);
  expect(failure?.message).toMatch(text);
});

test("a member that takes others for failed for no reason is found out", () => {
  const at = 190_000;
  const calm: Plan = {
    ...plan,
    trouble: 200_000,
    steps: [
      { kind: "event", node: 0, name: "deploy", bytes: 9, coalesce: false, begin: at, end: at },
    ],
  };
  class Suspicious extends Serf {
    override drain(): SerfOutput[] {
      const outputs = super.drain();
      if (!outputs.some((output) => output.kind === "event" && output.event.kind === "user")) {
        return outputs;
      }
      const members = this.members().filter(({ name }) => name !== this.local.name);
      return [{ kind: "event", event: { kind: "member-failed", members } }, ...outputs];
    }
  }
  const { failure } = simulate(calm, (...parts) => new Suspicious(...parts));
  expect(failure?.rule).toBe("nobody fails in a calm");
  expect(failure?.message).toMatch("n1 takes n2 for failed");
});

test("members that are as they should be break no rule in that plan", () => {
  expect(simulate(plan).failure).toBeUndefined();
});
