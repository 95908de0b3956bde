import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handlersDir, Sandbox } from "../handlers/sandbox.js";
import { Agent, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

/** Keeps what a script was told: `SELF.EVENT.in` grows, `SELF.EVENT.env` is of the last one. */
const record = [
  'cd "$DIR" || exit; f=$SERF_SELF_NAME.$SERF_EVENT',
  "env | grep ^SERF_ | grep -v -e ^SERF_SELF_NAME= -e ^SERF_MEMBER_PORTS= -e ^SERF_RPC_ADDR= | sort >$f.env",
  "cat >>$f.in",
  "case $SERF_QUERY_NAME in",
  "load) echo 0.42; echo 0.43 >&2 ;;",
  "empty) ;;",
  "fails) echo never; exit 1 ;;",
  "fits) head -c 900 /dev/zero | tr '\\0' x ;;",
  "long) head -c 1100 /dev/zero | tr '\\0' x ;;",
  "esac",
].join("\n");

const tags = ["-tag=role=lb", "-tag=we-ird.tag=v 1", "-tag=1x=one", "-tag=é=accent"];

describe.skipIf(missingPrograms("serf").length > 0)(
  "one script behind a real agent and ours",
  () => {
    const ip = loopbackNet();
    const dir = mkdtempSync(join(tmpdir(), "gossipd-contract-"));
    const agents: Agent[] = [];
    let s: Agent;
    let g: Agent;

    const start = async (
      kind: "serf" | "gossipd",
      name: string,
      args: string[],
    ): Promise<Agent> => {
      const agent = await Agent.start({
        kind,
        name,
        ip: ip(agents.length + 1),
        args: ["-profile=local", ...args],
        env: { DIR: dir },
      });
      agents.push(agent);
      return agent;
    };

    /** What the script of `self` was told on stdin; the tags of a member are in random order with Serf. */
    const told = (self: string, event: string): string => {
      const path = join(dir, `${self}.${event}.in`);
      if (!existsSync(path)) return "";
      const lines = readFileSync(path, "latin1").split("\n");
      return lines
        .map((line) => {
          const cells = line.split("\t");
          return cells.length === 4
            ? [...cells.slice(0, 3), cells[3]?.split(",").sort().join()].join("\t")
            : line;
        })
        .join("\n");
    };

    const aboutW = (self: string, event: string): string[] =>
      told(self, event)
        .split("\n")
        .filter((line) => line.startsWith("w\\t 1\t"));

    /** Waits for an event of both and compares what was told of it. */
    async function bothTold(event: string, lines: readonly string[]): Promise<void> {
      for (const self of ["s", "g"]) {
        await until(`${self} is told ${event}`, () => aboutW(self, event).length >= lines.length, {
          timeout: 60_000,
          last: () => told(self, event),
        });
        expect(aboutW(self, event)).toEqual(lines);
      }
      sameEnvironment(event);
    }

    function sameEnvironment(event: string): void {
      const [ofSerf, ofOurs] = ["s", "g"].map((self) =>
        readFileSync(join(dir, `${self}.${event}.env`), "latin1").split("\n"),
      );
      expect(ofOurs).toEqual(ofSerf);
      expect(ofSerf).toContain(`SERF_EVENT=${event}`);
      expect(ofSerf).toContain("SERF_TAG_WE_IRD_TAG=v 1");
      expect(ofSerf).toContain("SERF_TAG_1X=one");
    }

    beforeAll(async () => {
      s = await start("serf", "s", [...tags, `-event-handler=*=${record}`]);
      g = await start("gossipd", "g", [...tags, `-event-handler=*=${record}`, `-join=${s.gossip}`]);
      for (const [self, other] of [
        ["s", "g"],
        ["g", "s"],
      ]) {
        await until(`${self} is told of ${other}`, () =>
          told(self as string, "member-join").includes(`${other}\t`),
        );
      }
    });

    afterAll(async () => {
      await Promise.all(agents.map((agent) => agent.end()));
      rmSync(dir, { recursive: true });
    });

    test("members: join, update, failure, leave and reap", async () => {
      const hostile = ["-tag=role=web\n", "-tag=k=a,b=c|$(id)\t\\"];
      const w = await start("serf", "w\t 1", [...hostile, `-join=${g.gossip}`]);
      const line = (tags: string) => `w\\t 1\t${w.ip}\tweb\\n\t${tags}`;
      const before = line("b=c|$(id)\\t\\,k=a,role=web\\n");
      await bothTold("member-join", [before]);
      await w.cli(["tags", "-set=k=new"]);
      const after = line("k=new,role=web\\n");
      await bothTold("member-update", [after]);
      w.signal("SIGKILL");
      await bothTold("member-failed", [after]);
      expect(await s.cli(["force-leave", w.name])).toMatchObject({ code: 0 });
      await bothTold("member-leave", [after]);
      expect(await s.cli(["force-leave", "-prune", w.name])).toMatchObject({ code: 0 });
      await bothTold("member-reap", [after]);
    });

    test.for([
      { payload: "v1.2", stdin: "v1.2\n" },
      { payload: "two\nlines\n", stdin: "two\nlines\n" },
    ])("user events: $stdin", async ({ payload, stdin }) => {
      const before = ["s", "g"].map((self) => told(self, "user"));
      await s.cli(["event", "-coalesce=false", "deploy", payload]);
      for (const [index, self] of ["s", "g"].entries()) {
        const expected = `${before[index]}${stdin}`;
        await until(`${self} is told`, () => told(self, "user").length >= expected.length);
        expect(told(self, "user")).toBe(expected);
      }
      sameEnvironment("user");
    });

    test.for([
      { name: "load", answer: "0.42\n0.43\n" },
      { name: "empty", answer: undefined },
      { name: "fails", answer: undefined },
      { name: "fits", answer: "x".repeat(900) },
      { name: "long", answer: undefined },
      { name: "other", answer: undefined },
    ])("queries: $name", async ({ name, answer }) => {
      const { stdout } = await s.cli(["query", "-format=json", "-timeout=2s", name, "payload"]);
      const { Acks, Responses } = JSON.parse(stdout) as {
        Acks: string[];
        Responses: Record<string, string>;
      };
      expect(Acks.sort()).toEqual(["g", "s"]);
      expect(Responses).toEqual(answer === undefined ? {} : { g: answer, s: answer });
      sameEnvironment("query");
    });

    test("what they log of it", () => {
      for (const agent of [s, g]) {
        const { output } = agent;
        expect(output).toMatch(/\[INFO\] {1,2}agent: Received event: member-join\n/);
        expect(output).toMatch(/\[INFO\] {1,2}agent: Received event: user-event: deploy\n/);
        expect(output).toMatch(/\[INFO\] {1,2}agent: Received event: query: load\n/);
        expect(output).toMatch(/\[DEBUG\] agent: Event 'query' script output: 0\.42(\n|\\n)/);
        expect(output).toMatch(/\[ERR\] agent: Error invoking script 'cd .*/);
        expect(output).toMatch(/': exit status 1\n/);
      }
    });

    test("backends.sh reads the members of both programs alike", async () => {
      const web = await start("serf", "web1", [
        "-tag=role=web",
        "-tag=port=8001",
        `-join=${g.gossip}`,
      ]);
      await start("gossipd", "$(web2)", ["-tag=role=web", "-tag=port=8002", `-join=${g.gossip}`]);
      for (const agent of [s, g]) {
        await until("both are there", async () => {
          const { web1: one, "$(web2)": two } = await agent.statuses();
          return one === "alive" && two === "alive";
        });
      }
      const box = new Sandbox();
      const gossipd = `exec "${process.execPath}" "${join(handlersDir, "../bin/gossipd.js")}" "$@"`;
      for (const program of [gossipd, 'exec serf "$@"']) {
        box.script("bin/gossipd", program);
        for (const agent of [s, g]) {
          const ran = await box.run("backends.sh", { SERF_RPC_ADDR: agent.rpc });
          expect(ran).toEqual({
            status: 0,
            stdout: `web1 ${web.ip} 8001\n`,
            stderr: "backends.sh: left out, name, address or port is not valid: ??web2?\n",
          });
        }
      }
    });
  },
);
