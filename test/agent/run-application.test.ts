import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { pause, until } from "../support/wait.js";
import { runs, runTest } from "./run-process.js";

// Processes all, side by side.
vi.setConfig({ testTimeout: 120_000 });

const test = runTest.concurrent;

/** Runs until it is killed, and does not heed SIGTERM. */
const deaf = "trap '' TERM; echo deaf; while :; do sleep 0.1; done";

test("the application has stdin and stdout to itself, and its status is ours", async ({ run }) => {
  const own = run(["sh", "-c", 'cat; echo "$0/$1"; exit 7', "a b", "-x"], { input: "in\n" });
  expect(await own.exited).toBe(7);
  expect(own.stdout).toBe("in\na b/-x\n");
  expect(own.stderr).toContain('application ended end="exit status 7"');
});

test("it finds the agent in its environment, and none of its secrets", async ({ script }) => {
  const own = script('echo "$SERF_RPC_ADDR,$GOSSIPD_RPC_AUTH,$GOSSIPD_RESTART"', {
    env: { GOSSIPD_RPC_AUTH: "secret", GOSSIPD_RESTART: "no", SERF_RPC_ADDR: "" },
  });
  expect(await own.exited).toBe(0);
  expect(own.stdout).toBe(`${own.ip}:7373,,no\n`);
});

test.for([
  { app: "no-such-program", status: 127, reason: "no such program in PATH" },
  { app: "/no/such/file", status: 127, reason: "no such file" },
  { app: "/usr", status: 126, reason: "is a directory" },
])("$app: $reason, status $status", async ({ app, reason, status }, { run }) => {
  const own = run([app]);
  expect(await own.exited).toBe(status);
  const line = `application could not be started end=${JSON.stringify(`${JSON.stringify(app)}: ${reason}`)}`;
  expect(own.stderr).toContain(`[ERR] agent: ${line}`);
});

test.for([
  {
    text: "#!/no/interpreter\n",
    mode: 0o755,
    reason: /the interpreter that .*app needs is missing/,
  },
  { text: "#!/bin/sh\n", mode: 0o644, reason: /permission denied: it is not executable/ },
])("a file of mode $mode with $text: 126", async ({ mode, reason, text }, { folder, run }) => {
  const file = join(folder, "app");
  writeFileSync(file, text);
  chmodSync(file, mode);
  const own = run([file]);
  expect(await own.exited).toBe(126);
  expect(own.stderr).toMatch(reason);
});

test.for([
  { flag: "-check-tcp=0", fault: '-check-tcp (check_tcp): "0" is no port' },
  { flag: "-restart=often", fault: '-restart (restart): "often" is none of no, on-failure' },
  { flag: "-stop-signal=FOO", fault: '-stop-signal (stop_signal): there is no signal "FOO"' },
])("$flag is refused before anything starts", async ({ fault, flag }, { script }) => {
  const own = script("echo here", { flags: [flag] });
  expect(await own.exited).toBe(1);
  expect(own.stdout).toBe("");
  expect(own.stderr).toContain(fault);
});

test("an application that ends takes its member along, at once and by a leave", async ({
  folder,
  peer,
  script,
}) => {
  const other = await peer(["-tag=balancer=edge"]);
  const go = join(folder, "go");
  const own = script(`until test -e ${go}; do sleep 0.05; done; exit 4`, {
    flags: [`-retry-join=${other.ip}`],
  });
  await until("it is seen", async () => (await other.statuses()).app === "alive");
  writeFileSync(go, "");
  expect(await own.exited).toBe(4);
  // Nobody waits for a balancer that has nothing to say any more.
  expect(own.stderr).not.toContain("waiting until load balancers");
  expect(await other.statuses()).toEqual({ app: "left", peer: "alive" });
});

test("who tells it to end while it starts has no application started", async ({ script }) => {
  const own = script("echo here", { flags: ["-http-addr=127.0.0.1:0", "-discover=nobody"] });
  while (!own.stderr.includes("agent RPC...")) await pause(1);
  own.signal("SIGTERM");
  await own.exited;
  expect(own.stderr).toContain("Gracefully shutting down agent...");
  expect(own.stdout).toBe("");
});

