import { expect, test } from "vitest";
import { TimerQueue } from "../../src/base/timers.js";
import type { Application } from "../../src/supervise/application.js";
import type { Ending } from "../../src/supervise/ending.js";
import { parseRestartPolicy } from "../../src/supervise/restart-policy.js";
import { Supervisor, type SupervisorRule } from "../../src/supervise/supervisor.js";
import { RecordedLog } from "../support/recorded-log.js";

/** An application that ends when the test says so. */
class FakeApplication implements Application {
  readonly pid = 7;
  readonly started: Promise<void>;
  readonly outlived: Promise<void>;
  readonly ended: Promise<Ending>;
  readonly heard: string[] = [];
  end: (ending: Ending) => void = () => {};
  outlive: () => void = () => {};

  constructor(starts: boolean) {
    this.started = starts ? Promise.resolve() : new Promise(() => {});
    this.outlived = new Promise((resolve) => {
      this.outlive = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.heard.push(signal);
  }

  stop(signal: NodeJS.Signals, grace: number): void {
    this.heard.push(`${signal} to all, ${grace} ms`);
  }

  kill(): void {
    this.heard.push("killed");
  }
}

/** A supervisor on virtual time, and the applications that it has started. */
class Scene {
  readonly log = new RecordedLog();
  readonly lives: FakeApplication[] = [];
  /** `123 ready`, `456 over 1`: what it told, and when. */
  readonly told: string[] = [];
  readonly supervisor: Supervisor;
  /** What the checks say. */
  fault: string | undefined;
  checks = 0;
  isStartable = true;
  #now = 0;
  readonly #timers = new TimerQueue();

  constructor(restart: string, rule: Partial<SupervisorRule> = {}) {
    const tell = (what: string): void => void this.told.push(`${this.#now} ${what}`);
    this.supervisor = new Supervisor(
      {
        log: this.log,
        now: () => this.#now,
        after: (delay, run) => {
          let isCancelled = false;
          this.#timers.at(this.#now + delay, () => {
            if (!isCancelled) run();
          });
          return () => {
            isCancelled = true;
          };
        },
        start: () => {
          const life = new FakeApplication(this.isStartable);
          this.lives.push(life);
          return life;
        },
        check: () => {
          this.checks += 1;
          return Promise.resolve(this.fault);
        },
      },
      {
        restart: parseRestartPolicy(restart),
        isChecked: false,
        interval: 1_000,
        rise: 1,
        fall: 3,
        ...rule,
      },
      {
        ready: (isReady) => tell(isReady ? "ready" : "starting"),
        over: (status) => tell(`over ${status}`),
      },
    );
  }

  async begin(): Promise<this> {
    this.supervisor.begin();
    await settled();
    return this;
  }

  /** The newest application. */
  get life(): FakeApplication {
    return this.lives.at(-1) as FakeApplication;
  }

  async end(ending: Ending): Promise<void> {
    this.life.end(ending);
    await settled();
  }

  async pass(time: number): Promise<void> {
    const end = this.#now + time;
    for (;;) {
      const next = this.#timers.deadline();
      if (next === undefined || next > end) break;
      this.#now = next;
      this.#timers.runDue(next);
      await settled();
    }
    this.#now = end;
  }
}

