import type { Agent, CliResult, Kind } from "./agents.js";

const kinds: readonly Kind[] = ["serf", "gossipd"];

/** What came of one command, asked by one program of one agent. */
export interface Cell {
  readonly client: Kind;
  readonly agent: Kind;
  readonly result: CliResult;
}

/** An agent of either kind, and the four ways in which a client of either kind can ask them. */
export class Cells {
  readonly #agents: ReadonlyMap<Kind, Agent>;

  constructor(agents: ReadonlyMap<Kind, Agent>) {
    this.#agents = agents;
  }

  /** Serf asking Serf comes first: it is the reference. */
  async atOnce(args: readonly string[]): Promise<Cell[]> {
    return await Promise.all(
      this.#pairs().map(async ({ client, agent }) => ({
        client,
        agent: agent.kind,
        result: await agent.cli(args, client),
      })),
    );
  }

  /** For commands that would be in each other's way. */
  async inTurn(args: readonly string[]): Promise<Cell[]> {
    const cells: Cell[] = [];
    for (const { client, agent } of this.#pairs()) {
      cells.push({ client, agent: agent.kind, result: await agent.cli(args, client) });
    }
    return cells;
  }

  #pairs(): { client: Kind; agent: Agent }[] {
    return kinds.flatMap((client) =>
      [...this.#agents.values()].map((agent) => ({ client, agent })),
    );
  }
}

/**
 * What has to be the same of an output, whoever asks whom: usage texts are in our own words, answers
 * come in the order of their arrival, and a time that was measured is another on every run.
 */
export function comparable({ code, stdout, stderr }: CliResult): object {
  const [before = ""] = stdout.split("Usage:", 1);
  const usage = before !== stdout;
  if (stdout.startsWith("{")) return { code, json: sorted(JSON.parse(stdout)) };
  const lines = before
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd().replace(/\d+\.\d+ (ms|sec)/g, "N $1"));
  return {
    code,
    usage,
    first: lines[0],
    // Keys are listed in random order by Serf.
    last: lines.findLast((line) => !/\[\d+\/\d+\]$/.test(line)),
    lines: lines.toSorted(),
    complains: stderr !== "",
  };
}

function sorted(value: unknown): unknown {
  if (!Array.isArray(value)) {
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sorted(item)]));
  }
  return value
    .map(sorted)
    .toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}
