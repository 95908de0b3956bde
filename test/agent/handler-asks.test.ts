import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { gossipdBin } from "../support/programs.js";
import { until } from "../support/wait.js";
import { agentTest as test } from "./agent-process.js";

test("a handler that names no agent asks the one that runs it", async ({ directory, start }) => {
  const answer = join(directory, "answer");
  const members = `'${process.execPath}' '${gossipdBin}' members`;
  const script = `${members} >'${answer}.new'; mv '${answer}.new' '${answer}'`;
  const agent = await start([`-event-handler=member-join=${script}`], {
    env: { SERF_RPC_ADDR: "" },
  });
  await until("the handler was answered", () => existsSync(answer));
  expect(readFileSync(answer, "utf8")).toBe(`a  ${agent.gossip}  alive\n`);
});

test("a handler asks another agent if the environment says so", async ({ directory, start }) => {
  const answer = join(directory, "answer");
  const script = `echo $SERF_RPC_ADDR >'${answer}.new'; mv '${answer}.new' '${answer}'`;
  await start([`-event-handler=member-join=${script}`], { env: { SERF_RPC_ADDR: "10.0.0.2:2" } });
  await until("the handler ran", () => existsSync(answer));
  expect(readFileSync(answer, "utf8")).toBe("10.0.0.2:2\n");
});
