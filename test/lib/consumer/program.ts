// A program of a user, compiled and run against the package as it is published; see package.test.ts.
import {
  Agent,
  type AgentOptions,
  type ClusterEvent,
  KeyError,
  type Member,
  OperatorError,
  RpcClient,
  type Stats,
} from "gossipd";

const bind = "127.0.0.1:0";
const options: AgentOptions = { name: "a", bind, tags: { role: "web" }, rpcAddr: "127.0.0.1:0" };

await using agent = await Agent.start(options);
const events: ClusterEvent[] = [];
const stop: () => void = agent.on("*", (event) => events.push(event));
agent.on("query:load", async (query) => {
  await query.respond("0.7");
});

const address = agent.rpcAddress;
using client = await RpcClient.connect({ address });
const members: readonly Member[] = await client.members({ tags: { role: "web" } });
if (members[0]?.address !== agent.self.address) throw new Error("the client sees another member");

const answers: string[] = [];
for await (const reply of client.query("load", "", { requestAck: true, timeout: 300 })) {
  if (reply.type === "response") answers.push(`${reply.from} ${reply.payload.length}`);
}
if (answers.join() !== "a 3") throw new Error(`answers: ${answers.join()}`);

const stats: Stats = agent.stats();
if (stats.serf?.members !== "1") throw new Error("there is another member");
stop();

const refused: unknown = await Agent.start({
  bind,
  profile: "lan",
  logLevel: "err",
  protocol: 9,
}).catch((error: unknown) => error);
if (!(refused instanceof OperatorError)) throw new Error("protocol 9 was not refused");
const keyless: unknown = await agent.listKeys().catch((error: unknown) => error);
if (!(keyless instanceof KeyError) || keyless.report.numNodes < 0) throw new Error("keys?");
