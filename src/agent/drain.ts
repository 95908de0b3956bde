import { OperatorError, reasonOf } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Instant, Millis } from "../base/units.js";
import type { Acknowledgement, BalancerGroup, untilAcknowledged } from "../lb/acknowledgement.js";
import type { QueryRecord, RpcQuestion } from "../rpc/api.js";
import type { Serf } from "../serf/serf.js";
import { balancerTag, stateTag } from "./state-order.js";
import type { TagKeeper } from "./tag-keeper.js";

export interface DrainParts {
  /** Of the component `agent`. */
  readonly log: Log;
  readonly now: () => Instant;
  readonly serf: Pick<Serf, "local" | "members">;
  readonly tags: Pick<TagKeeper, "cover">;
  /** Asks the cluster; the function that is returned gives the query up. */
  readonly query: (question: RpcQuestion, sink: (record: QueryRecord) => void) => () => void;
  /** Whether a balancer of our own sends requests to ourselves. */
  readonly servesItself: () => boolean;
  /** Whether our state is told to all in any case, and not only where there are balancers to ask. */
  readonly tellsState: boolean;
  readonly schedule: (delay: Millis, run: () => void) => () => void;
}

/**
 * Has the load balancers of the cluster take us out before we leave: a tag says that we want to go, and
 * a query asks each of them whether we may. Both are Serf's own, so that scripts can take part on
 * either side.
 */
export class Drain {
  readonly #parts: DrainParts;
  #begun: Promise<void> | undefined;
  #cancelPause: () => void = () => {};

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when all balancers have taken us out, or after `limit`; undefined if there are none, or
   * nothing is to be waited for. Later calls wait for the first.
   */
  begin(limit: Millis): Promise<void> | undefined {
    if (this.#begun === undefined && this.#parts.tellsState) this.#tell();
    if (this.#begun === undefined && limit > 0 && this.#balancers().length > 0) {
      this.#begun = this.#run(limit);
    }
    return this.#begun;
  }

  /** Ends the wait, which does not resolve then: nothing is left to be done after it. */
  stop(): void {
    this.#cancelPause();
  }

  async #run(limit: Millis): Promise<void> {
    const { log, now, serf } = this.#parts;
    const { name } = serf.local;
    const balancers = this.#balancers().map((member) => member.name);
    log.info({ balancers }, "waiting until load balancers send no requests here");
    const begun = now();
    this.#tell();
    try {
      const ask = await loadAcknowledgement();
      const answers = await ask(name, "out", limit, this.#group());
      const took = Math.round(now() - begun);
      for (const answer of answers) this.#report(answer, took);
    } catch (thrown) {
      // A leave that cannot ask is still a leave: query_size_limit may be too small.
      if (!(thrown instanceof OperatorError)) throw thrown;
      log.warn({ reason: thrown.message }, "load balancers cannot be asked");
    }
  }

  #tell(): void {
    const { log, serf, tags } = this.#parts;
    const state = serf.local.tags.get(stateTag);
    if (state === "draining" || state === "maint") return;
    tags.cover(new Map([[stateTag, "draining"]])).catch((thrown: unknown) => {
      log.warn({ reason: String(thrown) }, "tag state could not be set");
    });
  }

  #report({ balancer, done, inUse, member, state }: Acknowledgement, took: Millis): void {
    const { log } = this.#parts;
    if (done) log.info({ balancer, member, state, took }, "load balancer sends no requests here");
    else log.warn({ balancer, member, state, inUse, took }, "load balancer did not take us out");
  }

  #balancers() {
    const { serf, servesItself } = this.#parts;
    const self = serf.local.name;
    return serf
      .members()
      .filter(
        ({ name, status, tags }) =>
          status === "alive" &&
          (tags.get(balancerTag) ?? "") !== "" &&
          (name !== self || servesItself()),
      );
  }

  #group(): BalancerGroup {
    const { now, query, schedule } = this.#parts;
    return {
      now,
      pause: (delay) =>
        new Promise((resolve) => {
          this.#cancelPause = schedule(delay, resolve);
        }),
      balancers: () => this.#balancers(),
      ask: (node, awaited, time, take) =>
        new Promise((resolve) => {
          const missing = new Set(awaited);
          const end = query(drainQuestion(node, time), (record) => {
            if (record.kind === "done") resolve();
            if (record.kind !== "response") return;
            take(record.from, record.payload);
            missing.delete(record.from);
            if (missing.size > 0) return;
            resolve();
            end();
          });
          this.#cancelPause = end;
        }),
    };
  }
}

/** All balancers are asked, whoever is still waited for: naming them could be too long for a query. */
function drainQuestion(node: string, timeout: Millis): RpcQuestion {
  return {
    name: "lb-drained",
    payload: new TextEncoder().encode(node),
    filterNodes: [],
    filterTags: new Map([[balancerTag, "."]]),
    requestAck: false,
    relayFactor: 0,
    timeout,
  };
}

/** Loaded only where there are balancers. An upgrade may have replaced the program's files since. */
async function loadAcknowledgement(): Promise<typeof untilAcknowledged> {
  try {
    return (await import("../lb/acknowledgement.js")).untilAcknowledged;
  } catch (thrown) {
    throw new OperatorError(`a file of the program is gone: ${reasonOf(thrown)}`, {
      cause: thrown,
    });
  }
}
