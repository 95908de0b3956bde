import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { runCli } from "../support/agents.js";
import { until } from "../support/wait.js";
import { agentTest, freshIp } from "./agent-process.js";

const test = agentTest.concurrent;

test("an agent is configured by variables, and hands its secrets to no handler", async ({
  directory,
  start,
}) => {
  const out = join(directory, "out");
  const encryptKey = Buffer.alloc(32, 7).toString("base64");
  const agent = await start([], {
    env: {
      GOSSIPD_RPC_AUTH: "s3cret",
      GOSSIPD_ENCRYPT_KEY: encryptKey,
      GOSSIPD_TAGS: "role=web,x=1",
      GOSSIPD_EVENT_HANDLERS: `user:go=env > ${out}.new && mv ${out}.new ${out}`,
    },
  });
  expect(agent.output).toContain("Encrypted: true");
  const refused = await agent.cli(["members"]);
  expect(refused.stdout).toContain("Authentication required");
  const env = { SERF_RPC_ADDR: agent.rpc, SERF_RPC_AUTH: "s3cret" };
  const { stdout } = await runCli("gossipd", ["members"], { env });
  expect(stdout).toContain("role=web,x=1");
  await runCli("gossipd", ["event", "go"], { env });
  const variables = await until("the handler ran", () => {
    try {
      return readFileSync(out, "utf8");
    } catch {
      return undefined;
    }
  });
  expect(variables).toContain("GOSSIPD_TAGS=role=web,x=1");
  expect(variables).not.toMatch(/GOSSIPD_RPC_AUTH|GOSSIPD_ENCRYPT_KEY|s3cret/);
  expect(agent.output).not.toContain("s3cret");
  expect(agent.output).not.toContain(encryptKey);
});

test("a variable with a value that cannot be is refused in one line, exit 1", async () => {
  const ip = freshIp();
  const args = ["agent", `-bind=${ip}:7946`, `-rpc-addr=${ip}:7373`];
  const env = { GOSSIPD_RETRY_MAX_ATTEMPTS: "many" };
  expect(await runCli("gossipd", args, { env })).toEqual({
    code: 1,
    stdout: '==> Invalid value "many" of GOSSIPD_RETRY_MAX_ATTEMPTS: expected a whole number\n',
    stderr: "",
  });
});