test("members see it starting from the first moment, and ready when its checks pass", async ({
  folder,
  peer,
  script,
}) => {
  const told = join(folder, "told");
  const other = await peer([`-event-handler=member-join,member-update=cat >> ${told}`]);
  const ready = join(folder, "ready");
  const own = script("exec sleep 60", {
    flags: [`-retry-join=${other.ip}`, `-check-exec=test -e ${ready}`, "-check-interval=100ms"],
  });
  const heard = (state: string) =>
    until(
      `the other's handler knows that it is ${state}`,
      () => existsSync(told) && readFileSync(told, "utf8").includes(`state=${state}`),
    );
  await own.untilWritten("application is not ready yet");
  await heard("starting");
  writeFileSync(ready, "");
  await own.untilState("ready");
  await heard("ready");
  const states = readFileSync(told, "utf8").matchAll(/^app\t.*state=(\w+)/gm);
  expect([...states].map(([, state]) => state)).toEqual(["starting", "ready"]);
});

test("each kind of check is asked, and all of them have to pass", async ({ folder, run }) => {
  const server = `
    let status = 503;
    process.on("SIGUSR1", () => (status = 302));
    require("node:http").createServer((_, answer) => {
      answer.writeHead(status, { location: "/elsewhere" }).end();
    }).listen(0, "127.0.0.1", function () {
      require("node:fs").writeFileSync(process.argv[1], String(this.address().port));
    });`;
  const file = join(folder, "port");
  // A port that is taken by nobody but the application is known only when that runs.
  const own = run([process.execPath, "-e", server, file], {
    env: {
      GOSSIPD_CHECK_EXEC: `test -s ${file}\nset -- $(cat ${file}); exec 3<>/dev/null; test "$1" -gt 0`,
      GOSSIPD_CHECK_INTERVAL: "300ms",
    },
  });
  await own.untilState("ready");
  const port = readFileSync(file, "utf8");
  const second = run([process.execPath, "-e", "setInterval(() => {}, 1000)"], {
    env: { GOSSIPD_CHECK_TCP: port, GOSSIPD_CHECK_HTTP: `${port}/health` },
  });
  await second.untilWritten(`GET http://127.0.0.1:${port}/health: status 503`);
  expect(await second.state()).toBe("starting");
  // It is told to the first application, through its supervisor.
  own.signal("SIGUSR1");
  await second.untilState("ready");
});

test("checks that fail take ready back, and an operator's order stands above them", async ({
  folder,
  script,
}) => {
  const broken = join(folder, "broken");
  const own = script("exec sleep 60", {
    flags: [`-check-exec=! test -e ${broken}`, "-check-interval=300ms", "-check-fall=2"],
  });
  await own.untilState("ready");
  expect((await own.cli("maint", "-no-wait")).code).toBe(0);
  await own.untilState("maint");
  writeFileSync(broken, "");
  await own.untilWritten("application is not ready any more");
  await pause(300);
  expect(await own.state()).toBe("maint");
  // Whoever says ready leaves it to the checks.
  expect((await own.cli("ready", "-no-wait")).code).toBe(0);
  await own.untilState("starting");
  expect((await own.cli("tags", "-set", "state=ready")).code).toBe(0);
  await pause(300);
  expect(await own.state()).toBe("starting");
});

test("maintenance that was ordered while it started outlasts the start", async ({
  folder,
  script,
}) => {
  const ready = join(folder, "ready");
  const tags = join(folder, "tags.json");
  writeFileSync(tags, '{"role":"web","state":"ready"}');
  const own = script("exec sleep 60", {
    flags: [`-check-exec=test -e ${ready}`, "-check-interval=300ms", `-tags-file=${tags}`],
  });
  await own.untilState("starting");
  await own.cli("maint", "-no-wait");
  writeFileSync(ready, "");
  await own.untilWritten("application is ready");
  await pause(300);
  expect(await own.state()).toBe("maint");
  expect(JSON.parse(readFileSync(tags, "utf8"))).toEqual({ role: "web", state: "maint" });
  await own.cli("ready", "-no-wait");
  await own.untilState("ready");
  expect(JSON.parse(readFileSync(tags, "utf8"))).toEqual({ role: "web" });
});

