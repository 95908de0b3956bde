import { lookup } from "node:dns/promises";
import { parseIp } from "../base/address.js";
import { OperatorError, reasonOf } from "../base/errors.js";
import type { Bytes } from "../base/units.js";
import { systemCode } from "./system-errors.js";

/**
 * Every address of a host name, in the order of the system's resolver, which also reads
 * `/etc/hosts` and asks again over TCP when a list is long. Throws {@link OperatorError}.
 */
export async function lookupHost(host: string): Promise<readonly Bytes[]> {
  let found: { address: string }[];
  try {
    found = await lookup(host, { all: true, verbatim: true });
  } catch (error) {
    throw new OperatorError(`lookup ${host}: ${lookupReason(error)}`, { cause: error });
  }
  const ips = found.flatMap(({ address }) => parseIp(address) ?? []);
  if (ips.length === 0) throw new OperatorError(`lookup ${host}: no such host`);
  return ips;
}

function lookupReason(error: unknown): string {
  switch (systemCode(error)) {
    case "ENOTFOUND":
    case "ENODATA":
      return "no such host";
    case "EAI_AGAIN":
      return "temporary failure in name resolution";
    default:
      return reasonOf(error);
  }
}
