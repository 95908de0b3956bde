import { expect, test } from "vitest";
import { examineCluster } from "../../../src/cli/doctor/cluster.js";
import { Peers } from "../../../src/cli/doctor/peers.js";
import { isReadableFile } from "../../../src/cli/doctor/proxy-place.js";
import { Findings } from "../../../src/examine/finding.js";
import type { Reach } from "../../../src/observe/reach.js";
import type { KeyReport } from "../../../src/rpc/api.js";
import { RpcClient } from "../../../src/rpc/client.js";
import { told, words } from "../../examine/files.js";
import { Bench } from "../../rpc/bench.js";
import { member } from "../../rpc/scripted-api.js";

const well: Reach = { address: "127.0.0.1:7946", tcp: "answers", udp: "answers" };

interface Scene {
  /** What web1 answers; undefined: nothing. */
  readonly answer?: unknown;
  readonly reach?: Reach;
  readonly status?: string;
  readonly encrypted?: boolean;
  readonly keys?: Partial<KeyReport>;
  readonly seeds?: readonly string[];
  readonly alone?: boolean;
  /** The other member; web1 if nothing else is said. */
  readonly name?: string;
}

/** Of a cluster of two, in which all is well but for what the scene says. */
async function examined(scene: Scene = {}) {
  const bench = await Bench.start();
  const { api } = bench;
  const { alone = false, name = "web1", reach = well, status = "alive" } = scene;
  const others = alone ? [] : [member(name, { status, ip: [127, 0, 0, 2] })];
  api.known = [member("self"), ...others];
  api.ask = (topic) => Promise.resolve(topic === "reach" ? { reach } : {});
  const answer =
    "answer" in scene ? scene.answer : { now: Date.now(), alive: 2, reach: well, port: null };
  const payload = Buffer.from(JSON.stringify(answer) ?? "");
  api.replies = [
    { kind: "ack", from: "web1" },
    ...(answer === undefined ? [] : [{ kind: "response" as const, from: "web1", payload }]),
    { kind: "done" },
  ];
  api.report = { ...api.report, ...scene.keys };
  const agent = await RpcClient.connect({ host: "127.0.0.1", port: bench.port, authKey: "" });
  try {
    const { encrypted = false, seeds = [] } = scene;
    const members = await agent.members();
    const peers = new Peers(agent, "self", true);
    return await examineCluster({ agent, self: "self", members, peers, encrypted, seeds });
  } finally {
    agent.close();
  }
}

const answerOf = (over: object): object => ({
  now: Date.now(),
  alive: 2,
  reach: well,
  port: null,
  ...over,
});

test("a member whose name looks like a flag is none in the commands", async () => {
  const gone: Reach = { address: "127.0.0.2:7946", tcp: "refused", udp: "silent" };
  const found = words(await examined({ name: "-prune", status: "failed", reach: gone }));
  expect(found).toContain("gossipd force-leave -- -prune");
});

test("a file whose name looks like a flag is none in the commands", () => {
  const findings = new Findings("proxy-files", "file");
  expect(isReadableFile("-no-such", findings, "sample.cfg")).toBe(false);
  expect(words(findings.all)).toContain("install -D sample.cfg ./-no-such");
});

test("a cluster in which all answer is well", async () => {
  expect(words(await examined())).toBe("");
  expect(told(await examined())).toContain("ok: those of others agree with ours (asked of 1)");
});

test.for([
  { ms: 60_000, says: "ahead of" },
  { ms: -60_000, says: "behind" },
])("a clock that is $ms ms off is to be looked at", async ({ ms, says }) => {
  const found = words(await examined({ answer: answerOf({ now: Date.now() + ms }) }));
  expect(found).toMatch(new RegExp(`that of web1 is (59|60)\\.\\d s ${says} ours`));
  expect(found).toContain("timedatectl");
});

test("a view that is another one is told", async () => {
  expect(words(await examined({ answer: answerOf({ alive: 5 }) }))).toContain(
    "sees 2 members that are alive, web1 sees 5",
  );
});

test.for([
  [{ tcp: "answers", udp: "silent" }, "UDP to 127.0.0.1:7946 does not get through from web1"],
  [{ tcp: "refused", udp: "answers" }, "TCP to 127.0.0.1:7946 does not get through from web1"],
  [
    { tcp: "silent", udp: "silent" },
    "nobody reaches self at 127.0.0.1:7946, the address that it advertises",
  ],
] as const)("how others reach us: %j", async ([ways, says]) => {
  expect(words(await examined({ answer: answerOf({ reach: { ...well, ...ways } }) }))).toContain(
    says,
  );
});

test("answers that are none, from anybody, change nothing", async () => {
  for (const answer of [
    7,
    {},
    { now: "x" },
    [],
    answerOf({ reach: { address: 1 } }),
    answerOf({ port: { listens: "x" } }),
  ]) {
    const found = await examined({ answer });
    expect(words(found)).toBe("");
  }
});

test("a failed member whose agent is there, is there over TCP alone, or has ended", async () => {
  const failed = { status: "failed" };
  expect(words(await examined(failed))).toContain("the cluster is in two parts");
  const tcp = { ...well, udp: "silent" as const };
  expect(words(await examined({ ...failed, reach: tcp }))).toContain(
    "answers over TCP, but not over UDP",
  );
  const ended = { ...well, tcp: "refused" as const, udp: "refused" as const };
  expect(words(await examined({ ...failed, reach: ended }))).toContain(
    "its agent has ended without leaving",
  );
});

test("keys that are not everywhere are counted, and never shown", async () => {
  const key = "MDEyMzQ1Njc4OWFiY2RlRg==";
  const everywhere = { keys: new Map([[key, 2]]) };
  expect(words(await examined({ encrypted: true, keys: everywhere }))).toBe("");
  const partial = {
    keys: new Map([
      [key, 2],
      ["b", 1],
    ]),
  };
  const found = await examined({ encrypted: true, keys: partial });
  expect(words(found)).toContain("of 2 keys 1 is not on all 2 members");
  expect(JSON.stringify(found)).not.toContain(key);
});

test("an agent that is alone is a fault only if it is to join somebody", async () => {
  expect(told(await examined({ alone: true }))).toContain("warn: the agent is alone");
  const found = words(await examined({ alone: true, seeds: ["seed.internal"] }));
  expect(found).toContain("is alone, though it is to join seed.internal");
});
