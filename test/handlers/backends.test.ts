import { describe, expect, test } from "vitest";
import { botheredMembers, hostileMembers, otherMembers } from "./hostile.js";
import { Sandbox, shells } from "./sandbox.js";

describe.for(shells)("backends.sh in $name", (shell) => {
  test("lists who is alive and has the role, sorted", async () => {
    const box = new Sandbox(shell);
    box.members([
      { name: "web2", ip: "10.0.0.2", tags: { port: "8080", role: "web", zone: "x" } },
      { name: "db1", ip: "10.0.0.3", tags: { role: "db" } },
      { name: "web1", ip: "10.0.0.1", tags: { role: "web" } },
      { name: "web3", ip: "10.0.0.4", status: "failed" },
      { name: "web4", ip: "10.0.0.5", status: "left" },
      { name: "web5", ip: "10.0.0.6", status: "leaving" },
      { name: "web6", ip: "10.0.0.7", status: "none" },
      { name: "6.web_X-1", ip: "[2001:db8::5]", tags: { port: "65535", role: "web" } },
    ]);
    const { status, stdout, stderr } = await box.run("backends.sh");
    expect(stdout.split("\n")).toEqual([
      "6.web_X-1 [2001:db8::5] 65535",
      "web1 10.0.0.1 80",
      "web2 10.0.0.2 8080",
      "",
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(box.read("asked")).toBe("members -format=json\n");
  });

  test("leaves out who says that it is not ready, and takes that for a leave", async () => {
    const box = new Sandbox(shell);
    const member = (name: string, state: string) => ({ name, tags: { role: "web", state } });
    const waiting = [member("a", "draining"), member("b", "maint"), member("c", "whatever")];
    box.members([...waiting, member("d", "ready"), member("e", "")]);
    expect((await box.run("backends.sh")).stdout).toBe("d 10.0.0.1 80\ne 10.0.0.1 80\n");
    box.members(waiting);
    expect(await box.run("backends.sh")).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("role and port can be chosen", async () => {
    const box = new Sandbox(shell);
    box.members([
      { name: "db1", tags: { role: "d.b" } },
      { name: "web1" },
      { name: "x", tags: { role: "dxb" } },
    ]);
    const { stdout } = await box.run("backends.sh", { BACKEND_ROLE: "d.b", BACKEND_PORT: "5432" });
    expect(stdout).toBe("db1 10.0.0.1 5432\n");
  });

  test("a role is a word, not a pattern", async () => {
    const box = new Sandbox(shell);
    box.members([
      { name: "a", tags: { role: "c++" } },
      { name: "b", tags: { role: "cc" } },
    ]);
    const { stdout } = await box.run("backends.sh", { BACKEND_ROLE: "c++" });
    expect(stdout).toBe("a 10.0.0.1 80\n");
  });

  test("nothing that a member can call itself gets through", async () => {
    const box = new Sandbox(shell);
    box.members([...hostileMembers, ...otherMembers, ...botheredMembers]);
    const { status, stdout, stderr } = await box.run("backends.sh");
    expect(stdout.trimEnd().split("\n")).toEqual(
      botheredMembers.map(({ name, ip, tags }) => `${name} ${ip} ${tags?.port}`),
    );
    expect(status).toBe(0);
    expect(box.files("canary")).toEqual([]);
    const told = stderr.trimEnd().split("\n");
    expect(told).toHaveLength(hostileMembers.length);
    for (const line of told) {
      expect(line).toMatch(/^backends\.sh: left out, [a-z, ]*: [A-Za-z0-9._?-]{0,60}$/);
    }
  });

  test.for([
    { what: "nobody is known", members: [], status: 3 },
    { what: "all failed", members: [{ name: "a", status: "failed" }], status: 3 },
    {
      what: "one failed, the others left",
      members: [
        { name: "a", status: "left" },
        { name: "b", status: "failed" },
      ],
      status: 3,
    },
    {
      what: "all left",
      members: [
        { name: "a", status: "left" },
        { name: "b", status: "leaving" },
        { name: "c", status: "alive", tags: { role: "db" } },
      ],
      status: 0,
    },
  ])("when nobody is alive because $what, status $status", async ({ members, status }) => {
    const box = new Sandbox(shell);
    box.members(members);
    expect(await box.run("backends.sh")).toEqual({ status, stdout: "", stderr: "" });
  });

  test("an agent that cannot be asked is an error", async () => {
    const box = new Sandbox(shell);
    box.write("unable", "");
    box.write("members", "Error connecting to Serf agent: dial tcp\n");
    const { status, stdout, stderr } = await box.run("backends.sh");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toBe("backends.sh: Error connecting to Serf agent: dial tcp\n");
  });

  test.for(["", "\n", "web1  10.0.0.1:7946  alive  role=web\n", "{}\n"])(
    "%j is not a list of members",
    async (text) => {
      const box = new Sandbox(shell);
      box.write("members", text);
      expect(await box.run("backends.sh")).toMatchObject({ status: 2, stdout: "" });
    },
  );

  test("5,000 members are listed", async () => {
    const box = new Sandbox(shell);
    box.members(
      Array.from({ length: 5_000 }, (_, index) => ({ name: `w${String(index).padStart(4, "0")}` })),
    );
    const { stdout } = await box.run("backends.sh");
    expect(stdout.split("\n")).toHaveLength(5_001);
  });
});
