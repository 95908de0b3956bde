import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { LoggerProgram } from "../../src/agent/logger-program.js";
import { Logs } from "../../src/agent/logs.js";
import { Syslog } from "../../src/agent/syslog.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { tempDir } from "./temp-dir.js";

const path = process.env.PATH ?? "";

afterEach(() => {
  process.env.PATH = path;
});

/** What came, without time and process. */
function stripped(text: string): string {
  return text.replaceAll(/>\w{3} [ \d]\d \d\d:\d\d:\d\d serf\[\d+\]/g, ">TIME serf[PID]");
}

test.for(["BOGUS", "", "16"])("'%s' is no facility", async (facility) => {
  await expect(Syslog.open(facility, [])).rejects.toThrow(
    `Syslog setup failed: invalid syslog facility: ${facility}`,
  );
});

test("without a daemon the places where one would be are named", async () => {
  const directory = tempDir({ file: "" });
  const places = [join(directory, "none"), join(directory, "file")];
  await expect(Syslog.open("local0", places)).rejects.toThrow(
    `Syslog setup failed: Unix syslog delivery error: nobody listens at ${places.join(", ")}`,
  );
});

test("a daemon that takes connections gets lines on one", async () => {
  const socket = join(tempDir(), "log");
  let text = "";
  const server = createServer((client) => {
    client.on("data", (part) => {
      text += String(part);
    });
  }).listen(socket);
  onTestFinished(() => void server.close());
  const syslog = await Syslog.open("Daemon", [socket]);
  onTestFinished(() => syslog.close());
  for (const level of ["trace", "debug", "info", "warn", "error"] as const) {
    syslog.write(level, `serf: ${level}`);
  }
  await until("all have come", () => text.includes("error"), { every: 10 });
  expect(stripped(text)).toBe(
    [
      "<31>TIME serf[PID]: serf: trace\n",
      "<30>TIME serf[PID]: serf: debug\n",
      "<29>TIME serf[PID]: serf: info\n",
      "<28>TIME serf[PID]: serf: warn\n",
      "<27>TIME serf[PID]: serf: error\n",
    ].join(""),
  );
  expect(text).toContain(`serf[${process.pid}]`);
});

test("syslog gets what stdout gets, at once and without time and level", () => {
  const lines: string[] = [];
  const logs = new Logs("warn", () => {});
  logs.copyTo((level, text) => lines.push(`${level} ${text}`));
  const log = logs.of("agent");
  log.info({}, "not shown");
  log.warn({ reason: "two words" }, "shown");
  log.error({}, "in\ntwo lines");
  expect(lines).toEqual(['warn agent: shown reason="two words"', "error agent: in\\ntwo lines"]);
});

describe.skipIf(missingPrograms("logger", "socat").length > 0)(
  "a daemon that takes datagrams",
  () => {
    test("gets them from the program logger, in order and whole", async () => {
      const socket = join(tempDir(), "log");
      const daemon = spawn("socat", ["-u", `UNIX-RECV:${socket}`, "STDOUT"]);
      onTestFinished(() => void daemon.kill());
      let text = "";
      daemon.stdout.on("data", (part) => {
        text += String(part);
      });
      await until("it listens", () => existsSync(socket), { every: 10 });
      const syslog = await Syslog.open("local0", [socket]);
      onTestFinished(() => syslog.close());
      const long = `agent: ${"x".repeat(5_000)}`;
      syslog.write("info", "serf: EventMemberJoin: x 127.0.0.1");
      syslog.write("debug", "agent: <7>  spaces ");
      syslog.write("warn", long);
      syslog.write("error", "last");
      await until("all have come", () => text.includes("last"), { every: 10 });
      expect(stripped(text).split(/(?=<1\d\d>)/)).toEqual([
        "<133>TIME serf[PID]: serf: EventMemberJoin: x 127.0.0.1",
        "<134>TIME serf[PID]: agent: <7>  spaces ",
        `<132>TIME serf[PID]: ${long}`,
        "<131>TIME serf[PID]: last",
      ]);
      expect(text).toContain(`serf[${process.pid}]`);
    });
  },
);

