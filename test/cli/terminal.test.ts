import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { hasColours } from "../../src/cli/colours.js";
import { readKeys } from "../../src/cli/live/keys.js";
import { tableLines } from "../../src/cli/live/table.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { Pty } from "./pty.js";

test.for([
  [true, {}, true],
  [false, {}, false],
  [undefined, {}, false],
  [true, { NO_COLOR: "1" }, false],
  [true, { NO_COLOR: "" }, true],
  [true, { TERM: "dumb" }, false],
] as const)("a terminal (%s) with %j has colours: %s", ([isTerminal, env, colours]) => {
  expect(hasColours(isTerminal, env)).toBe(colours);
});

test.for([
  ["q", ["q"]],
  ["\u001b[A\u001b[B", ["up", "down"]],
  ["\u001bOA", ["up"]],
  ["\u001b[5~\u001b[6~", ["page up", "page down"]],
  ["\u001b", ["escape"]],
  ["\u0003", ["ctrl-c"]],
  ["ab\u001b[Hc", ["a", "b", "home", "c"]],
  ["\u001b[1;5C\u001b[200~", []],
  ["é\u0000", ["é"]],
] as const)("%j are the keys %j", ([text, keys]) => {
  expect(readKeys(text)).toEqual(keys);
});

test("a table is cut where the terminal ends", () => {
  const columns = [{ title: "NAME" }, { title: "N", right: true }, { title: "TAGS" }];
  const rows = [[{ text: "web" }, { text: "10" }, { text: "role=web" }]];
  const lines = (width: number) => tableLines(columns, rows, width, (text) => text);
  expect(lines(80)).toEqual(["NAME   N  TAGS", "web   10  role=web"]);
  expect(lines(13)).toEqual(["NAME   N  TA…", "web   10  ro…"]);
  expect(lines(7)).toEqual(["NAME  …", "web   …"]);
  expect(lines(3)).toEqual(["NA…", "we…"]);
});

describe.skipIf(missingPrograms("script", "stty", "ps").length > 0)("on a real terminal", () => {
  const enter = "\u001b[?1049h";
  const leave = "\u001b[?1049l";

  async function started(args: readonly string[], env: Record<string, string> = {}) {
    const bench = await Bench.start();
    bench.api.topics = undefined;
    bench.api.sections = new Map([["agent", new Map([["name", "n10"]])]]);
    bench.api.known = Array.from({ length: 40 }, (_, index) =>
      member(`n${10 + index}`, { status: index === 1 ? "failed" : "alive" }),
    );
    const size = { columns: 60, rows: 12 };
    const address = { SERF_RPC_ADDR: `127.0.0.1:${bench.port}` };
    return { bench, pty: await Pty.start(args, { ...address, ...env }, size) };
  }

  /** The lines of the last picture. */
  function picture({ output }: Pty): string[] {
    const last = output.split("\u001b[H").findLast((part) => part.includes("\u001b[J")) ?? "";
    const lines = stripVTControlCharacters(last.split("\u001b[J")[0] ?? "").split("\r\n");
    return lines.map((line) => line.trimEnd());
  }

  test.for([
    ["top -interval=1h", "q"],
    ["top", "\u0003"],
    ["members -watch", "q"],
  ] as const)(
    "%s is drawn, follows the size, and %j gives the terminal back",
    async ([words, key]) => {
      const { pty } = await started(words.split(" "));
      await until("it is drawn", () => pty.output.includes("\u001b[J"), { last: () => pty.output });
      expect(pty.output.split(enter)).toHaveLength(2);
      expect(picture(pty)).toHaveLength(12);
      expect(pty.output).toContain("\u001b[31mfailed");
      pty.resize(40, 8);
      await until("it has shrunk", () => picture(pty).length === 8, { last: () => picture(pty) });
      expect(Math.max(...picture(pty).map((line) => line.length))).toBeLessThanOrEqual(40);
      pty.press("\u001b[F");
      await until("it has scrolled", () => picture(pty).some((line) => line.startsWith("n49 ")));
      pty.press(key);
      expect(await pty.ended()).toEqual({ code: 0, restored: true });
      expect(pty.output.split(leave)).toHaveLength(2);
      expect(pty.output.lastIndexOf(leave)).toBeGreaterThan(pty.output.lastIndexOf("\u001b[H"));
    },
  );

  test("a signal that ends it gives the terminal back as well", async () => {
    const { pty } = await started(["top"]);
    await until("it is drawn", () => pty.output.includes("\u001b[J"));
    pty.signal("SIGTERM");
    expect(await pty.ended()).toEqual({ code: 143, restored: true });
    expect(pty.output.split(leave)).toHaveLength(2);
  });

  test("NO_COLOR leaves the colours out", async () => {
    const { pty } = await started(["top"], { NO_COLOR: "1" });
    await until("it is drawn", () => pty.output.includes("\u001b[J"));
    expect(pty.output).toContain("failed");
    expect(pty.output).not.toContain("\u001b[31m");
    expect(pty.output).not.toContain("\u001b[1m");
    pty.press("q");
    expect((await pty.ended()).code).toBe(0);
  });

  test("a dumb terminal gets it once, without anything that it would not understand", async () => {
    const { pty } = await started(["top"], { TERM: "dumb" });
    expect(await pty.ended()).toEqual({ code: 0, restored: true });
    expect(pty.output).toContain("n49");
    expect(pty.output).not.toContain("\u001b");
  });

  test("members is the same there as in a pipe", async () => {
    const { pty } = await started(["members"]);
    await pty.ended();
    const rows = pty.output.split("\r\n");
    expect(rows[0]).toBe("n10  127.0.0.1:7946  alive   ");
    expect(rows).toHaveLength(41);
    expect(pty.output).not.toContain("\u001b");
  });
});
