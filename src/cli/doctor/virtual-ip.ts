import { type Finding, Findings } from "../../examine/finding.js";
import { findInPath, systemFolders } from "../../examine/programs.js";
import type { LbConfig } from "../../lb/config.js";
import { ipOf } from "../../lb/config.js";
import type { View } from "../../lb/model.js";
import type { LbStatus } from "../../lb/status.js";
import { claimTag, parseClaim } from "../../lb/vip/claim.js";

/** What keeps the address that moves between balancers from being served. */
export function examineVirtualIp(
  { virtualIp: config }: LbConfig,
  path: string,
  view: View | undefined,
  status: LbStatus | undefined,
): readonly Finding[] {
  if (config === undefined) return [];
  const ip = ipOf(config);
  const findings = new Findings("virtual-ip", `address ${config.address}`);
  if (findInPath("ip", `${path}:${systemFolders}`) === undefined) {
    findings.fail("there is no program ip to put it on an interface", {
      remedy: ["apt-get install iproute2   (or: apk add iproute2, dnf install iproute)"],
    });
  }
  const own = status?.virtualIp ?? undefined;
  if (own !== undefined && own.trouble !== null) {
    findings.fail(own.trouble, {
      remedy: [
        "run the agent as root or with CAP_NET_ADMIN (a container: --cap-add NET_ADMIN), and see: ip addr",
      ],
    });
  }
  if (own !== undefined && own.interface === null) {
    findings.fail(`no interface here has a network with ${ip} in it`, {
      remedy: ['name one: "interface" of virtual_ip, and see: ip addr'],
    });
  }
  if (own?.cutOff === true) {
    findings.fail("is not taken here: fewer than half of the members are seen from here", {
      remedy: [
        "if those who are missed will not come back: gossipd force-leave NODE, for each of them",
      ],
    });
  } else if (own?.state === "unfit" && own.trouble === null) {
    findings.warn(`could not be taken here: ${own.reason}`, { remedy: ["gossipd lb status"] });
  }
  if (view !== undefined) examineClaims(ip, view, own?.reason, findings);
  if (!findings.hasFaults && findings.all.length === 0) {
    findings.ok(own === undefined ? "one member has it" : `${own.holder} has it`);
  }
  return findings.all;
}

function examineClaims(
  ip: string,
  { members, self }: View,
  reason: string | undefined,
  findings: Findings,
): void {
  const claims = members.flatMap(({ name, status, tags }) => {
    const claim = status === "alive" ? parseClaim(tags.get(claimTag)) : undefined;
    return claim?.address === ip ? [{ name, stand: claim.stand }] : [];
  });
  const holders = claims.filter(({ stand }) => stand === "holds" || stand === "yields");
  if (holders.length === 0) {
    findings.fail(`no member has it${reason === undefined ? "" : `: ${reason}`}`, {
      remedy: ["gossipd lb status on each balancer says why not"],
    });
  }
  if (holders.length > 1) {
    findings.fail(`${holders.map(({ name }) => name).join(" and ")} both say that they have it`, {
      cause: "they cannot hear each other, or it is just moving",
      remedy: ["gossipd reachability"],
    });
  }
  const others = claims.filter(({ name, stand }) => name !== self && stand !== "unfit");
  const isAlone = holders.length === 1 && claims.length - holders.length === 0;
  if (isAlone && others.length === 0) {
    findings.warn("nobody else could take it", {
      remedy: [`start a second balancer with the same "virtual_ip"`],
    });
  }
}
