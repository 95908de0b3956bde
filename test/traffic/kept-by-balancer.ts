import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { decodeLbConfig } from "../../src/lb/config-file.js";
import { LoadBalancer } from "../../src/lb/load-balancer.js";
import type { LbMember } from "../../src/lb/model.js";
import type { BalancerStatus } from "../../src/lb/status.js";
import { RecordedLog } from "../support/recorded-log.js";
import { waitUntil } from "./support/waiting.js";

/** What a test calls a member: its name, address and port, and tags beside the role. */
export interface NamedMember {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A load balancer of one file, told of its members by the test, on the clock of this process. */
export class KeptByBalancer {
  readonly balancer: LoadBalancer;
  readonly log: RecordedLog;

  private constructor(balancer: LoadBalancer, log: RecordedLog) {
    this.balancer = balancer;
    this.log = log;
  }

  /** `keys`: of the balancer, beside those that let changes through at once. */
  static async open(keys: Readonly<Record<string, unknown>>): Promise<KeptByBalancer> {
    const stateDir = mkdtempSync(join(tmpdir(), "gossipd-state-"));
    const usual = {
      name: "edge",
      pools: [{ name: "web", members: "role=web" }],
      governor: { quiet: "10ms", max_delay: "100ms", reload_gap: "0s", retry: ["100ms", "500ms"] },
    };
    const config = decodeLbConfig(
      {
        state_dir: stateDir,
        interval: "1s",
        watch_interval: "100ms",
        settle_time: "0s",
        settle_limit: "0s",
        balancers: [{ ...usual, ...keys }],
      },
      "test",
    );
    const log = new RecordedLog();
    const balancer = await LoadBalancer.open(config, {
      log,
      now: () => performance.now(),
      wallClock: () => new Date().toISOString(),
      after: (delay, run) => {
        const timer = setTimeout(run, delay);
        return () => clearTimeout(timer);
      },
    });
    onTestFinished(async () => {
      await balancer.stop();
      rmSync(stateDir, { recursive: true, force: true });
    });
    return new KeptByBalancer(balancer, log);
  }

  /** Tells of the members as they are now. */
  tell(members: readonly NamedMember[]): void {
    this.balancer.update({
      self: "edge1",
      joined: true,
      health: { isolated: false, awareness: 0 },
      members: members.map(memberOf),
    });
  }

  get status(): BalancerStatus {
    const [status] = this.balancer.status().balancers;
    if (status === undefined) throw new Error("no balancer");
    return status;
  }

  /** Waits until the proxy was seen to serve what the members told last want. */
  async inStep(): Promise<number> {
    return waitUntil(
      "the proxy is in step",
      () => {
        const { condition, version, applied } = this.status;
        return version !== null && applied === version && condition !== "failed";
      },
      { last: () => this.status },
    );
  }

  /** Waits until the last round failed for a reason with these words; gives the reason. */
  async fails(words: string): Promise<string> {
    await waitUntil(`it fails: ${words}`, () => this.status.reason?.includes(words) === true, {
      last: () => this.status,
    });
    return this.status.reason ?? "";
  }
}

function memberOf({ name, ip, port, tags = {} }: NamedMember): LbMember {
  const all = { role: "web", port: String(port), ...tags };
  return { name, ip, tags: new Map(Object.entries(all)), status: "alive", suspected: false };
}
