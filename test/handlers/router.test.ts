import { chmodSync, mkdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Sandbox, type Shell, shells } from "./sandbox.js";

function folder(shell?: Shell): Sandbox {
  const box = new Sandbox(shell);
  mkdirSync(box.path("on"));
  for (const name of ["member-join", "member-failed", "state", "user-deploy", "query-load.1_x-y"]) {
    box.script(`on/${name}.sh`, `echo "${name}:$SERF_EVENT"; cat; exit 7`);
  }
  box.script("canary.sh", "echo caught");
  box.script("on/user-.sh", "echo caught");
  return box;
}

describe.for(shells)("router.sh in $name", (shell) => {
  test.for([
    { event: { SERF_EVENT: "member-join" }, script: "member-join" },
    { event: { SERF_EVENT: "member-failed" }, script: "member-failed" },
    { event: { SERF_EVENT: "state" }, script: "state" },
    { event: { SERF_EVENT: "user", SERF_USER_EVENT: "deploy" }, script: "user-deploy" },
    { event: { SERF_EVENT: "query", SERF_QUERY_NAME: "load.1_x-y" }, script: "query-load.1_x-y" },
  ])("gives $event its script, stdin and exit status", async ({ event, script }) => {
    const box = folder(shell);
    const environment = { ...event, ROUTER_DIR: box.path("on") };
    expect(await box.run("router.sh", environment, "a\nb\n")).toEqual({
      status: 7,
      stdout: `${script}:${event.SERF_EVENT}\na\nb\n`,
      stderr: "",
    });
  });

  test.for([
    { SERF_EVENT: "member-leave" },
    { SERF_EVENT: "user", SERF_USER_EVENT: "load.1_x-y" },
    { SERF_EVENT: "query", SERF_QUERY_NAME: "deploy" },
    { SERF_EVENT: "query", SERF_QUERY_NAME: "x".repeat(10_000) },
    { SERF_EVENT: "member-join", SERF_USER_EVENT: "deploy", ROUTER_DIR: "/no/such" },
  ])("does nothing and says nothing for %j, which has no script", async (event) => {
    const box = folder(shell);
    const environment = { ROUTER_DIR: box.path("on"), ...event };
    expect(await box.run("router.sh", environment)).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test.for([
    "",
    "../canary",
    "x/../../canary",
    "/etc/passwd",
    "a b",
    "a\nb",
    "$(touch canary)",
    "`touch canary`",
    "deploy;touch canary",
    "deploy\u0007",
    "*",
    "deploy?",
    "déploy",
  ])("refuses the name %j", async (name) => {
    const box = folder(shell);
    for (const event of [
      { SERF_EVENT: "user", SERF_USER_EVENT: name },
      { SERF_EVENT: "query", SERF_QUERY_NAME: name },
    ]) {
      const ran = await box.run("router.sh", { ...event, ROUTER_DIR: box.path("on") });
      expect(ran).toEqual({
        status: 1,
        stdout: "",
        stderr: "router.sh: this name has no script\n",
      });
    }
    expect(box.files("canary")).toEqual(["canary.sh"]);
  });

  test.for(["", "deploy", "member-join/../canary", "../canary"])(
    "refuses the event %j",
    async (event) => {
      const ran = await folder(shell).run("router.sh", { SERF_EVENT: event });
      expect(ran).toMatchObject({ status: 1, stdout: "" });
    },
  );

  test("leaves alone what is not executable", async () => {
    const box = folder(shell);
    chmodSync(box.path("on/member-join.sh"), 0o644);
    const environment = { SERF_EVENT: "member-join", ROUTER_DIR: box.path("on") };
    expect(await box.run("router.sh", environment)).toMatchObject({ status: 0, stdout: "" });
  });
});

test("router.sh looks beside itself unless told otherwise", async () => {
  const box = new Sandbox();
  const environment = { SERF_EVENT: "member-join", HAPROXY_CFG: "/no/such.cfg" };
  expect(await box.run("router.sh", environment)).toMatchObject({
    status: 1,
    stderr: "update-block.sh: no file /no/such.cfg\n",
  });
});
