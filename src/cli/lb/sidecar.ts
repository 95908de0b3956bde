import { OperatorError } from "../../base/errors.js";
import type { Log } from "../../base/log.js";
import type { Instant, Millis } from "../../base/units.js";
import type { LoadBalancer } from "../../lb/load-balancer.js";
import type { LbMember } from "../../lb/model.js";
import { answerQuestion, lbQuestions } from "../../lb/questions.js";
import { claimTag } from "../../lb/vip/claim.js";
import type { RpcEvent } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { lbMember, selfOf } from "./view.js";

/** The tag that tells other members whom to ask about balancers. */
const balancerTag = "balancer";

const memberEvents = ["join", "leave", "failed", "update", "reap"].map((what) => `member-${what}`);

/** Events only wake: what counts is the list of members, since an agent may merge or drop events. */
const eventFilter = [...memberEvents, ...lbQuestions.map((name) => `query:${name}`)].join(",");

/** Between two tries to reach the agent: doubled each time, up to the second. */
const reconnectWaits: readonly [Millis, Millis] = [250, 5_000];

/** What the end of the sidecar waits for at most: that the tag is taken off. */
const farewell: Millis = 1_000;

export interface SidecarParts {
  readonly connect: () => Promise<RpcClient>;
  readonly balancer: Pick<LoadBalancer, "drained" | "order" | "status" | "update">;
  /** Of the balancers that change anything, for the tag: nobody has to wait for the others. */
  readonly names: readonly string[];
  /** Whether a pool may have the agent's own member: then one that is alone is a cluster too. */
  readonly servesItself: boolean;
  /** After the agent was reached, the members are believed when they stood still for so long, */
  readonly settleTime: Millis;
  /** or at the latest then. */
  readonly settleLimit: Millis;
  /** How often the members are read without an event: Serf tells of changes up to 3 s late. */
  readonly poll: Millis;
  /** What is to be told of the address that moves; empty: nothing. */
  readonly claim?: () => string;
  readonly log: Log;
  readonly now: () => Instant;
  readonly after: (delay: Millis, run: () => void) => () => void;
}

/**
 * Keeps a load balancer in step with the members that an agent shows over its RPC; any agent that
 * speaks Serf's protocol will do.
 *
 * While the agent is away the last view stays, marked as isolated, so that nothing is taken out. An agent
 * that comes back may not have found its cluster yet: its list is not believed before it stands still, nor
 * while it knows nobody but itself. At the first start the load balancer waits for that by itself.
 */
export class Sidecar {
  readonly #parts: SidecarParts;
  #agent: RpcClient | undefined;
  #self = "";
  /** What the agent said last, */
  #members: readonly LbMember[] = [];
  /** and what was believed last; undefined if nothing ever was. */
  #believed: readonly LbMember[] | undefined;
  /** Whether the list of the present agent is believed. */
  #settled = true;
  #connectedAt: Instant = 0;
  #changedAt: Instant = 0;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #warnedOfSolitude = false;

  constructor(parts: SidecarParts) {
    this.#parts = parts;
  }

