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

/** What an application may be told by the signals of a process that runs it. */
const passedOn = [
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGWINCH",
  "SIGCONT",
] as const satisfies readonly NodeJS.Signals[];

/**
 * Calls `handle` for every signal that is not the agent's own, and for SIGHUP, which is for both, until
 * the function that is returned is called.
 */
export function onPassedSignals(handle: (signal: NodeJS.Signals) => void): () => void {
  return listen(passedOn, handle);
}

/** Calls `handle` for every signal of the agent from now on, until the function that is returned is called. */
export function onSignals(handle: (signal: AgentSignal) => void): () => void {
  return listen(Object.keys(names) as AgentSignal[], handle);
}

function listen<Signal extends NodeJS.Signals>(
  signals: readonly Signal[],
  handle: (signal: Signal) => void,
): () => void {
  const removals = signals.map((signal) => {
    const listener = (): void => handle(signal);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const remove of removals) remove();
  };
}
