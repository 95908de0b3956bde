import { expect, test } from "vitest";
import { TimerQueue } from "../../src/base/timers.js";
import type { UserEvent } from "../../src/serf/events.js";
import { UserCoalescer } from "../../src/serf/user-coalescer.js";

class Fixture {
  readonly events: UserEvent[] = [];
  readonly timers = new TimerQueue();
  readonly coalescer = new UserCoalescer(
    this.timers,
    { coalesce: 3_000, quiescent: 1_000 },
    (event) => this.events.push(event),
  );

  hear(name: string, ltime: number, text = ""): void {
    const payload = Uint8Array.from(Buffer.from(text));
    this.coalescer.handle(0, { kind: "user", name, ltime, payload, coalesce: true });
  }

  get told(): string[] {
    return this.events.map(
      ({ name, ltime, payload }) => `${name} ${ltime} ${Buffer.from(payload)}`,
    );
  }
}

test("of each name the highest Lamport time is told, with all events of that time", () => {
  const fixture = new Fixture();
  fixture.hear("deploy", 2, "old");
  fixture.hear("deploy", 5, "one");
  fixture.hear("restart", 1, "x");
  fixture.hear("deploy", 3, "late");
  fixture.hear("deploy", 5, "two");
  fixture.timers.runDue(999);
  expect(fixture.told).toEqual([]);
  fixture.timers.runDue(1_000);
  expect(fixture.told).toEqual(["deploy 5 one", "deploy 5 two", "restart 1 x"]);
});

test("the next window begins with nothing", () => {
  const fixture = new Fixture();
  fixture.hear("deploy", 5);
  fixture.coalescer.flush(0);
  fixture.hear("deploy", 4);
  fixture.coalescer.flush(0);
  expect(fixture.told).toEqual(["deploy 5 ", "deploy 4 "]);
});

test("a flood is told early, and all of it", () => {
  const fixture = new Fixture();
  for (let index = 0; index < 4_096; index += 1) fixture.hear(`n${index}`, 1);
  expect(fixture.events).toHaveLength(4_096);
});
