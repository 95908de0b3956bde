import { compareTexts } from "../../base/compare-texts.js";
import { OperatorError } from "../../base/errors.js";
import {
  type AddressAnswer,
  parseAddressAnswer,
  parseStatusAnswers,
  type StatusAnswer,
} from "../../lb/questions.js";
import type { LbStatus } from "../../lb/status.js";
import { statusText } from "../../lb/status-text.js";
import type { Arguments, Command, Terminal } from "../command.js";
import {
  escapeControls,
  escapeWord,
  formatOption,
  layOut,
  outputFormat,
  toJson,
} from "../output.js";
import { askAgent, rpcOptions, withAgent } from "../rpc-options.js";
import { lbConfig, lbFile, lbOption, orTrouble } from "./options.js";
import { type Answers, askBalancers, askOptions, nobodyAnswers } from "./questioning.js";
import {
  ageOf,
  isWell,
  processRuns,
  readStatus,
  staleness,
  statusFileIn,
  statusOf,
} from "./status-file.js";

export const statusCommand: Command = {
  name: "lb status",
  usage: "[options]",
  about:
    "Shows for each balancer what it should serve, what its file says and what it serves, since when, what was done last and what is next. The exit code is 0 if all is in step or on its way, 1 if something failed, is held or paused, and 2 if the state is unknown, or told by a process that is gone.",
  options: [
    lbOption,
    {
      flag: "all",
      kind: "switch",
      help: "Ask all balancers of the cluster, in short, and tell whether they agree.",
    },
    formatOption,
    ...askOptions,
    ...rpcOptions,
  ],
  run: async (args, terminal) =>
    await orTrouble(terminal, 2, () =>
      args.switched("all") === true ? statusOfAll(args, terminal) : statusHere(args, terminal),
    ),
};

async function statusHere(args: Arguments, terminal: Terminal): Promise<number> {
  const format = outputFormat(args);
  const status = await statusThere(args, terminal);
  const now = new Date();
  const stale = staleness(status, now, processRuns);
  if (format === "json") terminal.out(`${toJson({ ...status, stale: stale ?? null })}\n`);
  else {
    terminal.out(statusText(status, now.toISOString()));
    const note = stale === undefined ? keptBy(status, now) : `This may not be so now: ${stale}.`;
    if (note !== "") terminal.out(`\n${note}\n`);
  }
  if (stale !== undefined) return 2;
  return status.balancers.every(isWell) ? 0 : 1;
}

/** Says so if a single pass wrote it, or who kept it has ended. */
function keptBy({ at, keeper }: LbStatus, now: Date): string {
  if (keeper !== null) return "";
  return `Nobody keeps this in step between passes; the last was ${ageOf(at, now)} ago.`;
}

async function statusThere(args: Arguments, terminal: Terminal): Promise<LbStatus> {
  if (lbFile(args, terminal) !== undefined) {
    const { stateDir } = await lbConfig(args, terminal);
    return readStatus(statusFileIn(stateDir));
  }
  const stats = await askAgent(args, terminal, "Error querying agent", (agent) => agent.stats());
  const status = statusOf(stats);
  if (status !== undefined) return status;
  throw new OperatorError(
    "The agent has no load balancer. Give -lb FILE for one that it does not run.",
  );
}

/** What one balancer of one member says. */
interface Row extends StatusAnswer {
  readonly member: string;
}

