import { join } from "node:path";
import { formatIp } from "../base/address.js";
import { OperatorError, reasonOf } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { type Bytes, type Instant, type Millis, seconds } from "../base/units.js";
import type { LbConfig } from "../lb/config.js";
import type { LbHost, LoadBalancer } from "../lb/load-balancer.js";
import type { LbMember, View } from "../lb/model.js";
import type { answerQuestion, parseOrder } from "../lb/questions.js";
import type { LbStatus } from "../lb/status.js";
import type { Member } from "../serf/events.js";
import type { Serf } from "../serf/serf.js";
import { balancerTag } from "./state-order.js";
import type { TagKeeper } from "./tag-keeper.js";
import { schedule } from "./timers.js";
import { within } from "./within.js";

/** How often our own health is looked at, which changes without a word. */
const healthInterval: Millis = seconds(1);

/** How long a start waits for another process that has the state folder, a pass that is just ending. */
const openLimit: Millis = seconds(3);
const openInterval: Millis = 50;

/** How long our end waits for a round that is under way; what is cut off is repaired at the next start. */
const stopLimit: Millis = seconds(5);

export interface BalancingParts {
  /** Of the component `agent.lb`. */
  readonly log: Log;
  readonly now: () => Instant;
  readonly serf: Pick<Serf, "health" | "local" | "members" | "suspects">;
  /** False while the members that we see are not all there is. */
  readonly isJoined: () => boolean;
  readonly tags: Pick<TagKeeper, "cover">;
  readonly noteRound?: NonNullable<LbHost["noteRound"]>;
  /** Instead of real ones, for tests. */
  readonly proxies?: NonNullable<LbHost["proxies"]>;
}

/** What is loaded and open while there is something to balance. */
interface Open {
  readonly config: LbConfig;
  readonly loadBalancer: LoadBalancer;
  readonly answer: typeof answerQuestion;
  readonly parseOrder: typeof parseOrder;
}

/**
 * The load balancer's part inside the agent: it is shown the members whenever anything about them has
 * changed, suspicions included, and answers for itself when members ask.
 *
 * Nothing of src/lb is loaded before there is a configuration for it.
 */
export class Balancing {
  readonly #parts: BalancingParts;
  #open: Open | undefined;
  /** Changes of the configuration, one after the other. */
  #changing: Promise<void> = Promise.resolve();
  #isDirty = false;
  #isRunning = false;
  #stopped: Promise<void> | undefined;
  #cancelTick: () => void = () => {};
  #toldHealth = "";
  readonly #described = new WeakMap<Member, LbMember>();

  constructor(parts: BalancingParts) {
    this.#parts = parts;
  }

  /** Opens what `config` says, if there is any. Rejects with {@link OperatorError}. */
  async open(config: LbConfig | undefined): Promise<void> {
    this.#open = config && (await this.#opened(config));
  }

  /** Begins to show what we see: we are a member from now on. */
  start(): void {
    this.#isRunning = true;
    this.#announce();
    this.#tick();
  }

  /** What can be read of the members has changed. Returns at once. */
  noteChange(): void {
    if (this.#open === undefined || this.#isDirty) return;
    this.#isDirty = true;
    setImmediate(() => this.#show());
  }

  /**
   * Takes over another configuration, or refuses it, as the log says: then the one from before stays.
   * `read` rejects with {@link OperatorError}.
   */
  reload(read: () => Promise<LbConfig | undefined>): Promise<void> {
    const { log } = this.#parts;
    this.#changing = this.#changing.then(async () => {
      try {
        await this.#replace(await read());
      } catch (thrown) {
        if (!(thrown instanceof OperatorError)) throw thrown;
        for (const reason of thrown.message.split("\n")) {
          log.error({ reason }, "load balancer configuration refused, the old one stays");
        }
      }
    });
    return this.#changing;
  }

