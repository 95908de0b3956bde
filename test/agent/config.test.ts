import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Config, loadConfig } from "../../src/agent/config.js";
import { refuseAtOnce } from "../../src/agent/faults.js";
import { flagLayer, type GivenFlag } from "../../src/agent/flag-layer.js";
import { defaults, type Layer, mergeLayers } from "../../src/agent/merge.js";
import { options } from "../../src/agent/options.js";
import type { Settings, Values } from "../../src/agent/settings.js";
import type { Source } from "../../src/agent/sources.js";
import { tempDir } from "./temp-dir.js";

/** `-node x` and the like, as the command line parser hands them over. */
function flags(...given: [flag: string, value: string][]): GivenFlag[] {
  return given.map(([flag, value]) => ({ flag, value }));
}

/** The configuration of an agent with these flags alone. */
function flagsAlone(...given: [flag: string, value: string][]): Config {
  return loadConfig({ flags: flags(...given), environment: {} });
}

/** The configuration of these files, in order, and flags. */
function configOf(files: readonly object[], ...given: [string, string][]): Settings {
  const named = files.map((object, index) => [`${index}.json`, JSON.stringify(object)] as const);
  const directory = tempDir(Object.fromEntries(named));
  const paths = named.map(([name]): [string, string] => ["config-file", join(directory, name)]);
  return flagsAlone(...paths, ...given).settings;
}

describe("the table", () => {
  test("says every flag and key once", () => {
    const given = options.flatMap(({ flag, alias }) => [flag, alias?.flag]).filter(Boolean);
    const keys = options.flatMap(({ key }) => key?.toLowerCase() ?? []);
    expect(new Set(given).size).toBe(given.length);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(options.map(({ field }) => field)).size).toBe(options.length);
  });

  test("has every flag of Serf's agent", () => {
    const given = options.flatMap(({ flag, alias }) => [flag, alias?.flag]).filter(Boolean);
    expect(given.sort()).toEqual(
      (
        "advertise bind broadcast-timeout check-exec check-fall check-http check-interval check-rise check-tcp check-timeout config-dir config-file disable-compression " +
        "disable-isolation-check disable-refusal-detection discover drain-timeout encrypt event-handler handler-journal handler-timeout http-addr iface join keyring-file lb log-level " +
        "mdns-disable-ipv4 mdns-disable-ipv6 mdns-iface node profile protocol rejoin replay restart " +
        "retry-interval retry-join retry-max role rpc-addr snapshot stop-delay stop-signal stop-timeout syslog tag tags-file"
      ).split(" "),
    );
  });
});

function layer(values: Values, source: Source = { kind: "file", name: "x" }): Layer {
  return { values, sourceOf: () => source };
}

