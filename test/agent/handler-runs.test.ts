import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import type { SerfEvent } from "../../src/serf/events.js";
import { until } from "../support/wait.js";
import { member, memberEvent, query, userEvent } from "./handler-events.js";
import { hubWith, isGone } from "./handler-scripts.js";

const web = member("w\t1", { port: 8001, tags: { role: "web", "a-b.c": "1,2=3" } });

describe("a script is told what Serf tells it", () => {
  const about = ["SERF_EVENT", "SERF_SELF_NAME=me", "SERF_SELF_ROLE=lb", "SERF_TAG_ROLE=lb"];
  const ofMember = {
    stdin: "w\\t1\t10.0.0.1\tweb\ta-b.c=1,2=3,role=web\n",
    environment: ["SERF_MEMBER_PORTS=w\\t1\t10.0.0.1:8001"],
  };
  const cases: { event: SerfEvent; stdin: string; environment: string[] }[] = [
    { event: memberEvent("member-join", web), ...ofMember },
    { event: memberEvent("member-leave", web), ...ofMember },
    { event: memberEvent("member-failed", web), ...ofMember },
    { event: memberEvent("member-update", web), ...ofMember },
    { event: memberEvent("member-reap", web), ...ofMember },
    {
      event: userEvent("deploy", "v1.2\n3"),
      stdin: "v1.2\n3\n",
      environment: ["SERF_USER_EVENT=deploy", "SERF_USER_LTIME=7"],
    },
    {
      event: query("load"),
      stdin: "",
      environment: ["SERF_QUERY_NAME=load", "SERF_QUERY_LTIME=9"],
    },
  ];
  test.for(cases)("$event.kind", async ({ event, stdin, environment }) => {
    const filters = ["*", event.kind, "member-join,member-leave,user:other,query:other"];
    const { hub, log, written, runs } = hubWith(
      filters.map(
        (filter, index) =>
          `${filter}=cd $DIR || exit; env | grep ^SERF_ | sort >env${index}; cat >in${index}`,
      ),
    );
    hub.handle(event);
    const heard = filters.flatMap((filter, index) =>
      index < 2 || filter.split(",").includes(event.kind) ? [index] : [],
    );
    await runs(heard.length);
    const expected = [`SERF_EVENT=${event.kind}`, ...about.slice(1), ...environment].sort();
    for (const index of heard) {
      expect(written(`env${index}`).trimEnd().split("\n")).toEqual(expected);
      expect(written(`in${index}`)).toBe(stdin);
    }
    expect(written("env2") === "").toBe(!heard.includes(2));
    const named = "name" in event ? `: ${event.name}` : "";
    const said = event.kind === "user" ? "user-event" : event.kind;
    expect(log.lines[0]).toBe(`INFO Received event: ${said}${named}`);
    expect(log.lines.slice(1)).toEqual(
      heard.map(() => `DEBUG Event '${event.kind}' script output: `),
    );
  });
});

