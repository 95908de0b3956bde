import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Config, loadConfig } from "../../src/agent/config.js";
import { environmentLayer } from "../../src/agent/environment-layer.js";
import { refuseAtOnce } from "../../src/agent/faults.js";
import { options } from "../../src/agent/options.js";
import type { Values } from "../../src/agent/settings.js";
import { variableOf } from "../../src/agent/variables.js";
import { secretVariables } from "../../src/handler/secret-variables.js";
import { tempDir } from "./temp-dir.js";

type Variables = Readonly<Record<string, string>>;

function valuesOf(environment: Variables): Values {
  return environmentLayer(environment, refuseAtOnce).values;
}

function configOf(environment: Variables, ...given: [string, string][]): Config {
  return loadConfig({ flags: given.map(([flag, value]) => ({ flag, value })), environment });
}

describe("every option", () => {
  test("with a key has a variable, each another", () => {
    const variables = options.flatMap((option) => variableOf(option) ?? []);
    expect(new Set(variables).size).toBe(options.length);
    expect(variables).toEqual(
      expect.arrayContaining([
        "GOSSIPD_NODE_NAME",
        "GOSSIPD_BIND",
        "GOSSIPD_MDNS_INTERFACE",
        "GOSSIPD_ENABLE_COMPRESSION",
        "GOSSIPD_LEAVE_ON_TERMINATE",
        "GOSSIPD_RPC_AUTH",
        "GOSSIPD_CONFIG",
      ]),
    );
  });

  test("that is secret has a variable that no handler inherits", () => {
    const secret = options
      .filter((option) => option.secret === true)
      .flatMap((o) => variableOf(o) ?? []);
    expect([...secretVariables].sort()).toEqual(secret.sort());
  });

  test("can be set by its variable", () => {
    const samples = {
      text: "x",
      integer: "3",
      duration: "3s",
      limit: "3s",
      switch: "true",
      toggle: "true",
      list: "x",
      tags: "k=v",
      object: '{"a":{}}',
    };
    const all = options.map((option) => [variableOf(option) ?? "", samples[option.kind]]);
    const values = valuesOf(Object.fromEntries(all) as Variables);
    expect(Object.keys(values).sort()).toEqual(options.map(({ field }) => field).sort());
  });
});

test.for<{ variables: Variables; values: Values }>([
  { variables: { GOSSIPD_BIND: "10.0.0.1" }, values: { bind: "10.0.0.1" } },
  { variables: { GOSSIPD_BIND: "" }, values: {} },
  { variables: { GOSSIPD_PROTOCOL: "0x4" }, values: { protocol: 4 } },
  { variables: { GOSSIPD_ENABLE_COMPRESSION: "0" }, values: { compression: false } },
  { variables: { GOSSIPD_REPLAY_ON_JOIN: "T" }, values: { replayOnJoin: true } },
  { variables: { GOSSIPD_RETRY_INTERVAL: "1m" }, values: { retryInterval: 60_000 } },
  { variables: { GOSSIPD_HANDLER_TIMEOUT: "0" }, values: { handlerTimeout: 0 } },
  { variables: { GOSSIPD_START_JOIN: "a, b:1\nc\n" }, values: { startJoin: ["a", "b:1", "c"] } },
  { variables: { GOSSIPD_RETRY_JOIN: '["a","b"]' }, values: { retryJoin: ["a", "b"] } },
  { variables: { GOSSIPD_RETRY_JOIN: "[::1]:7946" }, values: { retryJoin: ["[::1]:7946"] } },
  { variables: { GOSSIPD_RETRY_JOIN: "[]" }, values: { retryJoin: [] } },
  {
    variables: { GOSSIPD_EVENT_HANDLERS: "member-join,user=a.sh 1,2\n\n b.sh\n" },
    values: { eventHandlers: ["member-join,user=a.sh 1,2", "b.sh"] },
  },
  {
    variables: { GOSSIPD_EVENT_HANDLERS: '["user=echo a\\necho b"]' },
    values: { eventHandlers: ["user=echo a\necho b"] },
  },
  {
    variables: { GOSSIPD_TAGS: "role=web, x=1=2\ny=" },
    values: { tags: new Map(Object.entries({ role: "web", x: "1=2", y: "" })) },
  },
  {
    variables: { GOSSIPD_TAGS: '{"a":"1,2","__proto__":"x"}' },
    values: {
      tags: new Map([
        ["a", "1,2"],
        ["__proto__", "x"],
      ]),
    },
  },
])("$variables is read", ({ variables, values }) => {
  expect(valuesOf(variables)).toEqual(values);
});

