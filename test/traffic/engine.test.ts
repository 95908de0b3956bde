import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Millis } from "../../src/base/units.js";
import { readLbConfig } from "../../src/lb/config-file.js";
import { LoadBalancer } from "../../src/lb/load-balancer.js";
import type { LbMember } from "../../src/lb/model.js";
import type { BalancerStatus } from "../../src/lb/status.js";
import { missingPrograms } from "../support/programs.js";
import { RecordedLog } from "../support/recorded-log.js";
import { print, running, webServer, withoutLoss } from "./haproxy-stage.js";
import { Child } from "./support/child.js";
import { type Haproxy, serves } from "./support/haproxy.js";
import { Load } from "./support/load-client.js";
import { packageRoot } from "./support/places.js";
import { size } from "./support/size.js";
import { waitUntil } from "./support/waiting.js";
import type { WebProcess } from "./support/web-process.js";

const real = test.skipIf(missingPrograms("haproxy").length > 0);

interface KeptOptions {
  readonly self?: string;
  /** Keys of the balancer. */
  readonly balancer?: Readonly<Record<string, unknown>>;
  /** Keys of the whole. */
  readonly whole?: Readonly<Record<string, unknown>>;
}

/** Writes a configuration for one HAProxy; gives its path. */
function writeConfig(haproxy: Haproxy, options: KeptOptions = {}): string {
  const { place } = haproxy;
  const path = join(place.folder, "lb.json");
  const config = {
    state_dir: join(place.folder, "kept"),
    settle_time: "100ms",
    ...options.whole,
    balancers: [
      {
        name: "edge",
        kind: "haproxy",
        config: place.config,
        master_socket: place.masterSocket,
        pools: [{ name: "web", members: "role=web", port: 80 }],
        ...options.balancer,
      },
    ],
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** A load balancer in this process, told of members as an agent would. */
class Kept {
  readonly log = new RecordedLog();
  readonly #members = new Map<string, LbMember>();
  readonly #self: string;
  #keeper: LoadBalancer | undefined;
  /** When the file was loaded, by this process's clock. */
  readonly reloads: number[] = [];

  private constructor(self: string) {
    this.#self = self;
  }

  static async open(path: string, { self = "lb1" }: KeptOptions = {}): Promise<Kept> {
    const kept = new Kept(self);
    kept.#keeper = await LoadBalancer.open(readLbConfig(path), {
      log: kept.log,
      now: () => performance.now(),
      wallClock: () => new Date().toISOString(),
      after: (delay: Millis, run: () => void) => {
        const timer = setTimeout(run, delay);
        return () => clearTimeout(timer);
      },
      checkpoint: (name) => {
        if (name.endsWith(": reload")) kept.reloads.push(performance.now());
      },
    });
    onTestFinished(() => kept.stop());
    return kept;
  }

  get keeper(): LoadBalancer {
    if (this.#keeper === undefined) throw new Error("it was stopped");
    return this.#keeper;
  }

  async stop(): Promise<void> {
    await this.#keeper?.stop();
    this.#keeper = undefined;
  }

  get status(): BalancerStatus {
    const [status] = this.keeper.status().balancers;
    if (status === undefined) throw new Error("there is one balancer");
    return status;
  }

  put(web: WebProcess, changes: Partial<LbMember> = {}): void {
    const { name, ip, port } = web;
    const tags = new Map([
      ["role", "web"],
      ["port", String(port)],
    ]);
    this.#members.set(name, { name, ip, tags, status: "alive", suspected: false, ...changes });
  }

  member(member: LbMember): void {
    this.#members.set(member.name, member);
  }

  tell(): void {
    this.keeper.update({
      self: this.#self,
      members: [...this.#members.values()],
      health: { isolated: false, awareness: 0 },
      joined: true,
    });
  }

  /** Until the proxy confirmed the newest state; resolves with how long that took. */
  async inStep(timeout?: number): Promise<number> {
    const isSo = (): boolean => {
      const { ok, version, applied, condition } = this.status;
      return ok && version !== null && version === applied && condition === "in step";
    };
    const options = { last: () => JSON.stringify({ ...this.status, pools: [] }) };
    return await waitUntil(
      "in step",
      isSo,
      timeout === undefined ? options : { ...options, timeout },
    );
  }

  async fails(reason: RegExp): Promise<void> {
    await waitUntil(`fails: ${reason}`, () => reason.test(this.status.reason ?? ""), {
      last: () => this.status.reason,
    });
  }
}

/** A file that is wrong in one way, and what ends that. */
interface Fault {
  readonly title: string;
  readonly balancer?: Readonly<Record<string, unknown>>;
  /** `taken`: an address where somebody listens. */
  readonly damage: (haproxy: Haproxy, taken: string) => void;
  readonly says: RegExp;
  readonly mend: (haproxy: Haproxy) => void;
}

function edit(haproxy: Haproxy, change: (text: string) => string): void {
  const { config } = haproxy.place;
  // Byte for byte: not all that people write is UTF-8.
  writeFileSync(config, change(readFileSync(config, "latin1")), "latin1");
}

const faults: readonly Fault[] = [
  {
    title: "lines of others that the checker refuses",
    damage: (haproxy) =>
      edit(haproxy, (text) => text.replace("\nbackend web\n", "\nbackend web\n    garbage\n")),
    says: /unknown keyword 'garbage'/,
    mend: (haproxy) => edit(haproxy, (text) => text.replace("    garbage\n", "")),
  },
  {
    title: "a bind line on a port that somebody has",
    damage: (haproxy, taken) =>
      edit(haproxy, (text) =>
        text.replace("frontend users\n", `frontend users\n    bind ${taken}\n`),
      ),
    says: /another program has it/,
    balancer: { allow_bind_changes: true },
    mend: (haproxy) =>
      edit(haproxy, (text) => text.replace(/frontend users\n {4}bind .*\n/, "frontend users\n")),
  },
  {
    title: "a bind line unasked",
    damage: (haproxy) =>
      edit(haproxy, (text) =>
        text.replace("frontend users\n", `frontend users\n    bind ${haproxy.place.ip}:1\n`),
      ),
    says: /bind lines are not changed unless/,
    mend: (haproxy) =>
      edit(haproxy, (text) => text.replace(`    bind ${haproxy.place.ip}:1\n`, "")),
  },
  {
    title: "more connections than file descriptors",
    damage: (haproxy) => edit(haproxy, (text) => text.replace("maxconn 2000", "maxconn 600000")),
    says: /file descriptors/,
    mend: (haproxy) => edit(haproxy, (text) => text.replace("maxconn 600000", "maxconn 2000")),
  },
  {
    title: "no markers",
    damage: (haproxy) => edit(haproxy, (text) => text.replace("# gossipd begin web", "# gone")),
    says: /gossipd begin/,
    mend: (haproxy) => edit(haproxy, (text) => text.replace("# gone", "# gossipd begin web")),
  },
];

real.for(faults)(
  "$title: nothing is lost, servers still leave, the reason is told, and it ends with its cause",
  async ({ damage, says, mend, balancer = {} }) => {
    const [one, two, three] = [
      await webServer("web1", 151),
      await webServer("web2", 152),
      await webServer("web3", 153),
    ];
    const haproxy = await running();
    const kept = await Kept.open(writeConfig(haproxy, { balancer }));
    kept.put(one);
    kept.put(two);
    kept.tell();
    await kept.inStep();
    await serves(haproxy, [one.address, two.address]);
    const { worker } = await haproxy.master();
    await withoutLoss(haproxy, async (load) => {
      damage(haproxy, one.address);
      kept.put(three);
      kept.tell();
      await kept.fails(says);
      // A member that leaves needs no other file.
      kept.put(two, { status: "left" });
      kept.tell();
      await serves(haproxy, [one.address]);
      expect(await haproxy.master()).toMatchObject({ worker, failed: 0 });
      await load.more(50);
      mend(haproxy);
      const took = await kept.inStep(45_000);
      print(`mended after ${Math.round(took)} ms`);
      await serves(haproxy, [one.address, three.address]);
    });
    expect(kept.status.counters.reloadFailures).toBe(0);
  },
);

real("a checker that hangs does not keep a dead server in service", async () => {
  const [one, two] = [await webServer("web1", 161), await webServer("web2", 162)];
  const haproxy = await running();
  const hanging = join(haproxy.place.folder, "checker");
  writeFileSync(hanging, '#!/bin/sh\nexec haproxy "$@"\n', { mode: 0o755 });
  const balancer = { binary: hanging, check_timeout: "3s" };
  const kept = await Kept.open(writeConfig(haproxy, { balancer }));
  kept.put(one);
  kept.put(two);
  kept.tell();
  await kept.inStep();
  writeFileSync(hanging, "#!/bin/sh\nexec sleep 600\n");
  chmodSync(hanging, 0o755);
  edit(haproxy, (text) => text.replace("\nbackend web\n", "\nbackend web\n    option httplog\n"));
  await waitUntil("the checker hangs", () => kept.status.condition === "working");
  await two.child.kill();
  const began = performance.now();
  kept.put(two, { status: "failed" });
  kept.tell();
  // Out by our word, whatever the proxy's own checks found.
  await waitUntil(
    "web2 is out",
    async () =>
      (await haproxy.servers()).some(({ ip, state }) => ip === two.ip && state === "maint"),
    { every: 2 },
  );
  print(`taken out after ${Math.round(performance.now() - began)} ms while the checker hangs`);
  expect(performance.now() - began).toBeLessThan(1_000);
  await kept.fails(/did not end within 3s|did not end within 3000 ms|longer than/);
  writeFileSync(hanging, '#!/bin/sh\nexec haproxy "$@"\n');
  await kept.inStep(45_000);
});

real("a reload that fails is rolled back and tried again when the cause is gone", async () => {
  const [one, two] = [await webServer("web1", 171), await webServer("web2", 172)];
  const haproxy = await running();
  const kept = await Kept.open(writeConfig(haproxy, { balancer: { allow_bind_changes: true } }));
  kept.put(one);
  kept.tell();
  await kept.inStep();
  const good = readFileSync(haproxy.place.config, "utf8");
  // Neither the checker nor a trial can see it: the folder of the socket is missing.
  const trap = `    stats socket ${haproxy.place.folder}/none/stats.sock\n`;
  await withoutLoss(haproxy, async (load) => {
    edit(haproxy, (text) => text.replace("global\n", `global\n${trap}`));
    await waitUntil("it failed", () => kept.status.counters.rollbacks > 0);
    await load.more(50);
    expect(kept.status.ok).toBe(false);
    print(`reason: ${kept.status.reason}`);
    await waitUntil("the last good file is there", () => {
      return readFileSync(haproxy.place.config, "utf8") === good;
    });
    await waitUntil("no failed reload stands", async () => (await haproxy.master()).failed === 0);
    kept.put(two);
    kept.tell();
    await kept.inStep(45_000);
    await serves(haproxy, [one.address, two.address]);
  });
});

real(
  "a program that is killed at any boundary leaves a valid file, and the next one goes on",
  async () => {
    const webs = [await webServer("web1", 181), await webServer("web2", 182)];
    const haproxy = await running();
    const config = writeConfig(haproxy, { whole: { interval: "2s", watch_interval: "500ms" } });
    const members = join(haproxy.place.folder, "members");
    const tell = (list: readonly WebProcess[]): void => {
      const lines = list.map(({ name, ip, port }) => JSON.stringify({ name, ip, port }));
      writeFileSync(members, `${lines.join("\n")}\n`);
    };
    const keeper = (death: number): Child => {
      const program = join(packageRoot, "dist", "traffic", "keeper.js");
      const child = new Child("keeper", [process.execPath, program, config, members, `${death}`]);
      onTestFinished(() => child.kill());
      return child;
    };
    const addresses = (list: readonly WebProcess[]): string[] => list.map(({ address }) => address);
    let load: Load | undefined;
    let boundaries = 0;
    for (let death = 1; death <= 30; death += size(5, 1)) {
      // Every second time a server comes, else one goes; and each time more than servers changes.
      const before = death % 2 === 0 ? webs : webs.slice(0, 1);
      const after = death % 2 === 0 ? webs.slice(0, 1) : webs;
      tell(before);
      const first = keeper(death);
      await first.becomes("keeps", () => first.said.includes("keeps"));
      await serves(haproxy, addresses(before));
      load ??= Load.start({ target: haproxy.target, clients: { fresh: 2, kept: 4 }, rate: 100 });
      edit(haproxy, (text) =>
        text.replace(/\n( {4}# note .*\n)?backend web\n/, `\n    # note ${death}\nbackend web\n`),
      );
      tell(after);
      first.signal("SIGHUP");
      let isDead = false;
      void first.ended.then(() => {
        isDead = true;
      });
      await waitUntil(
        "it is dead, or done",
        async () => isDead || /boundary \d+ edge: confirm/.test(first.said),
      );
      boundaries = Math.max(
        boundaries,
        ...[...first.said.matchAll(/boundary (\d+)/g)].map(([, at]) => Number(at)),
      );
      if (!isDead) await first.kill();
      const checked = spawnSync("haproxy", ["-c", "-f", haproxy.place.config], {
        encoding: "utf8",
      });
      expect(checked.status, `after boundary ${death}: ${checked.stderr}`).toBe(0);
      const second = keeper(0);
      await second.becomes("keeps", () => second.said.includes("keeps"));
      await serves(haproxy, addresses(after));
      await second.stop();
      if (!isDead) break;
    }
    const report = await load?.stop();
    if (report === undefined) throw new Error("there was no load");
    print(
      `killed at ${boundaries} boundaries, ${report.total} requests, lost ${JSON.stringify(report.losses)}`,
    );
    expect(boundaries).toBeGreaterThan(5);
    expect(report.losses).toEqual({});
  },
  240_000,
);

real("lines of others stay byte for byte, whatever else happens to the file", async () => {
  const [one, two] = [await webServer("web1", 191), await webServer("web2", 192)];
  const haproxy = await running();
  const kept = await Kept.open(writeConfig(haproxy));
  kept.put(one);
  kept.tell();
  await kept.inStep();
  // Windows line ends, tabs, a byte that is no UTF-8 as Latin-1 has it, and blanks at the end.
  const note = Buffer.from("\t# M\xfcller's note  \r\n", "latin1");
  const text = readFileSync(haproxy.place.config);
  writeFileSync(haproxy.place.config, Buffer.concat([note, text]));
  kept.put(two);
  kept.tell();
  await serves(haproxy, [one.address, two.address]);
  await kept.inStep();
  const after = readFileSync(haproxy.place.config);
  expect(after.subarray(0, note.length)).toEqual(note);
  // Our lines, changed by hand, are put right.
  edit(haproxy, (whole) => whole.replace(one.address, "127.0.0.1:1"));
  await waitUntil("repaired", () => {
    const whole = readFileSync(haproxy.place.config, "latin1");
    return whole.includes(one.address) && whole.includes(two.address);
  });
  await serves(haproxy, [one.address, two.address]);
  expect(readFileSync(haproxy.place.config).subarray(0, note.length)).toEqual(note);
  expect(kept.status.counters.drift).toBe(1);
});

real("a full disk keeps the last good file, and recovery needs nobody", async (context) => {
  const [one, two] = [await webServer("web1", 201), await webServer("web2", 202)];
  const folder = mkdtempSync(join(tmpdir(), "gossipd-full-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]);
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true });
    context.skip("no file system can be mounted here");
  }
  onTestFinished(() => {
    execFileSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true });
  });
  const haproxy = await running();
  const { config } = haproxy.place;
  copyFileSync(config, join(folder, "haproxy.cfg"));
  rmSync(config);
  symlinkSync(join(folder, "haproxy.cfg"), config);
  const kept = await Kept.open(writeConfig(haproxy));
  kept.put(one);
  kept.tell();
  await kept.inStep();
  const before = readFileSync(haproxy.place.config, "utf8");
  const filler = join(folder, "filler");
  spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=1k"]);
  kept.put(two);
  kept.tell();
  await kept.fails(/no space left/);
  expect(readFileSync(haproxy.place.config, "utf8")).toBe(before);
  await serves(haproxy, [one.address]);
  rmSync(filler);
  await kept.inStep(45_000);
  await serves(haproxy, [one.address, two.address]);
});

real.for([
  {
    title: "restarted with an old file by somebody",
    act: async (haproxy: Haproxy, old: string) => {
      await haproxy.child.stop(3_000);
      writeFileSync(haproxy.place.config, old);
      await haproxy.run();
    },
  },
  {
    title: "reloaded by somebody",
    act: async (haproxy: Haproxy) => {
      process.kill(haproxy.child.pid, "SIGUSR2");
      await waitUntil("reloaded", async () => (await haproxy.master()).reloads > 0);
    },
  },
  {
    title: "told to take a server out by somebody",
    act: async (haproxy: Haproxy) => {
      const [server] = (await haproxy.servers()).filter(({ state }) => state === "ready");
      await haproxy.ask(`set server web/${server?.name} state maint`);
    },
  },
])("a proxy that is $title is found within 2 s and put right", async ({ act }) => {
  const [one, two] = [await webServer("web1", 211), await webServer("web2", 212)];
  const haproxy = await running();
  const old = readFileSync(haproxy.place.config, "utf8");
  const kept = await Kept.open(writeConfig(haproxy));
  kept.put(one);
  kept.put(two);
  kept.tell();
  await kept.inStep();
  const { drift } = kept.status.counters;
  await act(haproxy, old);
  const began = performance.now();
  await waitUntil("drift is found", () => kept.status.counters.drift > drift);
  const found = performance.now() - began;
  await serves(haproxy, [one.address, two.address]);
  await kept.inStep();
  const took = performance.now() - began;
  print(`found after ${Math.round(found)} ms, put right after ${Math.round(took)} ms`);
  expect(found).toBeLessThan(3 * 2_000);
});

real("a socket that is gone is said, and recovery needs nobody", async () => {
  const [one, two] = [await webServer("web1", 221), await webServer("web2", 222)];
  const haproxy = await running();
  const kept = await Kept.open(writeConfig(haproxy));
  kept.put(one);
  kept.tell();
  await kept.inStep();
  await haproxy.child.stop(3_000);
  kept.put(two);
  kept.tell();
  await kept.fails(/./);
  print(`reason: ${kept.status.reason}`);
  await waitUntil("the file is right", () =>
    readFileSync(haproxy.place.config, "utf8").includes(two.address),
  );
  await haproxy.run();
  const took = await kept.inStep(45_000);
  print(`in step ${Math.round(took)} ms after the proxy was there again`);
  await serves(haproxy, [one.address, two.address]);
});

real("views that come late, twice and out of order end in the newest", async () => {
  const webs = [
    await webServer("web1", 231),
    await webServer("web2", 232),
    await webServer("web3", 233),
  ];
  const haproxy = await running();
  const kept = await Kept.open(writeConfig(haproxy));
  for (const web of webs) kept.put(web);
  kept.tell();
  await kept.inStep();
  for (let turn = 0; turn < 50; turn += 1) {
    for (const [index, web] of webs.entries()) {
      if ((turn + index) % 3 !== 0) kept.put(web);
      else kept.put(web, { status: turn % 2 === 0 ? "left" : "failed" });
    }
    kept.tell();
    if (turn % 3 === 0) kept.tell();
    await new Promise((resolve) => setTimeout(resolve, turn % 7));
  }
  const [one, two] = webs;
  if (one === undefined || two === undefined) throw new Error("there are three");
  for (const web of webs.slice(0, 2)) kept.put(web);
  for (const web of webs.slice(2)) kept.put(web, { status: "left" });
  kept.tell();
  const began = performance.now();
  await serves(haproxy, [one.address, two.address]);
  print(`settled ${Math.round(performance.now() - began)} ms after the last view`);
  await kept.inStep();
  expect(kept.status.counters.reloads).toBeLessThanOrEqual(1);
});

real("two balancers, one of them slow, agree soon and never reload at the same time", async () => {
  const webs = await Promise.all([1, 2, 3, 4, 5, 6].map((at) => webServer(`web${at}`, 240 + at)));
  const proxies = [await running(), await running()];
  const slow = join(proxies[1]?.place.folder ?? "", "slow-haproxy");
  writeFileSync(slow, '#!/bin/sh\nsleep 1\nexec haproxy "$@"\n', { mode: 0o755 });
  const balancers = [
    { binary: "haproxy", mode: "reload" },
    { binary: slow, mode: "reload" },
  ];
  const kept = await Promise.all(
    proxies.map((haproxy, index) =>
      Kept.open(writeConfig(haproxy, { balancer: balancers[index] ?? {} }), {
        self: `lb${index + 1}`,
      }),
    ),
  );
  const told = (): void => {
    for (const one of kept) {
      for (const name of ["lb1", "lb2"]) {
        const tags = new Map([["balancer", "edge"]]);
        one.member({ name, ip: "127.0.0.1", tags, status: "alive", suspected: false });
      }
      one.tell();
    }
  };
  for (const web of webs) {
    for (const one of kept) one.put(web);
    told();
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
  const began = performance.now();
  await Promise.all(kept.map((one) => one.inStep()));
  const took = performance.now() - began;
  const versions = new Set(kept.map(({ status }) => status.applied));
  expect(versions.size).toBe(1);
  const [first = [], second = []] = kept.map(({ reloads }) => reloads);
  const apart = Math.min(...first.flatMap((one) => second.map((other) => Math.abs(one - other))));
  print(
    `agreed after ${Math.round(took)} ms; reloads ${first.length} and ${second.length}, at least ${Math.round(apart)} ms apart`,
  );
  expect(took).toBeLessThan(3 * 10_000);
  expect(apart).toBeGreaterThan(50);
});
