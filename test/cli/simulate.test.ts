import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseArguments } from "../../src/cli/argv.js";
import { runProgram } from "../../src/cli/main.js";
import { ProgressBar } from "../../src/cli/progress-bar.js";
import { readOrders, simulateOptions } from "../../src/cli/simulate-options.js";
import type { Plot } from "../../src/simulate/plots.js";
import { simulate as simulation } from "../../src/simulate/simulation.js";
import { bytes, count, memory, range, time } from "../../src/simulate/units.js";
import { FakeTerminal } from "./fake-terminal.js";
import { bad, type Ran } from "./run-command.js";

const folder = mkdtempSync(join(tmpdir(), "gossipd-simulate-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function simulate(...words: readonly string[]): Promise<Ran> {
  const terminal = new FakeTerminal();
  const code = await runProgram(["simulate", ...words], terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

/** Few members and little quiet: a second of work. */
const small = ["-steady=2s", "-leave=1", "--kill", "1", "--kill-hosts=20%"];

describe("a run", () => {
  let ran: Ran;
  beforeAll(async () => {
    ran = await simulate("-nodes=6,10", ...small);
  });

  test("prints a table for each question, with a row for each size, and nothing else", () => {
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const [, ...tables] = ran.stdout.split("\n\n").map((table) => table.split("\n"));
    expect(tables.map(([title]) => title)).toEqual([
      "JOIN, ALL MEMBERS AT ONCE AND THROUGH ONE",
      "CRASHES, UNTIL THEY ARE KNOWN AS FAILURES",
      "NEWS, UNTIL SO MANY OF THE MEMBERS HAVE IT",
      "TRAFFIC THAT A MEMBER SENDS, PER SECOND",
      "FALSE ALARMS",
      "THE SIMULATION ITSELF",
    ]);
    const rows = (tables[1] ?? []).filter((line) => /^ +\d+ +(process|host)/.test(line));
    expect(rows.map((row) => row.trim().split(/ {2,}/).slice(0, 3))).toEqual([
      ["6", "process", "1"],
      ["6", "host", "1"],
      ["10", "process", "1"],
      ["10", "host", "2"],
    ]);
    for (const row of rows) expect(row).toMatch(/\d m?s .* 0$/);
  });

  test("says what makes it again", () => {
    expect(ran.stdout).toContain(
      "gossipd simulate -nodes=6,10 -steady=2s -leave=1 -kill=1 -kill-hosts=20% -seed=1\n",
    );
    expect(ran.stdout).toMatch(/^Profile lan, 0.2 to 1 ms .*, 0 % .* lost, compressed, seed 1\n/);
  });

  test("ends with the same figures when it is run again", async () => {
    const again = await simulate("-nodes=6,10", ...small);
    const figures = ({ stdout }: Ran): string | undefined => stdout.split("THE SIMULATION")[0];
    expect(figures(again)).toBe(figures(ran));
  });
});

test("JSON has every figure, in milliseconds and per second, and null for what there is none of", async () => {
  const { code, stderr, stdout } = await simulate(
    "-nodes=6",
    "-format=json",
    "-repeat=2",
    ...small,
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const { command, sizes, version } = JSON.parse(stdout);
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
  expect(command).toMatch(/^gossipd simulate -nodes=6 /);
  const range = {
    least: expect.any(Number),
    median: expect.any(Number),
    most: expect.any(Number),
  };
  const { curve: _, ...spread } = sizes[0].userEvent;
  expect(spread).toEqual({ half: range, most: range, all: range, missed: 0 });
  expect(sizes[0]).toMatchObject({
    nodes: 6,
    seeds: [1, 2],
    start: "cold",
    scenario: { profile: "lan", killed: 1, hostsLost: 1, watch: null },
    killed: { first: { count: 2, missing: 0 }, all: { count: 2, missing: 0 }, missed: 0 },
    steady: { packets: range, udpBytes: range, tcpBytes: range, pushPulls: range },
    falseAlarms: { members: 0, views: 0, believedFor: { count: 0, median: null } },
    cost: { cpu: expect.any(Number), memoryBytes: expect.any(Number) },
  });
  expect(sizes[0].killed.curve).toHaveLength(101);
});

describe("the page", () => {
  const path = join(folder, "report.html");
  let page = "";
  beforeAll(async () => {
    expect(await simulate("-nodes=6,10", "-html", path, ...small)).toMatchObject({ code: 0 });
    page = readFileSync(path, "utf8");
  });

  /** Without what scripts, styles and comments hold. */
  const markup = (): string => page.replace(/(<(script|style)\b[^>]*>)[\s\S]*?(<\/\2>)/g, "$1$3");

  test("asks nobody for anything", () => {
    expect(page).toContain(`content="default-src 'none'; script-src 'unsafe-inline'; style-src`);
    expect(markup()).not.toMatch(/\s(src|href|srcset|action|data)\s*=/i);
    expect(page).not.toMatch(
      /@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(/,
    );
    expect(page.match(/https?:\/\/[^\s"']+/g) ?? []).toEqual([]);
  });

  test("closes every element that it opens", () => {
    const open: string[] = [];
    for (const [, slash, name = ""] of markup().matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
      if (["meta", "br"].includes(name)) continue;
      if (slash === "") open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">\n/);
  });

  test("has a plot for each place, of values that belong to their axes", () => {
    const [, json = ""] = /id="plots">(.*?)<\/script>/s.exec(page) ?? [];
    const plots = JSON.parse(json) as Plot[];
    expect(plots.map(({ title }) => title)).toEqual([
      "Convergence after all join at once",
      "Who knows of a crash",
      "Detection times",
      "How a user event spreads",
      "Traffic over time",
      "Bandwidth by number of members",
      "Times by number of members",
    ]);
    expect(page.match(/<div class="plot">/g)).toHaveLength(plots.length);
    for (const { series, x, xs, y } of plots) {
      expect(xs).toEqual(xs.toSorted((one, other) => one - other));
      expect(`${x.label}, ${y.label}`).not.toBe(", ");
      for (const { ys } of series) {
        expect(ys).toHaveLength(xs.length);
        if (y.unit === "%") expect(Math.max(...ys.map(Number))).toBe(100);
        if (y.log) expect(Math.min(...ys.map((value) => value ?? 1))).toBeGreaterThan(0);
      }
    }
  });

  test("has the tables, the command that made it, and the licence of what draws it", () => {
    expect(page).toContain("<td>process</td>");
    expect(page).toMatch(/<code class="command">gossipd simulate [^<]* -seed=1<\/code>/);
    expect(page).toContain("Copyright (c) 2022 Leon Sorokin");
  });

  test("takes the place of an older one, and leaves nothing beside it", async () => {
    await simulate("-nodes=5", "-html", path, "-steady=1s", "-watch=1s");
    expect(readFileSync(path, "utf8")).toContain("of 5 members");
    expect(readdirSync(folder)).toEqual(["report.html"]);
  });

  test("does not act on what was typed", async () => {
    const file = join(folder, "<img src=x>.html");
    await simulate("-nodes=5", "-html", file, "-steady=1s", "-watch=1s");
    const text = readFileSync(file, "utf8");
    expect(text).toContain("&lt;img src=x&gt;");
    expect(text).not.toContain("<img");
    rmSync(file);
  });
});

test.for([
  [["-loss=120%"], "-loss=120%: has to be a share from 0% to 100%"],
  [["-loss=2"], "-loss=2: has to be a share from 0% to 100%"],
  [["-loss=-1%"], "-loss=-1%: has to be a share from 0% to 100%"],
  [["-nodes=ten"], "-nodes=ten: has to be numbers from 2 to 1000000 separated by commas"],
  [["-nodes=10,,20"], "-nodes=10,,20: has to be numbers from 2 to 1000000 separated by commas"],
  [["-nodes=1"], "-nodes=1: has to be numbers from 2 to 1000000 separated by commas"],
  [["-kill=101%"], "-kill=101%: has to be a share such as 5% or a number of members"],
  [["-kill=half"], "-kill=half: has to be a share such as 5% or a number of members"],
  [["-profile=moon"], "-profile=moon: has to be lan, wan or local"],
  [["-network=moon"], "-network=moon: has to be loopback, lan, regions or wan"],
  [["-start=warm"], "-start=warm: has to be cold or settled"],
  [["-repeat=0"], "-repeat=0: has to be a number from 1 to 1000"],
  [["-seed=-1"], "-seed=-1: has to be a number from 0 to 4294967295"],
  [["-latency=-5ms"], "-latency=-5ms: has to be a time from 0s to 24h"],
  [["-format=xml"], 'Encoding error: Invalid output format "xml"'],
  [
    ["-nodes=10", "-kill=50%", "-stall=40%"],
    "-nodes=10: 10 are killed, lost, leave or stand still; at least 2 others have to stay",
  ],
  [
    ["-nodes=100000", "-kill=5%"],
    "-nodes=100000: that 94999 members hear of 5001 others cannot be kept; ask for fewer that go",
  ],
] as const)("%j is refused in one line", async ([words, line]) => {
  expect(await simulate(...words)).toEqual(bad(`${line}\n`));
});

test("a report that cannot be written is refused before anything is simulated", async () => {
  const missing = join(folder, "nowhere", "report.html");
  const { code, stdout } = await simulate("-nodes=1000", `-html=${missing}`);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^-html=\S+: cannot be written: ENOENT[^\n]*\n$/);
  mkdirSync(join(folder, "taken"));
  const taken = await simulate("-nodes=1000", `-html=${join(folder, "taken")}`);
  expect(taken.stdout).toMatch(/: cannot be written: it is a directory\n$/);
  rmSync(join(folder, "taken"), { recursive: true });
});

test("an argument that is no flag is refused with the help", async () => {
  const { code, stdout } = await simulate("1000");
  expect(code).toBe(1);
  expect(stdout).toMatch(/^simulate takes flags only\.\n\nUsage: gossipd simulate \[options\]\n/);
});

test("a group that does not fit into the memory is said to be too large", async () => {
  const worker = new URL("../../dist/bundle/simulate/worker.js", import.meta.url);
  const [order] = readOrders(parseArguments(simulateOptions, ["-nodes=2000"]));
  const { signal } = new AbortController();
  const ran = simulation(
    worker,
    order === undefined ? [] : [order],
    signal,
    () => {},
    50 * 2 ** 20,
  );
  await expect(ran).rejects.toThrow(
    /^-nodes=2000: so many members do not fit into the 40.0 MiB of memory /,
  );
});

test("an interrupt ends it at once, and nothing is printed or written", async () => {
  const terminal = new FakeTerminal();
  const path = join(folder, "interrupted.html");
  const running = runProgram(["simulate", "-nodes=1000", "-html", path], terminal);
  while (terminal.interrupts === 0) await new Promise((resolve) => setImmediate(resolve));
  terminal.interrupt();
  expect(await running).toBe(130);
  expect({ out: terminal.stdout, err: terminal.stderr }).toEqual({ out: "", err: "" });
  expect(existsSync(path)).toBe(false);
});

describe("the progress bar", () => {
  test("draws on a terminal, within its width, and leaves nothing behind", () => {
    const terminal = new FakeTerminal();
    terminal.errColumns = 40;
    const bar = new ProgressBar(terminal, 0);
    bar.show(0.5, "1,000 members, seed 1");
    const erased = "\x1b[K";
    expect(terminal.stderr).toMatch(/^\r█{12}░{12} {2}50 % {2}0 s/);
    expect(terminal.stderr).toHaveLength("\r".length + 39 + erased.length);
    bar.clear();
    expect(terminal.stderr.endsWith(`\r${erased}`)).toBe(true);
    expect(terminal.stdout).toBe("");
  });

  test("is not there when stderr goes elsewhere, or the run is short", () => {
    const terminal = new FakeTerminal();
    new ProgressBar(terminal, 0).show(0.5, "");
    terminal.errColumns = 80;
    const patient = new ProgressBar(terminal);
    patient.show(0.5, "");
    patient.clear();
    expect(terminal.stderr).toBe("");
  });
});

test.for([
  [range({ least: 108, median: 168, most: 258 }, 3, time), "168 ms (108–258 ms)"],
  [range({ least: 900, median: 1_234, most: undefined }, 3, time), "1.23 s (900 ms–never)"],
  [range({ least: 2, median: 2, most: 2 }, 3, String), "2"],
  [range({ least: 7, median: 7, most: 7 }, 1, time), "7 ms"],
  [time(undefined), "never"],
  [time(0), "0 ms"],
  [time(999.4), "999 ms"],
  [time(999.6), "1.00 s"],
  [time(5_594), "5.59 s"],
  [time(48_120), "48.1 s"],
  [time(111_000), "111 s"],
  [bytes(267.3), "267 B"],
  [bytes(9_999), "9,999 B"],
  [bytes(12_340), "12.3 kB"],
  [bytes(3_210_000), "3.21 MB"],
  [count(1_000_000), "1,000,000"],
  [memory(3 * 2 ** 30), "3.00 GiB"],
])("%s is written %s", ([written, text]) => {
  expect(written).toBe(text);
});
