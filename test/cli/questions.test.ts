import { describe, expect, test } from "vitest";
import type { KeyReport, QueryRecord, RpcCoordinate } from "../../src/rpc/api.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { until } from "../support/wait.js";
import { bad, begin, good, run } from "./run-command.js";

const ack = (from: string): QueryRecord => ({ kind: "ack", from });
const response = (from: string, text: string | Uint8Array): QueryRecord => {
  return { kind: "response", from, payload: Buffer.from(text) };
};
const done: QueryRecord = { kind: "done" };

async function answering(...replies: readonly QueryRecord[]): Promise<Bench> {
  const bench = await Bench.start();
  bench.api.replies = replies;
  return bench;
}

describe("event", () => {
  test.for([
    [["deploy"], "Event 'deploy' dispatched! Coalescing enabled: true\n", "deploy  true"],
    [
      ["-coalesce=false", "deploy", "v1 é"],
      "Event 'deploy' dispatched! Coalescing enabled: false\n",
      "deploy 763120c3a9 false",
    ],
    [[""], "Event '' dispatched! Coalescing enabled: true\n", "  true"],
    [["a", "-b"], "Event 'a' dispatched! Coalescing enabled: true\n", "a 2d62 true"],
  ] as const)("%j is sent", async ([words, line, call]) => {
    const bench = await Bench.start();
    expect(await run(bench, "event", ...words)).toEqual(good(line));
    expect(bench.api.calls).toEqual([`userEvent ${call}`]);
  });

  test("what the agent refuses is said", async () => {
    const bench = await Bench.start();
    bench.api.failure = "user event exceeds configured limit of 512 bytes before encoding";
    const line = `Error sending event: ${bench.api.failure}\n`;
    expect(await run(bench, "event", "a")).toEqual(bad(line));
  });
});

test.for([
  [["event"], "An event name must be specified.\n\nUsage: gossipd event "],
  [["query"], "A query name must be specified.\n\nUsage: gossipd query "],
  [["rtt"], "One or two node names must be specified\n\nUsage: gossipd rtt "],
  [["rtt", "a", "b", "c"], "One or two node names must be specified\n\nUsage: gossipd rtt "],
  [["keys"], "Usage: gossipd keys "],
  [["keys", "-install="], "Usage: gossipd keys "],
  [["keys", "-list=false"], "Usage: gossipd keys "],
  ...["event", "query"].map(
    (name) =>
      [
        [name, "a", "b", "c"],
        `Too many command line arguments. Only a name and payload must be specified.\n\nUsage: gossipd ${name} `,
      ] as const,
  ),
] as const)("%j lacks something, or has too much: the help on stdout", async ([words, start]) => {
  const ran = await run(await Bench.start(), ...words);
  expect(ran.stdout.startsWith(start)).toBe(true);
  expect(ran).toMatchObject({ code: 1, stderr: "" });
});

test.for([
  [["query", "-format=xml", "a"], "Invalid format: xml\n"],
  [["query", "-relay-factor=256", "a"], "Relay factor must be between 0 and 255\n"],
  [["query", "-relay-factor=-1", "a"], "Relay factor must be between 0 and 255\n"],
  [["query", "-tag", "x", "a"], "Error: Invalid tag: 'x'\n"],
  [["keys", "-list", "-use=a"], "Only one of -install, -use, -remove, or -list allowed\n"],
  [["keys", "-use=a", "-remove=b"], "Only one of -install, -use, -remove, or -list allowed\n"],
  [["rtt", "a\u200b"], 'Could not find a coordinate for node "a\\u200b"\n'],
] as const)("%j fails with one line on stdout", async ([words, line]) => {
  expect(await run(await Bench.start(), ...words)).toEqual(bad(line));
});

test.for(["5", "", "1y", "1e3s", "300000000000000000000h"])(
  "a query does not take the timeout '%s'",
  async (timeout) => {
    const ran = await run(await Bench.start(), "query", `-timeout=${timeout}`, "a");
    expect(ran).toMatchObject({
      code: 1,
      stderr: `invalid value ${JSON.stringify(timeout)} for flag -timeout: parse error\n`,
      stdout: expect.stringMatching(/^Usage: gossipd query /),
    });
  },
);

