import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { botheredMembers, hostileMembers, otherMembers } from "../handlers/hostile.js";
import {
  handlersDir,
  type ListedMember,
  type Ran,
  Sandbox,
  type Shell,
  shells,
} from "../handlers/sandbox.js";
import { findProgram, missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { freePort } from "../traffic/support/places.js";
import {
  done,
  expectLossless,
  get,
  servedBy,
  start,
  type Target,
  Traffic,
  webNode,
} from "./handlers-traffic.js";

const host = "127.0.0.71";
const socat = findProgram("socat") ?? "socat";

/** A real HAProxy with the configuration that we ship, and haproxy.sh beside it. */
class RealHaproxy extends Sandbox {
  readonly environment: Record<string, string>;
  target: Target = { host, port: 0 };
  said: () => string = () => "";

  constructor(by: "socket" | "signal", shell?: Shell) {
    super(shell);
    copyFileSync(join(handlersDir, "haproxy.cfg"), this.path("haproxy.cfg"));
    this.environment = {
      HAPROXY_CFG: this.path("haproxy.cfg"),
      HAPROXY_STATS_SOCKET: this.path("admin.sock"),
      HAPROXY_MASTER_SOCKET: by === "socket" ? this.path("master.sock") : "/no/such/socket",
      HAPROXY_PID_FILE: by === "signal" ? this.path("haproxy.pid") : "/no/such/pid",
    };
  }

  async start(): Promise<void> {
    this.target = { host, port: await freePort(host) };
    this.environment.HAPROXY_BIND = `${host}:${this.target.port}`;
    const haproxy = findProgram("haproxy") ?? "haproxy";
    const args = ["-W", "-S", this.path("master.sock"), "-p", "haproxy.pid", "-f", "haproxy.cfg"];
    const started = start(this, haproxy, args, this.environment);
    this.said = () => started.said;
    await until("haproxy answers", async () => (await get(this.target)).status !== 0, {
      last: () => started.said,
    });
    await until("the process id is written", () => existsSync(this.path("haproxy.pid")));
  }

  update(members: readonly ListedMember[], environment: Record<string, string> = {}): Promise<Ran> {
    this.members(members);
    return this.run("haproxy.sh", {
      ...this.environment,
      SERF_EVENT: "member-join",
      ...environment,
    });
  }

  /** `RELOADS FAILED WORKER`, as the master tells. */
  master(): string {
    const { stdout } = spawnSync(
      socat,
      ["-t", "5", "-", `UNIX-CONNECT:${this.path("master.sock")}`],
      {
        input: "show proc\n",
        encoding: "utf8",
      },
    );
    const [, reloads, failed] = /master\s+(\d+) \[failed: (\d+)\]/.exec(stdout) ?? [];
    return `${reloads} ${failed} ${/# workers\n(\d+)/.exec(stdout)?.[1]}`;
  }
}

const missing = missingPrograms("haproxy", "socat");

/** In dash or what else is `sh`, and in busybox with its own tools. */
const twoShells = shells.filter(({ name }) => name !== "bash");

describe.skipIf(missing.length > 0).for(twoShells)(
  "haproxy.sh in $name with a real HAProxy",
  (shell) => {
    test.for(["socket", "signal"] as const)(
      "servers come and go under a stream of requests, none is lost (reload by %s)",
      async (by) => {
        const box = new RealHaproxy(by, shell);
        await box.start();
        const ips = ["127.0.0.72", "127.0.0.73", "127.0.0.74"] as const;
        await expectLossless(box, ips, { kept: 8, fresh: 4 });
      },
    );

    test("what haproxy -c refuses never gets into the file", async () => {
      const box = new RealHaproxy("socket", shell);
      const [a, b] = [await webNode("web-a", "127.0.0.72"), await webNode("web-b", "127.0.0.73")];
      await box.start();
      await box.update([a]);
      const before = { text: box.read("haproxy.cfg"), file: statSync(box.path("haproxy.cfg")).ino };
      const master = box.master();
      const { status, stderr } = await box.update([a, b], { HAPROXY_SERVER_OPTIONS: "nonsense" });
      expect(status).toBe(1);
      expect(stderr).toContain("unknown keyword 'nonsense'");
      expect(stderr).toContain("the proxy refuses the new lines, kept");
      expect({
        text: box.read("haproxy.cfg"),
        file: statSync(box.path("haproxy.cfg")).ino,
      }).toEqual(before);
      expect(box.master()).toBe(master);
      await servedBy(box.target, ["web-a"]);
      expect(box.files("haproxy.cfg")).toEqual(["haproxy.cfg"]);
    });

    test("a reload that fails is undone, and nobody notices", async () => {
      const box = new RealHaproxy("socket", shell);
      const [a, b] = [await webNode("web-a", "127.0.0.72"), await webNode("web-b", "127.0.0.73")];
      await box.start();
      await box.update([a]);
      const before = box.read("haproxy.cfg");
      const traffic = new Traffic(box.target, { kept: 4, fresh: 2 });
      await traffic.more(50);
      const unchecked = { HAPROXY_CHECK: "true", HAPROXY_SERVER_OPTIONS: "nonsense" };
      const { status, stderr } = await box.update([a, b], unchecked);
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringContaining("did not load"),
      });
      expect(box.read("haproxy.cfg")).toBe(before);
      expect(box.master()).toMatch(/^3 0 /);
      await traffic.more(50);
      await traffic.stop();
      expect(traffic.lost, box.said()).toEqual([]);
      expect([...traffic.by]).toEqual(["web-a"]);
      expect(await box.update([a, b])).toEqual(done);
      await servedBy(box.target, ["web-a", "web-b"]);
    });

    test("all that members may call themselves makes a valid file", async () => {
      const box = new RealHaproxy("socket", shell);
      await box.start();
      const ran = await box.update([...hostileMembers, ...otherMembers, ...botheredMembers]);
      expect(ran).toMatchObject({ status: 0, stdout: "" });
      const servers = box.read("haproxy.cfg").match(/^ {4}server .*$/gm);
      expect(servers).toEqual(
        botheredMembers.map(({ name, ip, tags }) => `    server ${name} ${ip}:${tags?.port}`),
      );
      expect(box.master()).toMatch(/^1 0 /);
      expect(box.files("canary")).toEqual([]);
    });
  },
);

