import { parseArgs } from "node:util";
import { OperatorError, reasonOf } from "../base/errors.js";

/** The balancers that the demo can put in front; `auto` takes the first that is installed. */
const proxyNames = ["auto", "haproxy", "nginx", "builtin"] as const;
export type ProxyName = (typeof proxyNames)[number];

export interface DemoOptions {
  readonly help: boolean;
  /** Run the fixed sequence, judge it and exit. */
  readonly script: boolean;
  readonly proxy: ProxyName;
  /** The program to run as agent and client; undefined is this repository's own. */
  readonly agent: string | undefined;
}

export const helpText = `Usage: npm run demo -- [options]

  Three web nodes and a load balancer on loopback addresses, a gossipd agent beside each. The agent
  of the balancer runs a handler that writes the balancer's configuration whenever the cluster
  changes; a stream of requests shows what the users of the web nodes notice of it.

  Keys: a add a node, s stop one (it leaves first), k kill -9 one, r return a stopped one at another
  address, 1-9 choose which one, q quit.

Options:

  --script        Run a fixed sequence without keys: add, graceful stop, kill -9, return at another
                  address. The exit code is 1 if the balancer's view was wrong after it settled, or
                  a request failed that should not have. Also what happens without a terminal.
  --proxy NAME    haproxy, nginx, builtin or auto (the default): HAProxy if it is installed, else
                  nginx, else a small balancer of the demo's own.
  --agent PROGRAM For developers: run PROGRAM (HashiCorp's serf, say) in the place of gossipd.
  --help          Show this text.
`;

/** Throws OperatorError on what it does not know. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const { help, script, proxy, agent } = parse(args);
  if (!isProxyName(proxy)) {
    throw new OperatorError(`--proxy ${proxy}: must be one of ${proxyNames.join(", ")}`);
  }
  return { help, script, proxy, agent };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        script: { type: "boolean", default: false },
        proxy: { type: "string", default: "auto" },
        agent: { type: "string" },
      },
    }).values as { help: boolean; script: boolean; proxy: string; agent: string | undefined };
  } catch (error) {
    throw new OperatorError(`${reasonOf(error)}\nSee npm run demo -- --help`);
  }
}

function isProxyName(name: string): name is ProxyName {
  return (proxyNames as readonly string[]).includes(name);
}
