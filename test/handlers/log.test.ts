import { describe, expect, test } from "vitest";
import { Sandbox, shells } from "./sandbox.js";

const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";

describe.for(shells)("log.sh in $name", (shell) => {
  test.for([
    {
      what: "a line per member",
      event: { SERF_EVENT: "member-join" },
      stdin: "a\t10.0.0.1\tweb\trole=web\nb\t10.0.0.2\t\t\n",
      lines: ["member-join a\t10.0.0.1\tweb\trole=web", "member-join b\t10.0.0.2\t\t"],
    },
    {
      what: "a line per line of payload",
      event: { SERF_EVENT: "user", SERF_USER_EVENT: "deploy" },
      stdin: "v1\n\nv2\n",
      lines: ["user deploy v1", "user deploy v2"],
    },
    {
      what: "a line for no payload",
      event: { SERF_EVENT: "query", SERF_QUERY_NAME: "load" },
      stdin: "",
      lines: ["query load "],
    },
    {
      what: "no control characters",
      event: { SERF_EVENT: "user", SERF_USER_EVENT: "a\n2026-01-01T00:00:00Z forged\u001b[31m" },
      stdin: "x\u0000\u0007\u001b[2Jy\r\u007f\n",
      lines: ["user a?2026-01-01T00:00:00Z forged?[31m x???[2Jy??"],
    },
    {
      what: "no endless lines",
      event: { SERF_EVENT: "user", SERF_USER_EVENT: "e".repeat(9_000) },
      stdin: "y".repeat(9_000),
      lines: [`user ${"e".repeat(300 - 26)} ${"y".repeat(1_000)}`],
    },
  ])("$what", async ({ event, stdin, lines }) => {
    const box = new Sandbox(shell);
    box.write("events.log", "before\n");
    const environment = { ...event, GOSSIPD_EVENT_LOG: box.path("events.log") };
    expect(await box.run("log.sh", environment, stdin)).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
    const [before, ...written] = box.read("events.log").split("\n").slice(0, -1);
    expect(before).toBe("before");
    for (const line of written) expect(line).toMatch(new RegExp(`^${time} `));
    expect(written.map((line) => line.replace(new RegExp(`^${time} `), ""))).toEqual(lines);
  });
});