async function statusOfAll(args: Arguments, terminal: Terminal): Promise<number> {
  const format = outputFormat(args);
  const asked = await withAgent(args, terminal, (agent) =>
    askBalancers(agent, args, "lb-status", ""),
  );
  const rows = asked.answers.flatMap(({ from, payload }) =>
    parseStatusAnswers(payload).map((answer): Row => ({ member: from, ...answer })),
  );
  if (rows.length === 0) throw nobodyAnswers;
  const groups = groupsOf(rows);
  const addresses = addressesOf(
    asked.answers.flatMap(({ from, payload }) => {
      const answer = parseAddressAnswer(payload);
      return answer === undefined ? [] : [{ member: from, ...answer }];
    }),
  );
  const isWhole =
    asked.silent.length === 0 &&
    groups.every(({ agrees }) => agrees) &&
    addresses.every(({ holders }) => holders.length === 1);
  if (format === "json") {
    terminal.out(`${toJson({ balancers: rows, silent: asked.silent, groups, addresses })}\n`);
  } else terminal.out(`${textOfAll(rows, groups, asked)}${textOfAddresses(addresses)}`);
  return isWhole && rows.every(({ ok, holds }) => ok && holds === 0) ? 0 : 1;
}

/** The balancers of one name, which all should serve the same. */
interface Group {
  readonly balancer: string;
  readonly members: number;
  /** How many serve each version; those that serve none wholly count as "none". */
  readonly serving: Readonly<Record<string, number>>;
  readonly agrees: boolean;
}

function groupsOf(rows: readonly Row[]): Group[] {
  const names = [...new Set(rows.map(({ balancer }) => balancer))].sort(compareTexts);
  return names.map((balancer) => {
    const own = rows.filter((row) => row.balancer === balancer);
    const counts = new Map<string, number>();
    for (const { applied } of own) {
      const version = applied ?? "none";
      counts.set(version, (counts.get(version) ?? 0) + 1);
    }
    const versions = new Set(own.flatMap(({ version, applied }) => [version, applied]));
    const agrees = versions.size === 1 && !versions.has(null);
    return { balancer, members: own.length, serving: Object.fromEntries(counts), agrees };
  });
}

/** An address that moves between balancers, and how each of those stands to it. */
interface SharedAddress {
  readonly address: string;
  /** Those who say that they have it; one is right. */
  readonly holders: readonly string[];
  readonly others: readonly { readonly member: string; readonly state: string }[];
}

function addressesOf(answers: readonly (AddressAnswer & { member: string })[]): SharedAddress[] {
  const all = [...new Set(answers.map(({ address }) => address))].sort(compareTexts);
  return all.map((address) => {
    const own = answers.filter((one) => one.address === address);
    const holders = own.flatMap(({ holds, member }) => (holds ? [member] : []));
    const others = own.flatMap(({ holds, member, state }) => (holds ? [] : [{ member, state }]));
    return { address, holders, others };
  });
}

function textOfAddresses(addresses: readonly SharedAddress[]): string {
  return addresses
    .map(({ address, holders, others }) => {
      const by = holders.length === 0 ? "nobody" : holders.map(escapeWord).join(" and ");
      const rest = others.map(
        ({ member, state }) => `, ${escapeWord(member)} is ${escapeWord(state)}`,
      );
      return `${escapeWord(address)}: held by ${by}${rest.join("")}\n`;
    })
    .join("");
}

function textOfAll(rows: readonly Row[], groups: readonly Group[], { silent }: Answers): string {
  const table = rows.map(({ member, balancer, version, applied, ok, holds, reason }) => [
    escapeWord(member),
    escapeWord(balancer),
    `wants ${escapeWord(version ?? "nothing")}`,
    `serves ${escapeWord(applied ?? "nothing")}`,
    ok ? "ok" : "failed",
    holds === 0 ? "" : `${holds} held`,
    escapeControls(reason ?? ""),
  ]);
  const missing = silent.map((member) => `${escapeWord(member)} did not answer\n`).join("");
  const sums = groups.map(({ balancer, members, serving, agrees }) => {
    const counts = Object.entries(serving).map(
      ([version, count]) => `${count} of ${members} on ${version}`,
    );
    const verdict = agrees ? "agree" : "differ";
    return `${balancer}: ${verdict}, ${counts.join(", ")}`;
  });
  const lines = layOut(table).replace(/ +$/gm, "");
  return `${lines}\n${missing}${sums.map((line) => `${escapeControls(line)}\n`).join("")}`;
}
