import { type Address, formatAddress, formatIp, sameBytes } from "../base/address.js";
import type { Bytes } from "../base/units.js";
import { unmapped } from "./ip-ranges.js";
import type { ProbedPath } from "./reach-probe.js";

/** What was found out about the way between us and a member that answers over TCP alone. */
export interface PathFindings extends ProbedPath {
  readonly member: string;
  /** What the others are told. */
  readonly advertised: Address;
  /** All addresses of this host. */
  readonly own: readonly Bytes[];
  /** Its own datagrams arrive here. */
  readonly heard: boolean;
}

/** For the operator: what is wrong in a constant sentence, and the facts to it. */
export interface PathFault {
  readonly message: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The likely fault, with its remedy; undefined if what was found is none, or says nothing. */
export function pathFault(findings: PathFindings): PathFault | undefined {
  const { heard, member, reach } = findings;
  const advertised = formatAddress(findings.advertised);
  if (reach.tcp !== "answers") return undefined;
  const seen = findings.seenAs;
  if (seen !== undefined && !sameBytes(seen, unmapped(findings.advertised.ip))) {
    const fields = { member, advertised, seenAs: formatIp(seen) };
    const isOwn = findings.own.some((ip) => sameBytes(unmapped(ip), seen));
    return { fields, message: isOwn ? otherAddress : translated };
  }
  if (reach.udp === "answers") {
    // Its answers to another port arrive: what is sent to the address that we advertise does not.
    return heard ? undefined : { fields: { member, advertised }, message: notReached };
  }
  const port = String(findings.advertised.port);
  return { fields: { member, advertised, port }, message: heard ? oneWayOut : noDatagrams };
}

const translated =
  "others see this agent at another address than it advertises, and do not reach it there: there is address translation (NAT) on the way. Give -advertise an address at which they reach it, and lead its port here over TCP and UDP";
const otherAddress =
  "others see this agent at another of its addresses than it advertises, and do not reach it there: give -advertise the address of the network that it shares with them";
const notReached =
  "datagrams to the advertised address do not arrive here, though answers to other ports do: let UDP in to its port, or give -advertise an address at which others reach this agent";
const oneWayOut =
  "datagrams of this agent do not reach another member, while its own arrive here and TCP works: let UDP through to the port of that member";
const noDatagrams =
  "datagrams of another member do not arrive here, only TCP works: let UDP through to the gossip port, in both directions";
