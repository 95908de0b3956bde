import { OperatorError } from "../../base/errors.js";
import { type Finding, Findings, operand } from "../../examine/finding.js";
import type { Reach } from "../../observe/reach.js";
import type { RpcMember } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { addressOfMember, type PeerAnswer, type Peers } from "./peers.js";

export interface ClusterQuestion {
  readonly agent: RpcClient;
  readonly self: string;
  readonly members: readonly RpcMember[];
  readonly peers: Peers;
  /** Whether gossip is encrypted. */
  readonly encrypted: boolean;
  /** Whom the agent is to join, as it was written. */
  readonly seeds: readonly string[];
}

/** Others that are asked at most: what is wrong with the network shows with a few of them. */
const mostPeers = 16;

/** A difference of clocks that is told: log lines of two machines cannot be put in order then. */
const clockTolerance = 1_000;

/** Whether the members find and reach each other. */
export async function examineCluster(question: ClusterQuestion): Promise<readonly Finding[]> {
  const all = await Promise.all([
    examineMembers(question),
    examineLost(question),
    examineAcks(question),
    examinePeers(question),
    examineKeys(question),
  ]);
  return all.flat();
}

function liveOthers({ members, self }: ClusterQuestion): readonly RpcMember[] {
  return members.filter(({ name, status }) => status === "alive" && name !== self);
}

async function examineMembers(question: ClusterQuestion): Promise<readonly Finding[]> {
  const { members, seeds } = question;
  const findings = new Findings("members", "members");
  const others = liveOthers(question).length;
  if (others > 0) findings.ok(`${members.length} members, ${others + 1} of them alive`);
  else if (seeds.length > 0) {
    findings.fail(`the agent is alone, though it is to join ${seeds.slice(0, 5).join(", ")}`, {
      remedy: [`gossipd join ${operand(seeds[0] ?? "")} says why`],
    });
  } else {
    findings.warn("the agent is alone", {
      cause: "nobody has told it whom to join",
      remedy: [
        "gossipd join ADDRESS OF ANOTHER MEMBER",
        "for good, a flag of the agent: -retry-join ADDRESS",
      ],
    });
  }
  return findings.all;
}

/** Members that are taken for failed: whether they are. */
async function examineLost(question: ClusterQuestion): Promise<readonly Finding[]> {
  const failed = question.members.filter(({ status }) => status === "failed").slice(0, mostPeers);
  const all = failed.map(async (member) => {
    const { name } = member;
    const address = addressOfMember(member);
    const reach = await question.peers.reach(name);
    const findings = new Findings("members", `member ${name} at ${address}`);
    if (reach === undefined) {
      findings.warn("is taken for failed", { remedy: [`gossipd why ${operand(name)}`] });
      return findings.all;
    }
    if (reach.tcp === "answers") return lostButThere(name, address, reach);
    const gone = reach.tcp === "refused";
    findings.warn(
      `is taken for failed, and ${gone ? "no agent listens there" : `does not answer (${reach.tcp})`}`,
      {
        cause: gone
          ? "its agent has ended without leaving"
          : "its machine is gone, or a firewall or the network is in between",
        remedy: [
          `start its agent again, or if it is gone for good: gossipd force-leave ${operand(name)}`,
        ],
      },
    );
    return findings.all;
  });
  return (await Promise.all(all)).flat();
}

function lostButThere(name: string, address: string, { udp }: Reach): readonly Finding[] {
  if (udp !== "answers") {
    const findings = new Findings("reach", `member ${name} at ${address}`);
    findings.fail("answers over TCP, but not over UDP, and is taken for failed", {
      cause: "a firewall lets only TCP through; gossip and pings are UDP",
      remedy: [
        `let UDP through in both directions on ${name}: iptables -I INPUT -p udp --dport ${portOf(address)} -j ACCEPT`,
      ],
    });
    return findings.all;
  }
  const findings = new Findings("split", `member ${name} at ${address}`);
  findings.fail("is taken for failed, but an agent answers there", {
    cause: "the cluster is in two parts that do not know each other, or it has just come back",
    remedy: [
      `gossipd join ${operand(address)}`,
      `for good, a flag of every agent: -retry-join ${address}`,
    ],
  });
  return findings.all;
}

