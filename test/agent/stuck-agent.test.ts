import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished } from "vitest";
import { until } from "../support/wait.js";
import { agentTest, freshIp, untilPrinted } from "./agent-process.js";

const test = agentTest.concurrent;

test("clients of an agent that stands still end with an error, and are served when it goes on", async ({
  start,
}) => {
  const agent = await start();
  // The system goes on taking connections for it.
  agent.signal("SIGSTOP");
  const commands = [["members"], ["join", "127.0.0.1"], ["leave"]];
  const ran = await Promise.all(commands.map((args) => agent.cli(args)));
  agent.signal("SIGCONT");
  const error = "Error connecting to Serf agent: no answer from the agent within 10 s\n";
  for (const one of ran) expect(one).toEqual({ code: 1, stdout: error, stderr: "" });
  expect(await agent.cli(["members"])).toMatchObject({ code: 0 });
});

test("clients of an agent that is killed end with an error, and ask the next one", async ({
  start,
}) => {
  const silent = createServer(() => {});
  const ip = freshIp();
  silent.listen(7_946, ip);
  await once(silent, "listening");
  onTestFinished(() => void silent.close());
  const agent = await start();
  const waiting = [agent.cli(["join", ip]), agent.cli(["monitor"])];
  await untilPrinted(agent, "joining:");
  await until("both are served", () => agent.output.split("Accepted client").length > 2);
  agent.signal("SIGKILL");
  const [join, monitor] = await Promise.all(waiting);
  expect(join?.stdout).toMatch(/^Error joining the cluster: .+\n$/);
  // Accepted is not yet answered: the kill may come before the handshake is over.
  expect(monitor?.stdout).toMatch(/Remote side ended the monitor!|^Error (connecting|starting)/);
  expect([join?.code, monitor?.code]).toEqual([1, 1]);
  const refused = `dial tcp ${agent.rpc}: connect: connection refused`;
  const stdout = `Error connecting to Serf agent: ${refused}\n`;
  expect(await agent.cli(["members"])).toEqual({ code: 1, stdout, stderr: "" });

  const next = await start([], { ip: agent.ip });
  expect(await next.cli(["members"])).toMatchObject({
    code: 0,
    stdout: `a  ${agent.gossip}  alive\n`,
  });
});
