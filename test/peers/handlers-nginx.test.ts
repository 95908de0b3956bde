import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { botheredMembers, hostileMembers, otherMembers } from "../handlers/hostile.js";
import { handlersDir, type ListedMember, type Ran, Sandbox } from "../handlers/sandbox.js";
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

const host = "127.0.0.81";

/** A real nginx with the configuration that we ship, and nginx.sh beside it. */
class RealNginx extends Sandbox {
  target: Target = { host, port: 0 };

  async configure(): Promise<void> {
    this.target = { host, port: await freePort(host) };
    const replacements: readonly [string, string][] = [
      ["listen 80;", `listen ${host}:${this.target.port};`],
      ["listen 127.0.0.1:8081;", `listen ${host}:${await freePort(host)};`],
      ["/run/nginx.pid", `"${this.path("nginx.pid")}"`],
      ["/var/log/nginx/error.log", `"${this.path("error.log")}" notice`],
      ["/var/log/nginx/access.log", "off"],
      ["worker_processes auto;", "worker_processes 2;"],
    ];
    let text = readFileSync(join(handlersDir, "nginx.conf"), "utf8");
    for (const [from, to] of replacements) {
      expect(text).toContain(from);
      text = text.replace(from, to);
    }
    this.write("nginx.conf", text);
  }

  async start(): Promise<void> {
    const nginx = findProgram("nginx") ?? "nginx";
    start(this, nginx, ["-c", this.path("nginx.conf"), "-g", "daemon off;"]);
    await until("nginx answers", async () => (await get(this.target)).status !== 0);
    await until("the process id is written", () => this.read("nginx.pid") !== "");
  }

  update(members: readonly ListedMember[], environment: Record<string, string> = {}): Promise<Ran> {
    this.members(members);
    return this.run("nginx.sh", {
      NGINX_CFG: this.path("nginx.conf"),
      NGINX_PID_FILE: this.path("nginx.pid"),
      SERF_EVENT: "member-join",
      ...environment,
    });
  }

  said(): string {
    return this.read("error.log");
  }

  reloads(): number {
    return this.said().split("signal 1 (SIGHUP) received").length - 1;
  }
}

async function realNginx(): Promise<RealNginx> {
  const box = new RealNginx();
  await box.configure();
  await box.start();
  return box;
}

const missing = missingPrograms("nginx", "pgrep");

describe.skipIf(missing.length > 0)("nginx.sh with a real nginx", () => {
  test("servers come and go under a stream of requests, none is lost", async () => {
    const box = await realNginx();
    await servedBy(box.target, ["502"]);
    // nginx 1.22 closes kept connections on a reload just as clients send on them: fresh ones only.
    const ips = ["127.0.0.82", "127.0.0.83", "127.0.0.84"] as const;
    await expectLossless(box, ips, { kept: 0, fresh: 8 });
  });

  test("nothing changed, nothing is reloaded", async () => {
    const box = await realNginx();
    const a = await webNode("web-a", "127.0.0.82");
    expect(await box.update([a])).toEqual(done);
    await until("the reload is in the log", () => box.reloads() === 1);
    expect(await box.update([a])).toEqual(done);
    expect(box.reloads()).toBe(1);
  });

  test("what nginx -t refuses never gets into the file", async () => {
    const box = await realNginx();
    const [a, b] = [await webNode("web-a", "127.0.0.82"), await webNode("web-b", "127.0.0.83")];
    await box.update([a]);
    const before = { text: box.read("nginx.conf"), file: statSync(box.path("nginx.conf")).ino };
    const { status, stderr } = await box.update([a, b], { NGINX_SERVER_OPTIONS: "nonsense" });
    expect(status).toBe(1);
    expect(stderr).toContain('invalid parameter "nonsense"');
    expect(stderr).toContain("the proxy refuses the new lines, kept");
    expect({ text: box.read("nginx.conf"), file: statSync(box.path("nginx.conf")).ino }).toEqual(
      before,
    );
    await servedBy(box.target, ["web-a"]);
    expect(box.files("nginx.conf")).toEqual(["nginx.conf"]);
  });

  test("a reload that fails is undone, and nobody notices", async () => {
    const box = await realNginx();
    const [a, b] = [await webNode("web-a", "127.0.0.82"), await webNode("web-b", "127.0.0.83")];
    await box.update([a]);
    await servedBy(box.target, ["web-a"]);
    const before = box.read("nginx.conf");
    const traffic = new Traffic(box.target, { kept: 0, fresh: 4 });
    await traffic.more(50);
    const unchecked = { NGINX_CHECK: "true", NGINX_SERVER_OPTIONS: "nonsense" };
    const { status, stderr } = await box.update([a, b], unchecked);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("did not load"),
    });
    expect(box.read("nginx.conf")).toBe(before);
    await traffic.more(50);
    await traffic.stop();
    expect(traffic.lost).toEqual([]);
    expect([...traffic.by]).toEqual(["web-a"]);
    expect(await box.update([a, b])).toEqual(done);
    await servedBy(box.target, ["web-a", "web-b"]);
  });

  test("all that members may call themselves makes a valid file", async () => {
    const box = await realNginx();
    const ran = await box.update([...hostileMembers, ...otherMembers, ...botheredMembers]);
    expect(ran).toMatchObject({ status: 0, stdout: "" });
    const options = "max_fails=1 fail_timeout=2s";
    expect(box.read("nginx.conf").match(/^ {8}server .*$/gm)).toEqual(
      botheredMembers.map(
        ({ name, ip, tags }) => `        server ${ip}:${tags?.port} ${options}; # ${name}`,
      ),
    );
    expect(box.files("canary")).toEqual([]);
  });

  test("when all have left it answers 502, when all have failed the last list stays", async () => {
    const box = await realNginx();
    const a = await webNode("web-a", "127.0.0.82");
    await box.update([a]);
    await servedBy(box.target, ["web-a"]);
    expect(await box.update([{ ...a, status: "failed" }])).toEqual(done);
    await servedBy(box.target, ["web-a"]);
    expect(await box.update([{ ...a, status: "left" }])).toEqual(done);
    await servedBy(box.target, ["502"]);
    expect(await box.update([a])).toEqual(done);
    await servedBy(box.target, ["web-a"]);
  });

  test("a proxy that is down finds the new file when it starts", async () => {
    const box = new RealNginx();
    await box.configure();
    const a = await webNode("web-a", "127.0.0.82");
    const { status, stderr } = await box.update([a]);
    expect(status).toBe(1);
    expect(stderr).toContain("no proxy runs that could load it");
    await box.start();
    await servedBy(box.target, ["web-a"]);
    expect(await box.update([a])).toEqual(done);
  });
});
