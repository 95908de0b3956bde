import { expect, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { until } from "../support/wait.js";
import { FakeTerminal } from "./fake-terminal.js";
import { bad, good, run } from "./run-command.js";

const cluster = [
  member("web-2", { ip: [10, 0, 0, 2], port: 7947, tags: { role: "web", dc: "b" } }),
  member("db", { ip: [0xfd, ...Array<number>(14).fill(0), 1], status: "failed" }),
  member("web-1", { ip: [10, 0, 0, 1], tags: { role: "web" }, status: "leaving" }),
];

test("members are listed by name", async () => {
  const bench = await Bench.start();
  bench.api.known = cluster;
  expect(await run(bench, "members", "ignored")).toEqual(
    good(
      [
        "db     [fd00::1]:7946  failed   ",
        "web-1  10.0.0.1:7946   leaving  role=web",
        "web-2  10.0.0.2:7947   alive    dc=b,role=web\n",
      ].join("\n"),
    ),
  );
});

test("-detailed adds two columns", async () => {
  const bench = await Bench.start();
  bench.api.known = cluster.slice(0, 2);
  const versions = "Protocol Version: 5  Available Protocol Range: [2, 5]";
  expect(await run(bench, "members", "-detailed")).toEqual(
    good(
      `db     [fd00::1]:7946  failed                 ${versions}\nweb-2  10.0.0.2:7947   alive   dc=b,role=web  ${versions}\n`,
    ),
  );
});

test("members come as JSON in Serf's form", async () => {
  const bench = await Bench.start();
  bench.api.known = cluster.slice(0, 1);
  expect(await run(bench, "members", "-format=json", "-detailed")).toEqual(
    good(`{
  "members": [
    {
      "name": "web-2",
      "addr": "10.0.0.2:7947",
      "port": 7947,
      "tags": {
        "dc": "b",
        "role": "web"
      },
      "status": "alive",
      "protocol": {
        "max": 5,
        "min": 2,
        "version": 5
      }
    }
  ]
}
`),
  );
});

test("no member is an empty line, and null in JSON", async () => {
  const bench = await Bench.start();
  expect(await run(bench, "members", "-name", "nobody")).toEqual(good("\n"));
  expect(await run(bench, "members", "-format", "json")).toEqual(good('{\n  "members": null\n}\n'));
});

test("names and tags cannot break rows, columns or the terminal", async () => {
  const bench = await Bench.start();
  bench.api.known = [
    member("evil  10.9.9.9:1  alive\nx", { tags: { a: "1\n2", b: "3\t4", c: "5|6", d: "7,8=9" } }),
    member("plain"),
    member("\u001b[2Jclear", { tags: { "k\r": "\u009b" } }),
  ];
  expect((await run(bench, "members")).stdout.split("\n")).toEqual([
    "\\x1b[2Jclear                            127.0.0.1:7946  alive  k\\r=\\u009b",
    "evil\\x20\\x2010.9.9.9:1\\x20\\x20alive\\nx  127.0.0.1:7946  alive  a=1\\n2,b=3\\t4,c=5|6,d=7,8=9",
    "plain                                   127.0.0.1:7946  alive",
    "",
  ]);
  const { stdout } = await run(bench, "members", "-format=json");
  const { members } = JSON.parse(stdout) as { members: { name: string; tags: object }[] };
  expect(members[1]).toMatchObject({
    name: "evil  10.9.9.9:1  alive\nx",
    tags: { a: "1\n2", b: "3\t4", c: "5|6", d: "7,8=9" },
  });
});

test.for([
  [
    ["-name", "web-."],
    ["web-1", "web-2"],
  ],
  [["-name", "web"], []],
  [["-status=leaving|failed"], ["db", "web-1"]],
  [
    ["-tag", "role=web", "-tag", "dc=.*"],
    ["web-1", "web-2"],
  ],
  [["-tag", "dc=b"], ["web-2"]],
  [
    ["-tag", "role="],
    ["db", "web-1", "web-2"],
  ],
] as const)("members %j are %j", async ([flags, names]) => {
  const bench = await Bench.start();
  bench.api.known = cluster;
  const { stdout } = await run(bench, "members", ...flags);
  expect(
    stdout
      .split("\n")
      .map((row) => row.split(" ")[0])
      .filter((name) => name !== ""),
  ).toEqual(names);
});

test("the old -role warns on stdout, but in front of JSON on stderr", async () => {
  const bench = await Bench.start();
  bench.api.known = cluster;
  const warning = "Deprecation warning: 'Role' has been replaced with 'Tags'\n";
  const text = await run(bench, "members", "-role", "web", "-tag", "dc=b");
  expect(text).toEqual(good(`${warning}web-2  10.0.0.2:7947  alive  dc=b,role=web\n`));
  const json = await run(bench, "members", "-role", "web", "-format", "json");
  expect(json.stderr).toBe(warning);
  expect(JSON.parse(json.stdout)).toMatchObject({
    members: [{ name: "web-1" }, { name: "web-2" }],
  });
  expect(await run(bench, "members", "-role", "web", "-tag", "x")).toEqual(
    bad(`${warning}Error: Invalid tag: 'x'\n`),
  );
});

test.for([
  [["members", "-name", "("], "Error retrieving members: Failed to compile regex: (\n"],
  [["members", "-format=xml"], 'Encoding error: Invalid output format "xml"\n'],
  [["info", "-format=xml"], 'Encoding error: Invalid output format "xml"\n'],
  [["members", "-tag", "x"], "Error: Invalid tag: 'x'\n"],
  [["tags", "-set", "x"], "Error: Invalid tag: 'x'\n"],
  [["tags", "-set", "=x"], "Error: Invalid tag: '=x'\n"],
  [["monitor", "-log-level=loud"], "Error starting monitor: Unknown log level: LOUD\n"],
  [["members", "-rpc-addr="], "Error connecting to Serf agent: dial tcp: missing address\n"],
  [
    ["members", "-rpc-addr=foo"],
    "Error connecting to Serf agent: dial tcp: address foo: missing port in address\n",
  ],
  [
    ["members", "-rpc-addr=[::1]"],
    "Error connecting to Serf agent: dial tcp: address [::1]: missing port in address\n",
  ],
  [
    ["members", "-rpc-addr=::1:1"],
    "Error connecting to Serf agent: dial tcp: address ::1:1: too many colons in address\n",
  ],
  [
    ["members", "-rpc-addr=a:99999"],
    "Error connecting to Serf agent: dial tcp: address 99999: invalid port\n",
  ],
] as const)("%j fails with one line on stdout", async ([words, line]) => {
  expect(await run(await Bench.start(), ...words)).toEqual(bad(line));
});

test.for([
  [["join", "a"], "Error joining the cluster: no such luck\n"],
  [["leave"], "Error leaving: no such luck\n"],
  [["force-leave", "a"], "Error force leaving: no such luck\n"],
  [["members"], "Error retrieving members: no such luck\n"],
  [["tags", "-delete=a"], "Error setting tags: no such luck\n"],
] as const)("%j says why the agent refused", async ([words, line]) => {
  const bench = await Bench.start();
  bench.api.failure = "no such luck";
  expect(await run(bench, ...words)).toEqual(bad(line));
});

test.for([
  [["join"], "At least one address to join must be specified.\n\nUsage: gossipd join "],
  [["join", "-replay"], "At least one address to join must be specified.\n\nUsage: gossipd join "],
  [["force-leave"], "A node name must be specified to force leave.\n\nUsage: gossipd force-leave "],
  [
    ["force-leave", "a", "b"],
    "A node name must be specified to force leave.\n\nUsage: gossipd force-leave ",
  ],
  [["tags"], "Usage: gossipd tags [options]\n"],
] as const)("%j lacks something: the help on stdout", async ([words, start]) => {
  const ran = await run(await Bench.start(), ...words);
  expect(ran.stdout.startsWith(start)).toBe(true);
  expect(ran).toMatchObject({ code: 1, stderr: "" });
});

test("join counts the addresses that answered, or tells the failures", async () => {
  const bench = await Bench.start();
  bench.api.joined = { contacted: 2, error: "" };
  expect(await run(bench, "join", "-replay", "a", "b", "-x")).toEqual(
    good("Successfully joined cluster by contacting 2 nodes.\n"),
  );
  bench.api.joined = { contacted: 0, error: "1 error occurred:\n\t* Failed to join a: x\n\n" };
  expect(await run(bench, "join", "a")).toEqual(
    bad("Error joining the cluster: 1 error occurred:\n\t* Failed to join a: x\n\n\n"),
  );
  expect(bench.api.calls).toEqual(["join a b -x true", "join a false"]);
});

test("leave, force-leave and tags do what they say", async () => {
  const bench = await Bench.start();
  expect(await run(bench, "force-leave", "a")).toEqual(good(""));
  expect(await run(bench, "force-leave", "-prune", "a")).toEqual(good(""));
  expect(await run(bench, "tags", "-set", "a=b=c", "-set=d=", "-delete", "e")).toEqual(
    good("Successfully updated agent tags\n"),
  );
  expect(await run(bench, "leave")).toEqual(good("Graceful leave complete\n"));
  expect(bench.api.calls).toEqual([
    "forceLeave a false",
    "forceLeave a true",
    'setTags [["a","b=c"],["d",""]] ["e"]',
    "leave",
  ]);
});

test("info is sorted, as text and as JSON", async () => {
  const bench = await Bench.start();
  bench.api.sections = new Map([
    ["tags", new Map([["role", "web\nx"]])],
    ["agent", new Map([["name", "a"]])],
    ["event_handlers", new Map()],
  ]);
  expect(await run(bench, "info")).toEqual(
    good("agent:\n\tname = a\nevent_handlers:\ntags:\n\trole = web\\nx\n"),
  );
  expect(await run(bench, "info", "-format=json")).toEqual(
    good(
      '{\n  "agent": {\n    "name": "a"\n  },\n  "event_handlers": {},\n  "tags": {\n    "role": "web\\nx"\n  }\n}\n',
    ),
  );
});

test("the address and the token come from the flag, then the environment", async () => {
  const bench = await Bench.start({ authKey: "secret" });
  const here = `127.0.0.1:${bench.port}`;
  const outcome = async (env: Record<string, string>, ...flags: string[]): Promise<string> => {
    const terminal = new FakeTerminal(env);
    await runProgram(["members", ...flags], terminal);
    return terminal.stdout;
  };
  const refused = "Error connecting to Serf agent: Invalid authentication token\n";
  const wanted = "Error retrieving members: Authentication required\n";
  expect(await outcome({ SERF_RPC_ADDR: here, SERF_RPC_AUTH: "secret" })).toBe("\n");
  expect(await outcome({ SERF_RPC_ADDR: here })).toBe(wanted);
  expect(await outcome({ SERF_RPC_ADDR: here, SERF_RPC_AUTH: "" })).toBe(wanted);
  expect(await outcome({ SERF_RPC_ADDR: here, SERF_RPC_AUTH: "wrong" })).toBe(refused);
  const env = { SERF_RPC_ADDR: "127.0.0.1:1", SERF_RPC_AUTH: "wrong" };
  expect(await outcome(env, "-rpc-addr", here, "-rpc-auth=secret")).toBe("\n");
  expect(await outcome(env, "-rpc-addr", here, "-rpc-auth=")).toBe(wanted);
});

test("what the agent of an image is told counts after Serf's own variables", async () => {
  const bench = await Bench.start({ authKey: "secret" });
  const here = `127.0.0.1:${bench.port}`;
  const outcome = async (env: Record<string, string>): Promise<string> => {
    const terminal = new FakeTerminal({ GOSSIPD_RPC_AUTH: "secret", ...env });
    await runProgram(["members"], terminal);
    return terminal.stdout;
  };
  for (const host of ["127.0.0.1", "0.0.0.0", "", "[::ffff:127.0.0.1]"]) {
    expect(await outcome({ GOSSIPD_RPC_ADDR: `${host}:${bench.port}` })).toBe("\n");
  }
  expect(await outcome({ GOSSIPD_RPC_ADDR: `[::]:${bench.port}` })).toMatch(/^$|tcp \[::1\]:/);
  expect(await outcome({ SERF_RPC_ADDR: here, GOSSIPD_RPC_ADDR: "127.0.0.1:1" })).toBe("\n");
  expect(await outcome({ SERF_RPC_ADDR: here, SERF_RPC_AUTH: "wrong" })).toContain("Invalid auth");
  expect(await outcome({ SERF_RPC_ADDR: "", GOSSIPD_RPC_ADDR: "" })).not.toBe("\n");
});

test("monitor follows until it is interrupted", async () => {
  const bench = await Bench.start();
  bench.api.backlog = ["2020/01/01 00:00:00 [INFO] agent: hello"];
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: `127.0.0.1:${bench.port}` });
  const code = runProgram(["monitor", "-log-level=debug"], terminal);
  await until("the monitor to follow", () => bench.api.subscriptions === 2);
  bench.api.log("new\nlines");
  const payload = Buffer.alloc(0);
  bench.api.emit({ kind: "user", ltime: 1, name: "deploy", payload, coalesce: false });
  await until("the event to be shown", () => terminal.stdout.includes("Payload"));
  terminal.interrupt();
  expect(await code).toBe(0);
  expect(terminal.stdout).toBe(
    '2020/01/01 00:00:00 [INFO] agent: hello\nnew\nlines\nEvent Info:\n\tCoalesce: false\n\tEvent: "user"\n\tLTime: 1\n\tName: "deploy"\n\tPayload: <nil>\n',
  );
  expect(terminal.stderr).toBe("");
});

test("monitor ends with an error when the agent goes away", async () => {
  const bench = await Bench.start();
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: `127.0.0.1:${bench.port}` });
  const code = runProgram(["monitor"], terminal);
  await until("the monitor to follow", () => bench.api.subscriptions === 2);
  await bench.server.close();
  expect(await code).toBe(1);
  expect(terminal.stdout).toBe(
    "\nRemote side ended the monitor! This usually means that the\nremote side has exited or crashed.\n",
  );
});
