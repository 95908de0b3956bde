import { formatIp, sameBytes } from "../base/address.js";
import { assert } from "../base/assert.js";
import type { Bytes, Instant } from "../base/units.js";
import { maxMetaBytes } from "../wire/limits.js";
import type { Alive } from "../wire/swim-messages.js";
import type { Parts } from "./parts.js";
import { refutingIncarnation } from "./precedence.js";
import type { Sender } from "./sender.js";

/** What we claim about ourselves; only we may raise our incarnation. */
export class LocalMember {
  /** True once we began to leave; there is no way back. */
  leaving = false;
  /**
   * True once somebody held our name elsewhere. From then on each refutation leaves one incarnation
   * out, so that there is one between ours and theirs ({@link OwnName.release}).
   */
  contested = false;

  readonly #parts: Parts;
  readonly #sender: Sender;

  constructor(parts: Parts, sender: Sender) {
    this.#parts = parts;
    this.#sender = sender;
  }

  /**
   * Enters ourselves into the table, with incarnation 1, and tells the group. Who is in a roster is known
   * to all, itself included.
   */
  introduce(now: Instant, meta: Bytes): void {
    const { config, delegate, local, members } = this.#parts;
    if (config.roster !== undefined) {
      assert(members.get(local.name) === local, "who has a roster is in it");
      return;
    }
    members.add(local);
    members.setState(local, "alive", now);
    this.#announce(meta);
    delegate.handleJoin(now, local);
  }

  /** Tells the group our data under a new incarnation; `finished` as in {@link Sender.spread}. */
  update(now: Instant, meta: Bytes, finished: () => void): void {
    const { delegate, local } = this.#parts;
    const changed = !sameBytes(local.meta, meta);
    this.#announce(meta, finished);
    if (changed) delegate.handleUpdate(now, local);
  }

  /**
   * Overrides an accusation, and counts it against our own health: others had reason to make it.
   *
   * It waits under our address, not our name, as memberlist has it, so that it does not replace what
   * waits there.
   */
  refute(accused: number): void {
    const { awareness, counters, local } = this.#parts;
    counters.refutations += 1;
    awareness.apply(1);
    local.incarnation = refutingIncarnation(local.incarnation, accused + (this.contested ? 1 : 0));
    this.#sender.spread(this.claim(), formatIp(local.address.ip));
  }

  /** Claims our name anew, at least two above what others hold; nobody had reason to accuse us. */
  reassert(held: number): void {
    const { local } = this.#parts;
    local.incarnation = refutingIncarnation(local.incarnation, held + 1);
    this.#sender.spread(this.claim(), local.name);
  }

  /** What we say of ourselves now. */
  claim(): Alive {
    const { address, incarnation, meta, name, versions } = this.#parts.local;
    const { ip, port } = address;
    return { kind: "alive", node: name, incarnation, ip, port, meta, versions };
  }

  #announce(meta: Bytes, finished?: () => void): void {
    const { local } = this.#parts;
    assert(meta.length <= maxMetaBytes, "the layer above keeps the meta within its limit");
    local.incarnation = refutingIncarnation(local.incarnation, 0);
    local.meta = meta;
    this.#sender.spread(this.claim(), local.name, finished);
  }
}
