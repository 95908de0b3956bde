import { OperatorError } from "../base/errors.js";
import { type Millis, seconds } from "../base/units.js";
import type { Order, ProfileName, SizeOrder } from "../simulate/job.js";
import { type NetworkName, networkOf, networks } from "../simulate/networks.js";
import type { Arguments, OptionSpec } from "./command.js";
import { formatOption } from "./output.js";

const profileNames: readonly ProfileName[] = ["lan", "wan", "local"];
const networkNames = Object.keys(networks) as NetworkName[];
const starts = ["cold", "settled"] as const;

/** Below there is nobody to ask for help; above addresses run out. */
const [fewestNodes, mostNodes] = [2, 1_000_000];

/** Up to so many members join at once by default: what they tell each other grows with the square. */
const mostColdNodes = 200;

/** Up to so many members compress by default, as agents do: it takes most of a simulation's time. */
const mostCompressingNodes = 100;

/** Pairs of a member that goes and one that is to hear of it: each takes 9 bytes. */
const mostPairs = 200_000_000;

const mostRepetitions = 1_000;
const largestSeed = 2 ** 32 - 1;
const shareOrCount = "a share such as 5% or a number of members";

export const simulateOptions: readonly OptionSpec[] = [
  {
    flag: "nodes",
    kind: "text",
    placeholder: "LIST",
    help: "How many members, 100 by default; several sizes separated by commas are compared.",
  },
  {
    flag: "profile",
    kind: "text",
    placeholder: "PROFILE",
    value: profileNames,
    help: "The timing of the members: lan (the default), wan or local.",
  },
  {
    flag: "network",
    kind: "text",
    placeholder: "NETWORK",
    value: networkNames,
    help: "How far members are from each other: loopback, lan, regions (8 to 20 ms) or wan (40 to 120 ms). By default what the profile is made for.",
  },
  {
    flag: "latency",
    kind: "duration",
    placeholder: "DURATION",
    help: "The least time from one member to another, instead of the network's.",
  },
  {
    flag: "jitter",
    kind: "duration",
    placeholder: "DURATION",
    help: "Up to so much is added by chance, instead of the network's.",
  },
  {
    flag: "loss",
    kind: "text",
    placeholder: "SHARE",
    help: "The share of packets that get lost, such as 2%.",
  },
  {
    flag: "kill",
    kind: "text",
    placeholder: "MEMBERS",
    help: `Whose processes are killed: ${shareOrCount}; 1 by default.`,
  },
  {
    flag: "kill-hosts",
    kind: "text",
    placeholder: "MEMBERS",
    help: "Whose hosts are lost, so that nothing answers any more; none by default.",
  },
  {
    flag: "kill-within",
    kind: "duration",
    placeholder: "DURATION",
    help: "Spread the kills over so long. By default all happen at the same moment.",
  },
  {
    flag: "leave",
    kind: "text",
    placeholder: "MEMBERS",
    help: "Who leaves gracefully, all at the same moment and before the kills; 1 by default.",
  },
  {
    flag: "stall",
    kind: "text",
    placeholder: "MEMBERS",
    help: "Who stands still for a while, from the moment of the kills; none by default.",
  },
  {
    flag: "stall-for",
    kind: "duration",
    placeholder: "DURATION",
    help: "How long they stand still, 10s by default.",
  },
  {
    flag: "start",
    kind: "text",
    placeholder: "START",
    value: starts,
    help: `cold: all members start at once and join the first. settled: they have known each other for long. By default cold up to ${mostColdNodes} members.`,
  },
  {
    flag: "steady",
    kind: "duration",
    placeholder: "DURATION",
    help: "How long the traffic is measured while nothing happens, 30s by default.",
  },
  {
    flag: "watch",
    kind: "duration",
    placeholder: "DURATION",
    help: "How long is watched after the kills. By default until all members know, and not longer than the longest suspicion.",
  },
  {
    flag: "compress",
    kind: "switch",
    help: `Compress as agents do. By default true if no group has more than ${mostCompressingNodes} members; it takes most of the time.`,
  },
  {
    flag: "disable-refusal-detection",
    kind: "switch",
    help: "As with agents: wait for members whose hosts refuse connections as long as for silent ones.",
  },
  {
    flag: "seed",
    kind: "integer",
    placeholder: "NUMBER",
    help: "What chance is drawn from, 1 by default: the same seed gives the same figures.",
  },
  {
    flag: "repeat",
    kind: "integer",
    placeholder: "COUNT",
    help: "Run each size with so many seeds, and show medians and ranges.",
  },
  formatOption,
  {
    flag: "html",
    kind: "text",
    placeholder: "FILE",
    value: "path",
    help: "Also write a report with plots, a page that needs no network. An existing file is replaced.",
  },
];