  /** Resolves after `stopped` did, when the agent was told. */
  async run(stopped: Promise<void>): Promise<void> {
    let isOver = false;
    const end = stopped.then(() => {
      isOver = true;
    });
    let [wait] = reconnectWaits;
    for (;;) {
      const reason = await Promise.race([this.#visit(end), end]);
      if (isOver) break;
      const { log } = this.#parts;
      if (this.#agent !== undefined) wait = reconnectWaits[0];
      log.warn({ reason, retryMillis: wait }, "agent out of reach, the pools stay");
      this.#lose();
      await Promise.race([this.#pause(wait), end]);
      if (isOver) break;
      wait = Math.min(wait * 2, reconnectWaits[1]);
    }
    await this.#leave();
  }

  /** Follows the agent until it is lost; resolves with the reason. */
  async #visit(end: Promise<void>): Promise<string> {
    try {
      const agent = await this.#connect(end);
      if (agent === undefined) return "stopped";
      const unpoll = this.#poll(agent);
      try {
        return await agent.closed;
      } finally {
        unpoll();
      }
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      return thrown.message;
    }
  }

  async #connect(end: Promise<void>): Promise<RpcClient | undefined> {
    let isOver = false;
    void end.then(() => {
      isOver = true;
    });
    const agent = await this.#parts.connect();
    if (isOver) {
      agent.close();
      return undefined;
    }
    try {
      // Before the first list, or what happens in between is missed.
      await agent.stream(eventFilter, (event) => this.#hear(agent, event));
      const stats = await agent.stats();
      this.#self = selfOf(stats);
      this.#agent = agent;
      this.#settled = this.#believed === undefined;
      this.#connectedAt = this.#parts.now();
      this.#changedAt = this.#connectedAt;
      this.#members = [];
      this.#parts.log.info({ member: this.#self }, "following agent");
      await this.#read(agent);
      await this.#announce(agent, stats.get("tags")?.get(balancerTag));
      await this.tell(this.#parts.claim?.() ?? "");
      return agent;
    } catch (thrown) {
      agent.close();
      throw thrown;
    }
  }

  /** A tag that cannot be set costs the acknowledged drain, nothing else. */
  async #announce(agent: RpcClient, present: string | undefined): Promise<void> {
    const names = this.#parts.names.join(",");
    if (names === "" || present === names) return;
    try {
      await agent.setTags(new Map([[balancerTag, names]]), []);
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      this.#parts.log.warn({ reason: thrown.message }, "tag balancer cannot be set");
    }
  }

  /** Tells the cluster what we claim of the address that moves; while the agent is away, later. */
  async tell(claim: string): Promise<void> {
    if (this.#agent === undefined || claim === "") return;
    try {
      await this.#agent.setTags(new Map([[claimTag, claim]]), []);
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      this.#parts.log.warn({ reason: thrown.message }, "tag vip cannot be set");
    }
  }

  #poll(agent: RpcClient): () => void {
    let cancel = (): void => {};
    const next = (): void => {
      const { poll, settleTime } = this.#parts;
      const wait = this.#settled ? poll : Math.min(poll, Math.max(50, settleTime / 4));
      cancel = this.#parts.after(wait, () => {
        void this.#read(agent).then(next);
      });
    };
    next();
    return () => cancel();
  }

  #hear(agent: RpcClient, event: RpcEvent): void {
    if (event.kind === "query") void this.#answer(agent, event);
    else void this.#read(agent);
  }

  /** Whoever asks has just changed something: the answer is to be given from the newest members. */
  async #answer(agent: RpcClient, query: RpcEvent & { kind: "query" }): Promise<void> {
    const { balancer, log, now } = this.#parts;
    await this.#read(agent);
    const answer = answerQuestion(balancer, query.name, query.payload, now());
    if (answer === undefined) return;
    try {
      await agent.respond(query.id, Buffer.from(answer));
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      log.warn({ query: query.name, reason: thrown.message }, "query cannot be answered");
    }
  }

  /** Reads the members, and once more if that was asked for meanwhile. That it fails ends the connection. */
  #read(agent: RpcClient): Promise<void> {
    if (this.#reading !== undefined) {
      this.#readAgain = true;
      return this.#reading;
    }
    this.#reading = this.#readAll(agent).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readAll(agent: RpcClient): Promise<void> {
    do {
      this.#readAgain = false;
      try {
        const members = await agent.members();
        if (agent !== this.#agent) return;
        this.#take(members.map(lbMember));
      } catch (thrown) {
        if (!(thrown instanceof OperatorError)) throw thrown;
        agent.close();
        return;
      }
    } while (this.#readAgain);
  }

  #take(members: readonly LbMember[]): void {
    const { now, settleLimit, settleTime } = this.#parts;
    const at = now();
    if (fingerprint(members) !== fingerprint(this.#members)) this.#changedAt = at;
    this.#members = members;
    this.#settled ||= at - this.#changedAt >= settleTime || at - this.#connectedAt >= settleLimit;
    if (this.#settled) this.#consider();
  }

  #consider(): void {
    const isCluster = this.#parts.servesItself || this.#members.length > 1;
    if (isCluster) {
      this.#believed = this.#members;
      this.#warnedOfSolitude = false;
      this.#update(this.#members, { isolated: false, joined: true });
      return;
    }
    if (!this.#warnedOfSolitude) {
      this.#parts.log.warn({ member: this.#self }, "agent knows nobody else, the pools stay");
    }
    this.#warnedOfSolitude = true;
    const { length } = this.#believed ?? [];
    this.#update(this.#believed ?? this.#members, { isolated: length > 0, joined: length > 0 });
  }

  #lose(): void {
    this.#agent?.close();
    this.#agent = undefined;
    if (this.#believed !== undefined)
      this.#update(this.#believed, { isolated: true, joined: true });
  }

  #update(
    members: readonly LbMember[],
    { isolated, joined }: { isolated: boolean; joined: boolean },
  ): void {
    const health = { isolated, awareness: 0 };
    this.#parts.balancer.update({ self: this.#self, members, health, joined });
  }

  /** Nobody shall wait for the answers of a sidecar that is gone. */
  async #leave(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined) return;
    if (this.#parts.names.length === 0) return agent.close();
    const own = (this.#parts.claim?.() ?? "") === "" ? [balancerTag] : [balancerTag, claimTag];
    const untagged = agent.setTags(new Map(), own).catch((thrown: unknown) => {
      if (!(thrown instanceof OperatorError)) throw thrown;
    });
    await Promise.race([untagged, this.#pause(farewell)]);
    agent.close();
  }

  #pause(delay: Millis): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.after(delay, resolve);
    });
  }
}

/** Equal for equal members, whatever their order. */
function fingerprint(members: readonly LbMember[]): string {
  const lines = members.map(({ name, ip, tags, status }) =>
    JSON.stringify([name, ip, status, [...tags].sort()]),
  );
  return lines.sort().join("\n");
}
