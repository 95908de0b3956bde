import { expect, test } from "vitest";
import type { Container } from "../../docker/autoscale/controller/docker.js";
import { Servers } from "../../docker/autoscale/controller/servers.js";
import type { Member, MemberStatus } from "../../src/lib/members.js";

const container: Container = {
  id: "c1",
  name: "web-1",
  state: "running",
  status: "Up 2 seconds",
  address: "10.0.0.5",
  createdAt: 0,
};

function member(status: MemberStatus, state?: string, address = "10.0.0.5"): Member {
  const tags = state === undefined ? {} : { state };
  return { name: "web-1", address, port: 7946, status, tags };
}

/** What follows from what is seen at one second after the other. */
function history(...seen: [number, Member?, Partial<Container>?][]): string[] {
  const servers = new Servers(30_000);
  return seen.map(([second, one, given]) => {
    const members = one === undefined ? [] : [one];
    const containers = [{ ...container, ...given }];
    return servers.update(1_000 * second, containers, members, new Set())[0]?.phase ?? "none";
  });
}

test("a server starts, is ready, wants out and leaves", () => {
  expect(
    history(
      [0],
      [1, member("alive", "starting")],
      [2, member("alive", "ready")],
      [3, member("alive", "maint")],
      [4, member("alive")],
      [5, member("alive", "draining")],
      [6, member("leaving", "draining")],
      [7, member("left", "draining")],
      [8, member("left", "draining"), { state: "exited" }],
    ),
  ).toEqual(["starting", "starting", "ready", "away", "ready", "away", "away", "away", "ended"]);
});

test("it is lost if the others say so while its container runs", () => {
  expect(history([0, member("alive")], [1, member("failed")], [2, member("alive")])).toEqual([
    "ready",
    "lost",
    "ready",
  ]);
});

test("what gossip knows of one before it is not held against it", () => {
  expect(
    history(
      // Its name at another address, and its address with the same name: engines give both out again.
      [0, member("failed", "ready", "10.0.0.9")],
      [1, member("failed")],
      [2, member("left")],
      [3, member("alive", "starting")],
      [4, member("alive", "ready")],
    ),
  ).toEqual(["starting", "starting", "starting", "starting", "ready"]);
});

test("one that is not ready in time is late, until it is", () => {
  expect(
    history(
      [0],
      [29],
      [30],
      [31, member("alive", "starting")],
      [32, member("alive", "ready")],
      // Its application is started again, which takes its time as well.
      [40, member("alive", "starting")],
      [69, member("alive", "starting")],
      [70, member("alive", "starting")],
    ),
  ).toEqual(["starting", "starting", "late", "late", "ready", "starting", "starting", "late"]);
});

test("one that was told to stop is stopping, whatever it says", () => {
  const servers = new Servers(30_000);
  const [server] = servers.update(0, [container], [member("alive")], new Set(["c1"]));
  expect(server?.phase).toBe("stopping");
});