describe("how a run ends", () => {
  test.for([
    { script: "exit 3", failure: "exit status 3" },
    { script: "kill -KILL $$", failure: "signal: killed" },
    { script: "kill -TERM $$", failure: "signal: terminated" },
    { script: "/no/such/handler.sh", failure: "exit status 127" },
    { script: "if", failure: "exit status 2" },
  ])("$script: one line in the log, and the next event is handled", async ({ script, failure }) => {
    const { hub, lines, runs, written } = hubWith([
      `user:bad=${script}`,
      "user:good=echo ok >$DIR/ok",
    ]);
    hub.handle(userEvent("bad"));
    hub.handle(userEvent("good"));
    await runs(2);
    expect(lines("ERR")).toEqual([`Error invoking script '${script}': ${failure}`]);
    expect(written("ok")).toBe("ok\n");
  });

  test("following handlers of the same event still run", async () => {
    const { hub, runs, written } = hubWith(["member-join=exit 1", "member-join=cat >$DIR/in"]);
    hub.handle(memberEvent("member-join", member("a")));
    await runs(2);
    expect(written("in")).toBe("a\t10.0.0.1\t\t\n");
  });

  test("of 20 MiB output the last 8 KiB are kept", async () => {
    const { hub, lines, runs } = hubWith(["head -c 20971520 /dev/zero | tr '\\0' x; echo end"]);
    hub.handle(userEvent("big"));
    await runs(1);
    const [cut, output] = lines("DEBUG");
    expect(cut).toMatch(/cut to its end.*"writtenBytes":20971524,"kept":8192/);
    expect(output).toBe(`Event 'user' script output: ${"x".repeat(8_188)}end\n`);
  });

  test("a script need not read its input, however large", async () => {
    const { hub, log, lines, runs } = hubWith(["true"]);
    const members = Array.from({ length: 20_000 }, (_, index) => member(`node-${index}`));
    hub.handle(memberEvent("member-join", ...members));
    await runs(1);
    expect([...lines("ERR"), ...lines("WARN")]).toEqual([]);
    expect(log.lines).toHaveLength(2);
  });

  test("a script that does read it gets all of it, and the ports of those that fit", async () => {
    const { hub, runs, written } = hubWith([
      'cd $DIR || exit; wc -l >lines; echo "$SERF_MEMBER_PORTS" | wc -l >ports; echo "$SERF_MEMBER_PORTS_OMITTED" >>ports',
    ]);
    const members = Array.from({ length: 5_000 }, (_, index) => member(`node-${index}`));
    hub.handle(memberEvent("member-join", ...members));
    await runs(1);
    expect(Number(written("lines"))).toBe(5_000);
    const [ports = 0, omitted = 0] = written("ports").trim().split("\n").map(Number);
    expect(ports).toBeGreaterThan(2_000);
    expect(ports + omitted).toBe(5_000);
  });

  test("a background child that holds the output holds up the queue, a detached one does not", async () => {
    const script = [
      "cd $DIR || exit; case $SERF_USER_EVENT in",
      "hold) (read _ <gate; echo held) & ;;",
      "detach) (read _ <gate2; echo detached >>order) >/dev/null 2>&1 & ;;",
      "next) echo next >>order ;; esac",
    ].join("\n");
    const { hub, gate, log, runs, written } = hubWith([`user=${script}`]);
    const [open, open2] = [gate("gate"), gate("gate2")];
    hub.handle(userEvent("hold"));
    hub.handle(userEvent("next"));
    await open();
    await runs(2);
    expect(log.lines.at(-2)).toBe("DEBUG Event 'user' script output: held\n");
    hub.handle(userEvent("detach"));
    hub.handle(userEvent("next"));
    await runs(4);
    expect(written("order")).toBe("next\nnext\n");
    await open2();
    await until("the detached child", () => written("order").endsWith("detached\n"));
  });

  test("an environment that is too large is an error of that run alone", async () => {
    const environment = () => ({ HUGE: "x".repeat(200_000) });
    const { hub, lines, runs } = hubWith(["true"], { environment });
    hub.handle(userEvent("x"));
    await runs(1);
    expect(lines("ERR")).toEqual(["Error invoking script 'true': spawn E2BIG"]);
  });

  test("a slow script is told of once", async () => {
    const { hub, gate, lines, runs } = hubWith(["read _ <$DIR/gate"], {
      limits: { slowAfter: 20 },
    });
    const open = gate("gate");
    hub.handle(userEvent("x"));
    await until("the warning", () => lines("WARN").length > 0);
    await open();
    await runs(1);
    expect(lines("WARN")).toEqual(["Script 'read _ <$DIR/gate' slow, execution exceeding 0.02s"]);
  });
});

describe("the time limit", () => {
  /** Writes its own and a child's process id, then waits; both ignore SIGTERM if told so. */
  const stubborn = (trap: string) =>
    `${trap}\ncd $DIR || exit; sleep 60 & echo $$ $! >pids; mv pids pids.done; wait; wait`;

  test.for([
    { what: "SIGTERM ends the whole group", trap: "", failure: "signal: terminated" },
    { what: "SIGKILL ends what ignores it", trap: "trap '' TERM", failure: "signal: killed" },
    {
      what: "also what ends in good order failed",
      trap: "trap 'exit 0' TERM",
      failure: "told to end",
    },
  ])("$what", async ({ trap, failure }) => {
    const script = stubborn(trap);
    const { hub, lines, runs, written } = hubWith([`query=${script}`, "user=echo"], {
      handlerTimeout: 200,
    });
    hub.handle(query("load"));
    await runs(1);
    expect(lines("ERR")).toEqual([
      expect.stringMatching(/^script exceeds its time limit, ending it/),
      `Error invoking script '${script}': ${failure}`,
    ]);
    const pids = written("pids.done").trim().split(" ").map(Number);
    expect(pids).toHaveLength(2);
    for (const pid of pids) await until(`${pid} is gone`, () => isGone(pid), { every: 5 });
    expect(hub.counters).toMatchObject({ runs: 1, failures: 1, timeouts: 1 });
  });

  test("a background child in the group that outlives the script is ended before the next run", async () => {
    const { hub, gate, runs, written } = hubWith(
      [
        [
          "cd $DIR || exit; [ -e pid ] && exit 0",
          "(trap '' TERM; while :; do sleep 0.02; done) >/dev/null 2>&1 &",
          "echo $! >pid; read _ <never",
        ].join("\n"),
      ],
      { handlerTimeout: 200 },
    );
    gate("never");
    hub.handle(userEvent("one"));
    hub.handle(userEvent("two"));
    await runs(1);
    expect(isGone(Number(written("pid")))).toBe(true);
    await runs(2);
  });

  test("a process that left the group loses the output", async () => {
    const { hub, lines, runs, written } = hubWith(
      ["cd $DIR || exit; setsid sh -c 'echo $$ >pid; exec sleep 60' & wait"],
      { handlerTimeout: 100, limits: { killGrace: 50 } },
    );
    hub.handle(userEvent("x"));
    await runs(1);
    expect(lines("ERR")).toHaveLength(2);
    const pid = Number(written("pid"));
    expect(isGone(pid)).toBe(false);
    process.kill(pid);
  });

  test("may be longer than a timer of the system", async () => {
    const { hub, lines, runs } = hubWith(["sleep 0.1"], { handlerTimeout: 2 ** 32 });
    hub.handle(userEvent("x"));
    await runs(1);
    expect(lines("ERR")).toEqual([]);
  });

  test("0 is no limit", async () => {
    const { hub, gate, lines, runs } = hubWith(["read _ <$DIR/gate"], {
      handlerTimeout: 0,
      limits: { slowAfter: 50 },
    });
    const open = gate("gate");
    hub.handle(userEvent("x"));
    await until("the script is slow", () => lines("WARN").length > 0);
    await open();
    await runs(1);
    expect(hub.counters.failures).toBe(0);
  });
});