describe("merging", () => {
  test.for<{ rule: string; base: Values; over: Values; merged: Values }>([
    {
      rule: "a text that is not empty replaces",
      base: { bind: "a" },
      over: { bind: "b" },
      merged: { bind: "b" },
    },
    {
      rule: "an empty text does not",
      base: { bind: "a" },
      over: { bind: "" },
      merged: { bind: "a" },
    },
    {
      rule: "a number that is not zero replaces",
      base: { querySizeLimit: 1 },
      over: { querySizeLimit: 2 },
      merged: { querySizeLimit: 2 },
    },
    {
      rule: "zero does not",
      base: { querySizeLimit: 1, retryInterval: 5 },
      over: { querySizeLimit: 0, retryInterval: 0 },
      merged: { querySizeLimit: 1, retryInterval: 5 },
    },
    {
      rule: "a protocol below one does not",
      base: { protocol: 5 },
      over: { protocol: -3 },
      merged: { protocol: 5 },
    },
    {
      rule: "a switch turns on",
      base: { replayOnJoin: false },
      over: { replayOnJoin: true },
      merged: { replayOnJoin: true },
    },
    {
      rule: "a switch never turns off",
      base: { skipLeaveOnInterrupt: true },
      over: { skipLeaveOnInterrupt: false },
      merged: { skipLeaveOnInterrupt: true },
    },
    {
      rule: "the two toggles go both ways",
      base: { leaveOnTerminate: true, compression: true },
      over: { leaveOnTerminate: false, compression: false },
      merged: { leaveOnTerminate: false, compression: false },
    },
    {
      rule: "lists are appended",
      base: { startJoin: ["a"], retryJoin: ["a"], eventHandlers: ["a"] },
      over: { startJoin: ["b"], retryJoin: ["b"], eventHandlers: ["a"] },
      merged: { startJoin: ["a", "b"], retryJoin: ["a", "b"], eventHandlers: ["a", "a"] },
    },
    {
      rule: "tags are merged by key",
      base: {
        tags: new Map([
          ["x", "1"],
          ["y", "1"],
        ]),
      },
      over: {
        tags: new Map([
          ["y", "2"],
          ["z", "2"],
        ]),
      },
      merged: {
        tags: new Map([
          ["x", "1"],
          ["y", "2"],
          ["z", "2"],
        ]),
      },
    },
  ])("$rule", ({ base, over, merged }) => {
    expect(mergeLayers([layer(base), layer(over)]).settings).toMatchObject(merged);
  });

  test("where each value came from is kept: of lists by item, of tags by key", () => {
    const [file, flag]: Source[] = [
      { kind: "file", name: "f" },
      { kind: "flag", name: "-x" },
    ];
    const one: Values = {
      bind: "a",
      replayOnJoin: true,
      retryMaxAttempts: 3,
      startJoin: ["a", "b"],
      tags: new Map(Object.entries({ x: "1", y: "1" })),
    };
    const other: Values = {
      bind: "",
      replayOnJoin: true,
      retryMaxAttempts: 4,
      startJoin: ["c"],
      tags: new Map(Object.entries({ y: "2" })),
    };
    const { origins } = mergeLayers([layer(one, file), layer(other, flag)]);
    expect(origins).toMatchObject({
      nodeName: { kind: "default" },
      bind: file,
      replayOnJoin: file,
      retryMaxAttempts: flag,
      startJoin: [file, file, flag],
      retryJoin: [],
      tags: new Map([
        ["x", file],
        ["y", flag],
      ]),
    });
  });

  test("defaults are beaten by files, earlier files by later ones, files by flags", () => {
    const settings = configOf(
      [
        { node_name: "one", rpc_addr: "127.0.0.1:1", retry_max_attempts: 3 },
        { node_name: "two", retry_interval: "10s" },
      ],
      ["node", "three"],
      ["retry-max", "7"],
    );
    expect(settings).toMatchObject({
      nodeName: "three",
      rpcAddr: "127.0.0.1:1",
      retryMaxAttempts: 7,
      retryInterval: 10_000,
      bind: "0.0.0.0",
    });
  });

  test("what is appended has files first and flags last", () => {
    const settings = configOf(
      [{ start_join: ["f1"] }, { start_join: ["f2"] }],
      ["join", "g1"],
      ["join", "g2"],
    );
    expect(settings.startJoin).toEqual(["f1", "f2", "g1", "g2"]);
  });

  test("a limit can be taken away by 0, and stays if it is not given", () => {
    expect(configOf([]).handlerTimeout).toBe(60_000);
    expect(configOf([{ handler_timeout: "5s" }], ["handler-timeout", ""]).handlerTimeout).toBe(
      5_000,
    );
    expect(configOf([{ handler_timeout: "0" }]).handlerTimeout).toBe(0);
    expect(configOf([{ handler_timeout: "5s" }], ["handler-timeout", "0s"]).handlerTimeout).toBe(0);
  });

  test("role beats the tag of that name, wherever both come from", () => {
    const settings = configOf(
      [{ role: "db", tags: { role: "web", x: "1" } }],
      ["tag", "role=cache"],
    );
    expect(settings.tags).toEqual(
      new Map([
        ["role", "db"],
        ["x", "1"],
      ]),
    );
  });
});

describe("defaults", () => {
  test("are Serf's, but for the leave on SIGTERM", () => {
    expect(defaults).toMatchObject({
      bind: "0.0.0.0",
      rpcAddr: "127.0.0.1:7373",
      logLevel: "INFO",
      profile: "lan",
      protocol: 5,
      compression: true,
      refusalDetection: true,
      isolationCheck: true,
      leaveOnTerminate: true,
      skipLeaveOnInterrupt: false,
      retryInterval: 30_000,
      retryMaxAttempts: 0,
      reconnectInterval: 30_000,
      reconnectTimeout: 86_400_000,
      tombstoneTimeout: 86_400_000,
      broadcastTimeout: 5_000,
      handlerTimeout: 60_000,
      userEventSizeLimit: 512,
      querySizeLimit: 1_024,
      queryResponseSizeLimit: 1_024,
    });
  });

  test("the name is the host's", () => {
    expect(flagsAlone().settings.nodeName).toBe(hostname());
  });
});

