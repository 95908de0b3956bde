import { OperatorError } from "../base/errors.js";
import { RpcClient } from "../rpc/client.js";
import type { RpcTimeouts } from "../rpc/connection.js";
import type { Arguments, OptionSpec, Terminal } from "./command.js";

const defaultAddress = "127.0.0.1:7373";

/** The flags of every command that talks to an agent. */
export const rpcOptions: readonly OptionSpec[] = [
  {
    flag: "rpc-addr",
    kind: "text",
    placeholder: "HOST:PORT",
    help: `Where the agent listens for commands. Otherwise SERF_RPC_ADDR counts, then GOSSIPD_RPC_ADDR, then ${defaultAddress}.`,
  },
  {
    flag: "rpc-auth",
    kind: "text",
    placeholder: "TOKEN",
    help: "The token that the agent asks for. Otherwise SERF_RPC_AUTH counts, then GOSSIPD_RPC_AUTH.",
  },
];

/**
 * Runs `use` with a connection to the agent that the flags and the environment name. That the
 * connection fails is an OperatorError.
 */
export async function withAgent<T>(
  args: Arguments,
  terminal: Terminal,
  use: (agent: RpcClient) => Promise<T>,
): Promise<T> {
  const agent = await connectAgent(args, terminal);
  try {
    return await use(agent);
  } finally {
    agent.close();
  }
}

/** A connection to the agent that the flags and the environment name, for the caller to close. */
export async function connectAgent(
  args: Arguments,
  terminal: Terminal,
  timeouts: Partial<RpcTimeouts> = {},
): Promise<RpcClient> {
  return await introduce("Error connecting to Serf agent", () => connect(args, terminal, timeouts));
}

/** Asks the agent one thing; `failure` stands before the reason why it cannot be had. */
export async function askAgent<T>(
  args: Arguments,
  terminal: Terminal,
  failure: string,
  ask: (agent: RpcClient) => Promise<T>,
): Promise<T> {
  return await withAgent(args, terminal, (agent) => introduce(failure, () => ask(agent)));
}

/** Resolves when the user interrupts, which does not end the process then. */
export function interrupted(terminal: Terminal): Promise<void> {
  return new Promise((resolve) => terminal.onInterrupt(resolve));
}

/** What `run` comes to, or 1 as soon as the user interrupts; that is listened for before `run` begins. */
export function unlessInterrupted(terminal: Terminal, run: () => Promise<number>): Promise<number> {
  const stopped = interrupted(terminal).then(() => 1);
  return Promise.race([run(), stopped]);
}

/** Puts `failure` in front of an OperatorError of `run`. */
export async function introduce<T>(failure: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    throw new OperatorError(`${failure}: ${thrown.message}`, { cause: thrown });
  }
}

async function connect(
  args: Arguments,
  { env }: Terminal,
  timeouts: Partial<RpcTimeouts>,
): Promise<RpcClient> {
  // An empty variable counts as unset, an empty flag does not.
  const authKey = args.text("rpc-auth") ?? (env.SERF_RPC_AUTH || env.GOSSIPD_RPC_AUTH || "");
  return await RpcClient.connect({ ...addressOf(args, env), authKey, timeouts });
}

function addressOf(args: Arguments, env: Terminal["env"]): { host: string; port: number } {
  const address = args.text("rpc-addr") ?? (env.SERF_RPC_ADDR || undefined);
  if (address !== undefined) return parseHostPort(address);
  // That is the agent's own setting, which may say that it listens on all addresses.
  const { host, port } = parseHostPort(env.GOSSIPD_RPC_ADDR || defaultAddress);
  return { host: loopbackOf[host] ?? host, port };
}

const loopbackOf: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** `host:port` or `[host]:port`; without a host it is this one. Throws OperatorError. */
function parseHostPort(address: string): { host: string; port: number } {
  const wrong = (what: string): OperatorError => new OperatorError(`dial tcp: ${what}`);
  if (address === "") throw wrong("missing address");
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(address) ?? [];
  if (port === undefined) {
    const colons = !address.startsWith("[") && address.split(":").length > 2;
    throw wrong(
      `address ${address}: ${colons ? "too many colons in address" : "missing port in address"}`,
    );
  }
  if (!/^\d*$/.test(port) || Number(port) > 65_535) throw wrong(`address ${port}: invalid port`);
  return { host: bracketed || plain || "localhost", port: Number(port) };
}