describe("query", () => {
  test("shows what comes as it comes, and counts", async () => {
    const bench = await answering(ack("b"), response("b", "1\n2\n\n"), ack("a"), done);
    expect(await run(bench, "query", "load")).toEqual(
      good(
        "Query 'load' dispatched\nAck from 'b'\nResponse from 'b': 1\n2\n\nAck from 'a'\n" +
          "Total Acks: 2\nTotal Responses: 1\n",
      ),
    );
  });

  test("counts no acks where it wants none", async () => {
    const bench = await answering(response("b", ""), done);
    expect(await run(bench, "query", "-no-ack", "load")).toEqual(
      good("Query 'load' dispatched\nResponse from 'b': \nTotal Responses: 1\n"),
    );
    expect(bench.api.calls).toEqual(["query load  [[],[]] false,0,"]);
  });

  test("asks what its flags say", async () => {
    const bench = await answering(done);
    const flags =
      "-node=a -node b -tag role=w.* -tag x= -timeout=1m0.5s -relay-factor=3 load p".split(" ");
    await run(bench, "query", ...flags);
    const filters = '[["a","b"],[["role","w.*"],["x",""]]]';
    expect(bench.api.calls).toEqual([`query load 70 ${filters} true,3,60500`]);
  });

  test("gives one JSON object, with payloads as they are", async () => {
    const bench = await answering(
      ack("b"),
      ack("a"),
      response("b", "<1>\n"),
      response("a", Uint8Array.of(0xff)),
      done,
    );
    expect(await run(bench, "query", "-format=json", "load")).toEqual(
      good(
        '{\n  "Acks": [\n    "b",\n    "a"\n  ],\n  "Responses": {\n    "a": "\ufffd",\n    "b": "\\u003c1\\u003e\\n"\n  }\n}\n',
      ),
    );
  });

  test("gives null for no acks, and success for no answer", async () => {
    const json = await run(await answering(done), "query", "-format", "json", "load");
    expect(json).toEqual(good('{\n  "Acks": null,\n  "Responses": {}\n}\n'));
    const text = await run(await answering(done), "query", "load");
    expect(text).toEqual(good("Query 'load' dispatched\nTotal Acks: 0\nTotal Responses: 0\n"));
  });

  test("says why the agent refused it", async () => {
    const bench = await Bench.start();
    bench.api.failure = "query exceeds limit of 1024 bytes";
    const line = "Error sending query: query exceeds limit of 1024 bytes\n";
    expect(await run(bench, "query", "a")).toEqual(bad(line));
    expect(await run(bench, "query", "-format=json", "a")).toEqual(bad(line));
  });

  test.for([
    { format: "text", stdout: "Query 'load' dispatched\nAck from 'a'\n" },
    { format: "json", stdout: "" },
  ])("ends with 1 on an interrupt ($format)", async ({ format, stdout }) => {
    const bench = await answering(ack("a"));
    const { ran, terminal } = begin(bench, "query", `-format=${format}`, "load");
    await until("the query to run", () => bench.api.asked.length === 1);
    if (format === "text") await until("the ack", () => terminal.stdout.includes("Ack"));
    terminal.interrupt();
    expect(await ran).toEqual(bad(stdout));
    await until("the agent to collect no more", () => bench.api.asked.length === 0);
  });

  test("does not pass off as complete what an agent that went away has sent", async () => {
    const bench = await answering(ack("a"));
    const { ran } = begin(bench, "query", "load");
    await until("the query to run", () => bench.api.asked.length === 1);
    await bench.server.close();
    const { code, stdout } = await ran;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Error sending query: connection closed by the agent$/m);
    expect(stdout).not.toContain("Total");
  });

  test("waits for the whole time unless told otherwise", async () => {
    const bench = await answering(response("a", "1"));
    bench.api.known = [member("a")];
    const { ran, terminal } = begin(bench, "query", "load");
    await until("the response", () => terminal.stdout.includes("Response"));
    expect(terminal.stdout).not.toContain("Total");
    bench.api.asked[0]?.sink(done);
    expect((await ran).stdout).toContain("Total Responses: 1\n");
  });
});

