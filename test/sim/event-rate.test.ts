import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.js";
import { World } from "../../src/sim/world.js";

const nothing = new Uint8Array(0);

// With Serf's three packets in 200 ms and 512 remembered events, one in forty of these is not there by then.
test("hundreds of events a second reach every member, soon after they were said", () => {
  const [size, perSecond, duration] = [20, 300, 3];
  const world = new World({ seed: 1, hashPackets: false });
  const processes = world.populate(Array.from({ length: size }, (_, index) => `n${index}`));
  const heard = new Map(processes.map(({ name }) => [name, new Set<string>()]));
  world.observer = {
    touched: () => {},
    sent: () => {},
    told: ({ name }, event) => {
      if (event.kind === "user") heard.get(name)?.add(event.name);
    },
    started: () => {},
    stopped: () => {},
  };
  world.run(seconds(1));
  const [speaker] = processes;
  for (let number = 0; number < perSecond * duration; number += 1) {
    world.at(world.now + seconds(number / perSecond), () => {
      if (speaker === undefined) return;
      world.feed(speaker, (now) => speaker.serf.userEvent(now, `e${number}`, nothing, false));
    });
  }
  world.run(seconds(duration + 2));
  const due = size * perSecond * duration;
  const arrived = [...heard.values()].reduce((sum, events) => sum + events.size, 0);
  // A few wait for a full exchange: gossip is a matter of chance.
  expect(due - arrived).toBeLessThan(due / 1_000);
});