/** All promises that are kept by now have told so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const failed: Ending = { kind: "exited", status: 1 };

test("its condition says what it does now, how it ended last, and when it is started again", async () => {
  const scene = new Scene("always", { isChecked: true });
  scene.fault = "TCP 127.0.0.1:80: connection refused";
  await scene.begin();
  const running = { phase: "running", pid: 7, restarts: 0, lastEnd: null, nextStart: null };
  const { fault } = scene;
  expect(scene.supervisor.condition).toEqual({ ...running, isReady: false, complaint: fault });
  await scene.end(failed);
  await scene.pass(40);
  const waiting = { phase: "waiting", pid: null, lastEnd: "exit status 1", nextStart: 60 };
  expect(scene.supervisor.condition).toMatchObject({ ...waiting, complaint: null });
  scene.fault = undefined;
  await scene.pass(60);
  const again = { phase: "running", restarts: 1, isReady: true, complaint: null };
  expect(scene.supervisor.condition).toMatchObject(again);
});

test("what has ended for good is told to have ended", async () => {
  const scene = await new Scene("no").begin();
  await scene.end(failed);
  const ended = { phase: "ended", lastEnd: "exit status 1", isReady: false };
  expect(scene.supervisor.condition).toMatchObject(ended);
});

test("without a check an application is ready once it runs, and what ends for good is over", async () => {
  const scene = await new Scene("no").begin();
  expect(scene.told).toEqual(["0 ready"]);
  await scene.pass(50);
  await scene.end({ kind: "signalled", signal: "SIGKILL" });
  expect(scene.told).toEqual(["0 ready", "50 over 137"]);
  expect(scene.supervisor.status).toBe(137);
});

test("with a check it is ready when that passes, which is asked often until then", async () => {
  const scene = new Scene("no", { isChecked: true });
  scene.fault = "TCP 127.0.0.1:80: connection refused";
  await scene.begin();
  await scene.pass(1_000);
  expect(scene.told).toEqual([]);
  expect(scene.checks).toBe(6);
  scene.fault = undefined;
  await scene.pass(5_000);
  expect(scene.told).toEqual(["1200 ready"]);
  // One each second from now on.
  expect(scene.checks).toBe(6 + 5);
});

test("each thing that is wrong is told once", async () => {
  const scene = new Scene("no", { isChecked: true });
  scene.fault = "refused";
  await scene.begin();
  await scene.pass(2_000);
  scene.fault = "status 503";
  await scene.pass(2_000);
  const faults = scene.log.lines.filter(
    ({ message }) => message === "application is not ready yet",
  );
  expect(faults.map(({ fields }) => fields.fault)).toEqual(["refused", "status 503"]);
});

test("checks that fail again and again take ready back, one or two do not", async () => {
  const scene = await new Scene("no", { isChecked: true }).begin();
  scene.fault = "status 500";
  await scene.pass(2_000);
  scene.fault = undefined;
  await scene.pass(1_000);
  expect(scene.told).toEqual(["0 ready"]);
  scene.fault = "status 500";
  await scene.pass(3_000);
  scene.fault = undefined;
  await scene.pass(1_000);
  expect(scene.told).toEqual(["0 ready", "6000 starting", "6200 ready"]);
});

test("one that is started again is starting until its checks have passed", async () => {
  const scene = await new Scene("on-failure", { isChecked: true }).begin();
  scene.fault = "refused";
  await scene.end(failed);
  expect(scene.told).toEqual(["0 ready", "0 starting"]);
  await scene.pass(99);
  expect(scene.lives.length).toBe(1);
  await scene.pass(1);
  expect(scene.lives.length).toBe(2);
  scene.fault = undefined;
  await scene.pass(200);
  expect(scene.told.at(-1)).toBe("300 ready");
});

test("one that ends again and again is not ready in between though nothing is checked", async () => {
  const scene = await new Scene("always").begin();
  for (const rest of [100, 200, 400, 800]) {
    await scene.end(failed);
    await scene.pass(rest);
    await scene.pass(500);
  }
  expect(scene.lives.length).toBe(5);
  expect(scene.told).toEqual(["0 ready", "0 starting"]);
  await scene.pass(500);
  expect(scene.told.at(-1)).toMatch(/ ready$/);
});

test("a check that was under way when the application ended says nothing of the next", async () => {
  const scene = new Scene("always", { isChecked: true });
  scene.supervisor.begin();
  scene.life.end(failed);
  await settled();
  expect(scene.told).toEqual([]);
});

test.for([true, false])(
  "one that its workers outlive is not ready (checked: %s)",
  async (isChecked) => {
    const scene = await new Scene("always", { isChecked, interval: 1_000 }).begin();
    scene.life.outlive();
    await settled();
    await scene.pass(2_000);
    expect(scene.told).toEqual(["0 ready", "0 starting"]);
    expect(scene.checks).toBe(isChecked ? 1 : 0);
    await scene.end(failed);
    // The second life is without a master, too, before it was ready.
    await scene.pass(100);
    scene.life.outlive();
    await settled();
    await scene.pass(5_000);
    expect(scene.told.slice(2)).toEqual(isChecked ? ["2100 ready", "2100 starting"] : []);
  },
);

test("what cannot be started is tried again, or over", async () => {
  const missing: Ending = { kind: "not started", status: 127, reason: "no such program" };
  const scene = new Scene("on-failure:1");
  scene.isStartable = false;
  await scene.begin();
  await scene.end(missing);
  await scene.pass(100);
  await scene.end(missing);
  expect(scene.lives.length).toBe(2);
  expect(scene.told).toEqual(["100 over 127"]);
  expect(scene.log.at("error")).toEqual(["application could not be started"]);
});

test("one that is told to end is not started again, and its status counts", async () => {
  const scene = await new Scene("always").begin();
  scene.supervisor.stop("SIGQUIT", 2_000);
  scene.supervisor.stop("SIGTERM", 5);
  expect(scene.life.heard).toEqual(["SIGQUIT to all, 2000 ms"]);
  await scene.end({ kind: "exited", status: 0 });
  await scene.pass(60_000);
  expect(scene.told).toEqual(["0 ready", "0 over 0"]);
  expect(scene.lives.length).toBe(1);
});

test("one that rests when it is told to end is over, with the status of its last life", async () => {
  const scene = await new Scene("always").begin();
  await scene.end(failed);
  scene.supervisor.stop("SIGTERM", 2_000);
  await scene.pass(60_000);
  expect(scene.told).toEqual(["0 ready", "0 starting", "0 over 1"]);
  expect(scene.lives.length).toBe(1);
});

test("who is in a hurry kills it, also while it ends", async () => {
  const scene = await new Scene("no").begin();
  scene.supervisor.stop("SIGTERM", 2_000);
  scene.supervisor.kill();
  expect(scene.life.heard).toEqual(["SIGTERM to all, 2000 ms", "killed"]);
});

test("other signals are passed on", async () => {
  const scene = await new Scene("no").begin();
  scene.supervisor.signal("SIGHUP");
  expect(scene.life.heard).toEqual(["SIGHUP"]);
});