/** Puts a program in the place of `logger`; returns where it runs. */
function replaceLogger(script: string): string {
  const directory = tempDir({ logger: `#!/bin/sh\ncd "$(dirname "$0")"\n${script}\n` });
  chmodSync(join(directory, "logger"), 0o755);
  process.env.PATH = `${directory}${delimiter}${path}`;
  return directory;
}

function textOf(directory: string, file: string): string {
  const name = join(directory, file);
  return existsSync(name) ? readFileSync(name, "utf8") : "";
}

test("another logger than that of util-linux runs once for each priority", async () => {
  const directory = replaceLogger('[ "$1" = --version ] && exit 1; cat > "$2 $4"');
  const program = LoggerProgram.find("/dev/log", "serf[7]");
  onTestFinished(() => program.close());
  program.write(133, "one");
  program.write(132, "two");
  program.write(133, "three");
  program.write(75, "four");
  await until("all are written", () => textOf(directory, "serf[7] cron.err") !== "", { every: 10 });
  await until("all are written", () =>
    textOf(directory, "serf[7] local0.notice").includes("three"),
  );
  expect(textOf(directory, "serf[7] local0.notice")).toBe("one\nthree\n");
  expect(textOf(directory, "serf[7] local0.warning")).toBe("two\n");
});

test("a logger that ends is started anew, and what was dropped meanwhile is counted", async () => {
  const directory = replaceLogger(
    '[ "$1" = --version ] && echo util-linux && exit; read -r line; echo "$line" >> out',
  );
  const program = LoggerProgram.find("/dev/log", "serf[7]", 300);
  onTestFinished(() => program.close());
  program.write(133, "one");
  await until("it has ended", () => textOf(directory, "out") !== "", { every: 10 });
  await until(
    "it is started anew",
    () => {
      program.write(133, "more");
      return textOf(directory, "out").includes("dropped");
    },
    { every: 40 },
  );
  expect(textOf(directory, "out")).toMatch(
    /^<133>one\n(<133>more\n)?<133>agent: lines for syslog were dropped count=\d+\n$/,
  );
});

test("a logger that reads nothing makes nobody wait", () => {
  replaceLogger('[ "$1" = --version ] && echo util-linux && exit; exec sleep 5');
  const program = LoggerProgram.find("/dev/log", "serf[7]");
  const before = process.memoryUsage().arrayBuffers;
  onTestFinished(() => program.close());
  const line = "x".repeat(1_000);
  for (let index = 0; index < 20_000; index += 1) program.write(133, line);
  expect(program.dropped).toBeGreaterThan(15_000);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000);
});

test("without the program that is said", async () => {
  process.env.PATH = tempDir();
  expect(() => LoggerProgram.find("/dev/log", "serf[7]")).toThrow(
    '/dev/log takes datagrams, which are sent with the program "logger"',
  );
});

test("without file descriptors for the program lines are dropped, and later ones come", () => {
  replaceLogger('[ "$1" = --version ] && echo util-linux && exit; exec cat');
  const module = new URL("../../dist/agent/logger-program.js", import.meta.url);
  const script = `
    import { closeSync, openSync } from "node:fs";
    import { LoggerProgram } from ${JSON.stringify(module.href)};
    const program = LoggerProgram.find("/dev/log", "serf[7]", 0);
    const open = [];
    try {
      for (;;) open.push(openSync("/dev/null"));
    } catch {}
    program.write(133, "lost");
    const lost = program.dropped;
    for (const file of open) closeSync(file);
    setImmediate(() => {
      program.write(133, "goes on");
      console.log(lost, program.dropped);
      program.close();
    });
  `;
  const limited = 'ulimit -n 64; exec "$0" --input-type=module --eval "$1"';
  const { stdout, stderr } = spawnSync("sh", ["-c", limited, process.execPath, script], {
    encoding: "utf8",
  });
  expect({ stdout, stderr }).toEqual({ stdout: "1 0\n", stderr: "" });
});