describe.skipIf(missing.length > 0)("haproxy.sh with a real HAProxy", () => {
  test("nothing changed, nothing is reloaded", async () => {
    const box = new RealHaproxy("socket");
    const a = await webNode("web-a", "127.0.0.72");
    await box.start();
    expect(await box.update([a])).toEqual(done);
    const before = box.master();
    expect(before).toMatch(/^1 0 /);
    expect(await box.update([a], { SERF_EVENT: "member-update" })).toEqual(done);
    expect(box.master()).toBe(before);
  });

  test("when all have left it answers 503, when all have failed the last list stays", async () => {
    const box = new RealHaproxy("signal");
    const a = await webNode("web-a", "127.0.0.72");
    await box.start();
    await box.update([a]);
    await servedBy(box.target, ["web-a"]);
    expect(await box.update([{ ...a, status: "failed" }])).toEqual(done);
    await servedBy(box.target, ["web-a"]);
    expect(await box.update([{ ...a, status: "left" }])).toEqual(done);
    await servedBy(box.target, ["503"]);
    expect(await box.update([a])).toEqual(done);
    await servedBy(box.target, ["web-a"]);
  });

  test.for(["socket", "signal"] as const)(
    "a proxy that is down finds the new file when it starts (reload by %s)",
    async (by) => {
      const box = new RealHaproxy(by);
      const a = await webNode("web-a", "127.0.0.72");
      const { status, stderr } = await box.update([a], { HAPROXY_BIND: `${host}:1` });
      expect(status).toBe(1);
      expect(stderr).toContain("no proxy runs that could load it");
      await box.start();
      await servedBy(box.target, ["web-a"]);
      expect(await box.update([a])).toEqual(done);
      await servedBy(box.target, ["web-a"]);
    },
  );
});
