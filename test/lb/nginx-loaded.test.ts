import { expect, test } from "vitest";
import type { ServedServer } from "../../src/lb/model.js";
import { LoadedByWorkers } from "../../src/lb/nginx/loaded.js";
import type { Worker } from "../../src/lb/nginx/processes.js";
import type { Notes } from "../../src/lb/proxy.js";

function noted(): Notes {
  const kept = new Map<string, string>();
  return {
    read: (key) => JSON.parse(kept.get(key) ?? "null") as unknown,
    write: (key, value) => void kept.set(key, JSON.stringify(value)),
  };
}

function served(node: string): ServedServer {
  const ip = `10.0.0.${node.slice(3)}`;
  const usual = { pool: "web", port: 80, weight: 1, state: "ready", up: true, inUse: 0 } as const;
  return { ...usual, name: `${ip}:80`, node, ip };
}

const worker = (pid: number, finishes = false): Worker => ({ pid, id: `${pid}-1`, finishes });

function loaded(generation: string, workers: readonly Worker[], ...nodes: string[]) {
  return { generation, workers: workers.map(({ id }) => id), servers: nodes.map(served) };
}

test("what workers have loaded is known as long as one of them serves, also after a restart of ours", () => {
  const notes = noted();
  new LoadedByWorkers(notes).note(loaded("one", [worker(1), worker(2)], "web1"));
  const later = new LoadedByWorkers(notes);
  // One crashed, and another one took its place: it has the same.
  expect(later.of([worker(2), worker(3)])).toEqual(loaded("one", [worker(1), worker(2)], "web1"));
  expect(later.of([worker(2, true), worker(3)])).toBeUndefined();
  expect(later.of([{ ...worker(1), id: "1-99" }])).toBeUndefined();
});

test("servers that only workers have that finish are drained as long as those live", () => {
  const notes = noted();
  const noting = new LoadedByWorkers(notes);
  noting.note(loaded("one", [worker(1), worker(2)], "web1", "web2"));
  noting.note(loaded("two", [worker(3)], "web2", "web3"));
  noting.note(loaded("three", [worker(4)], "web3"));
  const current = [served("web3")];
  const drained = (...workers: Worker[]) =>
    new LoadedByWorkers(notes)
      .lingering(workers, current)
      .map(({ node, state, inUse }) => `${node} ${state} ${inUse}`);
  expect(drained(worker(1, true), worker(2, true), worker(3, true), worker(4))).toEqual([
    "web1 drain 2",
    "web2 drain 3",
  ]);
  expect(drained(worker(3, true), worker(4))).toEqual(["web2 drain 1"]);
  expect(drained(worker(4))).toEqual([]);
  expect(JSON.stringify(notes.read("nginx"))).not.toContain("web1");
});

test("no more earlier ones are remembered than may linger", () => {
  const notes = noted();
  const noting = new LoadedByWorkers(notes);
  for (let pid = 1; pid <= 100; pid += 1) noting.note(loaded("one", [worker(pid)], "web1"));
  const { earlier } = notes.read("nginx") as { earlier: unknown[] };
  expect(earlier).toHaveLength(32);
});

test.for([
  null,
  7,
  { current: 7, earlier: 7 },
  { current: { workers: ["1-1"], servers: 7 }, earlier: [7, null, {}] },
  { current: { workers: ["1-1"], servers: [{ pool: "web", ip: "0.0.0.0" }, null] } },
])("notes like %j are as good as none", (kept) => {
  const noting = new LoadedByWorkers({ read: () => kept, write: () => {} });
  expect(noting.of([worker(1)])?.servers ?? []).toEqual([]);
  expect(noting.lingering([worker(1, true)], [])).toEqual([]);
});
