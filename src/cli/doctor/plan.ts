import type { LbConfig } from "../../lb/config.js";
import type { Reach } from "../../observe/reach.js";
import type { HandlerSetup } from "./handlers.js";

/** What an agent would be started with, and what only the agent's own code can make of it. */
export interface AgentPlan {
  /** Whether flags, files or variables say anything of the agent but where it takes commands. */
  readonly isGiven: boolean;
  /** Of the configuration; a line each. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
  /** Where it takes commands, as its clients write it; undefined: nobody has said it. */
  readonly rpc: { readonly host: string; readonly port: number } | undefined;
  readonly rpcAuth: string | undefined;
  /** Where it would listen; undefined if that cannot be told. */
  readonly gossip: { readonly host: string; readonly port: number } | undefined;
  readonly handlers: readonly HandlerSetup[];
  /** As they are written. */
  readonly handlerTexts: readonly string[];
  readonly seeds: readonly string[];
  readonly encrypted: boolean;
  readonly lb: LbConfig | undefined;
  /** Each handler of an `-event-handler`; those that cannot be read are left out. */
  parseHandlers(texts: readonly string[]): readonly HandlerSetup[];
  resolveSeed(seed: string): Promise<readonly string[] | string>;
  probe(address: string, plain: boolean): Promise<Reach>;
}