test.for([
  ["GOSSIPD_PROTOCOL", "five", "expected a whole number"],
  ["GOSSIPD_REPLAY_ON_JOIN", "yes", "expected true or false"],
  [
    "GOSSIPD_RETRY_INTERVAL",
    "5",
    'time: missing unit in duration "5", expected a duration like 30s or 1m30s',
  ],
  ["GOSSIPD_START_JOIN", '["a"', "expected a JSON array of strings, since it begins with ["],
  [
    "GOSSIPD_EVENT_HANDLERS",
    "[ -f x ] && y",
    "expected a JSON array of strings, since it begins with [",
  ],
  ["GOSSIPD_TAGS", '{"a":1}', "expected a JSON object of strings, since it begins with {"],
  ["GOSSIPD_TAGS", "a", "expected key=value; a value with a comma needs a JSON object"],
] as const)("%s=%s is refused in one line", ([name, text, expected]) => {
  const line = `Invalid value ${JSON.stringify(text)} of ${name}: ${expected}`;
  expect(() => valuesOf({ [name]: text })).toThrow(line);
});

describe("the environment", () => {
  test("beats files and is beaten by flags", () => {
    const file = JSON.stringify({ node_name: "f", bind: "127.0.0.1", log_level: "warn" });
    const path = join(tempDir({ "c.json": file }), "c.json");
    const { settings, origins } = configOf(
      { GOSSIPD_NODE_NAME: "e", GOSSIPD_BIND: "127.0.0.2" },
      ["config-file", path],
      ["node", "g"],
    );
    expect(settings).toMatchObject({ nodeName: "g", bind: "127.0.0.2", logLevel: "warn" });
    expect(origins).toMatchObject({
      nodeName: { kind: "flag", name: "-node" },
      bind: { kind: "environment", name: "GOSSIPD_BIND" },
      logLevel: { kind: "file", name: path },
      rpcAddr: { kind: "default" },
    });
  });

  test("follows the rules of merging: a switch stays on, lists are appended, tags merged", () => {
    const file = { replay_on_join: true, start_join: ["f"], tags: { a: "f", b: "f" } };
    const path = join(tempDir({ "c.json": JSON.stringify(file) }), "c.json");
    const { settings } = configOf(
      { GOSSIPD_REPLAY_ON_JOIN: "false", GOSSIPD_START_JOIN: "e", GOSSIPD_TAGS: "a=e,c=e" },
      ["config-file", path],
      ["join", "g"],
      ["tag", "c=g"],
    );
    expect(settings.replayOnJoin).toBe(true);
    expect(settings.startJoin).toEqual(["f", "e", "g"]);
    expect(Object.fromEntries(settings.tags)).toEqual({ a: "e", b: "f", c: "g" });
  });

  test("names configuration files and directories, read before those of the flags", () => {
    const one = join(tempDir({ "a.json": '{"start_join":["a"]}' }));
    const other = join(tempDir({ "b.json": '{"start_join":["b"]}' }), "b.json");
    const last = join(tempDir({ "c.json": '{"start_join":["c"]}' }), "c.json");
    const { settings } = configOf({ GOSSIPD_CONFIG: `${one}\n${other}` }, ["config-file", last]);
    expect(settings.startJoin).toEqual(["a", "b", "c"]);
  });

  test("the role of a variable becomes a tag, and is named as its source", () => {
    const { settings, origins } = configOf({ GOSSIPD_ROLE: "web" });
    expect(settings.tags).toEqual(new Map([["role", "web"]]));
    expect(origins.tags.get("role")).toEqual({ kind: "environment", name: "GOSSIPD_ROLE" });
  });

  test("a variable of ours that does not exist is warned of, with a suggestion", () => {
    const { warnings } = configOf({ GOSSIPD_RETRYJOIN: "a", GOSSIPD_JOIN: "1", GOSSIPD_Y: "" });
    expect(warnings).toEqual([
      "Warning: the environment variable GOSSIPD_JOIN is unknown",
      "Warning: the environment variable GOSSIPD_RETRYJOIN is unknown, did you mean GOSSIPD_RETRY_JOIN?",
    ]);
  });

  test("a port that no Kubernetes sets is warned of", () => {
    expect(configOf({ GOSSIPD_PORT: "7946" }).warnings).toEqual([
      "Warning: the environment variable GOSSIPD_PORT is unknown",
    ]);
  });

  test("what handlers read and what Kubernetes sets is not warned of", () => {
    const { warnings } = configOf({
      GOSSIPD_EVENT_LOG: "/x",
      GOSSIPD_SERVICE_HOST: "10.0.0.1",
      GOSSIPD_SERVICE_PORT_RPC: "7373",
      GOSSIPD_PORT: "tcp://10.0.0.1:7946",
      GOSSIPD_PORT_7946_TCP: "tcp://10.0.0.1:7946",
      GOSSIPD_RPC_SERVICE_HOST: "10.0.0.2",
      GOSSIPD_RPC_SERVICE_PORT: "7373",
      GOSSIPD_RPC_PORT: "tcp://10.0.0.2:7373",
      GOSSIPD_RPC_PORT_7373_TCP_ADDR: "10.0.0.2",
      SERF_RPC_ADDR: "127.0.0.1:1",
    });
    expect(warnings).toEqual([]);
  });
});