/** The runs that the flags ask for, by size. Throws {@link OperatorError}. */
export function readOrders(args: Arguments): readonly SizeOrder[] {
  const sizes = nodesOf(args);
  const seed = integer(args, "seed", 1, 0, largestSeed);
  const repeat = integer(args, "repeat", 1, 1, mostRepetitions);
  const profile = word(args, "profile", profileNames, "lan");
  const common = {
    profile,
    conditions: conditionsOf(args, profile),
    refusals: args.switched("disable-refusal-detection") !== true,
    compression: args.switched("compress") ?? Math.max(...sizes) <= mostCompressingNodes,
    steady: duration(args, "steady", seconds(30), 1_000),
    killSpread: duration(args, "kill-within", 0),
    stallTime: duration(args, "stall-for", seconds(10)),
    watch: args.duration("watch") === undefined ? undefined : duration(args, "watch", 0),
  };
  return sizes.map((nodes) => {
    const order = { ...common, ...fatesOf(args, nodes), start: startOf(args, nodes) };
    const others = Array.from({ length: repeat - 1 }, (_, index) => seed + index + 1);
    return [{ ...order, seed }, ...others.map((one): Order => ({ ...order, seed: one }))];
  });
}

function nodesOf(args: Arguments): number[] {
  const texts = (args.text("nodes") ?? "100").split(",");
  return texts.map((text) => {
    const nodes = /^\d{1,7}$/.test(text) ? Number(text) : 0;
    if (nodes >= fewestNodes && nodes <= mostNodes) return nodes;
    throw wrong(args, "nodes", `numbers from ${fewestNodes} to ${mostNodes} separated by commas`);
  });
}

function startOf(args: Arguments, nodes: number): Order["start"] {
  return word(args, "start", starts, nodes <= mostColdNodes ? "cold" : "settled");
}

function conditionsOf(args: Arguments, profile: ProfileName): Order["conditions"] {
  const { jitter, latency, tail } =
    networks[word(args, "network", networkNames, networkOf[profile])];
  return {
    latency: duration(args, "latency", latency),
    jitter: duration(args, "jitter", jitter),
    tail,
    loss: lossOf(args),
    duplication: 0,
    reordering: 0,
    reorderTime: 0,
  };
}

function lossOf(args: Arguments): number {
  const text = args.text("loss");
  if (text === undefined) return 0;
  const share = shareOf(text) ?? (/^(0|0?\.\d+)$/.test(text) ? Number(text) : undefined);
  if (share !== undefined && share <= 1) return share;
  throw wrong(args, "loss", "a share from 0% to 100%");
}

function fatesOf(
  args: Arguments,
  nodes: number,
): Pick<Order, "nodes" | "killed" | "hostsLost" | "leaving" | "stalled"> {
  // The smallest groups have nobody to spare.
  const usual = nodes < 5 ? 0 : 1;
  const fates = {
    nodes,
    killed: members(args, "kill", nodes, nodes < 3 ? 0 : 1),
    hostsLost: members(args, "kill-hosts", nodes, 0),
    leaving: members(args, "leave", nodes, usual),
    stalled: members(args, "stall", nodes, 0),
  };
  const gone = fates.killed + fates.hostsLost + fates.leaving + fates.stalled;
  if (nodes - gone < 2) {
    throw new OperatorError(
      `-nodes=${nodes}: ${gone} are killed, lost, leave or stand still; at least 2 others have to stay`,
    );
  }
  if (gone * (nodes - gone) > mostPairs) {
    throw new OperatorError(
      `-nodes=${nodes}: that ${nodes - gone} members hear of ${gone} others cannot be kept; ask for fewer that go`,
    );
  }
  return fates;
}

/** A share of the members, at least one if it is any, or so many. */
function members(args: Arguments, flag: string, nodes: number, usual: number): number {
  const text = args.text(flag);
  if (text === undefined) return usual;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  const share = shareOf(text);
  if (share === undefined || share > 1) throw wrong(args, flag, shareOrCount);
  return share === 0 ? 0 : Math.max(1, Math.round(share * nodes));
}

/** `2%` as 0.02, with as many digits as one likes. */
function shareOf(text: string): number | undefined {
  const [, digits] = /^(\d{1,3}(?:\.\d{0,6})?|\.\d{1,6})\s?%$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) / 100;
}

function duration(args: Arguments, flag: string, usual: Millis, least: Millis = 0): Millis {
  const given = args.duration(flag) ?? usual;
  if (given >= least && given <= longest) return given;
  throw wrong(args, flag, `a time from ${least / 1_000}s to 24h`);
}

const longest: Millis = 24 * 3_600_000;

function integer(
  args: Arguments,
  flag: string,
  usual: number,
  least: number,
  most: number,
): number {
  const given = args.integer(flag) ?? usual;
  if (given >= least && given <= most) return given;
  throw wrong(args, flag, `a number from ${least} to ${most}`);
}

function word<Word extends string>(
  args: Arguments,
  flag: string,
  words: readonly Word[],
  usual: Word,
): Word {
  const text = args.text(flag);
  const found = text === undefined ? usual : words.find((one) => one === text);
  if (found !== undefined) return found;
  throw wrong(args, flag, `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);
}

function wrong(args: Arguments, flag: string, right: string): OperatorError {
  return new OperatorError(`-${flag}=${args.text(flag)}: has to be ${right}`);
}
