import type { Millis } from "../../base/units.js";
import type { TroubledProbe } from "../../swim/observation.js";
import type { WallTime } from "../chronicle.js";
import type { Deed } from "../deed.js";
import type { Account, Loss } from "./account.js";
import { beginOf, type Episode, type Seen } from "./episode.js";

type DeedOf<K extends Deed["kind"]> = Extract<Deed, { readonly kind: K }>;

/** A fact of one kind with who tells it. */
export interface Told<K extends Deed["kind"]> {
  readonly from: string;
  readonly at: WallTime;
  readonly times: number;
  readonly deed: DeedOf<K>;
}

/** What else happened so near to an episode may have to do with it. */
const nearBy: Millis = 15_000;

/** So soon a member that was accused is heard, if it can be heard. */
const refutedWithin: Millis = 3_000;

/** By so much times that two members tell may be out of order. */
const aMoment: Millis = 500;

/** All that is known of one episode, as the rules of causes.ts ask for it. */
export class Evidence {
  readonly node: string;
  readonly episode: Episode;
  /** What the member itself tells, if it answered. */
  readonly own: Account | undefined;
  /** What the others tell. */
  readonly others: readonly Account[];

  constructor(node: string, episode: Episode, accounts: readonly Account[]) {
    this.node = node;
    this.episode = episode;
    this.own = accounts.find(({ from }) => from === node);
    this.others = accounts.filter(({ from }) => from !== node);
  }

  /** Facts of one kind, oldest first. */
  all<const K extends Deed["kind"]>(kind: K): Told<K>[] {
    return this.episode.seen.flatMap((seen) => toldOf(seen, kind));
  }

  /** What others found by probes of their own with this outcome. */
  probes(outcome: TroubledProbe["outcome"]): Told<"probe">[] {
    return this.all("probe").filter(({ deed }) => deed.outcome === outcome);
  }

  /** Probes in vain whose ping over TCP came to this. */
  lost(...tcp: readonly TroubledProbe["tcp"][]): Told<"probe">[] {
    return this.probes("lost").filter(({ deed }) => tcp.includes(deed.tcp));
  }

  /** Who takes the member for suspect or gone on their own word, whether they answered or not. */
  get accusers(): readonly string[] {
    const names = new Set<string>();
    for (const { deed } of this.all("suspected")) if (deed.exchanged !== true) names.add(deed.by);
    for (const { deed } of this.all("confirmed")) names.add(deed.by);
    for (const { from } of this.probes("lost")) names.add(from);
    names.delete(this.node);
    return [...names];
  }

  /** Those of the others who answered that found it lost themselves, or waited in vain for its refutation. */
  get losers(): readonly Account[] {
    const names = new Set(this.probes("lost").map(({ from }) => from));
    for (const { deed, from } of this.all("gone")) {
      if (deed.by === from && deed.state === "failed") names.add(from);
    }
    return this.others.filter(({ from }) => names.has(from));
  }

  /** Of those who answered. */
  account(name: string): Account | undefined {
    return this.others.find(({ from }) => from === name);
  }

  /** What `account` lost besides, near to this episode. */
  lossesOf(account: Account): readonly Loss[] {
    const { begin, end } = this.episode;
    return account.losses.filter(
      ({ at, node }) => node !== this.node && at >= begin - nearBy && at <= end + nearBy,
    );
  }

  /** The last ping that was answered in time before `moment`, by anybody's. */
  lastAnswer(
    moment: WallTime,
  ): { readonly from: string; readonly at: WallTime; readonly rtt: Millis } | undefined {
    const before = this.others.flatMap(({ from, roundTrips }) =>
      roundTrips.filter(({ at }) => at <= moment).map(({ at, rtt }) => ({ from, at, rtt })),
    );
    return before.sort((one, other) => other.at - one.at)[0];
  }

  /** Who had pings answered in time between two moments. */
  answered(from: WallTime, until: WallTime): readonly string[] {
    return this.others
      .filter(({ roundTrips }) => roundTrips.some(({ at }) => at >= from && at <= until))
      .map((account) => account.from);
  }

  /** When `account` itself stood still during the episode, or just before. */
  stallsOf(account: Account): Told<"stalled">[] {
    const { begin, end } = this.episode;
    return account.facts
      .filter((fact) => fact.at >= begin - 2_000 && beginOf(fact) <= end)
      .flatMap((fact) => toldOf({ from: account.from, fact }, "stalled"))
      .filter(({ deed }) => deed.node === account.from);
  }

  /** From the ping that was the first to be missed until somebody found it well again; undefined: none was. */
  get silence(): { readonly from: WallTime; readonly until: WallTime } | undefined {
    const [first] = this.probes("lost");
    const suspicion = this.all("suspected").find(({ deed }) => deed.exchanged !== true);
    const at = Math.min(
      first === undefined ? Number.POSITIVE_INFINITY : first.at - first.deed.took,
      suspicion?.at ?? Number.POSITIVE_INFINITY,
    );
    if (at === Number.POSITIVE_INFINITY) return undefined;
    return { from: at, until: this.wellAfter(at) ?? this.episode.end };
  }

  /** What the member itself lost near to the episode. */
  get ownLosses(): readonly Loss[] {
    return this.own === undefined ? [] : this.lossesOf(this.own);
  }

  /**
   * Who heard it accuse others while they missed it: then packets of it got through. As soon as a cut is
   * mended they hear that as well, but then it loses nobody any more.
   */
  get heardAccusing(): readonly string[] {
    const { episode, own, silence } = this;
    if (silence === undefined) return [];
    const lastLoss = Math.max(...this.ownLosses.map(({ at }) => at), Number.NEGATIVE_INFINITY);
    const until =
      own === undefined && !episode.over ? Number.POSITIVE_INFINITY : lastLoss - aMoment;
    return this.others
      .flatMap(({ facts, from }) => facts.flatMap((fact) => toldOf({ from, fact }, "accused")))
      .filter(({ at, deed }) => deed.by === this.node && at >= silence.from && at <= until)
      .map(({ from }) => from);
  }

  /** The first time that it heard it was accused, if nobody heard its answer. */
  get answerInVain(): Told<"accused"> | undefined {
    const { goneAt } = this;
    if (goneAt === undefined) return undefined;
    return this.all("accused").find(({ at, deed }) => {
      if (at > goneAt || deed.by === this.node) return false;
      const well = this.wellAfter(at);
      return well === undefined || well - at > refutedWithin;
    });
  }

  /** When the others first took it for gone. */
  get goneAt(): WallTime | undefined {
    return this.all("gone")[0]?.at;
  }

  /** When it was first well again to somebody, after `moment`. */
  wellAfter(moment: WallTime): WallTime | undefined {
    return [...this.all("cleared"), ...this.all("appeared"), ...this.all("moved")]
      .map(({ at }) => at)
      .filter((at) => at >= moment)
      .sort((one, other) => one - other)[0];
  }
}

function toldOf<const K extends Deed["kind"]>({ fact, from }: Seen, kind: K): Told<K>[] {
  const { at, deed, times } = fact;
  return isOf(deed, kind) ? [{ from, at, times, deed }] : [];
}

function isOf<const K extends Deed["kind"]>(deed: Deed, kind: K): deed is DeedOf<K> {
  return deed.kind === kind;
}
