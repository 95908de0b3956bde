import type { Settings } from "./settings.js";

/** The signals that an agent understands, by what Go and so Serf's users call them. */
const names = {
  SIGINT: "interrupt",
  SIGTERM: "terminated",
  SIGHUP: "hangup",
} as const;

export type AgentSignal = keyof typeof names;

/** What to do about a signal. */
export type Reaction = "leave" | "stop" | "reload";

/** Where SIGTERM leaves gracefully unless told not to, Serf stops unless told to leave. */
export function reactionTo(
  signal: AgentSignal,
  settings: Pick<Settings, "leaveOnTerminate" | "skipLeaveOnInterrupt">,
): Reaction {
  switch (signal) {
    case "SIGHUP":
      return "reload";
    case "SIGINT":
      return settings.skipLeaveOnInterrupt ? "stop" : "leave";
    case "SIGTERM":
      return settings.leaveOnTerminate ? "leave" : "stop";
  }
}

/** The name of a signal for the operator. */
export function signalName(signal: AgentSignal): string {
  return names[signal];
}

/** Calls `handle` for every signal from now on, until the function that is returned is called. */
export function onSignals(handle: (signal: AgentSignal) => void): () => void {
  const listeners = (Object.keys(names) as AgentSignal[]).map((signal) => {
    const listener = (): void => handle(signal);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const remove of listeners) remove();
  };
}