/** By Serf's own ping, which all members confirm. */
async function examineAcks(question: ClusterQuestion): Promise<readonly Finding[]> {
  const others = liveOthers(question);
  const findings = new Findings("reach", "answers of the members to a query");
  if (others.length === 0) return [];
  const silent = await question.peers.silent(others.map(({ name }) => name));
  if (silent.length === 0) {
    findings.ok(`all others confirm it (${others.length})`);
    return findings.all;
  }
  const listed = silent.slice(0, 8).join(", ");
  const reached = await Promise.all(
    silent.slice(0, 4).map(async (name) => await question.peers.reach(name)),
  );
  const isThere = reached.some((one) => one?.tcp === "answers" && one.udp === "answers");
  if (isThere && silent.length === others.length) {
    // They answer pings from another port of ours, so only the way to our own port is left.
    findings.fail(`none of ${listed} is heard, though they answer when they are asked directly`, {
      cause:
        "UDP packets to the gossip port of this machine do not arrive: a firewall here drops them",
      remedy: [
        "on this machine: iptables -I INPUT -p udp --dport 7946 -j ACCEPT (the port of -bind; or the same in ufw, nftables, the cloud's rules)",
      ],
    });
  } else {
    findings.fail(`no confirmation from ${listed}`, {
      cause: reached.some((one) => one?.tcp === "answers" && one.udp !== "answers")
        ? "TCP to them gets through, UDP does not: a firewall lets only TCP through"
        : "packets to or from them are lost, or they have just failed",
      remedy: silent.slice(0, 2).map((name) => `gossipd why ${operand(name)}`),
    });
  }
  return findings.all;
}

/** How a few others see us, and how we see them. */
async function examinePeers(question: ClusterQuestion): Promise<readonly Finding[]> {
  const { members, peers, self } = question;
  const others = liveOthers(question).slice(0, mostPeers);
  if (others.length === 0) return [];
  const names = others.map(({ name }) => name);
  const answers = await peers.howWeAreReached(names);
  const inward = new Findings("reach", "this agent, as others reach it");
  if (answers.size === 0) {
    inward.skip("nobody of them can be asked: Serf's agents do not answer");
    return inward.all;
  }
  examineInward(self, answers, inward);
  const outward = await examineOutward(question, names);
  return [
    ...inward.all,
    ...outward,
    ...examineClocks(answers),
    ...examineViews(members.filter(({ status }) => status === "alive").length, answers),
  ];
}

function examineInward(
  self: string,
  answers: ReadonlyMap<string, PeerAnswer>,
  findings: Findings,
): void {
  const seen = [...answers].flatMap(([name, { answer }]) =>
    answer.reach === null ? [] : [{ name, reach: answer.reach }],
  );
  const lost = (way: "tcp" | "udp") => seen.filter(({ reach }) => reach[way] !== "answers");
  const [noTcp, noUdp] = [lost("tcp"), lost("udp")];
  const address = seen[0]?.reach.address ?? "";
  const port = portOf(address);
  const listed = (some: readonly { name: string }[]): string =>
    some
      .slice(0, 5)
      .map(({ name }) => name)
      .join(", ");
  if (seen.length > 0 && noTcp.length === seen.length && noUdp.length === seen.length) {
    findings.fail(`nobody reaches ${self} at ${address}, the address that it advertises`, {
      cause: "the address leads to another machine, or a firewall drops all",
      remedy: [
        `start the agent with -advertise and an address at which others reach it`,
        `or let TCP and UDP port ${port} through`,
      ],
    });
    return;
  }
  if (noUdp.length > 0) {
    findings.fail(`UDP to ${address} does not get through from ${listed(noUdp)}`, {
      cause: noUdp.every(({ reach }) => reach.tcp === "answers")
        ? "TCP does, so a firewall lets only that through; gossip and pings are UDP"
        : undefined,
      remedy: [
        `on this machine: iptables -I INPUT -p udp --dport ${port} -j ACCEPT (or the same in ufw, nftables, the cloud's rules)`,
      ],
    });
  }
  if (noTcp.length > 0) {
    const refused = noTcp.every(({ reach }) => reach.tcp === "refused");
    findings.fail(`TCP to ${address} does not get through from ${listed(noTcp)}`, {
      cause: refused ? "connections are refused: the address may be another machine's" : undefined,
      remedy: [`on this machine: iptables -I INPUT -p tcp --dport ${port} -j ACCEPT`],
    });
  }
  if (!findings.hasFaults)
    findings.ok(`${address} is reached over TCP and UDP (asked of ${seen.length})`);
}

