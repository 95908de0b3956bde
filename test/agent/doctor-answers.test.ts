import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { DoctorAnswers } from "../../src/agent/doctor-answers.js";
import { Insight } from "../../src/agent/insight.js";
import { probePath, probeReach } from "../../src/agent/reach-probe.js";
import type { Address } from "../../src/base/address.js";
import type { ApplicationState } from "../../src/observe/application.js";
import type { Reach, ReachAnswer } from "../../src/observe/reach.js";
import type { Setup } from "../../src/observe/setup.js";
import { Keyring } from "../../src/wire/keyring.js";
import { ipOf, type LoopbackMember, startMember } from "./loopback-member.js";

const setup: Setup = {
  name: "a",
  pid: 1,
  bound: "",
  advertised: "",
  rpc: "",
  encrypted: false,
  handlers: [],
  handlerTimeoutMillis: 0,
  seeds: [],
  lbFile: null,
  folder: "/",
  environment: {},
};

const own = { keyring: () => undefined, setup: () => setup, self: "a", responseLimit: 1_024 };

const key = (fill: number): Keyring => new Keyring([new Uint8Array(16).fill(fill)]);

function probe(address: Address, keyring?: Keyring): Promise<Reach> {
  return probeReach({ address, keyring, timeout: 400 });
}