describe("flags", () => {
  test.for<{ given: [string, string][]; values: Values }>([
    {
      given: [
        ["bind", "a"],
        ["bind", "b"],
      ],
      values: { bind: "b" },
    },
    { given: [["disable-compression", "true"]], values: { compression: false } },
    { given: [["disable-compression", "false"]], values: { compression: true } },
    { given: [["disable-refusal-detection", "true"]], values: { refusalDetection: false } },
    { given: [["disable-isolation-check", "true"]], values: { isolationCheck: false } },
    {
      given: [
        ["tag", "k=v=w"],
        ["tag", "e="],
      ],
      values: {
        tags: new Map([
          ["k", "v=w"],
          ["e", ""],
        ]),
      },
    },
    {
      given: [
        ["config-file", "a"],
        ["config-dir", "b"],
        ["config-file", "c"],
      ],
      values: { configPaths: ["a", "b", "c"] },
    },
    { given: [["retry-interval", "1m"]], values: { retryInterval: 60_000 } },
    { given: [["protocol", "4"]], values: { protocol: 4 } },
  ])("$given", ({ given, values }) => {
    expect(flagLayer(flags(...given), refuseAtOnce).values).toEqual(values);
  });

  test.for<{ given: [string, string]; fault: string }>([
    { given: ["tag", "foo"], fault: "Error: Invalid tag: 'foo'" },
    { given: ["tag", "=foo"], fault: "Error: Invalid tag: '=foo'" },
    {
      given: ["retry-interval", "5"],
      fault: 'Error: -retry-interval: time: missing unit in duration "5"',
    },
  ])("$given is refused", ({ given, fault }) => {
    expect(() => flagLayer(flags(given), refuseAtOnce)).toThrow(fault);
  });
});

describe("checks after merging", () => {
  test("are made in Serf's order, and corrections are announced", () => {
    const { warnings, settings } = flagsAlone(
      ["role", "web"],
      ["retry-interval", "10ms"],
      ["broadcast-timeout", "1ms"],
    );
    expect(warnings).toEqual([
      "Deprecation warning: 'Role' has been replaced with 'Tags'",
      "Warning: 'RetryInterval' is too low. Setting to 1s",
      "Warning: 'BroadcastTimeout' is too low. Setting to 1s",
    ]);
    expect(settings).toMatchObject({ retryInterval: 1_000, broadcastTimeout: 1_000 });
  });

  test.for<{ given: [string, string]; fault: string }>([
    {
      given: ["event-handler", "foo=1 x.sh"],
      fault: "Invalid event script: Event 'foo' invoking '1 x.sh'",
    },
    {
      given: ["iface", "nonexistent0"],
      fault: "Invalid network interface: route ip+net: no such network interface",
    },
    { given: ["discover", "a..b"], fault: "-discover: 'a..b' cannot be part of a DNS name" },
    { given: ["mdns-iface", "lo"], fault: "-mdns-iface (mdns.interface): needs -discover" },
    {
      given: ["mdns-iface", "nonexistent0"],
      fault: "Invalid network interface: route ip+net: no such network interface",
    },
    { given: ["retry-max", "-1"], fault: "-retry-max (retry_max_attempts): must not be negative" },
    {
      given: ["handler-timeout", "-1s"],
      fault: "-handler-timeout (handler_timeout): must not be negative",
    },
  ])("$given is refused", ({ given, fault }) => {
    expect(() => flagsAlone(given)).toThrow(fault);
  });

  test.for([
    {
      object: { discover: "x", mdns: { disable_ipv4: true, disable_ipv6: true } },
      fault: "-discover: both IPv4 and IPv6 are disabled for mDNS",
    },
  ])("$object is refused, never ignored", ({ object, fault }) => {
    expect(() => configOf([object])).toThrow(fault);
  });

  test("rejoining without a snapshot is warned of", () => {
    const warning = "Warning: 'RejoinAfterLeave' enabled without snapshot file";
    expect(flagsAlone(["rejoin", "true"]).warnings).toEqual([warning]);
    expect(flagsAlone(["rejoin", "true"], ["snapshot", "/x"]).warnings).toEqual([]);
  });

  test("the four keys that do nothing in Serf are accepted, and three do what they say", () => {
    const file = {
      enable_compression: false,
      disable_coordinates: true,
      validate_node_names: true,
      MsgpackUseNewTimeFormat: true,
    };
    expect(configOf([file])).toMatchObject({
      compression: false,
      disableCoordinates: true,
      validateNodeNames: true,
    });
    // The trap of compat.md section 4.2: Serf's flag overwrites the key even if it is not given.
    expect(configOf([file], ["disable-compression", "false"]).compression).toBe(true);
  });

  test("0 cannot be forced back, by a later file or a flag", () => {
    const files = [
      { retry_max_attempts: 3, retry_interval: "2m" },
      { retry_max_attempts: 0, retry_interval: "0s" },
    ];
    expect(configOf(files, ["retry-max", "0"])).toMatchObject({
      retryMaxAttempts: 3,
      retryInterval: 120_000,
    });
  });
});
