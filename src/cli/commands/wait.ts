import { formatDuration } from "../../base/duration.js";
import { type Millis, seconds } from "../../base/units.js";
import type { RpcClient } from "../../rpc/client.js";
import { UsageError } from "../argv.js";
import type { Arguments, Command, Terminal } from "../command.js";
import { AgentFeed } from "../live/agent-feed.js";
import { filterOf, filterOptions } from "../members/options.js";
import { escapeControls } from "../output.js";
import { connectAgent, interrupted, rpcOptions } from "../rpc-options.js";
import { StatusLine } from "../status-line.js";
import { AgreeCondition } from "../wait/agree-condition.js";
import type { Condition, Finding } from "../wait/condition.js";
import { LbCondition } from "../wait/lb-condition.js";
import { MembersCondition } from "../wait/members-condition.js";
import { SettledCondition } from "../wait/settled-condition.js";

const defaultTimeout: Millis = seconds(60);

/** How often is looked without an event. */
const interval: Millis = 500;

/** The same if all members are asked each time. */
const askingInterval: Millis = seconds(1);

/** For one answer of the agent. */
const longestPatience: Millis = seconds(10);
const shortestPatience: Millis = seconds(1);

const timeOver = 2;

export const waitCommand: Command = {
  name: "wait",
  usage: "[options]",
  about:
    "Waits until all that is asked for holds at once, for scripts: a number of members, that the agent has settled, that all see the same, that the load balancers have applied it. An agent that is not there yet is waited for as well. The exit code is 0 when it holds, 2 when the time is over before, with what was missing last, and 1 for an error.",
  options: [
    {
      flag: "members",
      kind: "integer",
      placeholder: "COUNT",
      help: "At least so many members match -name, -status and -tag. Default 1 if one of these is given.",
    },
    { flag: "exactly", kind: "switch", help: "So many members, and not more." },
    ...filterOptions.map((option) =>
      option.flag === "status"
        ? { ...option, help: "Members whose status matches. Default alive." }
        : { ...option, help: option.help.replace("Only members", "Members") },
    ),
    {
      flag: "settled",
      kind: "switch",
      help: "The agent has joined, suspects nobody, and for 2s nothing has changed of the members. Of an agent of Serf only the latter is known.",
    },
    {
      flag: "agree",
      kind: "switch",
      help: "All members see the same members present as the agent; agents of Serf are left out.",
    },
    {
      flag: "lb-applied",
      kind: "switch",
      help: "All load balancers of the cluster serve what they should, by the members as the agent sees them.",
    },
    {
      flag: "timeout",
      kind: "duration",
      placeholder: "DURATION",
      help: `How long is waited. Default ${formatDuration(defaultTimeout)}; 0 looks once.`,
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    if (args.positionals.length > 0) throw new UsageError("Everything is said by flags.");
    const timeout = args.duration("timeout") ?? defaultTimeout;
    const wait = new Wait(conditionsOf(args), timeout, args, terminal);
    return await wait.run();
  },
};

/** What costs least goes first. Throws UsageError. */
function conditionsOf(args: Arguments): Condition[] {
  const conditions: Condition[] = [];
  const filter = filterOf(args);
  const wanted = args.integer("members");
  const isFiltered = filterOptions.some(({ flag }) => args.text(flag) !== undefined);
  const exactly = args.switched("exactly") ?? false;
  if (wanted !== undefined && wanted < 0) throw new UsageError("-members must be 0 or more.");
  if (wanted === undefined && exactly) throw new UsageError("-exactly goes with -members.");
  if (wanted !== undefined || isFiltered) {
    const status = filter.status === "" ? "alive" : filter.status;
    conditions.push(new MembersCondition({ ...filter, status }, wanted ?? 1, exactly));
  }
  if (args.switched("settled") === true) {
    conditions.push(new SettledCondition(() => performance.now()));
  }
  if (args.switched("agree") === true) conditions.push(new AgreeCondition());
  if (args.switched("lb-applied") === true) conditions.push(new LbCondition());
  if (conditions.length === 0) throw new UsageError("Say what to wait for.");
  return conditions;
}

/** One wait, from the first look to its end. */
class Wait {
  readonly #conditions: readonly Condition[];
  readonly #timeout: Millis;
  readonly #args: Arguments;
  readonly #terminal: Terminal;
  readonly #progress: StatusLine;
  readonly #begun = performance.now();
  /** What was found last, or why nothing was. */
  #words = "the agent was not reached";
  #onLook: (holds: boolean) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(
    conditions: readonly Condition[],
    timeout: Millis,
    args: Arguments,
    terminal: Terminal,
  ) {
    this.#conditions = conditions;
    this.#timeout = timeout;
    this.#args = args;
    this.#terminal = terminal;
    this.#progress = new StatusLine(terminal);
  }

  async run(): Promise<number> {
    const asksAll = this.#conditions.some(
      (one) => one instanceof AgreeCondition || one instanceof LbCondition,
    );
    const feed = new AgentFeed<readonly Finding[]>({
      connect: () => this.#connect(),
      read: (agent) => this.#look(agent),
      interval: asksAll ? askingInterval : interval,
      isPatient: true,
      onState: (state) => {
        if (state.kind === "here") this.#take(state.value);
        else this.#say(state.reason, false);
      },
    });
    const ticks = setInterval(() => this.#show(), seconds(1));
    try {
      return await Promise.race([
        this.#untilDone(),
        feed.run().then(() => timeOver),
        interrupted(this.#terminal).then(() => 1),
      ]);
    } catch (thrown) {
      this.#progress.clear();
      throw thrown;
    } finally {
      clearInterval(ticks);
      // Or who interrupts it, and an error, would have to wait for it as well.
      clearTimeout(this.#timer);
      feed.stop();
    }
  }

  /** Neither an agent that is out of reach nor one that does not answer is waited for longer. */
  #connect(): Promise<RpcClient> {
    const left = this.#timeout - (performance.now() - this.#begun);
    const patience = Math.min(longestPatience, Math.max(shortestPatience, left));
    return connectAgent(this.#args, this.#terminal, { connect: patience, answer: patience });
  }

  /** Conditions after one that does not hold are not looked at. */
  async #look(agent: RpcClient): Promise<readonly Finding[]> {
    const findings: Finding[] = [];
    for (const condition of this.#conditions) {
      const finding = await condition.look(agent);
      findings.push(finding);
      if (!finding.holds) break;
    }
    return findings;
  }

  #take(findings: readonly Finding[]): void {
    const missing = findings.find(({ holds }) => !holds);
    const words = missing?.words ?? findings.map((one) => one.words).join(", ");
    this.#say(words, missing === undefined);
  }

  #say(words: string, holds: boolean): void {
    this.#words = words;
    this.#show();
    this.#onLook(holds);
  }

  #show(): void {
    const passed = Math.floor((performance.now() - this.#begun) / 1_000) * 1_000;
    this.#progress.show(`Waiting ${formatDuration(passed)}: ${escapeControls(this.#words)}`);
  }

  async #untilDone(): Promise<number> {
    const held = await new Promise<boolean>((resolve) => {
      let isOver = this.#timeout <= 0;
      this.#onLook = (holds) => {
        if (holds || isOver) resolve(holds);
      };
      if (isOver) return;
      this.#timer = setTimeout(() => {
        isOver = true;
        resolve(false);
      }, this.#timeout);
    });
    this.#progress.clear();
    if (held) {
      this.#terminal.out(`${escapeControls(this.#words)}\n`);
      return 0;
    }
    const limit = this.#timeout > 0 ? ` within ${formatDuration(this.#timeout)}` : "";
    this.#terminal.out(`Not${limit}: ${escapeControls(this.#words)}\n`);
    return timeOver;
  }
}
