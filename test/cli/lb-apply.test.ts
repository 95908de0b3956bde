import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import { StateDir } from "../../src/lb/state-dir.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { gossipdBin } from "../support/programs.js";
import { RecordedLog } from "../support/recorded-log.js";
import { FakeTerminal } from "./fake-terminal.js";
import type { Ran } from "./run-command.js";

const lb = member("lb1", { tags: { role: "lb" } });
const web1 = member("web1", { ip: [10, 0, 0, 1], tags: { role: "web", port: "80" } });
const web2 = member("web2", { ip: [10, 0, 0, 2], tags: { role: "web", port: "80" } });

const before = "# mine\nweb:\n    # gossipd begin web\n    # gossipd end web\n# mine too\n";

function fileWith(...lines: readonly string[]): string {
  const own = lines.map((line) => `    ${line}\n`).join("");
  return before.replace("    # gossipd end", `${own}    # gossipd end`);
}

/** A proxy that is a file, checked and loaded by two scripts, and an agent that knows these members. */
class Place {
  readonly bench: Bench;
  readonly folder = mkdtempSync(join(tmpdir(), "gossipd-lb-apply-"));
  readonly file = join(this.folder, "proxy.conf");
  readonly config = join(this.folder, "lb.json");

  static async make(...members: readonly ReturnType<typeof member>[]): Promise<Place> {
    const bench = await Bench.start();
    bench.api.known = [lb, ...members];
    bench.api.sections = new Map([["agent", new Map([["name", "lb1"]])]]);
    return new Place(bench);
  }