describe("answers to queries", () => {
  test.for([
    { script: "echo 0.42", answer: ["1: 0.42\n"] },
    { script: "printf 0.42", answer: ["1: 0.42"] },
    { script: "echo 0.42 >&2", answer: ["1: 0.42\n"] },
    { script: "cat", answer: ["1: payload\n"] },
    { script: "true", answer: [] },
    { script: "echo 0.42; exit 1", answer: [] },
    { script: "echo 0.42; kill -KILL $$", answer: [] },
    {
      script: "for i in 1 2 3 4; do echo out $i; echo err $i >&2; done",
      answer: [`1: ${[1, 2, 3, 4].map((i) => `out ${i}\nerr ${i}\n`).join("")}`],
    },
  ])("$script", async ({ script, answer }) => {
    const { hub, responses, runs } = hubWith([`query:load=${script}`]);
    hub.handle(query("load", { payload: "payload" }));
    await runs(1);
    expect(responses).toEqual(answer);
  });

  test("are for queries alone", async () => {
    const { hub, responses, runs } = hubWith(["echo out"]);
    hub.handle(userEvent("load"));
    await runs(1);
    expect(responses).toEqual([]);
  });

  test("that cannot be given are a warning", async () => {
    const { hub, lines, runs } = hubWith(["query=echo 1", "query=echo 2"], {
      respond: () => {
        throw new OperatorError("response has already been sent");
      },
    });
    hub.handle(query("load"));
    await runs(2);
    const warning = "Failed to respond to query 'load': response has already been sent";
    expect(lines("WARN")).toEqual([warning, warning]);
  });

  test("a query that waited too long is not run", async () => {
    let now = 0;
    const { hub, gate, runs, responses } = hubWith(["user,query=read _ <$DIR/gate; echo late"], {
      now: () => now,
    });
    const open = gate("gate");
    hub.handle(userEvent("x"));
    hub.handle(query("load", { id: 1, deadline: 100 }));
    hub.handle(query("load", { id: 2, deadline: 200 }));
    now = 100;
    await open();
    await runs(1);
    await open();
    await runs(2);
    expect(responses).toEqual(["2: late\n"]);
    expect(hub.counters.expired).toBe(1);
  });
});

test("5,000 events while a script is blocked: streams are told at once, nothing is lost", async () => {
  const { hub, dir, written } = hubWith([
    'cd $DIR || exit; until [ -e open ]; do sleep 0.02; done; echo "$SERF_EVENT$SERF_USER_EVENT\n$SERF_MEMBER_PORTS" >>told',
  ]);
  const seen: SerfEvent[] = [];
  hub.subscribe("", (event) => seen.push(event));
  const truth = new Map<string, string>();
  for (let index = 0; index < 5_000; index += 1) {
    const round = Math.floor(index / 50);
    const kind = round === 0 ? "member-join" : ageing[(round + index) % ageing.length];
    const event = memberEvent(kind ?? "member-join", member(`n${index % 50}`, { port: index + 1 }));
    hub.handle(event);
    truth.set(`n${index % 50}`, `${status(event.kind)} 10.0.0.1:${index + 1}`);
    if (round % 10 === 9 && index % 50 === 0) hub.handle(userEvent(`-round-${round}`));
  }
  hub.handle(userEvent("-end"));
  expect(seen).toHaveLength(5_011);
  writeFileSync(join(dir, "open"), "");
  await until("the last event", () => written("told").includes("user-end"));
  const told = new Map<string, string>();
  let kind = "";
  for (const line of written("told").split("\n")) {
    const [name = "", address] = line.split("\t");
    if (address === undefined) kind = line === "" ? kind : line;
    else told.set(name, `${status(kind)} ${address}`);
  }
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(truth));
  expect(written("told").match(/user-round-\d+/g)).toHaveLength(10);
  expect(hub.counters).toMatchObject({ dropped: 0, expired: 0, failures: 0 });
  expect(hub.counters.merged).toBeGreaterThan(4_000);
});

