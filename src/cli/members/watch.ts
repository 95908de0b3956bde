import { type Millis, seconds } from "../../base/units.js";
import type { MemberFilter, RpcMember } from "../../rpc/api.js";
import { type Paint, painter, statusStyle } from "../colours.js";
import type { Arguments, Screen, Terminal } from "../command.js";
import { AgentFeed, type FeedState } from "../live/agent-feed.js";
import { LiveView, type Picture } from "../live/live-view.js";
import { type Cell, cut, tableLines } from "../live/table.js";
import { escapeControls, escapeWord } from "../output.js";
import { connectAgent, interrupted, introduce } from "../rpc-options.js";
import { type MemberChange, memberChanges } from "./changes.js";
import { type MemberListing, memberObject, memberRow, membersText, readMembers } from "./list.js";

/** How often the members are read without an event: agents tell of changes up to 3 s late. */
const interval: Millis = seconds(1);

/** How long a change is marked. */
const freshTime: Millis = seconds(10);

/** Shows the members and what changes, until the user interrupts. */
export async function watchMembers(
  filter: MemberFilter,
  format: "text" | "json",
  args: Arguments,
  terminal: Terminal,
): Promise<number> {
  const screen = format === "text" ? await terminal.screen?.() : undefined;
  const show =
    screen === undefined ? new Lines(format, args, terminal) : new Table(screen, terminal);
  const feed = new AgentFeed<MemberListing>({
    connect: () => connectAgent(args, terminal),
    read: (agent) => introduce("Error retrieving members", () => readMembers(agent, filter)),
    interval,
    isPatient: false,
    onState: (state) => show.take(state),
  });
  const stopped = Promise.race([interrupted(terminal), show.ended]);
  try {
    await Promise.race([feed.run(), stopped]);
  } finally {
    feed.stop();
    show.close();
  }
  return 0;
}

/** Where there is no terminal: the list, and a line for each change. */
class Lines {
  readonly ended = new Promise<void>(() => {});
  readonly #format: "text" | "json";
  readonly #args: Arguments;
  readonly #terminal: Terminal;
  #before: readonly RpcMember[] | undefined;
  #isAway = false;

  constructor(format: "text" | "json", args: Arguments, terminal: Terminal) {
    this.#format = format;
    this.#args = args;
    this.#terminal = terminal;
  }

  take(state: FeedState<MemberListing>): void {
    if (state.kind === "away") {
      if (!this.#isAway) this.#terminal.err(`${state.reason}; looking for the agent again\n`);
      this.#isAway = true;
      return;
    }
    this.#isAway = false;
    const { members } = state.value;
    const isFirst = this.#before === undefined;
    if (isFirst && this.#format === "text") {
      this.#terminal.out(membersText(state.value, this.#args.switched("detailed") ?? false));
    } else {
      const at = new Date().toISOString();
      for (const change of memberChanges(this.#before ?? [], members)) {
        this.#terminal.out(this.#lineOf(at, isFirst, change, state.value));
      }
    }
    this.#before = members;
  }

  close(): void {}

  #lineOf(at: string, isFirst: boolean, change: MemberChange, listing: MemberListing): string {
    const { member, what, words } = change;
    if (this.#format === "text") {
      return `${at}  ${escapeWord(member.name)}  ${escapeControls(words)}\n`;
    }
    const kind = isFirst ? "known" : what;
    return `${JSON.stringify({ at, change: kind, member: memberObject(member, listing) })}\n`;
  }
}

/** On a terminal: the list in its place, where what has just changed is marked. */
class Table {
  readonly ended: Promise<void>;
  readonly #screen: Screen;
  readonly #terminal: Terminal;
  readonly #paint: Paint;
  #end: () => void = () => {};
  #view: LiveView | undefined;
  #state: FeedState<MemberListing> | undefined;
  #before: readonly RpcMember[] | undefined;
  /** By name; those that are not fresh any more are dropped. */
  readonly #fresh = new Map<string, { readonly at: number; readonly words: string }>();

  constructor(screen: Screen, terminal: Terminal) {
    this.#screen = screen;
    this.#terminal = terminal;
    this.#paint = painter(terminal.outColours);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  take(state: FeedState<MemberListing>): void {
    this.#state = state;
    if (state.kind === "here") this.#mark(state.value.members);
    if (this.#view === undefined) {
      this.#view = new LiveView({
        screen: this.#screen,
        terminal: this.#terminal,
        paint: this.#paint,
        picture: (columns) => this.#picture(columns),
      });
      void this.#view.ended.then(() => this.#end());
    } else this.#view.draw();
  }

  /** What was shown last stays in the terminal. */
  close(): void {
    if (this.#view === undefined) return;
    this.#view.close();
    if (this.#state?.value !== undefined) this.#terminal.out(membersText(this.#state.value, false));
  }

  #mark(members: readonly RpcMember[]): void {
    const at = performance.now();
    for (const [name, change] of this.#fresh) {
      if (at - change.at > freshTime) this.#fresh.delete(name);
    }
    if (this.#before !== undefined) {
      for (const { member, words } of memberChanges(this.#before, members)) {
        this.#fresh.set(member.name, { at, words });
      }
    }
    this.#before = members;
  }

  #picture(columns: number): Picture {
    const paint = this.#paint;
    const state = this.#state;
    const members = state?.value?.members ?? [];
    const rows = members.map((member) => {
      const [name = "", address = "", status = "", tags = ""] = memberRow(member);
      const fresh = this.#fresh.get(member.name);
      return [
        { text: name, ...(fresh === undefined ? {} : { styles: ["bold"] as const }) },
        { text: address },
        { text: status, styles: statusStyle(status) },
        {
          text: fresh === undefined ? "" : escapeControls(fresh.words),
          styles: ["yellow"] as const,
        },
        { text: tags },
      ];
    });
    const [titles = "", ...body] = tableLines(titleRow, rows, columns, paint);
    const line = cut(summaryOf(members), columns);
    const head = [paint(line, "bold"), titles];
    return { head, body, foot: footOf(state) };
  }
}

const titleRow = ["NAME", "ADDRESS", "STATUS", "CHANGED", "TAGS"].map((title) => ({ title }));

function footOf(state: FeedState<unknown> | undefined): Cell {
  if (state?.kind !== "away") return { text: "q quits, arrows scroll", styles: ["dim"] };
  return { text: `agent away: ${escapeControls(state.reason)}`, styles: ["red"] };
}

/** `5 members: 4 alive, 1 failed`. */
function summaryOf(members: readonly RpcMember[]): string {
  const counts = new Map<string, number>();
  for (const { status } of members) counts.set(status, (counts.get(status) ?? 0) + 1);
  const parts = [...counts].sort().map(([status, count]) => `${count} ${status}`);
  const noun = members.length === 1 ? "member" : "members";
  return `${members.length} ${noun}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`;
}