async function listening(server: Server, ip = "127.0.0.1"): Promise<number> {
  server.listen(0, ip);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("a member confirms pings over TCP and over UDP, sealed or not", async () => {
  const plain = await startMember("plain", "127.0.0.1");
  const sealed = await startMember("sealed", "127.0.0.1", { keyring: key(1) });
  expect(await probe(plain.address)).toMatchObject({ tcp: "answers", udp: "answers" });
  expect(await probe(sealed.address, key(1))).toMatchObject({ tcp: "answers", udp: "answers" });
});

test("who asks over TCP is told the address that it is seen at", async () => {
  const member = await startMember("a", "127.0.0.1");
  const path = await probePath({ address: member.address, keyring: undefined, timeout: 400 });
  expect(path).toMatchObject({ reach: { tcp: "answers" }, seenAs: ipOf("127.0.0.1") });
});

test("other keys, or none, are seen as somebody who takes the connection and does not answer", async () => {
  const plain = await startMember("plain", "127.0.0.1");
  const sealed = await startMember("sealed", "127.0.0.1", { keyring: key(1) });
  const mute = { tcp: "mute", udp: "silent" };
  expect(await probe(sealed.address, key(2))).toMatchObject(mute);
  expect(await probe(sealed.address)).toMatchObject(mute);
  expect(await probe(plain.address, key(2))).toMatchObject(mute);
});

test("a port where nobody listens refuses both ways", async () => {
  const server = createServer();
  const port = await listening(server);
  server.close();
  const found = await probe({ ip: ipOf("127.0.0.1"), port });
  expect(found).toEqual({ address: `127.0.0.1:${port}`, tcp: "refused", udp: "refused" });
});

test("an address that no packet can be sent to is told, and harms nobody", async () => {
  const found = await probe({ ip: ipOf("255.255.255.255"), port: 7_946 });
  expect(found).toMatchObject({ tcp: "unreachable", udp: "unreachable" });
});

test("datagrams that get lost are told from connections that stand", async () => {
  const member = await startMember("a", "127.0.0.1");
  const { port } = member.address;
  // TCP is led on to the member; UDP ends in a socket that never answers, as behind a firewall.
  const { connect } = await import("node:net");
  const relay = createServer((socket) => {
    const onward = connect(port, "127.0.0.1");
    socket.pipe(onward).pipe(socket);
    socket.on("error", () => onward.destroy());
    onward.on("error", () => socket.destroy());
  });
  const relayed = await listening(relay);
  const hole = createSocket("udp4").bind(relayed, "127.0.0.1");
  await once(hole, "listening");
  onTestFinished(() => void hole.close());
  const found = await probe({ ip: ipOf("127.0.0.1"), port: relayed });
  expect(found).toMatchObject({ tcp: "answers", udp: "silent" });
});

/** The answers of a member that knows itself and `others`. */
function answersOf(...members: readonly LoopbackMember[]) {
  const insight = new Insight();
  const known = members.map(({ serf, address }) => ({ ...serf.local, address }));
  const answers = new DoctorAnswers({ ...own, members: () => known });
  answers.offer(insight);
  const peer = insight.peers.of("gossipd-reach");
  return {
    answers,
    topics: insight.topics,
    ask: async (question: unknown): Promise<ReachAnswer | undefined> => {
      const answer = await peer?.(Buffer.from(JSON.stringify(question)), "b");
      return answer && (JSON.parse(Buffer.from(answer).toString()) as ReachAnswer);
    },
  };
}

test("a peer tries the address that it knows of a member, and no other", async () => {
  const other = await startMember("b", "127.0.0.1");
  const { ask, topics } = answersOf(other);
  const reach = { tcp: "answers", udp: "answers" };
  expect(await ask({ node: "b" })).toMatchObject({ alive: 1, reach, port: null });
  expect(await ask({ node: "127.0.0.1:22" })).toMatchObject({ reach: null });
  expect(await topics.answer("reach", { node: "b" })).toMatchObject({ reach });
  expect(await topics.answer("setup", {})).toEqual(setup);
});

test("a peer says whether a port of its own is open, to all or only on its loopback", async () => {
  const { ask } = answersOf();
  const open = await listening(createServer(), "0.0.0.0");
  const shut = await listening(createServer(), "127.0.0.1");
  expect((await ask({ port: open }))?.port).toMatchObject({ port: open, listens: "yes" });
  expect((await ask({ port: shut }))?.port).toMatchObject({ listens: "loopback" });
  expect((await ask({ port: shut }))?.port?.others).toContain(open);
  expect((await ask({ port: 1 }))?.port).toMatchObject({ listens: "no" });
});

test.for([
  ["no JSON", "{"],
  ["no object", "7"],
  ["a name that is none", '{"node":7}'],
  ["a port that is none", '{"port":65536}'],
  ["a port that is a text", '{"port":"80"}'],
  ["a number of faults that is none", '{"application":-1}'],
  ["too long", JSON.stringify({ node: "x".repeat(2_000) })],
])("a question that is %s is not answered", async ([, text]) => {
  const insight = new Insight();
  new DoctorAnswers({ ...own, members: () => [] }).offer(insight);
  const answer = await insight.peers.of("gossipd-reach")?.(Buffer.from(text as string), "b");
  expect(answer).toBeUndefined();
});

const missing = (folders: number): ApplicationState => ({
  command: [
    "/bin/sleep",
    ...Array.from({ length: folders }, (_, index) => `--data-dir=/nowhere/at/all/${index}`),
  ],
  folder: "/",
  phase: "waiting",
  pid: null,
  restart: "always",
  restarts: 3,
  lastEnd: "exit status 1",
  nextStart: 4_000,
  checks: [],
  isReady: false,
  complaint: null,
});

test("a peer that runs no application says so", async () => {
  const { ask, topics } = answersOf();
  expect((await ask({ application: 0 }))?.application).toBeNull();
  expect(await topics.answer("application", {})).toEqual({ application: null });
});

test("a peer tells what its application lacks, a few faults in each answer", async () => {
  const { answers, ask, topics } = answersOf();
  const state = missing(9);
  answers.tellOf(() => state);
  expect(await topics.answer("application", {})).toEqual({ application: state });
  const found: string[] = [];
  for (let round = 0; round < 9 && found.length < 9; round += 1) {
    const answer = await ask({ application: found.length });
    expect(JSON.stringify(answer).length).toBeLessThan(1_024 - 160);
    expect(answer?.application?.count).toBe(9);
    found.push(...(answer?.application?.faults ?? []).flatMap(({ remedy }) => remedy));
  }
  expect(found).toEqual(Array.from({ length: 9 }, (_, at) => `mkdir -p /nowhere/at/all/${at}`));
  expect((await ask({ application: 9 }))?.application?.faults).toEqual([]);
});

test("a fault that is too long for an answer is told in fewer words", async () => {
  const { answers, ask } = answersOf();
  const long = `/${"nowhere/".repeat(60)}data`;
  const state = { ...missing(0), command: ["/bin/sleep", `--data-dir=${long}`] };
  answers.tellOf(() => state);
  const fault = (await ask({ application: 0 }))?.application?.faults[0];
  expect(fault).toMatchObject({ found: "there is no such folder", remedy: [] });
});

test("who asks for many probes at once gets no more than a few", async () => {
  const other = await startMember("b", "127.0.0.1");
  const { ask } = answersOf(other);
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask({ node: "b" })));
  const given = answers.filter((answer) => answer !== undefined);
  expect(given.length).toBeGreaterThan(0);
  expect(given.length).toBeLessThanOrEqual(4);
});
