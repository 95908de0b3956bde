import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findProgram, missingPrograms } from "../support/programs.js";
import { handlersDir, Sandbox } from "./sandbox.js";

const scripts = readdirSync(handlersDir).filter((name) => name.endsWith(".sh"));

test("the scripts that users copy are there", () => {
  expect(scripts).toEqual(
    expect.arrayContaining([
      "haproxy.sh",
      "log.sh",
      "member-join.sh",
      "member-leave.sh",
      "nginx.sh",
      "router.sh",
    ]),
  );
});

test.for(scripts)("%s is executable, plain sh and below 80 lines", (name) => {
  const text = readFileSync(join(handlersDir, name), "utf8");
  expect(statSync(join(handlersDir, name)).mode & 0o111).toBe(0o111);
  expect(text.startsWith("#!/bin/sh\n")).toBe(true);
  expect(text.split("\n").length - 1).toBeLessThan(80);
  expect(Math.max(...text.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(110);
});

const shellcheck = findProgram("shellcheck") ?? "shellcheck";

test.skipIf(missingPrograms("shellcheck").length > 0)("shellcheck has nothing to say", () => {
  const { stdout, status } = spawnSync(shellcheck, ["-s", "sh", ...scripts], {
    cwd: handlersDir,
    encoding: "utf8",
  });
  expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
});

describe.for(["member-join.sh", "member-leave.sh"])("%s", (name) => {
  test("is haproxy.sh", async () => {
    const box = new Sandbox();
    box.members([{ name: "web1" }]);
    box.write("proxy.cfg", "# gossipd begin\n# gossipd end\n");
    const environment = {
      SERF_EVENT: name.slice(0, -3),
      HAPROXY_CFG: box.path("proxy.cfg"),
      HAPROXY_CHECK: "true",
      HAPROXY_RELOAD: "true",
    };
    expect(await box.run(name, environment)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(box.read("proxy.cfg")).toContain("server web1 10.0.0.1:80\n");
  });
});
