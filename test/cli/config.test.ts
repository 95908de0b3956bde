import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import { tempDir } from "../agent/temp-dir.js";
import { FakeTerminal } from "./fake-terminal.js";

type Variables = Readonly<Record<string, string>>;

async function config(args: readonly string[], env: Variables = {}) {
  const terminal = new FakeTerminal(env);
  const code = await runProgram(["config", ...args], terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const key = Buffer.alloc(32, 7).toString("base64");

/** Addresses that every machine has, so that no test depends on its network. */
const bind = "-bind=127.0.0.1";

describe("check", () => {
  test("says that a configuration is valid, and starts nothing", async () => {
    expect(await config(["check", bind, "-node=a", `-encrypt=${key}`])).toEqual({
      code: 0,
      stdout: "The configuration is valid.\n",
      stderr: "",
    });
  });

  test("shows warnings, which are no faults", async () => {
    const { code, stdout } = await config(["check", bind, "-role=web"], { GOSSIPD_NODENAME: "a" });
    expect({ code, lines: stdout.split("\n") }).toEqual({
      code: 0,
      lines: [
        "Warning: the environment variable GOSSIPD_NODENAME is unknown, did you mean GOSSIPD_NODE_NAME?",
        "Deprecation warning: 'Role' has been replaced with 'Tags'",
        "The configuration is valid.",
        "",
      ],
    });
  });

  test("lists all that is wrong at once, each with where it came from", async () => {
    const directory = tempDir({
      "a.json": '{"nodename":"x","protocol":9,"start_join":["/x","ok"]}',
      "b.json": "{",
      "keys.json": '["abc"]',
      "tags.json": "[]",
    });
    const [a, b] = [join(directory, "a.json"), join(directory, "b.json")];
    const args = [
      "check",
      bind,
      `-config-file=${a}`,
      `-config-file=${b}`,
      "-config-file=/nonexistent",
      "-event-handler=user=ok",
      "-event-handler=foo=x",
      "-retry-interval=5",
      `-keyring-file=${join(directory, "keys.json")}`,
      `-tags-file=${join(directory, "tags.json")}`,
      "-rpc-addr=nowhere",
      "-iface=nonexistent0",
      "-log-level=loud",
    ];
    const { code, stdout, stderr } = await config(args, {
      GOSSIPD_PROFILE: "moon",
      GOSSIPD_RETRY_MAX_ATTEMPTS: "many",
      GOSSIPD_RETRY_JOIN: "a:b:c",
      GOSSIPD_USER_EVENT_SIZE_LIMIT: "9217",
      GOSSIPD_QUERY_SIZE_LIMIT: "-1",
    });
    expect(stdout.trimEnd().split("\n").sort()).toEqual(
      [
        'Error: -retry-interval: time: missing unit in duration "5"',
        'Invalid value "many" of GOSSIPD_RETRY_MAX_ATTEMPTS: expected a whole number',
        "Error reading '/nonexistent': open /nonexistent: no such file or directory",
        `Error decoding '${a}': '' has invalid keys: nodename, did you mean "node_name"?`,
        `Error decoding '${b}': unexpected EOF`,
        "query_size_limit: must not be negative (environment GOSSIPD_QUERY_SIZE_LIMIT)",
        "Invalid event script: Event 'foo' invoking 'x' (flag -event-handler)",
        "Invalid network interface: route ip+net: no such network interface: 'nonexistent0' (flag -iface)",
        "Invalid log level: LOUD. Valid log levels are: [TRACE DEBUG INFO WARN ERR] (flag -log-level)",
        "Failed to decode key from keyring: illegal base64 data at input byte 0 (flag -keyring-file)",
        "Unknown profile: moon (environment GOSSIPD_PROFILE)",
        `Protocol version '9' too high. Must be in range: [2, 5] (file ${a})`,
        "Failed to decode tags file: expected an object of strings (flag -tags-file)",
        "address nowhere: missing port in address (flag -rpc-addr)",
        "user event size limit exceeds limit of 9216 bytes (environment GOSSIPD_USER_EVENT_SIZE_LIMIT)",
        `Failed to resolve /x: empty node name provided (file ${a})`,
        "Failed to resolve a:b:c: address a:b:c: too many colons in address (environment GOSSIPD_RETRY_JOIN)",
      ].sort(),
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  });

  test.for([
    ["-encrypt=abc", "Invalid encryption key: illegal base64 data at input byte 0 (flag -encrypt)"],
    [`-tag=a=${"x".repeat(600)}`, "Encoded length of tags exceeds limit of 512 bytes (flag -tag)"],
    [
      "-restart=often",
      '-restart (restart): "often" is none of no, on-failure, on-failure:N and always (flag -restart)',
    ],
    [
      "-check-tcp=x",
      '-check-tcp (check_tcp): "x" is no port such as 8080 and no HOST:PORT (flag -check-tcp)',
    ],
    ["-bind=127.0.0.1:http", "Invalid bind address: address tcp/http: unknown port (flag -bind)"],
    ["-advertise=1:2:3", "Invalid advertise address: address 1:2:3: too many colons in address"],
  ] as const)("%s is refused", async ([arg, line]) => {
    const { code, stdout } = await config(["check", bind, arg]);
    expect(code).toBe(1);
    expect(stdout).toContain(line);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  });

  test.for([
    [{ GOSSIPD_STATSD_ADDR: "x" }, "Invalid statsd_addr: address x: missing port in address"],
    [{ GOSSIPD_STATSITE_ADDR: "x:0" }, "Invalid statsite_addr: address x:0: invalid port"],
    [
      { GOSSIPD_ENABLE_SYSLOG: "1", GOSSIPD_SYSLOG_FACILITY: "local9" },
      "invalid syslog facility: local9",
    ],
    [
      { GOSSIPD_SNAPSHOT_PATH: "/nonexistent/x" },
      "failed to open snapshot: open /nonexistent/x: no such file or directory",
    ],
    [{ GOSSIPD_SNAPSHOT_PATH: "/" }, "failed to open snapshot: open /: is a directory"],
  ] as const)("%j is refused", async ([env, line]) => {
    const { code, stdout } = await config(["check", bind], env);
    const variable = Object.keys(env).at(-1);
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${line} (environment ${variable})\n` });
  });

  test("refuses a snapshot behind a link that leads to itself", async () => {
    const loop = join(tempDir(), "loop");
    symlinkSync(loop, loop);
    const { code, stdout } = await config(["check", bind, `-snapshot=${loop}`]);
    const reason = `open ${loop}: too many levels of symbolic links`;
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: `failed to open snapshot: ${reason} (flag -snapshot)\n`,
    });
  });

  test("names both sources of what contradicts itself", async () => {
    const { stdout } = await config(["check", bind, "-tags-file=/nonexistent", "-tag=a=1"]);
    expect(stdout).toBe(
      "Tags config not allowed while using tag files (flag -tag, flag -tags-file)\n",
    );
  });
});

describe("show", () => {
  test("prints each value and where it came from", async () => {
    const file = {
      node_name: "f",
      start_join: ["f1"],
      tags: { a: "1", b: "1" },
      log_level: "warn",
    };
    const path = join(tempDir({ "c.json": JSON.stringify(file) }), "c.json");
    const { code, stdout, stderr } = await config(
      ["show", bind, `-config-file=${path}`, "-tag=b=2", "-join=g1", "-node=g"],
      { GOSSIPD_START_JOIN: "e1,e2", GOSSIPD_RETRY_INTERVAL: "90s" },
    );
    const rows = stdout.split("\n").map((line) => line.split(/ {2,}/));
    const shown = [/^node_name$/, /^bind$/, /^start_join$/, /^tags/, /^log_level$/, /^retry_/];
    expect(rows.filter(([name = ""]) => shown.some((one) => one.test(name))).sort()).toEqual([
      ["bind", '"127.0.0.1"', "flag -bind"],
      ["log_level", '"warn"', `file ${path}`],
      ["node_name", '"g"', "flag -node"],
      ["retry_interval", '"1m30s"', "environment GOSSIPD_RETRY_INTERVAL"],
      ["retry_join", "[]", "default"],
      ["retry_max_attempts", "0", "default"],
      ["start_join", '"e1"', "environment GOSSIPD_START_JOIN"],
      ["start_join", '"e2"', "environment GOSSIPD_START_JOIN"],
      ["start_join", '"f1"', `file ${path}`],
      ["start_join", '"g1"', "flag -join"],
      ["tags.a", '"1"', `file ${path}`],
      ["tags.b", '"2"', "flag -tag"],
      ["tags_file", '""', "default"],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("as JSON has the values as a file could have them, and their sources", async () => {
    const { code, stdout } = await config(["show", bind, "-join=a", "-format", "json"], {
      GOSSIPD_TAGS: "a=1",
    });
    expect(JSON.parse(stdout)).toMatchObject({
      bind: { value: "127.0.0.1", source: { kind: "flag", name: "-bind" } },
      broadcast_timeout: { value: "5s", source: { kind: "default" } },
      start_join: { value: ["a"], sources: [{ kind: "flag", name: "-join" }] },
      tags: {
        value: { a: "1" },
        sources: { a: { kind: "environment", name: "GOSSIPD_TAGS" } },
      },
      "mdns.disable_ipv4": { value: false, source: { kind: "default" } },
    });
    expect(code).toBe(0);
  });

  test.for([[], ["-format=json"]])("never prints a secret: %j", async (format) => {
    const { stdout, stderr } = await config(["show", bind, ...format], {
      GOSSIPD_ENCRYPT_KEY: key,
      GOSSIPD_RPC_AUTH: "s3cret",
    });
    expect(stdout + stderr).not.toMatch(/s3cret|BwcHBw/);
    expect(stdout.match(/\(hidden\)/g)).toHaveLength(2);
  });

  test("shows what is right beside what is wrong, which goes to stderr", async () => {
    const { code, stdout, stderr } = await config(["show", bind, "-profile=moon"]);
    expect(stdout).toMatch(/^profile +"moon" +flag -profile$/m);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "Unknown profile: moon (flag -profile)\n",
    });
  });
});

describe("the command itself", () => {
  test.for([
    [[], "Say check or show."],
    [["shwo"], "There is no config shwo, did you mean show?"],
    [["bogus", "-node=a"], "There is no config bogus"],
  ] as const)("config %j explains its usage", async ([args, line]) => {
    const { code, stdout } = await config(args);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      new RegExp(`^${line.replace(/[.?]/g, "\\$&")}\n\nUsage: gossipd config `),
    );
  });

  test.for([
    [["-h"], "Usage: gossipd config check|show "],
    [["check", "-h"], "Usage: gossipd config check [agent options]"],
    [["show", "-bind=x", "-h"], "Usage: gossipd config show [agent options]"],
  ] as const)("config %j shows its help", async ([args, first]) => {
    const { code, stderr, stdout } = await config(args);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr.startsWith(first)).toBe(true);
  });

  test("a flag that is not the agent's is refused with a suggestion", async () => {
    const { code, stderr } = await config(["check", "-nodes=a"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "flag provided but not defined: -nodes\nDid you mean -node?\n",
    });
  });
});