const status = (kind: string) => (kind === "member-failed" ? "failed" : "alive");

/** What happens to a member again and again. */
const ageing = ["member-update", "member-failed", "member-join"] as const;

test("scripts do not hold up each other, except those that hear parts of the same life", async () => {
  const { hub, gate, runs, written } = hubWith([
    "member-join=cd $DIR || exit; read _ <gate; echo added >>order",
    "*=echo heard >>$DIR/order",
    "member-leave,member-failed=echo removed >>$DIR/order",
  ]);
  const open = gate("gate");
  hub.handle(memberEvent("member-join", member("a")));
  await runs(1);
  hub.handle(memberEvent("member-failed", member("b")));
  await runs(2);
  expect(written("order")).toBe("heard\nheard\n");
  await open();
  await runs(4);
  expect(written("order")).toBe("heard\nheard\nadded\nremoved\n");
});

test("a reload touches no running script, keeps what waits for those that stay, drops the rest", async () => {
  const stays = "cd $DIR || exit; echo >stays.begun; read _ <gate; cat >>stays";
  const goes = "cd $DIR || exit; echo >goes.begun; read _ <gate2; cat >>goes";
  const { hub, gate, lines, runs, written } = hubWith([`*=${stays}`, `user=${goes}`]);
  const [open, open2] = [gate("gate"), gate("gate2")];
  for (const payload of ["1", "2"]) hub.handle(userEvent("x", payload));
  await until("both run", () => written("stays.begun") !== "" && written("goes.begun") !== "");
  hub.setHandlers([
    { filter: { kind: "user", name: "" }, script: stays },
    { filter: { kind: "user", name: "x" }, script: "cat >>$DIR/comes" },
  ]);
  expect(lines("INFO").at(-1)).toBe('dropped events of removed handlers {"waiting":1}');
  hub.handle(userEvent("x", "3"));
  await runs(1);
  expect(written("comes")).toBe("3\n");
  await open2();
  await runs(2);
  for (const count of [3, 4, 5]) {
    await open();
    await runs(count);
  }
  expect(written("stays")).toBe("1\n2\n3\n");
  expect(written("goes")).toBe("1\n");
});

describe("stopping", () => {
  test("lets a script come to its end", async () => {
    const { hub, gate, written, lines } = hubWith(
      ["cd $DIR || exit; echo >begun; read _ <gate; echo >ended"],
      {
        limits: { stopGrace: 10_000 },
      },
    );
    const open = gate("gate");
    hub.handle(userEvent("1"));
    hub.handle(userEvent("2"));
    await until("the script began", () => written("begun") !== "");
    const stopped = hub.stop();
    await open();
    await stopped;
    expect(written("ended")).toBe("\n");
    expect(lines("WARN")).toEqual([
      expect.stringMatching(/^stopping, waiting events were dropped.*1/),
    ]);
  });

  test.for([
    { what: "SIGTERM", trap: "echo cleaned >cleaned; exit 1", cleaned: "cleaned\n" },
    { what: "SIGKILL", trap: "", cleaned: "" },
  ])("ends what takes too long with $what", async ({ trap, cleaned }) => {
    const { hub, written } = hubWith([
      `cd $DIR || exit; trap '${trap}' TERM; echo $$ >new; mv new pid; while :; do sleep 0.02; done`,
    ]);
    hub.handle(userEvent("1"));
    const pid = Number(await until("the script began", () => written("pid") || undefined));
    await hub.stop();
    expect(isGone(pid)).toBe(true);
    expect(written("cleaned")).toBe(cleaned);
    hub.handle(userEvent("2"));
    expect(hub.counters.runs).toBe(1);
  });

  test("leaves no file behind and is over at once when nothing runs", async () => {
    const { hub, dir } = hubWith(["true"]);
    await hub.stop();
    expect(readdirSync(dir)).toEqual([]);
  });
});
