import { constants } from "node:os";
import { inspect } from "node:util";
import { OperatorError } from "../base/errors.js";
import { runBalancer } from "./balancer-process.js";
import { Demo } from "./demo.js";
import { helpText, parseOptions } from "./options.js";
import { Screen } from "./screen.js";
import { runWebServer } from "./web-server.js";

/** Runs the demo, or one of the two kinds of process that the demo starts from this same file. */
async function main(args: readonly string[]): Promise<void> {
  const [role, ...rest] = args;
  if (role === "web-server") return runWebServer(rest);
  if (role === "balancer") return runBalancer(rest);
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(helpText);
    return;
  }
  const demo = new Demo(options, new Screen(process.stdout));
  endWithProcess(demo);
  try {
    process.exitCode = await demo.run(process.stdin);
  } finally {
    await demo.end();
  }
}

/** A signal ends the demo in order; whatever else ends it, it leaves nothing behind. */
function endWithProcess(demo: Demo): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, async () => {
      await demo.end();
      process.exit(128 + constants.signals[signal]);
    });
  }
  process.once("exit", () => demo.endNow());
  // Nobody reads any more (`| head`): there is nobody left to show anything to.
  process.stdout.once("error", () => process.exit(1));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const text = error instanceof OperatorError ? error.message : inspect(error);
  process.stderr.write(`gossipd demo: ${text}\n`);
  process.exitCode = 1;
});
