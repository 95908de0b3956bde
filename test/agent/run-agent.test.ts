import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runAgent } from "../../src/agent/run-agent.js";
import { loopbackNet } from "../support/agents.js";
import { until } from "../support/wait.js";
import { tempDir } from "./temp-dir.js";

/** Runs an agent that must refuse to start, in this process. */
async function refused(...args: string[]): Promise<{ code: number; lines: string[] }> {
  let output = "";
  const own = ["-node=a", "-bind=127.0.0.1:0", "-rpc-addr=127.0.0.1:0"];
  const given = [...own, ...args].map((arg) => {
    const [, flag = "", value = ""] = /^-([^=]*)=(.*)$/s.exec(arg) ?? [];
    return { flag, value };
  });
  const out = (text: string): void => {
    output += text;
  };
  const terminal = { program: "gossipd", out, err: out };
  const code = await runAgent({ flags: given, environment: {} }, terminal);
  return { code, lines: output.trimEnd().split("\n") };
}

const failed = "==> Failed to start the Gossipd agent: ";
const setup = "==> Failed to setup the Gossipd agent: ";
const levels = "[TRACE DEBUG INFO WARN ERR]";

test.for([
  { arg: "-tag=foo", line: "==> Error: Invalid tag: 'foo'" },
  {
    arg: "-log-level=loud",
    line: `==> Invalid log level: LOUD. Valid log levels are: ${levels}`,
  },
  { arg: "-profile=moon", line: "==> Unknown profile: moon" },
  {
    arg: "-bind=127.0.0.1:http",
    line: "==> Invalid bind address: address tcp/http: unknown port",
  },
  {
    arg: "-encrypt=abc",
    line: "==> Invalid encryption key: illegal base64 data at input byte 0",
  },
  {
    arg: "-config-file=/nonexistent",
    line: "==> Error reading '/nonexistent': open /nonexistent: no such file or directory",
  },
  {
    arg: "-event-handler=foo=x",
    line: "==> Invalid event script: Event 'foo' invoking 'x'",
  },
  {
    arg: "-snapshot=/no/x",
    line: `${failed}Error creating Serf: Failed to setup snapshot: failed to open snapshot: open /no/x: no such file or directory`,
  },
  {
    arg: "-protocol=9",
    line: `${failed}Protocol version '9' too high. Must be in range: [2, 5]`,
  },
  {
    arg: `-tag=a=${"x".repeat(600)}`,
    line: `${failed}Encoded length of tags exceeds limit of 512 bytes`,
  },
  {
    arg: "-keyring-file=/nonexistent",
    line: `${setup}open /nonexistent: no such file or directory`,
  },
  {
    arg: "-rpc-addr=nonsense",
    line: "==> Error starting RPC listener: listen tcp: address nonsense: missing port in address",
  },
])("$arg is refused in one line, exit 1", async ({ arg, line }) => {
  const { code, lines } = await refused(arg);
  expect(code).toBe(1);
  expect(lines.filter((one) => !one.startsWith("==> Starting"))).toEqual([line]);
});

test("a name with an underscore is refused if names are to be checked", async () => {
  const config = join(tempDir({ "c.json": '{"validate_node_names":true}' }), "c.json");
  const { code, lines } = await refused("-node=a_b", `-config-file=${config}`);
  expect(code).toBe(1);
  expect(lines).toEqual([
    "==> Starting Gossipd agent...",
    `${failed}Node name contains invalid characters "a_b", valid are letters, digits, dashes and dots`,
  ]);
});

test("tags beside a tags file are refused", async () => {
  const { lines } = await refused("-tags-file=/nonexistent", "-tag=a=b");
  expect(lines.at(-1)).toBe(`${setup}Tags config not allowed while using tag files`);
});

test("warnings come before what is refused", async () => {
  const { lines } = await refused("-role=x", "-profile=moon");
  expect(lines).toEqual([
    "==> Deprecation warning: 'Role' has been replaced with 'Tags'",
    "==> Unknown profile: moon",
  ]);
});

test("a signal that comes before there is an agent ends the start", async () => {
  const ip = loopbackNet()(1);
  let output = "";
  const out = (text: string): void => {
    output += text;
    if (text.includes("Starting Gossipd agent...")) process.emit("SIGTERM");
  };
  const flags = [
    { flag: "bind", value: `${ip}:7946` },
    { flag: "rpc-addr", value: `${ip}:7373` },
  ];
  const given = { flags, environment: {} };
  expect(await runAgent(given, { program: "gossipd", out, err: out })).toBe(1);
  await until("the address is free", () => canListen(ip), { every: 20 });
  expect(output).toBe("==> Starting Gossipd agent...\n==> Caught signal: terminated\n");
});

/** True if nobody listens for gossip at `ip`. */
async function canListen(ip: string): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(7946, ip, () => server.close(() => resolve(true)));
  });
}
