/** What is measured, and what it should be. */
export interface Figure {
  readonly title: string;
  readonly unit: string;
  /** The value over Serf's, or over the floor. Without one nothing is aimed at. */
  readonly aim?: Aim;
  /** The worst of all counts as well, and not only the middle. */
  readonly worst?: boolean;
}

export interface Aim {
  readonly over: "serf" | "floor";
  readonly bound: "at most" | "at least";
  readonly factor: number;
}

const noMoreThanSerf: Aim = { over: "serf", bound: "at most", factor: 1 };
const noLessThanSerf: Aim = { over: "serf", bound: "at least", factor: 1 };
const nearNode: Aim = { over: "floor", bound: "at most", factor: 1.5 };

/** In the order in which they are shown. */
export const figures = {
  start: { title: "start to RPC ready", unit: "ms", aim: nearNode },
  cli: { title: "`members` on the command line", unit: "ms", aim: nearNode },
  handler: { title: "event to start of its handler", unit: "ms" },
  rss: {
    title: "memory, resident",
    unit: "MB",
    aim: { over: "floor", bound: "at most", factor: 1.35 },
  },
  pss: { title: "memory, shared in part", unit: "MB" },
  own: { title: "memory, not shared", unit: "MB" },
  cpu: {
    title: "CPU, idle",
    unit: "ms/s",
    aim: { over: "serf", bound: "at most", factor: 1.5 },
  },
  packets: { title: "UDP packets sent, idle", unit: "/s", aim: noMoreThanSerf },
  udp: { title: "UDP sent, idle", unit: "B/s", aim: noMoreThanSerf },
  tcp: { title: "TCP sent, idle", unit: "B/s", aim: noMoreThanSerf },
  converge: {
    title: "join at once, all see all",
    unit: "ms",
    aim: noMoreThanSerf,
    worst: true,
  },
  eventFirst: { title: "event, at the first other", unit: "ms", aim: noMoreThanSerf },
  eventMedian: { title: "event, at half of all", unit: "ms", aim: noMoreThanSerf },
  eventLast: { title: "event, at the last", unit: "ms", aim: noMoreThanSerf, worst: true },
  eventMissed: { title: "events that somebody missed", unit: "%", aim: noMoreThanSerf },
  queryLast: { title: "query, all acks", unit: "ms", aim: noMoreThanSerf, worst: true },
  queryMissed: { title: "query, acks missing", unit: "%", aim: noMoreThanSerf },
  lost: { title: "events lost", unit: "%", aim: noMoreThanSerf },
  drained: { title: "burst of 5 s, last arrival", unit: "s" },
  withoutLoss: { title: "events without loss (below 0.01 %)", unit: "/s", aim: noLessThanSerf },
  falseFailed: { title: "five stopped, healthy ones failed", unit: "", aim: noMoreThanSerf },
  stoppedFailed: { title: "five stopped, stopped ones failed", unit: "" },
  leaveLast: { title: "leave, known to all", unit: "ms", aim: noMoreThanSerf, worst: true },
  leaveGone: { title: "leave, process gone", unit: "ms", aim: noMoreThanSerf },
  leaveFailed: { title: "leave, shown as failed", unit: "agents", aim: noMoreThanSerf },
  killFirst: { title: "kill -9, first to see it", unit: "ms", aim: noMoreThanSerf },
  killLast: {
    title: "kill -9, last to see it",
    unit: "ms",
    aim: { over: "serf", bound: "at most", factor: 0.4 },
    worst: true,
  },
  membersTime: { title: "RPC `members`", unit: "ms", aim: noMoreThanSerf },
  membersRate: { title: "RPC `members`", unit: "/s", aim: noLessThanSerf },
  membersCpu: { title: "RPC `members`, CPU of the agent", unit: "ms", aim: noMoreThanSerf },
  membersTaken: { title: "taking members in by push/pull", unit: "ms", aim: noMoreThanSerf },
  membersGrowth: { title: "memory more than before", unit: "MB", aim: noMoreThanSerf },
} as const satisfies Record<string, Figure>;

export type FigureName = keyof typeof figures;

/** One value of a figure. */
export interface Sample {
  readonly figure: FigureName;
  readonly value: number;
  /** What it was measured with, such as `200/s`; rows of their own. */
  readonly variant?: string;
}
