import { type Address, sameAddress } from "../base/address.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { Asking } from "./asking.js";
import type { LocalMember } from "./local-member.js";
import { isGone } from "./member.js";
import type { MemberRecord } from "./members.js";
import type { Parts } from "./parts.js";
import type { PushPull } from "./push-pull.js";
import type { Sender } from "./sender.js";

/** Members that are told something straight, in one go; the others hear of it by gossip. */
const maxTold = 256;

/** A place where somebody still holds us. */
export interface FormerPlace {
  readonly address: Address;
  readonly meta: Bytes;
  readonly versions: Bytes;
}

/**
 * What a member can do about others that hold its name at an address where it is not. Once it leaves,
 * nothing.
 */
export class OwnName {
  readonly #parts: Parts;
  readonly #sender: Sender;
  readonly #self: LocalMember;
  readonly #asking: Asking;
  readonly #pushPull: PushPull;

  constructor(parts: Parts, sender: Sender, self: LocalMember, asking: Asking, pushPull: PushPull) {
    this.#parts = parts;
    this.#sender = sender;
    this.#self = self;
    this.#asking = asking;
    this.#pushPull = pushPull;
  }

  get incarnation(): number {
    return this.#parts.local.incarnation;
  }

  /** Learns whether somebody answers by our name at `address`; that we do ourselves does not count. */
  ask(
    now: Instant,
    address: Address,
    time: Millis,
    done: (now: Instant, answered: boolean) => void,
  ): void {
    this.#asking.ask(now, { name: this.#parts.local.name, address }, time, done);
  }

  /**
   * Claims our name anew, under an incarnation that is at least two above `held`: one stays free for
   * {@link release}.
   */
  reassert(held: number): void {
    if (!this.#self.leaving) this.#self.reassert(held);
  }

  /** Names of others that are here. */
  *others(): Iterable<string> {
    const { local, members } = this.#parts;
    for (const member of members.all()) {
      if (member !== local && !isGone(member)) yield member.name;
    }
  }

  /** Sends our claim straight to all members, or to as many as that is good for. */
  announce(): void {
    const { local, members } = this.#parts;
    if (this.#self.leaving) return;
    for (const member of members.pick(maxTold, (one) => one !== local && one.state !== "left")) {
      this.#sender.sendTogether(member, [this.#self.claim()]);
    }
  }

  announceTo(names: Iterable<string>): void {
    for (const member of this.#named(names)) {
      this.#sender.sendTogether(member, [this.#self.claim()]);
    }
  }

  /**
   * Lets `name` believe that we have left `place`, which is the one thing that makes memberlist free a
   * name at once (protocol.md 3.3). A member that failed is not told to have left; so it is said to be
   * back before. The incarnation is one below ours: who knows where we are is above that.
   */
  release(name: string, place: FormerPlace): void {
    const { local } = this.#parts;
    const incarnation = local.incarnation - 1;
    const { address, meta, versions } = place;
    const { ip, port } = address;
    for (const member of this.#named([name])) {
      this.#sender.sendTogether(member, [
        { kind: "alive", node: local.name, incarnation, ip, port, meta, versions },
        { kind: "dead", node: local.name, incarnation, from: local.name },
      ]);
    }
  }

  /** Exchanges all with `name`, which tells us what exactly it holds of us. */
  exchange(now: Instant, name: string): void {
    for (const { address } of this.#named([name])) {
      this.#pushPull.exchange(now, address, false, () => {});
    }
  }

  /** Until `until` no exchange tells of us: none begins by itself, and what others ask for leaves us out. */
  holdExchanges(until: Instant): void {
    this.#pushPull.holdUntil(until);
  }

  /** Members other than us, at most {@link maxTold}; none once we leave. */
  *#named(names: Iterable<string>): Iterable<Readonly<MemberRecord>> {
    const { local, members } = this.#parts;
    if (this.#self.leaving) return;
    let told = 0;
    for (const name of names) {
      const member = members.get(name);
      if (member === undefined || member === local) continue;
      if (sameAddress(member.address, local.address)) continue;
      if (told >= maxTold) return;
      told += 1;
      yield member;
    }
  }
}