describe("query -early", () => {
  const members = [
    member("a", { tags: { role: "web-1" } }),
    member("b", { tags: { role: "web-2" } }),
    member("c", { tags: { role: "db" } }),
    member("d", { status: "failed", tags: { role: "web-3" } }),
    member("e", { status: "left" }),
  ];

  test.for([
    { flags: [], waitsFor: ["a", "b", "c"] },
    { flags: ["-node=a", "-node=c", "-node=d", "-node=stranger"], waitsFor: ["a", "c"] },
    // A part of the text is enough, as it is for the members that are asked.
    { flags: ["-tag", "role=web"], waitsFor: ["a", "b"] },
    { flags: ["-tag", "role=^w|x"], waitsFor: ["a", "b"] },
    { flags: ["-tag", "role=^web-2$", "-node=a", "-node=b"], waitsFor: ["b"] },
    { flags: ["-tag", "absent=^$"], waitsFor: ["a", "b", "c"] },
    { flags: ["-tag", "role=nobody"], waitsFor: [] },
  ])("$flags waits for $waitsFor", async ({ flags, waitsFor }) => {
    const bench = await Bench.start();
    bench.api.known = members;
    const { ran, terminal } = begin(bench, "query", "-early", ...flags, "load");
    for (const [index, name] of waitsFor.entries()) {
      await until("the query to run", () => bench.api.asked.length === 1);
      bench.api.asked[0]?.sink(ack(name));
      bench.api.asked[0]?.sink(response(name, String(index)));
      await until("the response", () => terminal.stdout.includes(`from '${name}': ${index}`));
    }
    const { code, stdout } = await ran;
    expect({ code, last: stdout.split("\n").slice(-3) }).toEqual({
      code: 0,
      last: [`Total Acks: ${waitsFor.length}`, `Total Responses: ${waitsFor.length}`, ""],
    });
  });

  test("is not content with acks, but for the queries that get nothing else", async () => {
    const bench = await answering(ack("a"));
    bench.api.known = members.slice(0, 1);
    expect((await run(bench, "query", "-early", "_serf_ping")).code).toBe(0);
    const { ran, terminal } = begin(bench, "query", "-early", "load");
    await until("the ack", () => terminal.stdout.includes("Ack"));
    expect(terminal.stdout).not.toContain("Total");
    bench.api.asked.at(-1)?.sink(done);
    expect((await ran).stdout).toContain("Total Acks: 1\nTotal Responses: 0\n");
  });

  test("says that a pattern does not compile instead of waiting for nobody", async () => {
    const { code, stdout } = await run(await Bench.start(), "query", "-early", "-tag=a=(", "load");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Error retrieving members: Failed to compile regex/);
  });
});

describe("keys", () => {
  const key = "MDEyMzQ1Njc4OWFiY2RlRg==";
  const counted = (fields: Partial<KeyReport>): KeyReport => {
    const zero = { numNodes: 2, numResponses: 2, numErrors: 0, error: undefined };
    return { messages: new Map(), keys: new Map(), ...zero, ...fields };
  };

  test("are listed with how many members have them", async () => {
    const bench = await Bench.start();
    bench.api.report = counted({
      keys: new Map([
        ["zz==", 1],
        [key, 2],
      ]),
    });
    expect(await run(bench, "keys", "-list", "ignored")).toEqual(
      good(
        "==> Asking all members for installed keys...\n==> Keys gathered, listing cluster keys...\n\n" +
          `${key}  [2/2]\nzz==                      [1/2]\n`,
      ),
    );
  });

  test.for([
    {
      flag: "install",
      lines: "==> Installing key on all members...\n==> Successfully installed key!\n",
    },
    {
      flag: "use",
      lines: "==> Changing primary key on all members...\n==> Successfully changed primary key!\n",
    },
    {
      flag: "remove",
      lines: "==> Removing key on all members...\n==> Successfully removed key!\n",
    },
  ])("$flag succeeds in two lines", async ({ flag, lines }) => {
    const bench = await Bench.start();
    expect(await run(bench, "keys", `-${flag}`, key)).toEqual(good(lines));
    expect(bench.api.calls).toEqual([`keys ${flag} ${key}`]);
  });

  test.for([
    ["-install=x", "==> Installing key on all members...", "Error installing key"],
    ["-use=x", "==> Changing primary key on all members...", "Error changing primary key"],
    ["-remove=x", "==> Removing key on all members...", "Error removing key"],
    ["-list", "==> Asking all members for installed keys...", "Failed to gather member keys"],
  ])("%s says which members failed, and why", async ([flag, first, last]) => {
    const bench = await Bench.start();
    const error = "2/3 nodes reported failure";
    const messages = new Map([
      ["web-2", "no\tsuch key"],
      ["db", "key size must be 16, 24 or 32 bytes"],
    ]);
    bench.api.report = counted({ error, messages });
    expect(await run(bench, "keys", flag as string)).toEqual(
      bad(
        `${first}\nfailed:  db     key size must be 16, 24 or 32 bytes\n` +
          `failed:  web-2  no\\tsuch key\n\n${last}: ${error}\n`,
      ),
    );
    bench.api.report = counted({ error: "illegal base64 data at input byte 0" });
    expect(await run(bench, "keys", flag as string)).toEqual(
      bad(`${first}\n\n${last}: illegal base64 data at input byte 0\n`),
    );
  });
});

