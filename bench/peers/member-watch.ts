import type { BenchAgent } from "./bench-agent.js";

export type ChangeKind = "join" | "leave" | "failed";

/** What one agent says has become of a member. */
export interface Change {
  readonly kind: ChangeKind;
  readonly member: string;
}

/** A change that {@link MemberWatch} saw; `at` is of our clock. */
export interface SeenChange extends Change {
  readonly viewer: string;
  readonly at: number;
}

const changeKinds: Readonly<Record<string, ChangeKind>> = {
  Join: "join",
  Leave: "leave",
  Failed: "failed",
};

/** Of a line of an agent's log; undefined if it is about something else. */
export function parseChange(line: string): Change | undefined {
  const match = /serf: EventMember(\w+)(?: \(forced\))?: (\S+)/.exec(line);
  const kind = changeKinds[match?.[1] ?? ""];
  return kind === undefined ? undefined : { kind, member: match?.[2] as string };
}

/**
 * What all agents of a group say of their members, on one clock, in the line of the log that both
 * programs write at once: handlers and event streams are told a second later, when nothing more comes.
 */
export class MemberWatch {
  readonly #sinks = new Set<(change: SeenChange) => void>();

  async follow(agent: BenchAgent): Promise<void> {
    await agent.rpc.monitor("INFO", (line) => {
      if (this.#sinks.size === 0) return;
      const change = parseChange(line);
      if (change === undefined) return;
      const seen = { ...change, viewer: agent.name, at: performance.now() };
      for (const sink of this.#sinks) sink(seen);
    });
  }

  /** Tells `sink` until the result is called. */
  listen(sink: (change: SeenChange) => void): () => void {
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }
}
