import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { RpcClient } from "../../src/rpc/client.js";
import type { Agent } from "../support/agents.js";
import { agentTest } from "./agent-process.js";

const test = agentTest.concurrent;
const [oldKey, newKey] = [1, 2].map((fill) => Buffer.alloc(16, fill).toString("base64")) as [
  string,
  string,
];

const clientOf = (agent: Agent): Promise<RpcClient> =>
  RpcClient.connect({ host: agent.ip, port: 7_373, authKey: "" });

test("a key is in the file when the agent says that it is installed", async ({
  start,
  directory,
}) => {
  const file = join(directory, "keys.json");
  writeFileSync(file, JSON.stringify([oldKey]));
  const client = await clientOf(await start([`-keyring-file=${file}`]));
  expect(await client.installKey(newKey)).toMatchObject({ error: undefined, numResponses: 1 });
  expect(readFileSync(file, "utf8")).toBe(`[\n  "${oldKey}",\n  "${newKey}"\n]`);
  await client.useKey(newKey);
  expect(readFileSync(file, "utf8")).toBe(`[\n  "${newKey}",\n  "${oldKey}"\n]`);
  client.close();
});

test("a key that cannot be saved is not installed", async ({ start, directory }) => {
  const file = join(directory, "keys.json");
  writeFileSync(file, JSON.stringify([oldKey]));
  const agent = await start([`-keyring-file=${file}`]);
  rmSync(file);
  mkdirSync(file);
  const client = await clientOf(agent);
  const reason = `Failed to write keyring file: open ${file}: is a directory`;
  expect(await client.installKey(newKey)).toMatchObject({
    error: "1/1 nodes reported failure",
    messages: new Map([["a", reason]]),
  });
  expect((await client.listKeys()).keys).toEqual(new Map([[oldKey, 1]]));
  expect(agent.output).toContain(`[ERR] serf: Failed to install key: ${reason}`);
  expect(agent.output).not.toContain(newKey);
  client.close();
});

test("without a keyring file keys are changed and kept nowhere", async ({ start }) => {
  const client = await clientOf(await start([`-encrypt=${oldKey}`]));
  expect(await client.installKey(newKey)).toMatchObject({ error: undefined });
  expect((await client.listKeys()).keys).toEqual(
    new Map([
      [oldKey, 1],
      [newKey, 1],
    ]),
  );
  client.close();
});