describe("reachability", () => {
  const trio = [
    member("a"),
    member("b"),
    member("c", { status: "failed" }),
    member("d", { status: "leaving" }),
  ];
  const head = "Total members: 4, live members: 2\nStarting reachability test...\n";

  test("asks Serf's own ping, and is content if all who live confirm", async () => {
    const bench = await answering(ack("b"), ack("a"), done);
    bench.api.known = trio;
    expect(await run(bench, "reachability", "ignored")).toEqual(
      good(`${head}Successfully contacted all live nodes\n`),
    );
    expect(bench.api.calls).toEqual(["query _serf_ping  [[],[]] true,0,"]);
  });

  test("-verbose shows who, and how long it took", async () => {
    const bench = await answering(ack("b"), ack("a"), done);
    bench.api.known = trio;
    const { code, stdout } = await run(bench, "reachability", "-verbose");
    expect(code).toBe(0);
    expect(stdout.slice(head.length)).toMatch(
      /^\tAck from 'b'\n\tAck from 'a'\nQuery time: \d+\.\d\d sec, time to last response: \d+\.\d\d sec\nSuccessfully contacted all live nodes\n$/,
    );
  });

  test.for([
    { acks: ["b"], line: "Received less acks than live nodes! Missing acks from:\n\ta\n" },
    {
      acks: ["b", "c", "a"],
      line: "Received more acks than live nodes! Acks from non-live nodes:\n\tc\n",
    },
    { acks: [], line: "Received less acks than live nodes! Missing acks from:\n\ta\n\tb\n" },
  ])("names who should not, or should, have confirmed: $acks", async ({ acks, line }) => {
    const bench = await answering(...acks.map(ack), done);
    bench.api.known = trio;
    const { code, stdout, stderr } = await run(bench, "reachability");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout.startsWith(head + line)).toBe(true);
    expect(stdout.match(/^\* /gm)).toHaveLength(5);
  });

  test("two nodes of one name are an error", async () => {
    const bench = await answering(ack("a"), ack("a"), done);
    bench.api.known = trio;
    const { code, stdout } = await run(bench, "reachability");
    expect(code).toBe(1);
    expect(stdout.startsWith(`${head}Duplicate response from 'a'\n`)).toBe(true);
    expect(stdout).toContain("each needs a name of its own");
  });

  test("waits for the whole time, but with -early for those who live", async () => {
    const bench = await answering(ack("a"), ack("c"));
    bench.api.known = trio;
    const { ran, terminal } = begin(bench, "reachability", "-early", "-verbose");
    await until("the acks", () => terminal.stdout.includes("'c'"));
    bench.api.asked[0]?.sink(ack("b"));
    expect((await ran).stdout).toContain("Received more acks than live nodes!");
    bench.api.replies = [ack("a"), ack("b")];
    const late = begin(bench, "reachability", "-verbose");
    await until("the acks", () => late.terminal.stdout.includes("'b'"));
    expect(late.terminal.stdout).not.toContain("Query time");
    bench.api.asked.at(-1)?.sink(done);
    expect((await late.ran).code).toBe(0);
  });

  test("says that it was interrupted", async () => {
    const bench = await Bench.start();
    bench.api.known = trio;
    const { ran, terminal } = begin(bench, "reachability");
    await until("the test to run", () => terminal.stdout === head);
    terminal.interrupt();
    expect(await ran).toEqual(bad(`${head}Test interrupted\n`));
  });

  test("says why the agent refused it", async () => {
    const bench = await Bench.start();
    bench.api.failure = "no such luck";
    expect(await run(bench, "reachability")).toEqual(
      bad("Total members: 0, live members: 0\nError sending query: no such luck\n"),
    );
  });
});

describe("rtt", () => {
  const at = (fields: Partial<RpcCoordinate>): RpcCoordinate => {
    return { vec: [0, 0], error: 1, height: 0.001, adjustment: 0, ...fields };
  };

  test("is the distance of the coordinates", async () => {
    const bench = await Bench.start();
    bench.api.sections = new Map([["agent", new Map([["name", "self"]])]]);
    bench.api.coordinates.set("self", at({}));
    bench.api.coordinates.set("a", at({ vec: [0.003, 0.004], adjustment: -0.0004 }));
    bench.api.coordinates.set("b", at({ adjustment: -1 }));
    const line = (names: string, rtt: string) => good(`Estimated ${names} rtt: ${rtt} ms\n`);
    expect(await run(bench, "rtt", "a")).toEqual(line("a <-> self", "6.600"));
    expect(await run(bench, "rtt", "self", "a")).toEqual(line("self <-> a", "6.600"));
    expect(await run(bench, "rtt", "self")).toEqual(line("self <-> self", "2.000"));
    // An adjustment that would make it negative does not count.
    expect(await run(bench, "rtt", "self", "b")).toEqual(line("self <-> b", "2.000"));
    expect(await run(bench, "rtt", "a", "zz")).toEqual(
      bad('Could not find a coordinate for node "zz"\n'),
    );
  });

  test("is not made up where the coordinates do not go together", async () => {
    const bench = await Bench.start();
    bench.api.coordinates.set("a", at({}));
    bench.api.coordinates.set("b", at({ vec: [0] }));
    const { code, stdout } = await run(bench, "rtt", "a", "b");
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: "Error getting coordinates: 2 and 1 dimensions do not go together\n",
    });
  });
});
