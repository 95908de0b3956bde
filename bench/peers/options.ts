import { parseArgs } from "node:util";

export interface PeersOptions {
  /** Names of scenarios; undefined for all. */
  readonly only: readonly string[] | undefined;
  /** Sizes of the groups, ascending. */
  readonly agents: readonly number[];
  /** How often each program has its turn. */
  readonly rounds: number;
  /** Where all values go. */
  readonly json: string | undefined;
  readonly markdown: boolean;
}

export const peersUsage = `usage: npm run bench -- peers [--only NAME,...] [--agents 10,50] [--rounds 2] [--json FILE] [--markdown]
`;

/** More agents than a host of one loopback net has addresses for. */
const mostAgents = 250;

/** Throws an Error that says what is wrong; `names` are the scenarios there are. */
export function parsePeersOptions(args: readonly string[], names: readonly string[]): PeersOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      agents: { type: "string", default: "10,50" },
      rounds: { type: "string", default: "2" },
      json: { type: "string" },
      markdown: { type: "boolean", default: false },
    },
  });
  const only = values.only?.split(",");
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown} is not one of ${names.join(", ")}`);
  const agents = values.agents.split(",").map((text) => whole("agents", text, 2, mostAgents));
  return {
    only,
    agents: agents.sort((one, other) => one - other),
    rounds: whole("rounds", values.rounds, 1, 1_000),
    json: values.json,
    markdown: values.markdown,
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new Error(`--${name}: "${text}" is not a whole number from ${least} to ${most}`);
}
