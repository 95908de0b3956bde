import { type Option, options } from "./options.js";

const prefix = "GOSSIPD_";

/** The environment variable of an option: `GOSSIPD_` and its key in upper case, `_` for each dot. */
export function variableOf({ key, variable }: Option): string | undefined {
  if (variable !== undefined) return variable;
  return key === undefined ? undefined : `${prefix}${key.toUpperCase().replaceAll(".", "_")}`;
}

/** Every variable that the agent reads. */
export const knownVariables: ReadonlySet<string> = new Set(
  options.flatMap((one) => variableOf(one) ?? []),
);

/** Those that no handler may inherit. */
export const secretVariables: ReadonlySet<string> = new Set(
  options.filter(({ secret }) => secret === true).flatMap((one) => variableOf(one) ?? []),
);

/**
 * True if a variable looks like one of ours and is not. What handlers/log.sh reads is left out, and so
 * is what Kubernetes and Docker set for a service or a container that is called gossipd.
 */
export function isUnknownVariable(name: string): boolean {
  if (!name.startsWith(prefix) || knownVariables.has(name)) return false;
  return name !== "GOSSIPD_EVENT_LOG" && !/^GOSSIPD_(SERVICE_|PORT$|PORT_|NAME$|ENV_)/.test(name);
}
