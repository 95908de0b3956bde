import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import type { RpcMember, Stats } from "../../src/rpc/api.js";
import { RpcClient } from "../../src/rpc/client.js";
import { packValues, ValueReader } from "../../src/rpc/framing.js";
import { FakeTerminal } from "../cli/fake-terminal.js";
import vectors from "../fixtures/vectors/rpc.json" with { type: "json" };
import { Bench } from "./bench.js";

interface Vector {
  readonly command: string;
  readonly exchange: readonly { readonly from: string; readonly hex: string }[];
}

const all: readonly Vector[] = vectors.v0_9_4;

function valuesOf(hex: string): unknown[] {
  const reader = new ValueReader(1_000_000);
  reader.feed(Buffer.from(hex, "hex"));
  const values: unknown[] = [];
  for (let item = reader.next(); item !== undefined; item = reader.next()) values.push(item.value);
  return values;
}

/** An agent that answers with the recorded bytes, and keeps what the client sent. */
async function replay(vector: Vector): Promise<{ port: number; heard: () => string }> {
  let heard = "";
  const play = async (socket: Socket): Promise<void> => {
    let due = "";
    for (const { from, hex } of vector.exchange) {
      if (from === "agent") {
        socket.write(Buffer.from(hex, "hex"));
        continue;
      }
      due += hex;
      while (heard.length < due.length) {
        const [chunk] = (await once(socket, "data")) as [Buffer];
        heard += chunk.toString("hex");
      }
    }
  };
  const server = createServer((socket) => void play(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address() as { port: number };
  return { port: address.port, heard: () => heard };
}

function sentBy(vector: Vector): string {
  return vector.exchange
    .filter(({ from }) => from === "client")
    .map(({ hex }) => hex)
    .join("");
}

const ours = /^serf (join|members|tags|info|force-leave)/;

test.for(all.filter(({ command }) => ours.test(command)))(
  "our CLI sends for '$command' what Serf's sends",
  async (vector) => {
    const agent = await replay(vector);
    const terminal = new FakeTerminal({ SERF_RPC_ADDR: `127.0.0.1:${agent.port}` });
    const code = await runProgram(vector.command.split(" ").slice(1), terminal);
    expect({ code, sent: agent.heard() }).toEqual({ code: 0, sent: sentBy(vector) });
  },
);

test.for([
  { command: "serf event -coalesce=false deploy payload", event: ["deploy", "payload", false] },
  { command: "serf event nopayload", event: ["nopayload", "", true] },
] as const)("our client sends for '$command' what Serf's sends", async ({ command, event }) => {
  const vector = all.find((candidate) => candidate.command === command) as Vector;
  const agent = await replay(vector);
  const client = await RpcClient.connect({ host: "127.0.0.1", port: agent.port, authKey: "" });
  await client.userEvent(event[0], Buffer.from(event[1]), event[2]);
  client.close();
  expect(agent.heard()).toBe(sentBy(vector));
});

test.for(all.filter(({ command }) => ours.test(command) || command.startsWith("serf event")))(
  "our server answers '$command' as Serf's does",
  async (vector) => {
    const bench = await Bench.start();
    const answer = vector.exchange.at(-1)?.hex as string;
    const [, body] = valuesOf(answer) as [unknown, Map<string, unknown> | undefined];
    if (body?.has("Members")) bench.api.known = (body.get("Members") as unknown[]).map(memberOf);
    if (body?.has("Num")) bench.api.joined = { contacted: body.get("Num") as number, error: "" };
    if (body?.has("agent")) bench.api.sections = body as unknown as Stats;
    const client = await bench.client();
    for (const { from, hex } of vector.exchange) {
      if (from === "client") client.write(Buffer.from(hex, "hex"));
      else await client.take(valuesOf(hex).length);
    }
    const expected = vector.exchange.filter(({ from }) => from === "agent").map(({ hex }) => hex);
    // Serf has the sections of its statistics in random order.
    if (body?.has("agent")) expect(valuesOf(client.bytes.toString("hex")).at(-1)).toEqual(body);
    else expect(client.bytes.toString("hex")).toBe(expected.join(""));
  },
);

function memberOf(value: unknown): RpcMember {
  const map = value as Map<string, unknown>;
  return {
    name: map.get("Name") as string,
    addr: map.get("Addr") as Uint8Array,
    port: map.get("Port") as number,
    tags: map.get("Tags") as Map<string, string>,
    status: map.get("Status") as string,
    protocolMin: map.get("ProtocolMin") as number,
    protocolMax: map.get("ProtocolMax") as number,
    protocolCur: map.get("ProtocolCur") as number,
    delegateMin: map.get("DelegateMin") as number,
    delegateMax: map.get("DelegateMax") as number,
    delegateCur: map.get("DelegateCur") as number,
  };
}

test.for([
  { command: "serf query -timeout=1s hello pl", answers: 1 },
  { command: "serf keys -list", answers: 2 },
  { command: "serf keys -install MDEyMzQ1Njc4OWFiY2RlRg==", answers: 2 },
  { command: "serf keys -use MDEyMzQ1Njc4OWFiY2RlRg==", answers: 2 },
  { command: "serf keys -remove MDEyMzQ1Njc4OWFiY2RlRg==", answers: 2 },
  { command: "serf rtt r1 zz", answers: 2 },
])("'$command' is refused in the form its client reads", async ({ command, answers }) => {
  const bench = await Bench.start();
  const vector = all.find((candidate) => candidate.command === command) as Vector;
  const [greeting, request] = vector.exchange.filter(({ from }) => from === "client");
  const client = await bench.client();
  client.write(Buffer.from((greeting?.hex ?? "") + (request?.hex ?? ""), "hex"));
  client.request("stats", 77);
  const [, refusal, ...rest] = await client.take(answers + 3);
  expect(refusal).toEqual({ Error: expect.stringContaining("not supported"), Seq: 2 });
  expect(rest.slice(answers - 1)).toEqual([{ Error: "", Seq: 77 }, {}]);
  const recorded = valuesOf(vector.exchange[3]?.hex ?? "")[1] as Map<string, unknown>;
  if (answers === 2) expect(Object.keys(rest[0] as object)).toEqual([...recorded.keys()]);
});

test.for(all)("the values of '$command' are packed as they were", ({ exchange }) => {
  for (const { hex } of exchange) {
    // A whole-number float becomes an integer, which Serf reads as well.
    if (hex.includes("cb0000000000000000")) continue;
    expect(packValues(...valuesOf(hex)).toString("hex")).toBe(hex);
  }
});

test.for(vectors.head as readonly Vector[])(
  "the newest Serf's '$command' reads as that of 0.9.4",
  ({ command, exchange }) => {
    const older = all.find((candidate) => candidate.command === command) as Vector;
    // The texts of errors changed, and with them the case of a letter.
    const read = (vector: { readonly exchange: Vector["exchange"] }): string =>
      vector.exchange
        .flatMap(({ hex }) => valuesOf(hex).map(sortedText))
        .join("\n")
        .toLowerCase();
    expect(read({ exchange })).toBe(read(older));
  },
);

function sortedText(value: unknown): string {
  if (!(value instanceof Map)) return JSON.stringify(value);
  const pairs = [...value].map(([key, item]) => `${String(key)}: ${sortedText(item)}`);
  return `{${pairs.sort().join(", ")}}`;
}
