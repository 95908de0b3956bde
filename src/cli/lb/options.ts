import { OperatorError } from "../../base/errors.js";
import type { LbConfig } from "../../lb/config.js";
import { UsageError } from "../argv.js";
import type { Arguments, OptionSpec, Terminal } from "../command.js";

export const lbOption: OptionSpec = {
  flag: "lb",
  kind: "text",
  placeholder: "FILE",
  value: "path",
  help: "The configuration of the load balancer, or an agent's file with the section load_balancer. Otherwise GOSSIPD_LB counts.",
};

export const balancerOption: OptionSpec = {
  flag: "balancer",
  kind: "text",
  placeholder: "NAME",
  help: "Only the balancer of this name.",
};

/** The file that the flag or the environment names; undefined if neither does. */
export function lbFile(args: Arguments, { env }: Terminal): string | undefined {
  return args.text("lb") ?? (env.GOSSIPD_LB || undefined);
}

/** What that file says. Throws UsageError if none is named. */
export async function lbConfig(args: Arguments, terminal: Terminal): Promise<LbConfig> {
  const file = lbFile(args, terminal);
  if (file === undefined)
    throw new UsageError("Which load balancer? Give -lb FILE, or set GOSSIPD_LB.");
  const { readLbConfig } = await import("../../lb/config-file.js");
  const config = readLbConfig(file);
  const name = args.text("balancer");
  if (name === undefined) return config;
  const balancers = config.balancers.filter((one) => one.name === name);
  if (balancers.length > 0) return { ...config, balancers };
  const names = config.balancers.map((one) => one.name).join(", ");
  throw new OperatorError(`${file} has no balancer ${name}, but ${names}`);
}

/**
 * Runs `run`, and tells an OperatorError of it on stderr, away from what goes into a file or a pipe; the
 * exit code is `code` then.
 */
export async function orTrouble(
  terminal: Terminal,
  code: number,
  run: () => Promise<number>,
): Promise<number> {
  try {
    return await run();
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    terminal.err(`${thrown.message}\n`);
    return code;
  }
}
