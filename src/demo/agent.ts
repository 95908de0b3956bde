import type { Millis } from "../base/units.js";
import type { Child, Children } from "./children.js";
import { untilReady } from "./patience.js";
import type { Workshop } from "./workshop.js";

/** How long an agent may take to start and to join. */
const startBound: Millis = 15_000;

export interface AgentOptions {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly rpcPort: number;
  readonly tags: Readonly<Record<string, string>>;
  /** The `ip:port` of a member; undefined for the first. */
  readonly join?: string;
  /** The event handler's command line, and what it finds in its environment. */
  readonly handler?: { readonly command: string; readonly env: Readonly<Record<string, string>> };
  readonly onLine?: (line: string) => void;
}

/** What an agent's log says of the members. */
export interface MemberNews {
  readonly what: "joined" | "left" | "failed" | "was updated" | "was forgotten";
  readonly name: string;
}

const happenings = {
  Join: "joined",
  Leave: "left",
  Failed: "failed",
  Update: "was updated",
  Reap: "was forgotten",
} as const;

/** The member event of a log line; the same line from gossipd and from Serf. */
export function readNews(line: string): MemberNews | undefined {
  const match = /serf: EventMember(Join|Leave|Failed|Update|Reap)(?: \(forced\))?: (\S+)/.exec(
    line,
  );
  if (match === null) return undefined;
  const [, kind = "", name = ""] = match;
  return { what: happenings[kind as keyof typeof happenings], name };
}

/** What a log line says of a handler that had something to complain of; undefined for all others. */
export function readComplaint(line: string): string | undefined {
  const output = /agent: Event '[^']*' script output: (.+)$/.exec(line)?.[1];
  if (output !== undefined) return output.replaceAll("\\n", " ").trim() || undefined;
  const status = /agent: Error invoking script .*: (exit status \d+|signal: \w+)/.exec(line)?.[1];
  return status === undefined ? undefined : `failed: ${status}`;
}

/** Starts an agent process and waits until it runs and, if it was to join, has joined. */
export async function startAgent(
  children: Children,
  workshop: Workshop,
  options: AgentOptions,
): Promise<Child> {
  const said = { running: false, joined: options.join === undefined };
  const rpc = `${options.ip}:${options.rpcPort}`;
  const child = children.start(`agent ${options.name}`, workshop.gossipd, agentArgs(options), {
    env: { PATH: workshop.path, SERF_RPC_ADDR: rpc, ...options.handler?.env },
    onLine: (line) => {
      if (line.includes("agent running!")) said.running = true;
      if (line.includes("Join completed.")) said.joined = true;
      options.onLine?.(line);
    },
  });
  await untilReady(child, () => said.running && said.joined, startBound);
  return child;
}

function agentArgs(options: AgentOptions): string[] {
  const { name, ip, port, rpcPort, tags, join, handler } = options;
  const args = ["agent", "-node", name, "-bind", `${ip}:${port}`];
  args.push("-rpc-addr", `${ip}:${rpcPort}`);
  for (const [tag, value] of Object.entries(tags)) args.push("-tag", `${tag}=${value}`);
  if (join !== undefined) args.push("-join", join);
  if (handler !== undefined) args.push("-event-handler", handler.command, "-log-level", "debug");
  return args;
}