  /** The answer to a query about load balancing; undefined if it is for somebody else. */
  answer(name: string, payload: Bytes): string | undefined {
    if (this.#open === undefined || this.#stopped !== undefined) return undefined;
    // Whoever asks has often just changed something.
    if (this.#isDirty) this.#show();
    const { answer, loadBalancer } = this.#open;
    return answer(loadBalancer, name, payload, this.#parts.now());
  }

  /** Carries out an order, which is a text of JSON; says in one line what was done. Throws OperatorError. */
  order(text: string): string {
    if (this.#open === undefined || this.#stopped !== undefined) {
      throw new OperatorError("no load balancer is kept here");
    }
    if (this.#isDirty) this.#show();
    const { loadBalancer, parseOrder } = this.#open;
    return loadBalancer.order(parseOrder(text, this.#parts.now()));
  }

  /** Whether a balancer of ours sends requests to our own member. */
  get servesItself(): boolean {
    if (this.#open === undefined || this.#stopped !== undefined) return false;
    const { config, loadBalancer } = this.#open;
    if (!mayServeItself(config)) return false;
    return loadBalancer.drained(this.#parts.serf.local.name).some(({ state }) => state !== "out");
  }

  /** Of the balancers that are kept; not of those that only say what they would do. */
  get names(): readonly string[] {
    return namesOf(this.#open?.config);
  }

  /** How it does; undefined if nothing is balanced. */
  get status(): LbStatus | undefined {
    return this.#open?.loadBalancer.status();
  }

  /** The file with all that is to be said, for `info`; undefined if nothing is balanced. */
  get statusFile(): string | undefined {
    return this.#open && join(this.#open.config.stateDir, "status.json");
  }

  /**
   * Shows nothing more, and ends what is under way: the proxies stay as they are. So it comes before
   * we leave, after which what we see of others would be worth nothing. Later calls wait for the first.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#close();
    return this.#stopped;
  }

  async #close(): Promise<void> {
    this.#cancelTick();
    const { log } = this.#parts;
    if (this.#open === undefined) return;
    if (!(await within(stopLimit, this.#open.loadBalancer.stop()))) {
      log.warn({}, "load balancer is cut off in the middle of a round");
    }
  }

  async #opened(config: LbConfig): Promise<Open> {
    const { LoadBalancer, StateInUseError } = await import("../lb/load-balancer.js");
    const { answerQuestion: answer, parseOrder } = await import("../lb/questions.js");
    const { now } = this.#parts;
    const end = now() + openLimit;
    for (;;) {
      try {
        const loadBalancer = await LoadBalancer.open(config, this.#host());
        return { config, loadBalancer, answer, parseOrder };
      } catch (thrown) {
        if (!(thrown instanceof StateInUseError) || now() >= end) throw thrown;
      }
      await new Promise<void>((resolve) => {
        schedule(openInterval, resolve);
      });
    }
  }

  #host(): LbHost {
    const { log, noteRound, now, proxies } = this.#parts;
    return {
      log,
      now,
      wallClock: () => new Date().toISOString(),
      after: schedule,
      claim: (text) => this.#claim(text),
      ...(noteRound !== undefined && { noteRound }),
      ...(proxies !== undefined && { proxies }),
    };
  }

  async #replace(config: LbConfig | undefined): Promise<void> {
    const before = this.#open;
    if (this.#stopped !== undefined) return;
    // Selectors and all else that is no JSON are made of texts that are.
    if (JSON.stringify(config) === JSON.stringify(before?.config)) return;
    const { log } = this.#parts;
    // Both have the same state folder, and may have the same files.
    this.#open = undefined;
    await before?.loadBalancer.stop();
    try {
      this.#open = config && (await this.#opened(config));
      log.info({ balancers: namesOf(config).join(",") }, "load balancer configuration taken over");
    } catch (thrown) {
      this.#open = before && (await this.#opened(before.config));
      throw thrown;
    } finally {
      if (this.#stopped !== undefined) await this.#reopenedTooLate();
      this.#announce();
      this.noteChange();
    }
  }

  /** We were stopped in the middle of a change. */
  async #reopenedTooLate(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.loadBalancer.stop();
  }

  #announce(): void {
    const { log, tags } = this.#parts;
    if (!this.#isRunning) return;
    // Nobody has to wait for one that only says what it would do.
    const names = namesOf(this.#open?.config);
    tags.cover(new Map([[balancerTag, names.join(",")]])).catch((thrown: unknown) => {
      log.warn(
        { reason: reasonOf(thrown) },
        "tag balancer cannot be set, drains do not wait for us",
      );
    });
  }

  #claim(text: string): void {
    const { log, tags } = this.#parts;
    tags.cover(new Map([["vip", text]])).catch((thrown: unknown) => {
      log.error({ reason: reasonOf(thrown) }, "tag vip cannot be set, others may take the address");
    });
  }

  #tick(): void {
    this.#cancelTick = schedule(healthInterval, () => {
      if (this.#open !== undefined && this.#health() !== this.#toldHealth) this.noteChange();
      this.#tick();
    });
  }

  #health(): string {
    const { now, serf } = this.#parts;
    return JSON.stringify(serf.health(now()));
  }

  #show(): void {
    this.#isDirty = false;
    if (this.#open === undefined || !this.#isRunning || this.#stopped !== undefined) return;
    this.#toldHealth = this.#health();
    this.#open.loadBalancer.update(this.#view(this.#open));
  }

  /**
   * A member that knows nobody else may be told later whom to join: what was served before its start
   * stays till then, unless it serves itself.
   */
  #view({ config }: Open): View {
    const { isJoined, now, serf } = this.#parts;
    const members = serf.members().map((member) => this.#describe(member));
    const isMeant = members.length > 1 || mayServeItself(config);
    const health = serf.health(now());
    return { self: serf.local.name, members, health, joined: isMeant && isJoined() };
  }

  /** Members that did not change are the same objects. */
  #describe(member: Member): LbMember {
    const { serf } = this.#parts;
    let described = this.#described.get(member);
    if (described === undefined) {
      const { address, name, status, tags } = member;
      described = { name, ip: formatIp(address.ip), tags, status, suspected: false };
      this.#described.set(member, described);
    }
    return serf.suspects(member.name) ? { ...described, suspected: true } : described;
  }
}

function mayServeItself({ balancers }: LbConfig): boolean {
  return balancers.some(({ pools }) => pools.some((pool) => pool.includeSelf));
}

function namesOf(config: LbConfig | undefined): string[] {
  const working = config?.balancers.filter(({ dryRun }) => !dryRun) ?? [];
  return working.map(({ name }) => name);
}