test("one that fails is started again, starting meanwhile, until it is enough", async ({
  folder,
  peer,
  script,
}) => {
  const lives = join(folder, "lives");
  const told = join(folder, "told");
  const other = await peer([`-event-handler=member-join,member-update=cat >> ${told}`]);
  const own = script(`echo x >> ${lives}; sleep 1.5; exit 9`, {
    flags: [`-retry-join=${other.ip}`, "-restart=on-failure:2", "-check-exec=true"],
  });
  expect(await own.exited).toBe(9);
  expect(readFileSync(lives, "utf8")).toBe("x\nx\nx\n");
  expect(
    own.stderr.match(/is started again .*rest=\d+/g)?.map((line) => /\d+$/.exec(line)?.[0]),
  ).toEqual(["100", "200"]);
  expect(await other.statuses()).toEqual({ app: "left", peer: "alive" });
});

test("what was missing is found when it is there", async ({ folder, run }) => {
  const app = join(folder, "late");
  const own = run([app], { flags: ["-restart=always"] });
  await own.untilWritten("no such file");
  expect(await own.state()).toBe("starting");
  writeFileSync(app, "#!/bin/sh\nexec sleep 60\n");
  chmodSync(app, 0o755);
  await own.untilState("ready");
  own.signal("SIGTERM");
  expect(await own.exited).toBe(143);
});

test.for(["TERM", "leave"])(
  "%s: drained, acknowledged, stopped, left, in this order",
  async (how, { folder, peer, script }) => {
    const go = join(folder, "go");
    const state = join(folder, "state");
    writeFileSync(state, "serving");
    const answer = `read -r node; printf '{"balancer":"edge","node":"%s","state":"%s","inUse":2}\\n' "$node" "$(cat ${state})"`;
    const balancer = await peer([
      "-tag=balancer=edge",
      `-event-handler=query:lb-drained=${answer}`,
    ]);
    const own = script(
      `trap 'echo told; until test -e ${go}; do sleep 0.05; done; exit 5' TERM; echo up; while :; do sleep 0.05; done`,
      { flags: [`-retry-join=${balancer.ip}`, "-drain-timeout=60s", "-stop-timeout=60s"] },
    );
    await own.untilWritten("up");
    await until("it is seen", async () => (await balancer.statuses()).app === "alive");
    const left = how === "TERM" ? own.signal("SIGTERM") : own.cli("leave");
    await until("the balancer sees it draining", async () =>
      (await balancer.members()).some(({ tags }) => tags.state === "draining"),
    );
    await pause(500);
    expect(own.stdout).toBe("up\n");
    writeFileSync(state, "out");
    await own.untilWritten("told");
    expect((await balancer.statuses()).app).toBe("alive");
    writeFileSync(go, "");
    expect(await own.exited).toBe(5);
    await left;
    expect((await balancer.statuses()).app).toBe("left");
  },
);

test("with a delay it serves on for whoever does not acknowledge", async ({ script }) => {
  const own = script("trap 'date +%s%N; exit 0' TERM; echo up; while :; do sleep 0.02; done", {
    flags: ["-stop-delay=2s"],
  });
  await own.untilWritten("up");
  const began = Date.now();
  own.signal("SIGTERM");
  expect(await own.exited).toBe(0);
  const told = Number(own.stdout.split("\n")[1]) / 1e6;
  expect(told - began).toBeGreaterThan(1_900);
});

test("a ctrl-C that comes twice at once counts once", async ({ script }) => {
  const own = script("trap 'sleep 0.5; exit 6' TERM; echo up; while :; do sleep 0.02; done");
  await own.untilWritten("up");
  own.signal("SIGINT");
  await pause(5);
  own.signal("SIGINT");
  expect(await own.exited).toBe(6);
});

test("without a balancer its members still see it draining", async ({ folder, peer, script }) => {
  const go = join(folder, "go");
  const other = await peer();
  const wait = `until test -e ${go}; do sleep 0.05; done`;
  const own = script(`trap '${wait}; exit 0' TERM; echo up; while :; do sleep 0.05; done`, {
    flags: [`-retry-join=${other.ip}`, "-stop-timeout=60s"],
  });
  await own.untilWritten("up");
  await until("it is seen", async () => (await other.statuses()).app === "alive");
  own.signal("SIGTERM");
  await until("it is seen draining", async () =>
    (await other.members()).some(({ tags }) => tags.state === "draining"),
  );
  writeFileSync(go, "");
  expect(await own.exited).toBe(0);
});

