import { UsageError } from "../argv.js";
import type { Command, Subcommand } from "../command.js";
import { applyCommand } from "../lb/apply.js";
import { orderSubcommands } from "../lb/orders.js";
import { diffCommand, renderCommand } from "../lb/preview.js";
import { statusCommand } from "../lb/status.js";
import { watchCommand } from "../lb/watch.js";

const subcommands: readonly Subcommand[] = [
  { name: "apply", summary: "Bring proxies in step with the members once", command: applyCommand },
  { name: "diff", summary: "Show what a pass would change", command: diffCommand },
  { name: "render", summary: "Print what the proxy's file should hold", command: renderCommand },
  { name: "status", summary: "Show what is wanted and what is served", command: statusCommand },
  { name: "watch", summary: "Keep proxies in step, beside any agent", command: watchCommand },
  ...orderSubcommands,
];

const width = Math.max(...subcommands.map(({ name }) => name.length));

export const lbCommand: Command = {
  name: "lb",
  usage: "COMMAND [options]",
  about:
    "Keeps load balancers in step with the members of the cluster. An agent does that by itself with the section load_balancer in its configuration; these commands do it beside an agent, and show and steer what is done.",
  options: [],
  subcommands,
  epilogue: `Commands:

${subcommands.map(({ name, summary }) => `  ${name.padEnd(width)} ${summary}`).join("\n")}`,
  run: async ({ positionals: [given] }) => {
    if (given === undefined) throw new UsageError("Say what to do.");
    const { suggest } = await import("../../base/suggest.js");
    const near = suggest(
      given,
      subcommands.map(({ name }) => name),
    );
    const hint = near === undefined ? "" : `, did you mean ${near}?`;
    throw new UsageError(`There is no lb ${given}${hint}`);
  },
};
