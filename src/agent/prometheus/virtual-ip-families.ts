import type { VirtualIpStatus } from "../../lb/status.js";
import type { Family } from "./family.js";

/** The address that moves between balancers: who has it, and how often it moved. */
export const virtualIpFamilies: readonly Family[] = [
  {
    name: "gossipd_virtual_ip_held",
    help: "1 if the address is on an interface of this node",
    kind: "gauge",
    labels: ["address"],
    read: of(({ state }) => Number(state === "holds" || state === "yields")),
  },
  {
    name: "gossipd_virtual_ip_holders",
    help: "Members that say that they have the address, this node included; 1 is right",
    kind: "gauge",
    labels: ["address"],
    read: of(({ holder, rivals }) => Number(holder !== null) + rivals.length),
  },
  {
    name: "gossipd_virtual_ip_fit",
    help: "1 if this node has the address or could take it now",
    kind: "gauge",
    labels: ["address"],
    read: of(({ state }) => Number(state !== "unfit" && state !== "waiting")),
  },
  {
    name: "gossipd_virtual_ip_moves_total",
    help: "Times that the address was put on an interface of this node or taken off",
    kind: "counter",
    labels: ["address"],
    read: of(({ moves }) => moves),
  },
];

function of(readOf: (status: VirtualIpStatus) => number): Family["read"] {
  return ({ balancing }) => {
    const status = balancing()?.virtualIp ?? null;
    return status === null ? [] : [{ labels: [status.address], value: readOf(status) }];
  };
}