test("one that does not heed its stop signal is killed, with all it started", async ({
  folder,
  script,
}) => {
  const file = join(folder, "pid");
  const own = script(`sh -c "${deaf}" & echo $! > ${file}; ${deaf}`, {
    flags: ["-stop-timeout=500ms"],
  });
  await own.untilWritten("deaf");
  await until("both run", () => own.stdout === "deaf\ndeaf\n");
  own.signal("SIGTERM");
  expect(await own.exited).toBe(137);
  expect(runs(Number(readFileSync(file, "utf8")))).toBe(false);
});

test("what an application leaves running ends with it", async ({ folder, script }) => {
  const file = join(folder, "pid");
  const own = script(`sleep 60 & echo $! > ${file}; exit 0`);
  expect(await own.exited).toBe(0);
  expect(runs(Number(readFileSync(file, "utf8")))).toBe(false);
});

test("signals that are not ours are the application's", async ({ script }) => {
  const traps = ["HUP", "QUIT", "USR1", "USR2", "ALRM", "WINCH"].map(
    (name) => `trap 'echo ${name}' ${name};`,
  );
  const own = script(`${traps.join(" ")} echo up; while :; do sleep 0.05; done`);
  await own.untilWritten("up");
  for (const name of ["HUP", "QUIT", "USR1", "USR2", "ALRM", "WINCH"]) {
    own.signal(`SIG${name}` as NodeJS.Signals);
    await own.untilWritten(`${name}\n`);
  }
  expect(own.stdout).toBe("up\nHUP\nQUIT\nUSR1\nUSR2\nALRM\nWINCH\n");
  // It is the agent's as well.
  expect(own.stderr).toContain("==> Reloading configuration...");
  expect(own.stderr).not.toContain("Metrics");
});

test("an image's own stop signal that we do not know of is named when it ends the application", async ({
  script,
}) => {
  const own = script("trap 'exit 0' QUIT; echo up; while :; do sleep 0.05; done");
  await own.untilWritten("up");
  own.signal("SIGQUIT");
  expect(await own.exited).toBe(0);
  expect(own.stderr).toContain("==> Warning: it ended after SIGQUIT");
  expect(own.stderr).toContain("give -stop-signal QUIT");
});

test("the stop signal ends agent and application, and is what the latter hears", async ({
  script,
}) => {
  const own = script("trap 'echo quit; exit 0' QUIT; echo up; while :; do sleep 0.05; done", {
    flags: ["-stop-signal=QUIT"],
  });
  await own.untilWritten("up");
  own.signal("SIGQUIT");
  expect(await own.exited).toBe(0);
  expect(own.stdout).toBe("up\nquit\n");
  expect(own.stderr).toContain("requesting graceful leave");
});

test("a second signal kills", async ({ script }) => {
  const own = script(deaf);
  await own.untilWritten("deaf");
  own.signal("SIGTERM");
  await own.untilWritten("Gracefully shutting down");
  await pause(200);
  own.signal("SIGTERM");
  expect(await own.exited).toBe(137);
});

test("an application that ends while its agent joins is seen to leave", async ({ peer, run }) => {
  const other = await peer();
  const own = run(["true"], { flags: [`-join=${other.ip}`] });
  expect(await own.exited).toBe(0);
  expect((await other.statuses()).app).toBe("left");
});

test("one that ends while its agent waits for a silent seed is not taken for ready much longer", async ({
  peer,
  script,
}) => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const other = await peer();
  const own = script("sleep 1; exit 4", {
    flags: ["-profile=lan", `-join=${other.ip}`, `-join=127.0.0.1:${port}`],
  });
  await own.untilWritten("The application has ended");
  const ended = Date.now();
  expect(await own.exited).toBe(4);
  expect(Date.now() - ended).toBeLessThan(8_000);
  expect((await other.statuses()).app).toBe("left");
  silent.close();
});

test("an agent that cannot join ends its application", async ({ folder, script }) => {
  const file = join(folder, "pid");
  const own = script(`echo $$ > ${file}; exec sleep 60`, {
    flags: ["-join=127.0.0.1:1"],
  });
  expect(await own.exited).toBe(1);
  expect(runs(Number(readFileSync(file, "utf8")))).toBe(false);
});

test("an agent that is killed leaves no orphan", async ({ folder, script }) => {
  const file = join(folder, "pid");
  const own = script(`echo $$ > ${file}; ${deaf}`);
  await own.untilWritten("deaf");
  own.signal("SIGKILL");
  await own.exited;
  const pid = Number(readFileSync(file, "utf8"));
  await until("the application is gone", () => !runs(pid));
});
