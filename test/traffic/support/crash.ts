import { Load } from "./load-client.js";
import type { LoadReport } from "./load-record.js";
import { Stage, type StageOptions, type WebNode } from "./stage.js";
import { waitUntil } from "./waiting.js";

export interface CrashResult {
  readonly report: LoadReport;
  /** From the fault to the proxy having taken the server out, ms. */
  readonly rewired: number;
  /** How many requests failed after the fault, and from the fault to the last of them, ms. */
  readonly lost: number;
  readonly suffered: number;
}

export interface CrashOptions extends StageOptions {
  /** How many web nodes; one of them is hit. */
  readonly nodes: number;
  /** Requests per second. */
  readonly rate: number;
  readonly fault: (node: WebNode) => unknown;
  readonly patience?: number;
  /** Taken out by what is known of members (the default), or found down by the proxy's own checks. */
  readonly outOfService?: "by membership" | "by checks";
}

/** One web node is lost under load: what clients notice, and when the proxy is without it. */
export async function crash(options: CrashOptions): Promise<CrashResult> {
  const stage = await Stage.open(options);
  let load: Load | undefined;
  try {
    await stage.addAll(Array.from({ length: options.nodes }, (_, index) => `web${index + 1}`));
    await stage.inStep();
    load = Load.start({
      target: stage.haproxy.target,
      clients: { fresh: 10, kept: 20, post: 10, slow: 4 },
      rate: options.rate,
      patience: options.patience ?? 5_000,
    });
    await load.more(options.rate);
    const victim = stage.node("web1");
    const began = performance.now();
    await options.fault(victim);
    stage.nodes.delete(victim.name);
    await waitUntil(
      "the proxy is without the node that was lost",
      async () => {
        // In the moment of a reload the socket may refuse.
        const servers = await stage.haproxy.servers().catch(() => undefined);
        const mine = servers?.filter(({ ip }) => ip === victim.web.ip);
        if (options.outOfService === "by checks") return mine?.every(({ up }) => !up) === true;
        return mine?.some(({ state }) => state === "ready") === false;
      },
      { timeout: 60_000 },
    );
    const rewired = performance.now() - began;
    // What waits for an answer of the one that is gone finds out, one way or the other.
    await load.more(2 * options.rate);
    const report = await load.stop();
    const after = report.lost.filter(({ at }) => at >= began);
    return {
      report,
      rewired,
      lost: after.length,
      suffered: Math.max(0, ...after.map(({ at }) => at - began)),
    };
  } finally {
    await load?.stop();
    await stage.end();
  }
}
