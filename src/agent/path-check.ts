import type { Address } from "../base/address.js";
import { reasonOf } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Bytes } from "../base/units.js";
import type { Chronicle, Entry, WallTime } from "../observe/chronicle.js";
import { pathFault } from "./path-fault.js";
import type { ProbedPath } from "./reach-probe.js";

/** So many probes of a member in a row that TCP alone has answered: one may be a lost datagram. */
const enough = 2;

/** Members in trouble that are counted at a time. */
const maxCounted = 64;

/** Members that are looked at before it is given up: who is wrong about one is right about the next. */
const maxLooks = 8;

export interface PathCheckParts {
  /** Of the component `agent`. */
  readonly log: Log;
  readonly advertised: Address;
  readonly chronicle: Pick<Chronicle, "follow" | "lastRoundTrip">;
  readonly own: () => readonly Bytes[];
  /** Where a member is; undefined if it is not known any more. */
  readonly addressOf: (member: string) => Address | undefined;
  readonly probe: (address: Address) => Promise<ProbedPath>;
}

/** Probes of a member that TCP alone has answered, with no other answer since the first of them. */
interface Trouble {
  readonly since: WallTime;
  count: number;
  /** Its own datagrams came meanwhile. */
  heard: boolean;
}

/**
 * Says once, in clear words, that the others do not reach us where we say that we are: behind address
 * translation, in another network than theirs, or where UDP is let through in one direction or in none.
 *
 * The failure detector finds that out by itself: its pings say where the answer is to go, and a member that
 * then answers over TCP alone is looked at closer. So an agent that is well sends nothing for this.
 */
export class PathCheck {
  readonly #parts: PathCheckParts;
  readonly #stop: () => void;
  /** By the member; at most {@link maxCounted}. */
  readonly #troubles = new Map<string, Trouble>();
  #looks = 0;
  #isLooking = false;

  constructor(parts: PathCheckParts) {
    this.#parts = parts;
    this.#stop = parts.chronicle.follow((entry) => this.#note(entry));
  }

  stop(): void {
    this.#stop();
  }

  #note({ at, deed }: Entry): void {
    if (deed.kind !== "probe" || deed.outcome !== "tcp" || this.#isLooking) return;
    const trouble = this.#troubleOf(deed.node, at);
    trouble.count += 1;
    if (deed.heard === true) trouble.heard = true;
    if (trouble.count < enough) return;
    this.#troubles.delete(deed.node);
    this.#looks += 1;
    if (this.#looks >= maxLooks) this.stop();
    this.#isLooking = true;
    this.#look(deed.node, trouble.heard).catch((thrown: unknown) => {
      // An upgrade may have replaced the file that has the probe.
      this.#parts.log.debug({ reason: reasonOf(thrown) }, "the way to a member was not looked at");
    });
  }

  #troubleOf(node: string, at: WallTime): Trouble {
    const known = this.#troubles.get(node);
    const answeredAt = this.#parts.chronicle.lastRoundTrip(node)?.at ?? 0;
    if (known !== undefined && known.since > answeredAt) return known;
    const trouble = { since: at, count: 0, heard: false };
    if (this.#troubles.size >= maxCounted) this.#troubles.clear();
    this.#troubles.set(node, trouble);
    return trouble;
  }

  async #look(member: string, heard: boolean): Promise<void> {
    const { addressOf, advertised, log, own, probe } = this.#parts;
    try {
      const address = addressOf(member);
      if (address === undefined) return;
      const path = await probe(address);
      const fault = pathFault({ ...path, member, advertised, heard, own: own() });
      if (fault === undefined) return;
      this.stop();
      log.warn(fault.fields, fault.message);
    } finally {
      this.#isLooking = false;
    }
  }
}
