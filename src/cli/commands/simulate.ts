import type { SizeResult } from "../../simulate/job.js";
import { simulate } from "../../simulate/simulation.js";
import { tablesOf } from "../../simulate/tables.js";
import { toText } from "../../simulate/text.js";
import { count } from "../../simulate/units.js";
import { UsageError } from "../argv.js";
import type { Command } from "../command.js";
import { outputFormat, toJson } from "../output.js";
import { ProgressBar } from "../progress-bar.js";
import { asJson, describeOrders, givenCommand } from "../simulate-description.js";
import { readOrders, simulateOptions } from "../simulate-options.js";
import { packageVersion } from "./version.js";

/** From here and from the bundle alike, the package's folder is three up. */
const bundle = new URL("../../../dist/bundle/", import.meta.url);
const workerFile = new URL("simulate/worker.js", bundle);

/** What a shell says of a command that was interrupted. */
const interruptedExitCode = 130;

export const simulateCommand: Command = {
  name: "simulate",
  usage: "[options]",
  about:
    "Simulates a cluster in this process and tells how soon everybody knows of what happens, what " +
    "each member sends, and how often one is declared failed that is well. The members are the " +
    "agent's own code, time and network are not real, and the same seed gives the same figures. A " +
    "user event, a change of tags, leaves and then crashes follow each other.",
  options: simulateOptions,
  epilogue: `Examples:

  gossipd simulate -nodes 1000 -loss 2% -kill 5%
  gossipd simulate -nodes 10,100,1000 -repeat 5 -html report.html
  gossipd simulate -nodes 50 -profile wan -network regions -kill-hosts 3
  gossipd simulate -nodes 100 -stall 16% -stall-for 20s -format json`,
  run: async (args, terminal) => {
    if (args.positionals.length > 0) throw new UsageError("simulate takes flags only.");
    const format = outputFormat(args);
    const orders = readOrders(args);
    const path = args.text("html");
    const report = path === undefined ? undefined : await import("../simulate-report.js");
    if (path !== undefined) report?.checkWritable(path);
    const interrupt = new AbortController();
    terminal.onInterrupt(() => interrupt.abort());
    const bar = new ProgressBar(terminal);
    let results: readonly SizeResult[];
    try {
      results = await simulate(workerFile, orders, interrupt.signal, ({ done, nodes, seed }) =>
        bar.show(done, `${count(nodes)} members, seed ${seed}`),
      );
    } catch (thrown) {
      if (interrupt.signal.aborted) return interruptedExitCode;
      throw thrown;
    } finally {
      bar.clear();
    }
    const described = {
      command: givenCommand(args, orders),
      about: describeOrders(orders),
      version: packageVersion(),
    };
    const compression = orders[0]?.[0].compression ?? false;
    const tables = tablesOf(results, compression);
    if (path !== undefined) report?.writeReport(path, { ...described, results, tables }, bundle);
    if (format === "json") terminal.out(`${toJson(asJson(described, orders, results))}\n`);
    else terminal.out(`${toText(`${described.about}\n${described.command}`, tables)}\n`);
    return 0;
  },
};
