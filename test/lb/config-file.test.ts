import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import type { LbConfig } from "../../src/lb/config.js";
import { decodeLbConfig, readLbConfig } from "../../src/lb/config-file.js";
import { kindOfText } from "../../src/lb/proxy-kind.js";
import { parseSelector } from "../../src/lb/selector.js";

const folder = mkdtempSync(join(tmpdir(), "gossipd-lb-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const decode = (value: unknown): LbConfig => decodeLbConfig(value, "lb.json", "/etc/gossipd");

/** A configuration with one pool of one balancer, both with further keys. */
function one(pool: object, balancer: object = {}, top: object = {}): object {
  const pools = [{ members: "role=web", ...pool }];
  return { balancers: [{ config: "/etc/haproxy/haproxy.cfg", pools, ...balancer }], ...top };
}

/** The faults of `value`, without the name of the file. */
function faultsOf(value: unknown): string[] {
  try {
    decode(value);
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    return thrown.message.split("\n").map((line) => line.replace(/^lb\.json: /, ""));
  }
  return [];
}

describe("an address that moves", () => {
  const address = (keys: object): object => one({}, {}, { virtual_ip: keys });

  test("has little to be said of it", () => {
    expect(decode(address({ address: "192.0.2.10/24", port: 80 })).virtualIp).toEqual({
      address: "192.0.2.10/24",
      interface: undefined,
      port: 80,
      checkPath: undefined,
      checkInterval: 250,
      checkTimeout: 200,
      holdDown: 2_000,
    });
  });

  test("is one of IPv4 with its prefix, and has a port", () => {
    expect(faultsOf(address({ address: "192.0.2.10" }))).toEqual([
      expect.stringMatching(/^virtual_ip.address: "192.0.2.10" is no IPv4 address with its prefix/),
      expect.stringMatching(/^virtual_ip.port: is missing/),
    ]);
  });
});

describe("the least that has to be said", () => {
  const config = decode({
    balancers: [{ config: "/etc/haproxy/haproxy.cfg", pools: [{ members: "role=web" }] }],
  });

  test("is a file and who belongs to its pool", () => {
    const [balancer] = config.balancers;
    expect(balancer?.name).toBe("haproxy");
    expect(balancer?.file).toBe("/etc/haproxy/haproxy.cfg");
    expect(balancer?.proxy.kind).toBe("haproxy");
    expect(balancer?.pools.map(({ name }) => name)).toEqual(["web"]);
  });

  test("all else has a default", () => {
    expect(config).toMatchObject({
      stateDir: "/var/lib/gossipd/lb",
      interval: 30_000,
      watchInterval: 1_000,
      settleTime: 1_000,
      settleLimit: 10_000,
      trackFile: undefined,
      balancers: [
        {
          template: undefined,
          proxy: { binary: "haproxy", mode: "auto", slots: 8, socket: undefined },
          governor: { quiet: 50, maxDelay: 500, reloadGap: 5_000, retry: [1_000, 30_000] },
          guard: { keepShare: 0.5, window: 600_000, minServers: 1, allowEmpty: false },
          damping: { halfLife: 20_000, suppress: 3, reuse: 1, ceiling: 8 },
          checkTimeout: 10_000,
          dryRun: false,
          backups: 5,
          pools: [
            {
              port: undefined,
              portTag: "port",
              weight: 100,
              requiredTags: [],
              includeSelf: false,
              exclusive: undefined,
              onSuspect: "drain",
              maxSuspects: 0.25,
              probe: { path: "/", timeout: 200, tries: 2 },
              drainLimit: 10_000,
            },
          ],
        },
      ],
    });
  });
});

test("every key can be said", () => {
  const config = decode({
    state_dir: "state",
    interval: "1m",
    watch_interval: "2s",
    settle_time: "0s",
    settle_limit: "3s",
    balancers: [
      {
        name: "edge",
        kind: "haproxy",
        config: "haproxy.cfg",
        template: "haproxy.liquid",
        binary: "./bin/haproxy",
        socket: "/run/haproxy.sock",
        master_socket: "/run/master.sock",
        pid_file: "/run/haproxy.pid",
        mode: "slots",
        slots: 4,
        state_file: "/var/lib/haproxy/state",
        allow_bind_changes: true,
        socket_timeout: "500ms",
        check_timeout: "5s",
        reload_timeout: "6s",
        dry_run: true,
        backups: 2,
        governor: {
          quiet: "10ms",
          max_delay: "20ms",
          reload_gap: "1s",
          max_lingering: 3,
          reload_patience: "2s",
          retry: ["100ms", "1s"],
        },
        guard: {
          keep_share: 0.3,
          window: "1m",
          min_servers: 2,
          allow_empty: true,
          dispute_limit: "10s",
        },
        damping: { half_life: "5s", suppress: 4, reuse: 2, ceiling: 16 },
        pools: [
          {
            name: "main",
            members: "role=db",
            port: 5432,
            port_tag: "db_port",
            address_tag: "db_addr",
            weight: 1,
            weight_tag: "share",
            required_tags: ["zone"],
            include_self: true,
            max_servers: 10,
            exclusive: { epoch_tag: "epoch", no_primary: "hold" },
            server_options: "check inter 1s",
            on_suspect: "weight",
            max_suspects: 0,
            probe: { type: "tcp", timeout: "50ms", tries: 1 },
            drain_limit: "1m",
          },
        ],
      },
      {
        kind: "nginx",
        config: "/etc/nginx/upstreams.conf",
        binary: "/usr/sbin/nginx",
        main_file: "/etc/nginx/nginx.conf",
        pid_file: "/run/nginx.pid",
        generation: "http://127.0.0.1:8081/generation",
        damping: false,
        pools: [{ members: "app", exclusive: true, probe: false }],
      },
      {
        config: "/etc/keepalived/keepalived.conf",
        check: ["./check.sh", "%f"],
        reload: ["systemctl", "reload", "keepalived"],
        confirm: ["true", ""],
        line: "real_server %a %p",
        empty_line: "# nobody",
        pools: [{ members: "role=lb", exclusive: false, probe: { path: "/health" } }],
      },
    ],
  });
  const [edge, nginx, keepalived] = config.balancers;
  expect({ ...config, balancers: config.balancers.length }).toEqual({
    stateDir: "/etc/gossipd/state",
    interval: 60_000,
    watchInterval: 2_000,
    settleTime: 0,
    settleLimit: 3_000,
    balancers: 3,
  });
  expect({ ...edge, pools: edge?.pools.length }).toEqual({
    name: "edge",
    file: "/etc/gossipd/haproxy.cfg",
    template: "/etc/gossipd/haproxy.liquid",
    proxy: {
      kind: "haproxy",
      binary: "/etc/gossipd/bin/haproxy",
      socket: "/run/haproxy.sock",
      masterSocket: "/run/master.sock",
      pidFile: "/run/haproxy.pid",
      mode: "slots",
      slots: 4,
      stateFile: "/var/lib/haproxy/state",
      allowBindChanges: true,
      socketTimeout: 500,
    },
    pools: 1,
    governor: {
      quiet: 10,
      maxDelay: 20,
      reloadGap: 1_000,
      maxLingering: 3,
      reloadPatience: 2_000,
      retry: [100, 1_000],
    },
    guard: {
      keepShare: 0.3,
      window: 60_000,
      minServers: 2,
      allowEmpty: true,
      disputeLimit: 10_000,
    },
    damping: { halfLife: 5_000, suppress: 4, reuse: 2, ceiling: 16 },
    checkTimeout: 5_000,
    reloadTimeout: 6_000,
    dryRun: true,
    backups: 2,
  });
  expect(edge?.pools).toEqual([
    {
      name: "main",
      select: parseSelector("role=db"),
      port: 5_432,
      portTag: "db_port",
      addressTag: "db_addr",
      weight: 1,
      weightTag: "share",
      requiredTags: ["zone"],
      includeSelf: true,
      maxServers: 10,
      exclusive: { epochTag: "epoch", noPrimary: "hold" },
      serverOptions: "check inter 1s",
      onSuspect: "weight",
      maxSuspects: 0,
      probe: { path: undefined, timeout: 50, tries: 1 },
      drainLimit: 60_000,
    },
  ]);
  expect(nginx).toMatchObject({
    name: "nginx",
    damping: undefined,
    proxy: {
      kind: "nginx",
      binary: "/usr/sbin/nginx",
      mainFile: "/etc/nginx/nginx.conf",
      pidFile: "/run/nginx.pid",
      generation: "http://127.0.0.1:8081/generation",
    },
    pools: [
      {
        name: "app",
        exclusive: { epochTag: "role_epoch", noPrimary: "refuse" },
        probe: undefined,
      },
    ],
  });
  expect(keepalived).toMatchObject({
    name: "command",
    proxy: {
      kind: "command",
      check: ["/etc/gossipd/check.sh", "%f"],
      reload: ["systemctl", "reload", "keepalived"],
      confirm: ["true", ""],
      line: "real_server %a %p",
      emptyLine: "# nobody",
    },
    pools: [{ name: "lb", exclusive: undefined, probe: { path: "/health" } }],
  });
});

test.for<[object, string]>([
  [one({ port: 99_999 }), "balancers[0].pools[0].port: 99999 is no port, 1 to 65535"],
  [one({ port: "80" }), 'balancers[0].pools[0].port: "80" is no port, 1 to 65535'],
  [one({ port: 1.5 }), "balancers[0].pools[0].port: 1.5 is no port, 1 to 65535"],
  [one({ weight: -1 }), "balancers[0].pools[0].weight: -1 is no weight, 0 to 256"],
  [
    one({ members: "" }),
    'balancers[0].pools[0].members: is empty; a selector such as "role=web" would be right',
  ],
  [
    one({ members: null }),
    'balancers[0].pools[0].members: is missing; a selector such as "role=web" would be right',
  ],
  [
    one({ members: ["role=web"] }),
    'balancers[0].pools[0].members: a list is no string; a selector such as "role=web" would be right',
  ],
  [
    one({ on_suspect: "dran" }),
    'balancers[0].pools[0].on_suspect: "dran" is none of "drain", "weight", "out", "none"',
  ],
  [
    one({ max_suspects: 25 }),
    "balancers[0].pools[0].max_suspects: 25 is no share of the pool, 0 to 1",
  ],
  [
    one({ drain_limit: 10 }),
    'balancers[0].pools[0].drain_limit: 10 has no unit; "10s" are seconds',
  ],
  [
    one({ drain_limit: "ten" }),
    'balancers[0].pools[0].drain_limit: "ten" is no duration, "1.5s" is one',
  ],
  [
    one({ drain_limit: "-1s" }),
    'balancers[0].pools[0].drain_limit: "-1s" is out of range, 0s to 1h0m0s',
  ],
  [
    one({ include_self: "yes" }),
    'balancers[0].pools[0].include_self: "yes" is neither true nor false',
  ],
  [
    one({ server_options: "check\nbind :1" }),
    'balancers[0].pools[0].server_options: "check\\nbind :1" has control characters or line ends in it',
  ],
  [
    one({ server_options: "check # fast" }),
    'balancers[0].pools[0].server_options: "check # fast" has a # in it, which begins a comment',
  ],
  [
    one({ name: "../etc" }),
    'balancers[0].pools[0].name: "../etc" is no name of letters, digits and . _ -, at most 64',
  ],
  [
    one({ members: "!role=web" }),
    'balancers[0].pools[0].name: is missing, and members "!role=web" gives none; a word would be right',
  ],
  [
    one({ exclusive: { epoch: "x" } }),
    "balancers[0].pools[0].exclusive.epoch: there is no such key; known are epoch_tag, no_primary",
  ],
  [one({ probe: true }), "balancers[0].pools[0].probe: true is no object"],
  [
    one({ probe: { path: "health" } }),
    'balancers[0].pools[0].probe.path: "health" is no path of a URL, "/health" is one',
  ],
  [one({ prot: 80 }), 'balancers[0].pools[0].prot: there is no such key, did you mean "port"?'],
  [one({}, { confg: "x" }), 'balancers[0].confg: there is no such key, did you mean "config"?'],
  [
    one({}, { generation: "http://x/" }),
    "balancers[0].generation: is for the kind nginx, this one is haproxy",
  ],
  [
    one({}, { kind: "traefik" }),
    'balancers[0].kind: "traefik" is none of "haproxy", "nginx", "command"',
  ],
  [
    one({}, { config: "/nowhere/lb.conf" }),
    'balancers[0].kind: is missing, and "/nowhere/lb.conf" does not tell by name or content; one of "haproxy", "nginx", "command" would be right',
  ],
  [one({}, { pools: [] }), "balancers[0].pools: has 0 items, 1 to 256 would be right"],
  [
    one({}, { pools: undefined }),
    "balancers[0].pools: is missing; a list of 1 to 256: an object would be right",
  ],
  [
    one({}, { config: "/etc/a", reload: "systemctl reload a" }),
    'balancers[0].reload: "systemctl reload a" is no list; there is no shell, write ["program", "argument"]',
  ],
  [
    one({}, { kind: "nginx", generation: "ftp://x" }),
    'balancers[0].generation: "ftp://x" is no URL that begins with http://',
  ],
  [one({}, { governor: { quiet: "1s" } }), "balancers[0].governor.quiet: is longer than max_delay"],
  [
    one({}, { governor: { retry: ["2s", "1s"] } }),
    "balancers[0].governor.retry: the first is longer than the second",
  ],
  [
    one({}, { governor: { retry: ["2s"] } }),
    "balancers[0].governor.retry: has 1 items, 2 to 2 would be right",
  ],
  [one({}, { damping: { reuse: 3 } }), "balancers[0].damping.reuse: 3 is not below suppress, 3"],
  [one({}, { damping: { ceiling: 2 } }), "balancers[0].damping.suppress: 3 is above ceiling, 2"],
  [one({}, {}, { settle_time: "20s" }), "settle_time: is longer than settle_limit"],
  [one({}, {}, { ballancers: [] }), 'ballancers: there is no such key, did you mean "balancers"?'],
  [{}, "balancers: is missing; a list of one or more would be right"],
  [[], 'a list is no object, {"balancers": [...]} is one'],
])("%j is refused: %s", ([value, fault]) => {
  expect(faultsOf(value)).toEqual([fault]);
});

test("all faults are told at once", () => {
  const value = {
    interval: 5,
    balancers: [
      { config: "/etc/haproxy.cfg", backups: 0, pools: [{ members: "role=web" }, { port: 0 }] },
      { kind: "nginx", pools: [{ members: "role=web", portt: 1 }] },
    ],
  };
  expect(faultsOf(value).map((fault) => fault.split(":")[0])).toEqual([
    "interval",
    "balancers[0].pools[1].members",
    "balancers[0].pools[1].port",
    "balancers[0].backups",
    "balancers[1].config",
    "balancers[1].pools[0].portt",
  ]);
});

test("no more faults are told than can be read", () => {
  const pools = Array.from({ length: 200 }, () => ({ members: "role=web", port: 0 }));
  const faults = faultsOf({ balancers: [{ config: "/haproxy.cfg", pools }] });
  expect(faults.length).toBe(51);
  expect(faults.at(-1)).toBe("and 150 faults more");
});

test("two balancers neither bear one name nor write one file, two pools bear no one name", () => {
  const [balancer] = decode(one({})).balancers;
  expect(balancer).toBeDefined();
  const same = {
    config: "/etc/haproxy.cfg",
    pools: [{ members: "role=a" }, { members: "tier=a" }],
  };
  expect(faultsOf({ balancers: [same] })).toEqual([
    'balancers[0].pools[1].name: "a" is that of balancers[0].pools[0] as well',
  ]);
  const alone = { ...same, pools: [{ members: "role=a" }] };
  expect(faultsOf({ balancers: [alone, alone] })).toEqual([
    'balancers[1].name: "haproxy" is that of balancers[0] as well',
    'balancers[1].config: "/etc/haproxy.cfg" is that of balancers[0] as well',
  ]);
});

describe("of which kind a proxy is", () => {
  test.for([
    { text: "# ours\nglobal\n    maxconn 100\n", kind: "haproxy" },
    { text: "backend web\n  balance leastconn\n", kind: "haproxy" },
    { text: "upstream web {\n  server 127.0.0.1:1 down;\n}\n", kind: "nginx" },
    { text: "worker_processes auto;\nevents {}\nhttp {\n}\n", kind: "nginx" },
    { text: "vrrp_instance x {\n}\n", kind: undefined },
    { text: "", kind: undefined },
  ])("is seen in $text: $kind", ({ text, kind }) => {
    expect(kindOfText(text)).toBe(kind);
  });

  test("is seen by the file that is there", () => {
    const file = join(folder, "proxy.conf");
    writeFileSync(file, "upstream web {\n}\n");
    const [balancer] = decode(one({}, { config: file })).balancers;
    expect(balancer?.proxy.kind).toBe("nginx");
  });
});

describe("the file", () => {
  const least = { balancers: [{ config: "haproxy.cfg", pools: [{ members: "role=web" }] }] };
  const write = (text: string): string => {
    const file = join(folder, "lb.json");
    writeFileSync(file, text);
    return file;
  };

  test("has paths that begin at its folder", () => {
    const { balancers } = readLbConfig(write(JSON.stringify(least)));
    expect(balancers[0]?.file).toBe(join(folder, "haproxy.cfg"));
  });

  test("may be an agent's, with the section load_balancer in it", () => {
    const file = write(JSON.stringify({ node_name: "lb1", load_balancer: least }));
    expect(readLbConfig(file)).toEqual(readLbConfig(write(JSON.stringify(least))));
    const wrong = write(JSON.stringify({ load_balancer: {} }));
    expect(() => readLbConfig(wrong)).toThrow(`${wrong}: load_balancer: balancers: is missing`);
  });

  test("says where it is no JSON", () => {
    const file = write('{\n  "balancers": [\n    config\n  ]\n}\n');
    expect(() => readLbConfig(file)).toThrow(
      new OperatorError(`${file}: invalid JSON at line 3, column 5: expected a value`),
    );
  });

  test("says that it cannot be read", () => {
    const missing = join(folder, "missing.json");
    expect(() => readLbConfig(missing)).toThrow(
      new OperatorError(
        `The load balancer's configuration ${missing} cannot be read: no such file or directory`,
      ),
    );
  });
});

describe("whatever stands there", () => {
  const keyed = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.jsonValue(),
      fc.constantFrom("role=web", "5s", "haproxy", 1, true, "/etc/haproxy.cfg", null),
      fc.array(tie("value"), { maxLength: 3 }),
      tie("object"),
    ),
    object: fc.dictionary(
      fc.constantFrom(
        "balancers",
        "pools",
        "members",
        "config",
        "port",
        "kind",
        "probe",
        "governor",
        "retry",
        "damping",
        "exclusive",
        "name",
        "__proto__",
        "interval",
      ),
      tie("value"),
      { maxKeys: 6 },
    ),
  }));

  test("is a configuration or an operator's fault, nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), keyed.value), (value) => {
        try {
          expect(decode(JSON.parse(JSON.stringify(value))).balancers.length).toBeGreaterThan(0);
        } catch (thrown) {
          if (!(thrown instanceof OperatorError)) throw thrown;
          for (const line of thrown.message.split("\n")) {
            expect(line).toMatch(/^lb\.json: /);
            expect(line.length).toBeLessThan(600);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test("replaces any one value of a good one", () => {
    const keys = ["members", "port", "probe", "exclusive", "on_suspect", "drain_limit", "name"];
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => {
        for (const fault of faultsOf(one({ [key]: value }))) {
          expect(fault).toMatch(/^balancers\[0\]\.pools\[0\]\.\w+/);
        }
      }),
    );
  });
});
