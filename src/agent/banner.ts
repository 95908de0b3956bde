import { formatAddress } from "../base/address.js";
import type { Agent } from "./agent.js";

/** What an agent says about itself when it runs; a label ends where Serf's ends. */
export function bannerLines(agent: Agent): string[] {
  const { settings } = agent;
  const { discover } = settings;
  return [
    `                  Node name: '${settings.nodeName}'`,
    `                  Bind addr: '${formatAddress(agent.bound)}'`,
    `Advertise addr: '${formatAddress(agent.advertised)}'`,
    `                   RPC addr: '${settings.rpcAddr}'`,
    ...agent.httpAddresses.map((address) => `                  HTTP addr: '${address}'`),
    `                  Encrypted: ${agent.encrypted}`,
    `                   Snapshot: ${settings.snapshotPath !== ""}`,
    `                    Profile: ${settings.profile}`,
    `Message Compression Enabled: ${settings.compression}`,
    ...(discover === "" ? [] : [`               mDNS cluster: ${discover}`]),
  ];
}
