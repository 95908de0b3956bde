import { OperatorError, reasonOf } from "../../base/errors.js";
import type { Log } from "../../base/log.js";
import type { Instant, Millis } from "../../base/units.js";
import { ipOf, type VirtualIpConfig } from "../config.js";
import type { ProbeQuestion } from "../decision.js";
import type { View } from "../model.js";
import type { VirtualIpStatus } from "../status.js";
import { type Claim, claimTag, formatClaim, isHolding, parseClaim } from "./claim.js";
import { Election, type Verdict } from "./election.js";
import type { MovingAddress } from "./interface-address.js";

/** After it was taken the address is announced again: a packet may be lost, a neighbour may be deaf for 1 s. */
const repeats: readonly Millis[] = [250, 500, 750, 1_050, 1_300, 2_500, 5_000];

export interface VirtualIpHost {
  readonly log: Log;
  now(): Instant;
  wallClock(): string;
  after(delay: Millis, run: () => void): () => void;
  /** Tells the cluster what we claim, in our tag {@link claimTag}. */
  claim(text: string): void;
  probe(question: ProbeQuestion): Promise<boolean>;
  /** A move of the address, or that it failed. */
  readonly note?: (move: Move) => void;
}

/** What {@link VirtualIpHost.note} is told. */
export interface Move {
  readonly what: "taken" | "dropped" | "failed";
  readonly reason: string;
  /** Who had it, or has it now. */
  readonly other: string | undefined;
}

/** Keeps the address that moves between balancers where the {@link Election} wants it. */
export class VirtualIp {
  readonly #config: VirtualIpConfig;
  readonly #ip: string;
  readonly #host: VirtualIpHost;
  readonly #address: MovingAddress;
  readonly #election: Election;
  readonly #isFit: () => boolean;
  readonly #changed: () => void;
  #view: View | undefined;
  #verdict: Verdict | undefined;
  #trouble: string | undefined;
  #claimed = "";
  #since: string;
  /** Checks in a row without an answer; undefined: not asked yet. */
  #silence: number | undefined;
  #holderSilence = 0;
  #asked: string | undefined;
  #isAsking = false;
  #isActing = false;
  #isStopped = false;
  #moves = 0;
  #cancelTick: () => void = () => {};
  #cancelRepeats: (() => void)[] = [];

  constructor(
    config: VirtualIpConfig,
    address: MovingAddress,
    host: VirtualIpHost,
    settleTime: Millis,
    isFit: () => boolean,
    changed: () => void,
  ) {
    this.#config = config;
    this.#address = address;
    this.#host = host;
    this.#isFit = isFit;
    this.#changed = changed;
    this.#ip = ipOf(config);
    const { holdDown } = config;
    this.#election = new Election({ address: this.#ip, settleTime, holdDown });
    this.#since = host.wallClock();
    this.#tick();
  }

  /** What there is to know of the cluster now. */
  update(view: View): void {
    const before = this.#view;
    this.#view = view;
    if (before !== undefined && this.#isLetGo(before, view)) void this.#address.announce();
    this.reconsider();
  }

  /** Something of what counts may have changed: the members, or the proxies. */
  reconsider(): void {
    if (this.#isStopped || this.#isActing || this.#view === undefined) return;
    const verdict = this.#election.decide(this.#host.now(), {
      view: this.#view,
      isFit: this.#isFit(),
      hasAddress: this.#address.isHere(),
      silence: this.#silence,
      holderSilence: this.#holderSilence,
    });
    this.#see(verdict);
    switch (verdict.kind) {
      case "take":
        void this.#take(verdict);
        return;
      case "drop":
        void this.#drop(verdict.reason);
        return;
      case "hold":
      case "stand by":
        if (verdict.claim !== undefined) this.#claim(verdict.claim);
    }
  }

