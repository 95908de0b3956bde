import { suggest } from "../base/suggest.js";
import { type Option, options } from "./options.js";

const prefix = "GOSSIPD_";

/** The environment variable of an option: `GOSSIPD_` and its key in upper case, `_` for each dot. */
export function variableOf({ key, variable }: Option): string | undefined {
  if (variable !== undefined) return variable;
  return key === undefined ? undefined : `${prefix}${key.toUpperCase().replaceAll(".", "_")}`;
}

/** Every variable that the agent reads. */
const knownVariables: ReadonlySet<string> = new Set(
  options.flatMap((one) => variableOf(one) ?? []),
);

/**
 * True if a variable looks like one of ours and is not. What handlers/log.sh reads is left out, and so
 * is what Kubernetes sets for services that are called gossipd or gossipd-something.
 */
export function isUnknownVariable(name: string, value: string): boolean {
  if (!name.startsWith(prefix) || knownVariables.has(name)) return false;
  if (name === "GOSSIPD_EVENT_LOG") return false;
  if (/^GOSSIPD_(\w+_)?(SERVICE_(HOST|PORT)|PORT_\d)/.test(name)) return false;
  return !(/^GOSSIPD_(\w+_)?PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value));
}

/** The variable that may have been meant by an unknown one; what all begin with says nothing. */
export function suggestVariable(name: string): string | undefined {
  const known = [...knownVariables].map((one) => one.slice(prefix.length));
  const near = suggest(name.slice(prefix.length), known);
  return near === undefined ? undefined : `${prefix}${near}`;
}
