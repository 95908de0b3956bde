import type { Entry } from "./command.js";

/** All commands, by name. */
export const registry: readonly Entry[] = [
  {
    name: "agent",
    summary: "Run a member of the cluster on this machine",
    load: async () => (await import("./commands/agent.js")).agentCommand,
  },
  {
    name: "completion",
    summary: "Print a script that completes commands in a shell",
    load: async () => (await import("./commands/completion.js")).completionCommand(registry),
  },
  {
    name: "config",
    summary: "Check or show the configuration of an agent",
    load: async () => (await import("./commands/config.js")).configCommand,
  },
  {
    name: "doctor",
    summary: "Find out what is wrong, and what to do about it",
    load: async () => (await import("./commands/doctor.js")).doctorCommand,
  },
  {
    name: "drain",
    summary: "Have load balancers send no new requests to a member, and wait",
    load: async () => (await import("./commands/drain.js")).drainCommand,
  },
  {
    name: "event",
    summary: "Send an event to all members",
    load: async () => (await import("./commands/event.js")).eventCommand,
  },
  {
    name: "force-leave",
    summary: "Take a failed member out of the cluster",
    load: async () => (await import("./commands/force-leave.js")).forceLeaveCommand,
  },
  {
    name: "handlers",
    summary: "Show the event handlers of the agent and their runs, or test one",
    load: async () => (await import("./commands/handlers.js")).handlersCommand,
  },
  {
    name: "health",
    summary: "Say whether the agent is well, for health checks",
    load: async () => (await import("./commands/health.js")).healthCommand,
  },
  {
    name: "info",
    summary: "Show what the agent says about itself",
    load: async () => (await import("./commands/info.js")).infoCommand,
  },
  {
    name: "join",
    summary: "Make the agent join a cluster",
    load: async () => (await import("./commands/join.js")).joinCommand,
  },
  {
    name: "keygen",
    summary: "Make a new encryption key",
    load: async () => (await import("./commands/keygen.js")).keygenCommand,
  },
  {
    name: "keys",
    summary: "Manage the encryption keys of all members",
    load: async () => (await import("./commands/keys.js")).keysCommand,
  },
  {
    name: "lb",
    summary: "Keep load balancers in step with the members",
    load: async () => (await import("./commands/lb.js")).lbCommand,
  },
  {
    name: "leave",
    summary: "Leave the cluster gracefully and stop the agent",
    load: async () => (await import("./commands/leave.js")).leaveCommand,
  },
  {
    name: "maint",
    summary: "Take a member out of the load balancers until it is ready",
    load: async () => (await import("./commands/maint.js")).maintCommand,
  },
  {
    name: "members",
    summary: "List the members of the cluster",
    load: async () => (await import("./commands/members.js")).membersCommand,
  },
  {
    name: "monitor",
    summary: "Follow the log and the events of the agent",
    load: async () => (await import("./commands/monitor.js")).monitorCommand,
  },
  {
    name: "query",
    summary: "Ask the members and show their answers",
    load: async () => (await import("./commands/query.js")).queryCommand,
  },
  {
    name: "reachability",
    summary: "Test whether all members can be reached",
    load: async () => (await import("./commands/reachability.js")).reachabilityCommand,
  },
  {
    name: "ready",
    summary: "Have load balancers send requests to a member again",
    load: async () => (await import("./commands/ready.js")).readyCommand,
  },
  {
    name: "rtt",
    summary: "Estimate the round trip time between two members",
    load: async () => (await import("./commands/rtt.js")).rttCommand,
  },
  {
    name: "run",
    summary: "Run an application and the member that stands for it",
    load: async () => (await import("./commands/run.js")).runCommand,
  },
  {
    name: "simulate",
    summary: "Simulate a cluster and measure it",
    load: async () => (await import("./commands/simulate.js")).simulateCommand,
  },
  {
    name: "tags",
    summary: "Change the tags of the running agent",
    load: async () => (await import("./commands/tags.js")).tagsCommand,
  },
  {
    name: "top",
    summary: "Watch the agent, its members, handlers and load balancers",
    load: async () => (await import("./commands/top.js")).topCommand,
  },
  {
    name: "version",
    summary: "Print the version",
    load: async () => (await import("./commands/version.js")).versionCommand,
  },
  {
    name: "wait",
    summary: "Wait until members, views or load balancers are as they should",
    load: async () => (await import("./commands/wait.js")).waitCommand,
  },
  {
    name: "why",
    summary: "Say what happened to a member, and the likely cause",
    load: async () => (await import("./commands/why.js")).whyCommand,
  },
];

/** The text that lists the commands. */
export function programUsage(program: string): string {
  const width = Math.max(...registry.map((entry) => entry.name.length));
  const rows = registry.map((entry) => `    ${entry.name.padEnd(width)}    ${entry.summary}\n`);
  const first = `Usage: ${program} [--version] [--help] <command> [<args>]`;
  return `${first}\n\nAvailable commands are:\n${rows.join("")}\n`;
}
