import { compareTexts } from "../base/compare-texts.js";
import { formatDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import { type Millis, seconds } from "../base/units.js";
import {
  type Acknowledgement,
  type BalancerGroup,
  balancerTag,
  untilAcknowledged,
  type Wanted,
} from "../lb/acknowledgement.js";
import type { QueryAnswer, RpcQuestion } from "../rpc/api.js";
import type { RpcClient } from "../rpc/client.js";
import { UsageError } from "./argv.js";
import type { Arguments, Command, Terminal } from "./command.js";
import { escapeControls } from "./output.js";
import { introduce, rpcOptions, unlessInterrupted, withAgent } from "./rpc-options.js";
import { StatusLine } from "./status-line.js";

/** One of the commands that change what a member says of itself to load balancers. */
export interface StateChange {
  readonly name: string;
  readonly about: string;
  /** The value of the tag `state`; `ready` is the same as no tag. */
  readonly state: "draining" | "maint" | "ready";
  /** What balancers have to say then. */
  readonly wanted: Wanted;
  /** What is true when all have: `web1 gets no requests any more`. */
  readonly outcome: string;
}

const defaultTimeout: Millis = seconds(10);

/** How long an agent has to do what `lb-state` asks. */
const stateTime: Millis = seconds(6);

export function stateCommand(change: StateChange): Command {
  return {
    name: change.name,
    usage: "[options] [NODE]",
    about: change.about,
    positionals: "member",
    options: [
      {
        flag: "timeout",
        kind: "duration",
        placeholder: "DURATION",
        help: `How long the load balancers are waited for. Default ${formatDuration(defaultTimeout)}.`,
      },
      {
        flag: "no-wait",
        kind: "switch",
        help: "Only set the tag, and do not wait for the load balancers.",
      },
      ...rpcOptions,
    ],
    run: async (args, terminal) => {
      if (args.positionals.length > 1) throw new UsageError("Name one node at most.");
      return await withAgent(args, terminal, (agent) =>
        unlessInterrupted(terminal, () => carryOut(change, agent, args, terminal)),
      );
    },
  };
}

async function carryOut(
  change: StateChange,
  agent: RpcClient,
  args: Arguments,
  terminal: Terminal,
): Promise<number> {
  const self = (await introduce("Error", () => agent.stats())).get("agent")?.get("name") ?? "";
  const node = args.positionals[0] ?? self;
  if (node === self) await setOwnState(agent, change.state);
  else await setStateOf(agent, node, change.state);
  terminal.out(`${escapeControls(node)} is ${change.state}\n`);
  if (args.switched("no-wait") === true) return 0;
  const limit = args.duration("timeout") ?? defaultTimeout;
  const progress = new StatusLine(terminal);
  const answers = await introduce("Error", () =>
    untilAcknowledged(node, change.wanted, limit, groupOf(agent), (news) => {
      if (news.some(({ done }) => !done)) progress.show(waitingText(news));
    }),
  );
  progress.clear();
  return report(change, node, limit, answers, terminal);
}

async function setOwnState(agent: RpcClient, state: StateChange["state"]): Promise<void> {
  const [set, remove] =
    state === "ready" ? [new Map<string, string>(), ["state"]] : [new Map([["state", state]]), []];
  await introduce("Error setting tags", () => agent.setTags(set, remove));
}

/** Only a member itself can change its tags, so it is asked to. */
async function setStateOf(agent: RpcClient, node: string, state: string): Promise<void> {
  const found = await introduce("Error getting members", () => agent.members());
  const member = found.find(({ name }) => name === node);
  const quoted = escapeControls(node);
  if (member === undefined) throw new OperatorError(`There is no member ${quoted}`);
  if (member.status !== "alive") {
    throw new OperatorError(
      `${quoted} is ${member.status}, only a member that is alive can be asked`,
    );
  }
  const question: RpcQuestion = {
    name: "lb-state",
    payload: Buffer.from(`${node} ${state}`),
    filterNodes: [node],
    filterTags: new Map(),
    requestAck: false,
    relayFactor: 0,
    timeout: stateTime,
  };
  const answer = await firstAnswer(agent, question);
  if (answer === undefined) {
    const tags = state === "ready" ? "-delete state" : `-set state=${state}`;
    throw new OperatorError(
      `${quoted} did not answer: an agent of Serf changes only its own tags, so on its machine: serf tags ${tags}`,
    );
  }
  if (answer !== state) throw new OperatorError(`${quoted} refused: ${escapeControls(answer)}`);
}

async function firstAnswer(agent: RpcClient, question: RpcQuestion): Promise<string | undefined> {
  let answered: (text: string) => void = () => {};
  const first = new Promise<string>((resolve) => {
    answered = resolve;
  });
  const running = await introduce("Error sending query", () =>
    agent.query(question, (answer) => {
      if (answer.kind === "response") answered(Buffer.from(answer.payload).toString().trim());
    }),
  );
  return await Promise.race([first, running.done.then(() => undefined)]);
}

/** The cluster as the agent shows it. */
function groupOf(agent: RpcClient): BalancerGroup {
  const isBalancer = { name: "", status: "alive", tags: new Map([[balancerTag, "[\\s\\S]+"]]) };
  return {
    now: () => performance.now(),
    pause: (delay) => new Promise((resolve) => setTimeout(resolve, delay)),
    balancers: () => agent.membersFiltered(isBalancer),
    ask: async (node, awaited, timeout, take) => {
      const missing = new Set(awaited);
      let end: () => void = () => {};
      const complete = new Promise<void>((resolve) => {
        end = resolve;
      });
      const question = {
        name: "lb-drained",
        payload: Buffer.from(node),
        filterNodes: [],
        filterTags: new Map([[balancerTag, "."]]),
        requestAck: false,
        relayFactor: 0,
        timeout,
      };
      const running = await agent.query(question, (answer: QueryAnswer) => {
        if (answer.kind !== "response") return;
        take(answer.from, answer.payload);
        missing.delete(answer.from);
        if (missing.size === 0) end();
      });
      await Promise.race([complete, running.done]);
    },
  };
}

function report(
  { outcome, wanted }: StateChange,
  node: string,
  limit: Millis,
  answers: readonly Acknowledgement[],
  terminal: Terminal,
): number {
  if (answers.length === 0) {
    terminal.out("No member has a tag balancer: there is nobody to wait for.\n");
    return 0;
  }
  const sorted = answers.toSorted((one, other) => compareTexts(nameOf(one), nameOf(other)));
  for (const answer of sorted) terminal.out(`${nameOf(answer)}: ${wordsOf(answer, wanted)}\n`);
  const missing = sorted.filter(({ done }) => !done);
  if (missing.length === 0) {
    terminal.out(`${escapeControls(node)} ${outcome}\n`);
    return 0;
  }
  const names = missing.map(nameOf).join(", ");
  terminal.out(`Not acknowledged within ${formatDuration(limit)}: ${names}\n`);
  return 1;
}

/** `edge on lb1` */
function nameOf({ balancer, member }: Acknowledgement): string {
  return escapeControls(balancer === "" ? member : `${balancer} on ${member}`);
}

function wordsOf({ done, inUse, state }: Acknowledgement, wanted: Wanted): string {
  if (state === undefined) return "no answer";
  if (state === "unknown") return "unknown, its proxy cannot be asked";
  if (state === "out" && wanted === "serving" && done) return "out, as it is not in its pools";
  if (state === "out" || inUse === 0) return state;
  return `${state}, ${inUse} ${inUse === 1 ? "request" : "requests"} under way`;
}

/** Who is still waited for, in one line. */
function waitingText(state: readonly Acknowledgement[]): string {
  const waiting = state.filter(({ done }) => !done);
  return `Waiting for ${waiting.map((one) => `${nameOf(one)} (${wordsOf(one, "out")})`).join(", ")}`;
}
