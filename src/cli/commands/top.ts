import { OperatorError } from "../../base/errors.js";
import { type Millis, seconds } from "../../base/units.js";
import { UsageError } from "../argv.js";
import { type Paint, painter } from "../colours.js";
import type { Arguments, Command, Screen, Terminal } from "../command.js";
import { AgentFeed, type FeedState } from "../live/agent-feed.js";
import { LiveView, type Picture } from "../live/live-view.js";
import { filterOf, filterOptions } from "../members/options.js";
import { escapeControls, formatOption, outputFormat, toJson } from "../output.js";
import { connectAgent, interrupted, rpcOptions, withAgent } from "../rpc-options.js";
import { headLines, memberLines } from "../top/lines.js";
import { nextOrder, type Order, orders } from "../top/order.js";
import { type Reading, TopReader } from "../top/reading.js";

const defaultInterval: Millis = seconds(1);
const shortestInterval: Millis = 200;

/** Handlers and load balancers that have a line of their own on a screen. */
const maxParts = 6;

/** Where there is no terminal nothing is cut. */
const endless = Number.MAX_SAFE_INTEGER;

export const topCommand: Command = {
  name: "top",
  usage: "[options]",
  about:
    "Shows the agent and its members on the terminal and keeps it up to date: status, estimated round-trip time, the last ping, pings that nobody answered, who suspects whom, the agent's health, its handlers and load balancers. Without a terminal it prints that once. An agent of Serf tells less. Load balancers are shown on the agent's own machine.",
  options: [
    ...filterOptions,
    {
      flag: "sort",
      kind: "text",
      placeholder: "ORDER",
      value: orders,
      help: "name (the default), trouble (what needs a look first) or rtt (the slowest first).",
    },
    {
      flag: "interval",
      kind: "duration",
      placeholder: "DURATION",
      help: "How often it is read without an event. Default 1s, at least 200ms.",
    },
    { flag: "once", kind: "switch", help: "Print it once on a terminal too." },
    formatOption,
    ...rpcOptions,
  ],
  epilogue: `Keys: q, escape or ctrl-c quits, s sorts otherwise, arrows, page keys, home
and end scroll. Colours are left out if NO_COLOR is set.`,
  run: async (args, terminal) => {
    const order = orderOf(args);
    const interval = args.duration("interval") ?? defaultInterval;
    if (interval < shortestInterval) throw new UsageError("-interval must be 200ms or more.");
    const format = outputFormat(args);
    const isOnce = format === "json" || args.switched("once") === true;
    const screen = isOnce ? undefined : await terminal.screen?.();
    if (screen === undefined) return await printOnce(format, order, args, terminal);
    return await new Top(screen, terminal, order).run(interval, args);
  },
};

/** Throws OperatorError. */
function orderOf(args: Arguments): Order {
  const given = args.text("sort") ?? "name";
  const order = orders.find((one) => one === given);
  if (order !== undefined) return order;
  throw new OperatorError(`-sort=${given}: must be name, trouble or rtt`);
}

async function printOnce(
  format: "text" | "json",
  order: Order,
  args: Arguments,
  terminal: Terminal,
): Promise<number> {
  const reader = new TopReader(filterOf(args));
  const reading = await withAgent(args, terminal, (agent) => reader.read(agent));
  if (format === "json") {
    terminal.out(`${toJson(reading)}\n`);
    return 0;
  }
  const paint = painter(terminal.outColours);
  const now = new Date();
  const lines = [
    ...headLines(reading, now, endless, paint, endless),
    ...memberLines(reading.members, order, now, endless, paint),
  ];
  terminal.out(`${lines.join("\n")}\n`);
  return 0;
}

/** What is on the screen. */
class Top {
  readonly #screen: Screen;
  readonly #terminal: Terminal;
  readonly #paint: Paint;
  #order: Order;
  #state: FeedState<Reading> | undefined;

  constructor(screen: Screen, terminal: Terminal, order: Order) {
    this.#screen = screen;
    this.#terminal = terminal;
    this.#paint = painter(terminal.outColours);
    this.#order = order;
  }

  async run(interval: Millis, args: Arguments): Promise<number> {
    const reader = new TopReader(filterOf(args));
    let view: LiveView | undefined;
    let end: () => void = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const feed = new AgentFeed<Reading>({
      connect: () => connectAgent(args, this.#terminal),
      read: (agent) => reader.read(agent),
      interval,
      isPatient: false,
      onState: (state) => {
        this.#state = state;
        // Not before there is something to show: an error stands where it can be read.
        if (view === undefined) {
          view = this.#open();
          void view.ended.then(end);
        } else view.draw();
      },
    });
    try {
      await Promise.race([feed.run(), ended, interrupted(this.#terminal)]);
      return 0;
    } finally {
      feed.stop();
      view?.close();
    }
  }

  #open(): LiveView {
    return new LiveView({
      screen: this.#screen,
      terminal: this.#terminal,
      paint: this.#paint,
      picture: (columns, rows) => this.#picture(columns, rows),
      onKey: (key) => {
        if (key === "s") this.#order = nextOrder(this.#order);
      },
    });
  }

  #picture(columns: number, rows: number): Picture {
    const state = this.#state;
    const keys = `q quits, s sorts (by ${this.#order}), arrows scroll`;
    const foot =
      state?.kind === "away"
        ? { text: `agent away: ${escapeControls(state.reason)}`, styles: ["red"] as const }
        : { text: keys, styles: ["dim"] as const };
    if (state?.value === undefined) return { head: [], body: [], foot };
    const now = new Date();
    const { value } = state;
    const paint = this.#paint;
    const [titles = "", ...body] = memberLines(value.members, this.#order, now, columns, paint);
    // Two thirds are for the members.
    const most = Math.max(0, Math.min(maxParts, Math.floor(rows / 3) - 3));
    return { head: [...headLines(value, now, columns, paint, most), titles], body, foot };
  }
}
