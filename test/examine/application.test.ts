import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { examineApplication, readPortTag } from "../../src/examine/application.js";
import type { ApplicationState } from "../../src/observe/application.js";
import { Folder, told, words } from "./files.js";

const ended: ApplicationState = {
  command: ["/bin/sleep"],
  folder: "/",
  phase: "waiting",
  pid: null,
  restart: "always",
  restarts: 3,
  lastEnd: "exit status 1",
  nextStart: 3_200,
  checks: [],
  isReady: false,
  complaint: null,
};

async function examined(over: Partial<ApplicationState>, portTag?: number) {
  return await examineApplication({ state: { ...ended, ...over }, path: "/usr/bin:/bin", portTag });
}

/** A process that listens, and says where. */
async function listening(host = "0.0.0.0"): Promise<{ child: ChildProcess; port: number }> {
  const text = `require("net").createServer().listen(0, "${host}", function () { console.log(this.address().port) })`;
  const child = spawn(process.execPath, ["-e", text], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const [said] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  return { child, port: Number(said) };
}

async function shut(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

const check = (port: number) => ({ kind: "tcp" as const, target: `127.0.0.1:${port}` });

test("what it lacks comes first, then how it ended and when it is tried again", async () => {
  const folder = new Folder();
  const found = await examined({ command: [`${folder.path}/bin/server`, "--port", "80"] });
  expect(told(found)).toEqual([
    "fail: there is no such file",
    "warn: does not run: exit status 1, started again 3 times so far; it is started again in 4 s",
  ]);
});

test("one that lacks nothing and ends all the same is a fault by itself", async () => {
  const found = words(await examined({ lastEnd: "ended by SIGKILL" }));
  expect(found).toContain("does not run: ended by SIGKILL");
  expect(found).toContain("took more memory than it may");
  expect(words(await examined({ phase: "ended" }))).toContain("it is not started again");
});

test("of files with the same ending the one is meant that the command line names", async () => {
  const folder = new Folder();
  for (const node of ["node1", "node2", "node3"]) folder.file(`config/${node}.yaml`, "");
  const config = `${folder.path}/config/cache_config.yaml`;
  const command = ["/bin/sleep", "--config", config, "--node-id", "node2"];
  const found = words(await examined({ command }));
  expect(found).toContain(`cp ${folder.path}/config/node2.yaml ${config}`);
});

test("one behind a shell is looked at as well", async () => {
  const command = ["/bin/sh", "-c", "exec /nowhere/at/all --x"];
  expect(words(await examined({ command }))).toContain("program /nowhere/at/all");
});

test("one that listens elsewhere is told, with the line that says so and what changes it", async () => {
  const folder = new Folder();
  const { child, port } = await listening();
  const wanted = await shut();
  const config = folder.file("a.yaml", `# cache\nlisten_port: ${port}\n`, 0o644);
  const state = {
    command: ["/bin/sleep", "--config", config],
    phase: "running" as const,
    pid: child.pid ?? null,
    lastEnd: null,
    nextStart: null,
    checks: [check(wanted)],
  };
  const found = words(await examined(state, wanted));
  expect(found).toContain(
    `listens on port ${port}, but its check -check-tcp 127.0.0.1:${wanted} and the tag port=${wanted} of its member want ${wanted}`,
  );
  expect(found).toContain(`line 2 of ${config} says listen_port: ${port}`);
  expect(found).toContain(`sed -i '2s/${port}/${wanted}/' ${config}`);
  expect(found).toContain(`kill ${child.pid}`);
  const never = words(await examined({ ...state, restart: "no" }, wanted));
  expect(never).not.toContain(`kill ${child.pid}`);
  const spoken = { ...state, command: ["/bin/sleep", "--port", String(port)] };
  expect(words(await examined(spoken, wanted))).toContain(
    `its command line says --port ${port}\nwrite ${wanted} there, in place of ${port}`,
  );
});

test("one that listens on 127.0.0.1 alone, or nowhere, is told", async () => {
  const { child, port } = await listening("127.0.0.1");
  const running = { phase: "running" as const, pid: child.pid ?? null };
  expect(words(await examined(running, port))).toContain("127.0.0.1 alone");
  const mute = spawn("/bin/sleep", ["60"]);
  onTestFinished(() => void mute.kill());
  const nowhere = await examined({ phase: "running", pid: mute.pid ?? null }, 80);
  expect(words(nowhere)).toContain("runs, but listens on no port; the tag port=80");
});

test("a check that fails for another reason is told with it, one that was not tried is not", async () => {
  const { child, port } = await listening();
  const running = { phase: "running" as const, pid: child.pid ?? null };
  const http = { kind: "http" as const, target: `http://127.0.0.1:${port}/health` };
  const complaint = `${http.target}: status 500`;
  expect(words(await examined({ ...running, checks: [http], complaint }))).toContain(
    `runs, but is not ready: ${complaint}`,
  );
  expect(told(await examined({ ...running, checks: [check(port)] }))).toEqual([
    `skipped: runs, and -check-tcp 127.0.0.1:${port} has not been tried yet`,
  ]);
});

test("what it lacks is no fault while it runs and passes its checks", async () => {
  const { child, port } = await listening();
  const command = ["/bin/sleep", "--data-dir", "/nowhere/at/all"];
  const found = await examined(
    { phase: "running", pid: child.pid ?? null, command, isReady: true },
    port,
  );
  expect(told(found)).toEqual(["warn: there is no such folder", "ok: runs"]);
});

test.for([
  ["8081", 8081],
  ["0", undefined],
  ["65536", undefined],
  ["80x", undefined],
  [undefined, undefined],
] as const)("the tag port=%s names port %s", ([text, port]) => {
  expect(readPortTag(text)).toBe(port);
});
