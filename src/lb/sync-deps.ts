import type { Millis } from "../base/units.js";
import type { BalancerConfig } from "./config.js";
import type { ConfigStore } from "./config-store.js";
import type { Counters } from "./counters.js";
import type { Governor } from "./governor.js";
import type { LbHost } from "./load-balancer.js";
import type { Desired } from "./model.js";
import type { Notes, Proxy } from "./proxy.js";

/** What the rounds of one balancer work with. */
export interface SyncDeps {
  readonly config: BalancerConfig;
  readonly proxy: Proxy;
  readonly store: FileStore;
  readonly governor: Governor;
  readonly counters: Counters;
  readonly host: Pick<LbHost, "log" | "now" | "after">;
  readonly notes: Notes;
  /** The newest desired state. */
  readonly desired: () => Desired;
  /** How long other balancers go before with their reloads. */
  readonly stagger: () => Millis;
  /** Reloads of one agent's balancers go one after another. */
  readonly reloadTurn: <T>(reload: () => Promise<T>) => Promise<T>;
  /** Keeps what somebody wrote before it is replaced; gives the path of the copy. */
  readonly keepEdited: (text: string) => Promise<string>;
}

/** What is used of a {@link ConfigStore}. */
export type FileStore = Pick<
  ConfigStore,
  "read" | "stage" | "discard" | "commit" | "confirm" | "lastGood" | "restore"
>;
