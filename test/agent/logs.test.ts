import { describe, expect, test } from "vitest";
import { formatLine } from "../../src/agent/log-line.js";
import { Logs } from "../../src/agent/logs.js";

/** Logs at `level` and what they wrote, without the times. */
function logsAt(level: string): { logs: Logs; written: () => string[] } {
  const texts: string[] = [];
  const logs = new Logs(level, (text) => texts.push(text));
  return { logs, written: () => texts.map(timeless) };
}

function timeless(text: string): string {
  return text.replace(/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d/, "TIME");
}

describe("a line", () => {
  const time = new Date(2026, 10, 3, 4, 5, 6, 789).getTime();
  const record = { time, level: "info", component: "serf", fields: {}, message: "hello" } as const;

  test("has Serf's form, in local time", () => {
    expect(formatLine(record)).toBe("2026/11/03 04:05:06 [INFO] serf: hello");
  });

  test.for([
    { level: "trace", name: "TRACE" },
    { level: "debug", name: "DEBUG" },
    { level: "warn", name: "WARN" },
    { level: "error", name: "ERR" },
  ] as const)("calls $level $name", ({ level, name }) => {
    expect(formatLine({ ...record, level })).toBe(`2026/11/03 04:05:06 [${name}] serf: hello`);
  });

  test("ends with the fields", () => {
    const fields = {
      member: "web-1",
      reason: 'no "route"',
      empty: "",
      count: 3,
      absent: undefined,
      list: ["a"],
      failure: new Error("gone"),
    };
    expect(timeless(formatLine({ ...record, fields }))).toBe(
      'TIME [INFO] serf: hello member=web-1 reason="no \\"route\\"" empty="" count=3 list=["a"] failure=gone',
    );
  });

  test("stays one line, whatever a peer calls itself", () => {
    const message =
      "EventMemberJoin: a\n2026/11/03 04:05:06 [ERR] agent: forged\u001b[2J\u2028 127.0.0.1";
    const fields = { member: "b\nc\u009b" };
    expect(timeless(formatLine({ ...record, message, fields }))).toBe(
      "TIME [INFO] serf: EventMemberJoin: a\\n2026/11/03 04:05:06 [ERR] agent: forged\\u001b[2J\\u2028 127.0.0.1" +
        ' member="b\\nc\\u009b"',
    );
  });
});

describe("stdout", () => {
  test("gets the lines from its level on, indented by four, once the gate is open", () => {
    const { logs, written } = logsAt("warn");
    const log = logs.of("agent");
    log.warn({}, "first");
    log.info({}, "too low");
    expect(written()).toEqual([]);
    logs.open();
    log.error({ code: 1 }, "second");
    log.debug({}, "too low");
    expect(written()).toEqual([
      "    TIME [WARN] agent: first\n",
      "    TIME [ERR] agent: second code=1\n",
    ]);
  });

  test("follows a change of level from the next line on", () => {
    const { logs, written } = logsAt("INFO");
    logs.open();
    const log = logs.of("serf");
    log.debug({}, "before");
    logs.setLevel("Debug");
    log.debug({}, "after");
    expect(written()).toEqual(["    TIME [DEBUG] serf: after\n"]);
  });

  test("keeps its level when the new one does not exist", () => {
    const { logs, written } = logsAt("err");
    logs.open();
    expect(() => logs.setLevel("loud")).toThrow(
      "Invalid log level: LOUD. Valid log levels are: [TRACE DEBUG INFO WARN ERR]",
    );
    logs.of("agent").warn({}, "too low");
    expect(written()).toEqual([]);
  });

  test("does not start with a level that does not exist", () => {
    expect(() => logsAt("error")).toThrow("Invalid log level: ERROR.");
  });
});

describe("a monitor", () => {
  test("gets the kept lines of its level, also those that stdout does not show, then follows", () => {
    const { logs } = logsAt("err");
    const log = logs.of("agent");
    log.debug({}, "one");
    log.trace({}, "two");
    const seen: string[] = [];
    const end = logs.monitor("debug", (line) => seen.push(timeless(line)));
    log.info({ a: 1 }, "three");
    log.trace({}, "four");
    end();
    end();
    log.error({}, "five");
    expect(seen).toEqual(["TIME [DEBUG] agent: one", "TIME [INFO] agent: three a=1"]);
  });

  test("gets the last 512 lines in order", () => {
    const { logs } = logsAt("err");
    const log = logs.of("agent");
    for (let count = 1; count <= 700; count += 1) log.info({}, `line ${count}`);
    const seen: string[] = [];
    logs.monitor("TRACE", (line) => seen.push(line.replace(/.* /, "")));
    expect(seen).toEqual(Array.from({ length: 512 }, (_, index) => String(189 + index)));
  });

  test("of a level that does not exist is refused", () => {
    expect(() => logsAt("err").logs.monitor("loud", () => {})).toThrow("Unknown log level: LOUD");
  });
});
