import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import type { KeyReport, QueryRecord, RpcCoordinate, RpcMember, Stats } from "../../src/rpc/api.js";
import { packValues, ValueReader } from "../../src/rpc/framing.js";
import { FakeTerminal } from "../cli/fake-terminal.js";
import vectors from "../fixtures/vectors/rpc.json" with { type: "json" };
import { Bench } from "./bench.js";
import type { ScriptedApi } from "./scripted-api.js";

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

/** Those that the agent had nothing good to say to. */
const failing = /^serf (rtt r1 zz|keys -remove MDEyMzQ1Njc4OWFiY2RlRg==)$/;

test.for(all)("our CLI sends for '$command' what Serf's sends", async (vector) => {
  const agent = await replay(vector);
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: `127.0.0.1:${agent.port}` });
  const code = await runProgram(vector.command.split(" ").slice(1), terminal);
  const expected = failing.test(vector.command) ? 1 : 0;
  // Serf's reachability has no map of tags to filter by, its query an empty one.
  const sent = [agent.heard(), sentBy(vector)].map((hex) =>
    hex.replace("5461677380", "54616773c0"),
  );
  expect({ code, sent: sent[0] }).toEqual({ code: expected, sent: sent[1] });
});

test.for(all)("our server answers '$command' as Serf's does", async (vector) => {
  const bench = await Bench.start();
  const sent = vector.exchange.flatMap(({ from, hex }) => (from === "client" ? valuesOf(hex) : []));
  const answer = vector.exchange.at(-1)?.hex as string;
  const [, body] = valuesOf(answer) as [unknown, Map<string, unknown> | undefined];
  for (const { from, hex } of vector.exchange) {
    if (from === "agent") teach(bench.api, valuesOf(hex), sent);
  }
  const client = await bench.client();
  for (const { from, hex } of vector.exchange) {
    if (from === "client") client.write(Buffer.from(hex, "hex"));
    else await client.take(valuesOf(hex).length);
  }
  const expected = vector.exchange.filter(({ from }) => from === "agent").map(({ hex }) => hex);
  // Serf has the sections of its statistics in random order.
  if (body?.has("agent")) expect(valuesOf(client.bytes.toString("hex")).at(-1)).toEqual(body);
  else expect(client.bytes.toString("hex")).toBe(expected.join(""));
});

/** Lets `api` know what the agent knew that answered with `values`. */
function teach(api: ScriptedApi, values: readonly unknown[], sent: readonly unknown[]): void {
  for (const value of values as readonly ReadonlyMap<string, unknown>[]) {
    if (value.has("Members")) api.known = (value.get("Members") as unknown[]).map(memberOf);
    if (value.has("Num")) api.joined = { contacted: value.get("Num") as number, error: "" };
    if (value.has("agent")) api.sections = value as unknown as Stats;
    if (value.has("Type")) api.replies = [...api.replies, recordOf(value)];
    if (value.has("NumResp")) api.report = reportOf(value, values[0]);
    if (value.has("Ok")) {
      const nodes = sent.filter((map) => map instanceof Map && map.has("Node"));
      const node = (nodes[api.coordinates.size] as ReadonlyMap<string, string>).get("Node");
      const coordinate = coordinateOf(value);
      if (coordinate !== undefined) api.coordinates.set(node as string, coordinate);
    }
  }
}

function recordOf(map: ReadonlyMap<string, unknown>): QueryRecord {
  const [kind, from] = [map.get("Type"), map.get("From") as string];
  if (kind === "done") return { kind };
  if (kind === "ack") return { kind, from };
  return { kind: "response", from, payload: map.get("Payload") as Uint8Array };
}

function reportOf(map: ReadonlyMap<string, unknown>, header: unknown): KeyReport {
  const error = (header as ReadonlyMap<string, string>).get("Error");
  return {
    messages: map.get("Messages") as Map<string, string>,
    keys: (map.get("Keys") ?? new Map()) as Map<string, number>,
    numNodes: map.get("NumNodes") as number,
    numResponses: map.get("NumResp") as number,
    numErrors: map.get("NumErr") as number,
    error: error === "" ? undefined : error,
  };
}

function coordinateOf(map: ReadonlyMap<string, unknown>): RpcCoordinate | undefined {
  const parts = map.get("Coord") as ReadonlyMap<string, number>;
  if (map.get("Ok") === false) return undefined;
  return {
    adjustment: parts.get("Adjustment") as number,
    error: parts.get("Error") as number,
    height: parts.get("Height") as number,
    vec: parts.get("Vec") as unknown as number[],
  };
}

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

test.for(all)("the values of '$command' are packed as they were", ({ exchange }) => {
  for (const { hex } of exchange) {
    // A whole-number float becomes an integer: the answer that has some is packed by hand.
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
