import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openCommand } from "../../src/lb/command.js";
import type { CommandConfig } from "../../src/lb/config.js";
import type { Desired, Server } from "../../src/lb/model.js";
import type { Notes, Proxy } from "../../src/lb/proxy.js";
import { tempDir } from "../agent/temp-dir.js";
import { RecordedLog } from "../support/recorded-log.js";
import { sampleBalancer } from "./support/samples.js";

function server(node: string, ip: string, more: Partial<Server> = {}): Server {
  const usual = { port: 80, weight: 7, admission: "ready", cause: "alive" } as const;
  return { node, ip, tags: new Map(), ...usual, ...more };
}

function desiredOf(...servers: Server[]): Desired {
  const pools = [{ name: "web", servers }];
  return { pools, version: "0123456789ab", refused: [], holds: [], frozen: false };
}

const marked = "# by hand\n  # gossipd begin web\n  # gossipd end web\n";

function opened(folder: string, changes: Partial<CommandConfig>, notes: Notes = noted()): Proxy {
  const proxy: CommandConfig = {
    kind: "command",
    check: undefined,
    reload: ["cp", "%f", join(folder, "loaded")],
    confirm: undefined,
    line: "%n=%h (%a %p %w 100%%)",
    emptyLine: "",
    ...changes,
  };
  const config = sampleBalancer({ file: join(folder, "some.conf"), proxy });
  return openCommand(config, { log: new RecordedLog(), now: () => 0, notes });
}

function noted(): Notes {
  const kept = new Map<string, unknown>();
  return { read: (key) => kept.get(key), write: (key, value) => void kept.set(key, value) };
}

const web1 = server("web1", "10.0.0.1");

test("lines are filled in and stand between the markers", async () => {
  const proxy = opened(tempDir(), { emptyLine: "nobody" });
  const observed = await proxy.observe();
  const servers = [
    web1,
    server("web2", "2001:db8::1"),
    server("web3", "10.0.0.3", { admission: "out" }),
  ];
  expect(await proxy.render(marked, desiredOf(...servers), observed)).toBe(`# by hand
  # gossipd begin web
  web1=10.0.0.1:80 (10.0.0.1 80 7 100%)
  web2=[2001:db8::1]:80 (2001:db8::1 80 7 100%)
  # gossipd end web
`);
  expect(await proxy.render(marked, desiredOf(), observed)).toContain("  nobody\n");
});

test("a program is told of a text once, and again when it forgot", async () => {
  const folder = tempDir({ "some.conf": "text" });
  const notes = noted();
  const told = ["grep", "-q", "text", join(folder, "loaded")];
  const proxy = opened(folder, { confirm: told }, notes);
  const desired = desiredOf(web1);
  const reason = async (): Promise<string | undefined> =>
    proxy.plan(0, desired, "text", await proxy.observe()).reload;
  expect(await reason()).toBe("the program was not told of this content");
  await proxy.reload(desired, "text");
  expect(readFileSync(join(folder, "loaded"), "utf8")).toBe("text");
  expect(await reason()).toBeUndefined();
  expect((await proxy.observe()).servers).toMatchObject([
    { pool: "web", node: "web1", ip: "10.0.0.1", port: 80, state: "ready" },
  ]);
  expect((await opened(folder, { confirm: told }, notes).observe()).process).not.toBe("");
  writeFileSync(join(folder, "loaded"), "other");
  expect(await reason()).toBe("the program was not told of this content");
});

test("what failed is tried again, though the file is the same", async () => {
  const folder = tempDir({ "some.conf": "text" });
  const notes = noted();
  const works = opened(folder, {}, notes);
  await works.reload(desiredOf(web1), "text");
  const fails = opened(folder, { reload: ["sh", "-c", "echo no >&2; exit 3"] }, notes);
  await expect(fails.reload(desiredOf(web1), "text")).rejects.toThrow("sh ended with status 3: no");
  expect(works.plan(0, desiredOf(web1), "text", await works.observe()).reload).toBeDefined();
});

test("the staged file is checked, by a name that is only an argument", async () => {
  const folder = tempDir();
  const proxy = opened(folder, { check: ["test", "%f", "=", "/x/$(id) &"] });
  await proxy.check("/x/$(id) &", "", undefined);
  await expect(proxy.check("/y", "", undefined)).rejects.toThrow("test ended with status 1");
});
