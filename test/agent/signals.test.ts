import { expect, test } from "vitest";
import { type AgentSignal, type Reaction, reactionTo } from "../../src/agent/signals.js";

interface Row {
  readonly signal: AgentSignal;
  readonly leaveOnTerminate: boolean;
  readonly skipLeaveOnInterrupt: boolean;
  readonly reaction: Reaction;
}

test.for<Row>([
  { signal: "SIGINT", leaveOnTerminate: true, skipLeaveOnInterrupt: false, reaction: "leave" },
  { signal: "SIGINT", leaveOnTerminate: true, skipLeaveOnInterrupt: true, reaction: "stop" },
  { signal: "SIGTERM", leaveOnTerminate: true, skipLeaveOnInterrupt: true, reaction: "leave" },
  { signal: "SIGTERM", leaveOnTerminate: false, skipLeaveOnInterrupt: false, reaction: "stop" },
  { signal: "SIGHUP", leaveOnTerminate: false, skipLeaveOnInterrupt: true, reaction: "reload" },
])(
  "$signal with leave_on_terminate $leaveOnTerminate and skip_leave_on_interrupt $skipLeaveOnInterrupt: $reaction",
  ({ signal, reaction, ...settings }) => {
    expect(reactionTo(signal, settings)).toBe(reaction);
  },
);
