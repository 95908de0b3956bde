import { stripVTControlCharacters } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import { memberChanges } from "../../src/cli/members/changes.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { until } from "../support/wait.js";
import { FakeScreen, FakeTerminal } from "./fake-terminal.js";
import { begin } from "./run-command.js";

const web = member("web", { tags: { role: "web", zone: "1" } });

test.for([
  [web, "web: alive -> failed", { ...web, status: "failed" }],
  [web, "web: 127.0.0.1:7946 -> 127.0.0.1:8000", { ...web, port: 8000 }],
  [
    web,
    "web: tag role=web -> db, tag x=y added, tag zone=1 removed",
    member("web", { tags: { role: "db", x: "y" } }),
  ],
  [undefined, "web: new, alive at 127.0.0.1:7946", web],
  [web, "web: gone from the list, was alive", undefined],
  [web, "", web],
] as const)("%# changes are told in words: %s", ([before, words, after]) => {
  const list = (one: typeof before) => (one === undefined ? [] : [one]);
  const changes = memberChanges(list(before), list(after));
  expect(changes.map((one) => `${one.member.name}: ${one.words}`).join()).toBe(words);
});

function tellOf(bench: Bench): void {
  bench.api.emit({ kind: "member", event: "member-update", members: [] });
}

test("into a pipe go the list and a line for each change, until it is interrupted", async () => {
  const bench = await Bench.start();
  bench.api.known = [web];
  const { terminal, ran } = begin(bench, "members", "-watch");
  await until("the list", () => terminal.stdout.includes("web  127.0.0.1:7946  alive"));
  bench.api.known = [{ ...web, status: "failed" }, member("new\u001b[2J")];
  tellOf(bench);
  await until("the changes", () => terminal.stdout.includes("failed"));
  terminal.interrupt();
  const { code, stdout } = await ran;
  expect(
    stdout
      .replace(/\d{4}-\S+Z/g, "TIME")
      .split("\n")
      .slice(1),
  ).toEqual(["TIME  new\\x1b[2J  new, alive at 127.0.0.1:7946", "TIME  web  alive -> failed", ""]);
  expect(code).toBe(0);
});

test("as JSON each member and each change is a line", async () => {
  const bench = await Bench.start();
  bench.api.known = [web];
  const { terminal, ran } = begin(bench, "members", "-watch", "-format=json");
  await until("the list", () => terminal.stdout.endsWith("\n"));
  bench.api.known = [];
  tellOf(bench);
  await until("the change", () => terminal.stdout.split("\n").length > 2);
  terminal.interrupt();
  const lines = (await ran).stdout.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { change: "known", member: { name: "web", tags: { role: "web" } } },
    { change: "gone", member: { name: "web" } },
  ]);
});

test("without an agent it ends as members does", async () => {
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: "127.0.0.1:1" });
  expect(await runProgram(["members", "-watch"], terminal)).toBe(1);
  expect(terminal.stdout).toMatch(/^Error connecting to Serf agent: .*connection refused\n$/);
});

test("an agent that goes away is sought, and what it says then is shown", async () => {
  const bench = await Bench.start();
  bench.api.known = [web];
  const { terminal, ran } = begin(bench, "members", "-watch");
  await until("the list", () => terminal.stdout.includes("alive"));
  await bench.server.close();
  await until("it says so", () => terminal.stderr.includes("looking for the agent again\n"));
  const again = new Bench({});
  onTestFinished(() => again.server.close());
  again.api.known = [{ ...web, status: "left" }];
  await again.server.listen("127.0.0.1", bench.port);
  await until("the change", () => terminal.stdout.includes("alive -> left"));
  terminal.interrupt();
  expect((await ran).code).toBe(0);
});

test.for([
  ["-watch", "-format=csv"],
  ["-agree", "-format=env"],
  ["-agree", "-watch"],
])("%s does not go with %s", async (flags) => {
  const bench = await Bench.start();
  const { ran } = begin(bench, "members", ...flags);
  expect(await ran).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^-\w+ .*(goes with -format text and json|do not go together)/),
  });
});

/** A watch on a screen. */
function watched(bench: Bench, columns: number, rows: number) {
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: `127.0.0.1:${bench.port}` });
  const screen = new FakeScreen();
  terminal.display = screen;
  terminal.outColours = true;
  Object.assign(screen, { columns, rows });
  const ran = runProgram(["members", "-watch"], terminal);
  /** What stands there now, without colours. */
  const shown = (): string[] => {
    const last = terminal.stdout.split("\u001b[H").at(-1) ?? "";
    const lines = stripVTControlCharacters(last.split("\u001b[J")[0] ?? "").split("\r\n");
    return lines.map((line) => line.trimEnd());
  };
  return { terminal, screen, ran, shown };
}

test("on a terminal the list stands in its place, changes are marked, and q gives it back", async () => {
  const bench = await Bench.start();
  bench.api.known = [web, member("db")];
  const { ran, screen, shown, terminal } = watched(bench, 80, 6);
  await until("it is drawn", () => screen.user !== undefined);
  expect(shown()).toEqual([
    "2 members: 2 alive",
    "NAME  ADDRESS         STATUS  CHANGED  TAGS",
    "db    127.0.0.1:7946  alive",
    "web   127.0.0.1:7946  alive            role=web,zone=1",
    "",
    "q quits, arrows scroll",
  ]);
  bench.api.known = [{ ...web, status: "failed" }, member("db")];
  tellOf(bench);
  await until("it is drawn anew", () => shown()[0] === "2 members: 1 alive, 1 failed");
  expect(shown()[3]).toBe("web   127.0.0.1:7946  failed  alive -> failed  role=web,zone=1");
  expect(terminal.stdout).toContain("\u001b[31mfailed");
  screen.user?.onKey("q");
  expect(await ran).toBe(0);
  expect(screen.user).toBeUndefined();
  expect(terminal.stdout.split("\u001b[J").at(-1)).toBe(
    "db   127.0.0.1:7946  alive   \nweb  127.0.0.1:7946  failed  role=web,zone=1\n",
  );
});

test("many members scroll, and a smaller terminal shows less of them", async () => {
  const bench = await Bench.start();
  bench.api.known = Array.from({ length: 30 }, (_, index) => member(`n${10 + index}`));
  const { ran, screen, shown } = watched(bench, 80, 10);
  await until("it is drawn", () => screen.user !== undefined);
  const names = () =>
    shown()
      .slice(2, -1)
      .map((line) => line.split(" ")[0]);
  expect(names()).toEqual(["n10", "n11", "n12", "n13", "n14", "n15", "n16"]);
  screen.user?.onKey("down");
  expect(names()[0]).toBe("n11");
  screen.user?.onKey("end");
  expect(names().at(-1)).toBe("n39");
  expect(shown().at(-1)).toContain("(24-30 of 30)");
  Object.assign(screen, { rows: 5, columns: 20 });
  screen.user?.onResize();
  expect(shown()).toHaveLength(5);
  expect(Math.max(...shown().map((line) => line.length))).toBeLessThanOrEqual(20);
  screen.user?.onKey("ctrl-c");
  expect(await ran).toBe(0);
});