  /** Says in one line what follows from the wish of an operator; undefined: nobody is preferred. */
  prefer(node: string | undefined): string {
    const self = this.#view?.self;
    const isHere = node !== undefined && node === self;
    this.#election.prefer(this.#host.now(), isHere);
    if (node === undefined) return `nobody is preferred as the holder of ${this.#ip}`;
    if (!isHere) return `leaves ${this.#ip} to ${node}`;
    if (this.#address.isHere()) return `has ${this.#ip} already`;
    this.reconsider();
    const { kind, reason } = this.#verdict ?? { kind: "stand by", reason: "waits" };
    if (kind === "take") return `takes ${this.#ip}`;
    throw new OperatorError(`${this.#ip} cannot be taken here: ${reason}`);
  }

  /** Whether requests still reach `node` by the address, and this node is taking it, or about to. */
  isToTakeFrom(node: string): boolean {
    const state = stateOf(this.#verdict);
    const isAble = ["ready", "held", "taking", "holds"].includes(state);
    if (!isAble || node === this.#view?.self) return false;
    const member = this.#view?.members.find(({ name }) => name === node);
    const claim = parseClaim(member?.tags.get(claimTag));
    return claim?.address === this.#ip && isHolding(claim.stand) && member?.status !== "failed";
  }

  status(): VirtualIpStatus {
    const verdict = this.#verdict;
    const isHere = verdict?.kind === "hold" || verdict?.kind === "drop";
    const holder = isHere ? this.#view?.self : this.#election.holder?.name;
    return {
      address: this.#config.address,
      interface: this.#address.interface ?? null,
      state: stateOf(verdict),
      holder: holder ?? null,
      rivals: this.#rivals(),
      term: isHere ? verdictTerm(verdict) : (this.#election.holder?.term ?? null),
      since: this.#since,
      reason: verdict?.reason ?? "no view of the cluster yet",
      trouble: this.#trouble ?? null,
      cutOff: this.#election.isCutOff,
      moves: this.#moves,
    };
  }

  /** Decides nothing more; an address that is here stays, since the proxy goes on as well. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTick();
    for (const cancel of this.#cancelRepeats) cancel();
  }

  #tick(): void {
    this.#cancelTick = this.#host.after(this.#config.checkInterval, () => {
      if (this.#isStopped) return;
      this.#tick();
      void this.#check();
    });
  }

  async #check(): Promise<void> {
    if (this.#isAsking || this.#view === undefined) return;
    if (this.#address.isHere()) {
      this.#silence = undefined;
      this.#holderSilence = 0;
    } else await this.#ask();
    this.reconsider();
  }

  async #ask(): Promise<void> {
    const { checkPath: path, checkTimeout: timeout, port } = this.#config;
    const ask = (ip: string) =>
      this.#host.probe({ ip, port, probe: { path, timeout, tries: 1 } }).catch(() => false);
    const holder = this.#election.holder?.ip;
    if (holder !== this.#asked) this.#holderSilence = 0;
    this.#asked = holder;
    this.#isAsking = true;
    const [answers, holderAnswers] = await Promise.all([
      ask(this.#ip),
      holder === undefined ? true : ask(holder),
    ]);
    this.#isAsking = false;
    this.#silence = answers ? 0 : (this.#silence ?? 0) + 1;
    this.#holderSilence = holderAnswers ? 0 : this.#holderSilence + 1;
  }

  async #take({ term, reason }: Verdict & { kind: "take" }): Promise<void> {
    const { log } = this.#host;
    const from = this.#election.holder?.name;
    this.#isActing = true;
    try {
      await this.#address.add();
      this.#election.took(term);
      this.#trouble = undefined;
      this.#claim({ address: this.#ip, stand: "holds", term });
      this.#note({ what: "taken", reason, other: from });
      log.warn({ address: this.#ip, term, from, reason }, "address taken");
      this.#announce();
    } catch (thrown) {
      this.#fail(thrown);
      this.#election.failed(this.#host.now());
    } finally {
      this.#isActing = false;
    }
    this.reconsider();
  }

  #announce(): void {
    for (const cancel of this.#cancelRepeats) cancel();
    void this.#address.announce();
    this.#cancelRepeats = repeats.map((delay) =>
      this.#host.after(delay, () => {
        if (this.#address.isHere()) void this.#address.announce();
      }),
    );
  }

  async #drop(reason: string): Promise<void> {
    const other = this.#election.holder?.name;
    this.#isActing = true;
    for (const cancel of this.#cancelRepeats) cancel();
    try {
      await this.#address.remove();
      this.#trouble = undefined;
      this.#silence = undefined;
      this.#note({ what: "dropped", reason, other });
      this.#host.log.warn({ address: this.#ip, to: other, reason }, "address dropped");
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#isActing = false;
    }
    // What cannot be removed is tried again with the next check.
    if (!this.#address.isHere()) this.reconsider();
  }

  #fail(thrown: unknown): void {
    const reason = reasonOf(thrown);
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    this.#note({ what: "failed", reason, other: undefined });
    this.#host.log.error({ address: this.#ip, reason }, "address not moved");
  }

  #note(move: Move): void {
    if (move.what !== "failed") this.#moves += 1;
    this.#host.note?.(move);
  }

  #claim(claim: Claim): void {
    const text = formatClaim(claim);
    if (text === this.#claimed) return;
    this.#claimed = text;
    this.#host.claim(text);
  }

  #see(verdict: Verdict): void {
    const before = stateOf(this.#verdict);
    const isNews = before !== stateOf(verdict) || this.#verdict?.reason !== verdict.reason;
    this.#verdict = verdict;
    if (before !== stateOf(verdict)) this.#since = this.#host.wallClock();
    if (isNews) this.#changed();
  }

  /** Another has let go of it: whoever asked for it meanwhile may have heard the wrong one. */
  #isLetGo(before: View, now: View): boolean {
    const held = (view: View): string[] => this.#holdersIn(view);
    return this.#address.isHere() && held(before).length > held(now).length;
  }

  #holdersIn({ members, self }: View): string[] {
    return members.flatMap(({ name, status, tags }) => {
      const claim = name === self ? undefined : parseClaim(tags.get(claimTag));
      const holds = claim?.address === this.#ip && isHolding(claim.stand) && status === "alive";
      return holds ? [name] : [];
    });
  }

  /** Others than the holder who say that they have it. */
  #rivals(): readonly string[] {
    const all = this.#view === undefined ? [] : this.#holdersIn(this.#view);
    const holder = this.#verdict?.kind === "hold" ? undefined : this.#election.holder?.name;
    return all.filter((name) => name !== holder);
  }
}

function stateOf(verdict: Verdict | undefined): VirtualIpStatus["state"] {
  switch (verdict?.kind) {
    case undefined:
      return "waiting";
    case "take":
      return "taking";
    case "drop":
      return "dropping";
    case "hold":
      return verdict.claim.stand;
    case "stand by":
      return verdict.claim?.stand ?? "waiting";
  }
}

function verdictTerm(verdict: Verdict | undefined): number | null {
  return verdict?.kind === "hold" ? verdict.claim.term : null;
}