async function examineOutward(
  { peers }: ClusterQuestion,
  names: readonly string[],
): Promise<readonly Finding[]> {
  const findings = new Findings("reach", "others, as this agent reaches them");
  const reached = await Promise.all(
    names.slice(0, 4).map(async (name) => ({ name, reach: await peers.reach(name) })),
  );
  for (const { name, reach } of reached) {
    if (reach === undefined || (reach.tcp === "answers" && reach.udp === "answers")) continue;
    const way =
      reach.tcp === "answers" ? "UDP" : reach.udp === "answers" ? "TCP" : "neither TCP nor UDP";
    findings.fail(
      `${name} at ${reach.address}: ${way === "UDP" || way === "TCP" ? `${way} does not get through` : `${way} get through`}`,
      {
        cause: "its answers, or the pings to it, are dropped on the way",
        remedy: [
          `on ${name}: let TCP and UDP port ${portOf(reach.address)} through, and here the answers`,
        ],
      },
    );
  }
  if (!findings.hasFaults) findings.ok("TCP and UDP get through");
  return findings.all;
}

function examineClocks(answers: ReadonlyMap<string, PeerAnswer>): readonly Finding[] {
  const findings = new Findings("clock", "clocks");
  for (const [name, { answer, askedAt, heardAt }] of answers) {
    // It read its clock at some time in between.
    const ahead = answer.now > heardAt ? answer.now - heardAt : 0;
    const behind = answer.now < askedAt ? askedAt - answer.now : 0;
    const difference = Math.max(ahead, behind);
    if (difference <= clockTolerance) continue;
    findings.warn(
      `that of ${name} is ${(difference / 1_000).toFixed(1)} s ${ahead > 0 ? "ahead of" : "behind"} ours`,
      {
        cause:
          "the cluster does not mind, but logs cannot be compared and certificates may seem invalid",
        remedy: ["timedatectl set-ntp true, on the one that is wrong"],
      },
    );
  }
  if (!findings.hasFaults)
    findings.ok(`those of others agree with ours (asked of ${answers.size})`);
  return findings.all;
}

function examineViews(alive: number, answers: ReadonlyMap<string, PeerAnswer>): readonly Finding[] {
  const findings = new Findings("split", "what others see");
  const odd = [...answers].filter(([, { answer }]) => answer.alive !== alive);
  if (odd.length === 0) findings.ok("as many members that are alive");
  else {
    const seen = odd.slice(0, 5).map(([name, { answer }]) => `${name} sees ${answer.alive}`);
    findings.warn(`this agent sees ${alive} members that are alive, ${seen.join(", ")}`, {
      cause: "news is still spreading, or some members do not reach each other",
      remedy: ["gossipd members --agree, or run this again in a moment"],
    });
  }
  return findings.all;
}

/** Which keys are not everywhere; the keys themselves are never shown. */
async function examineKeys({ agent, encrypted }: ClusterQuestion): Promise<readonly Finding[]> {
  const findings = new Findings("keys", "keys of the members");
  if (!encrypted) {
    findings.skip("gossip is not encrypted");
    return findings.all;
  }
  try {
    const { error, keys, messages, numNodes } = await agent.listKeys();
    const partial = [...keys.values()].filter((count) => count < numNodes);
    if (partial.length > 0) {
      findings.fail(
        `of ${keys.size} keys ${partial.length} ${partial.length === 1 ? "is" : "are"} not on all ${numNodes} members`,
        {
          cause: "a change of keys was not finished, or a member was away",
          remedy: [
            "gossipd keys -list shows on how many each is",
            "gossipd keys -install KEY, for the one that is to stay; -remove KEY for the other",
          ],
        },
      );
    } else if (error !== undefined) {
      const said = [...messages].slice(0, 3).map(([name, text]) => `${name}: ${text}`);
      findings.warn(`not all members told their keys: ${error}`, {
        cause: said.length === 0 ? undefined : said.join("; "),
      });
    } else findings.ok(`all ${numNodes} members have the same`);
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    findings.skip(`they could not be asked for: ${thrown.message}`);
  }
  return findings.all;
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}
