import { resolve } from "node:path";
import { type Address, formatAddress } from "../base/address.js";
import { type Setup, setupVariables } from "../observe/setup.js";
import type { Config } from "./config.js";
import type { Settings } from "./settings.js";

/** What an agent is asked for by {@link setupOf}. */
export interface SetUp {
  readonly bound: Address;
  readonly advertised: Address;
  readonly encrypted: boolean;
  readonly rpcAddress: string;
  /** As they are now. */
  readonly settings: Settings;
}

/** How an agent that was started with `config` is set up now. */
export function setupOf(agent: SetUp, { origins }: Pick<Config, "origins">): Setup {
  const { settings } = agent;
  const { loadBalancer: source } = origins;
  const section =
    settings.loadBalancer !== undefined && source.kind === "file" ? source.name : undefined;
  const lbFile = settings.lbFile === "" ? section : settings.lbFile;
  const environment = setupVariables.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    name: settings.nodeName,
    pid: process.pid,
    bound: formatAddress(agent.bound),
    advertised: formatAddress(agent.advertised),
    rpc: agent.rpcAddress,
    encrypted: agent.encrypted,
    handlers: settings.eventHandlers,
    handlerTimeoutMillis: settings.handlerTimeout,
    seeds: [...settings.startJoin, ...settings.retryJoin],
    lbFile: lbFile === undefined ? null : resolve(lbFile),
    folder: process.cwd(),
    environment: Object.fromEntries(environment),
  };
}
