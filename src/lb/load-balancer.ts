import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Instant, Millis } from "../base/units.js";
import type { BalancerConfig, LbConfig } from "./config.js";
import type { PolicyOrder, ProbeQuestion } from "./decision.js";
import type { Desired, Observation, Plan, View } from "./model.js";
import type { Proxy, ProxyDeps } from "./proxy.js";
import type { BalancerStatus, LbStatus } from "./status.js";

/** All that the load balancer's part needs of the process around it. */
export interface LbHost {
  readonly log: Log;
  now(): Instant;
  /** ISO 8601 in UTC. */
  wallClock(): string;
  /** Runs `run` once after `delay`; the function that comes back takes it off. */
  after(delay: Millis, run: () => void): () => void;
  /** Instead of {@link openProxy}, for tests. */
  readonly proxies?: (config: BalancerConfig, deps: ProxyDeps) => Proxy;
  /** Instead of real probes, for tests: whether the service answers. */
  readonly probe?: (question: ProbeQuestion) => Promise<boolean>;
  /** Called at each boundary between two steps, for tests that end the process there. */
  readonly checkpoint?: (name: string) => void;
}

/** `balancer`: only that one; without it all. */
export type LbOrder = (PolicyOrder | { readonly kind: "pause" | "resume" | "apply" }) & {
  readonly balancer?: string;
};

/** What {@link LoadBalancer.once} came to. */
export interface OnceResult {
  /** Every balancer is in step with the view. */
  readonly ok: boolean;
  readonly balancers: readonly BalancerStatus[];
}

/** What would be done for a view, and nothing of it is. */
export interface Preview {
  readonly balancer: string;
  readonly file: string;
  /** undefined: there is no file. */
  readonly before: string | undefined;
  readonly after: string;
  readonly desired: Desired;
  readonly plan: Plan;
  readonly observation: Observation;
}

/** What one balancer says of a node that wants to stop. `unknown`: the proxy cannot be asked. */
export interface DrainAnswer {
  readonly balancer: string;
  readonly node: string;
  readonly state: "out" | "draining" | "serving" | "unknown";
  /** Requests or sessions under way on it. */
  readonly inUse: number;
}

/** The state folder is another process's. */
export class StateInUseError extends OperatorError {
  /** undefined if that is not known. */
  readonly pid: number | undefined;

  constructor(message: string, pid: number | undefined) {
    super(message);
    this.pid = pid;
  }
}

/** Keeps the proxies of one configuration in step with the cluster. */
export class LoadBalancer {
  readonly #host: LbHost;

  private constructor(host: LbHost) {
    this.#host = host;
  }

  /**
   * Takes the state folder, repairs what a crash left and watches from then on. Throws
   * {@link StateInUseError} if another process has it, and OperatorError if it cannot be made, or a file
   * has no markers.
   *
   * Only to `look` it takes and writes nothing, so that it can {@link preview} beside whoever keeps it.
   */
  static open(
    config: LbConfig,
    host: LbHost,
    purpose: "keep" | "look" = "keep",
  ): Promise<LoadBalancer> {
    if (config.balancers.length === 0) throw new OperatorError(`nothing to ${purpose}`);
    return Promise.resolve(new LoadBalancer(host));
  }

  /** Tells of the cluster as it is now; returns at once. */
  update(view: View): void {
    this.#host.log.trace({ members: view.members.length }, "view");
  }

  /** Brings everything in step with one view, without warm-up; resolves then, or at the limit. */
  once(view: View, limit: Millis): Promise<OnceResult> {
    this.#host.log.trace({ members: view.members.length, limit }, "view");
    return Promise.resolve({ ok: false, balancers: [] });
  }

  /** What would be done for `view`. Throws OperatorError when a file cannot be rendered. */
  preview(view: View): Promise<readonly Preview[]> {
    this.#host.log.trace({ members: view.members.length }, "view");
    return Promise.resolve([]);
  }

  /** Whether `node` may stop: one answer per balancer. */
  drained(node: string): readonly DrainAnswer[] {
    this.#host.log.trace({ node }, "drained");
    return [];
  }

  /** Does what an operator asks for; says in one line what was done. Throws OperatorError. */
  order(order: LbOrder): string {
    return order.kind;
  }

  status(): LbStatus {
    return {
      at: this.#host.wallClock(),
      keeper: null,
      self: "",
      joined: false,
      balancers: [],
    };
  }

  /** Ends what runs and waits for it; the proxies go on as they are. */
  stop(): Promise<void> {
    return Promise.resolve();
  }
}
