import type { Conditions } from "../sim/network.js";
import type { ProfileName } from "./job.js";

export type NetworkName = "loopback" | "lan" | "regions" | "wan";

/** One-way times in milliseconds: at least `latency`, up to `jitter` more, and many times that now and then. */
type Delays = Pick<Conditions, "latency" | "jitter" | "tail">;

export const networks: Readonly<Record<NetworkName, Delays>> = {
  /** Processes of one machine. */
  loopback: { latency: 0.05, jitter: 0.1, tail: 0 },
  /** One data centre. */
  lan: { latency: 0.2, jitter: 0.8, tail: 0 },
  /** Data centres of a continent. */
  regions: { latency: 8, jitter: 12, tail: 0.001 },
  /** Around the world. */
  wan: { latency: 40, jitter: 80, tail: 0.005 },
};

/** Where the profiles are made for. */
export const networkOf: Readonly<Record<ProfileName, NetworkName>> = {
  lan: "lan",
  wan: "wan",
  local: "loopback",
};