  private constructor(bench: Bench) {
    this.bench = bench;
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }));
    writeFileSync(this.file, before);
    this.script("check.sh", "! grep -q 10.6.6.6 $1");
    this.script("reload.sh", `echo reload >>${join(this.folder, "reloads")}`);
    this.configure({});
  }

  configure(balancer: object): void {
    const pools = [{ members: "role=web", probe: false }];
    const own = {
      name: "edge",
      config: "proxy.conf",
      check: ["./check.sh", "%f"],
      reload: ["./reload.sh"],
      line: "server %n %h",
      empty_line: "nobody",
      pools,
    };
    const config = { state_dir: "state", balancers: [{ ...own, ...balancer }] };
    writeFileSync(this.config, JSON.stringify(config));
  }

  script(name: string, text: string): void {
    const path = join(this.folder, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
  }

  get text(): string {
    return readFileSync(this.file, "utf8");
  }

  get reloads(): number {
    try {
      return readFileSync(join(this.folder, "reloads"), "utf8").split("\n").length - 1;
    } catch {
      return 0;
    }
  }

  async lb(...words: readonly string[]): Promise<Ran> {
    const terminal = new FakeTerminal(this.env);
    const code = await runProgram(["lb", ...words], terminal);
    return { code, stdout: terminal.stdout, stderr: terminal.stderr };
  }

  /** In a process of its own. */
  async process(...words: readonly string[]): Promise<Ran> {
    const env = { ...process.env, ...this.env };
    return await new Promise((resolve) => {
      const args = [gossipdBin, "lb", ...words];
      execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  get env(): Record<string, string> {
    return { GOSSIPD_LB: this.config, SERF_RPC_ADDR: `127.0.0.1:${this.bench.port}` };
  }
}

describe("a look", () => {
  test("prints what the file should hold, and writes nothing", async () => {
    const place = await Place.make(web2, web1);
    expect(await place.lb("render")).toEqual({
      code: 0,
      stdout: fileWith("server web1 10.0.0.1:80", "server web2 10.0.0.2:80"),
      stderr: "",
    });
    expect(place.text).toBe(before);
  });

  test("shows the difference, what would be done and who is refused", async () => {
    const place = await Place.make(web1, member("web2", { tags: { role: "web", port: "none" } }));
    const { code, stdout } = await place.lb("diff");
    expect(code).toBe(1);
    expect(stdout).toContain(`--- ${place.file}`);
    expect(stdout).toContain("\n+    server web1 10.0.0.1:80\n");
    expect(stdout).toMatch(/^edge: reload: /m);
    expect(stdout).toMatch(/^edge: refused: web: web2: .*port/m);
    expect(place.text).toBe(before);
  });

  test("is 2 when it cannot be told, and says why away from stdout", async () => {
    const place = await Place.make(web1);
    writeFileSync(place.file, "no markers\n");
    expect(await place.lb("diff")).toMatchObject({ code: 2, stdout: "", stderr: /gossipd begin/ });
    await place.bench.server.close();
    expect(await place.lb("diff")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: /^Error connecting to Serf agent/,
    });
  });

  test("goes beside a process that keeps it", async () => {
    const place = await Place.make(web1);
    const state = await StateDir.open(join(place.folder, "state"), new RecordedLog());
    onTestFinished(() => state.close());
    expect(await place.lb("diff")).toMatchObject({ code: 1, stderr: "" });
  });

  test("wants to know which balancer is meant", async () => {
    const place = await Place.make(web1);
    expect(await place.lb("render", "-balancer=edge")).toMatchObject({ code: 0 });
    expect(await place.lb("render", "-balancer=other")).toEqual({
      code: 1,
      stdout: "",
      stderr: `${place.config} has no balancer other, but edge\n`,
    });
  });
});

describe("a pass", () => {
  test("writes, loads and says what was done; the next one has nothing to do", async () => {
    const place = await Place.make(web1, web2);
    const first = await place.lb("apply");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(
      /^edge: confirmed, by a reload, [\d.]+m?s, version [\da-f]{12}\n$/,
    );
    expect(place.text).toBe(fileWith("server web1 10.0.0.1:80", "server web2 10.0.0.2:80"));
    expect(await place.lb("diff")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await place.lb("apply")).stdout).toMatch(
      /^edge: nothing to do, the proxy was left alone/,
    );
    expect(place.reloads).toBe(1);
  });

  test("says nothing by -q unless something is wrong", async () => {
    const place = await Place.make(web1);
    expect(await place.lb("apply", "-q")).toEqual({ code: 0, stdout: "", stderr: "" });
    place.bench.api.known = [
      lb,
      member("web1", { ip: [10, 6, 6, 6], tags: { role: "web", port: "80" } }),
    ];
    const refused = await place.lb("apply", "-q");
    expect(refused).toMatchObject({ code: 1, stdout: "", stderr: /^edge: failed: .*check\.sh/m });
    expect(place.text).toBe(fileWith("server web1 10.0.0.1:80"));
  });

  test("takes the status with it", async () => {
    const place = await Place.make(web1);
    await place.lb("apply");
    const { code, stdout } = await place.lb("status");
    expect(code).toBe(0);
    expect(stdout).toContain("Nobody keeps this in step between passes");
  });

  test("waits for another one, but not without end", async () => {
    const place = await Place.make(web1);
    const state = await StateDir.open(join(place.folder, "state"), new RecordedLog());
    const ran = await place.lb("apply", "-timeout=100ms");
    expect(ran).toMatchObject({ code: 1, stdout: "", stderr: /is in use by process \d+/ });
    // Long after the pass has found it taken; if it is slower than that, it has nothing to wait for.
    setTimeout(() => void state.close(), 300);
    expect(await place.lb("apply")).toMatchObject({ code: 0, stderr: "" });
  });

  test("of many event handlers at the same time ends with what the members are", async () => {
    const place = await Place.make(web1);
    const first = [place.process("apply", "-q"), place.process("apply", "-q")];
    place.bench.api.known = [lb, web2];
    const all = await Promise.all([
      ...first,
      place.process("apply", "-q"),
      place.process("apply", "-q"),
    ]);
    expect(all).toEqual(all.map(() => ({ code: 0, stdout: "", stderr: "" })));
    expect(place.text).toContain("server web2 10.0.0.2:80");
    expect(await place.lb("diff")).toMatchObject({ code: 0 });
  });

  test("takes no member for configuration", async () => {
    const place = await Place.make(
      web1,
      member("evil\n    server x 1.2.3.4:5", {
        ip: [10, 0, 0, 9],
        tags: { role: "web", port: "80" },
      }),
      member("$(reboot)", {
        ip: [10, 0, 0, 8],
        tags: { role: "web", port: "80; include /etc/passwd" },
      }),
    );
    const ran = await place.lb("apply");
    expect(ran.code).toBe(0);
    expect(ran.stdout.match(/^edge: refused: /gm)?.length).toBe(2);
    expect(place.text).toBe(fileWith("server web1 10.0.0.1:80"));
  });
});
