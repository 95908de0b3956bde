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
  const interrupted = endWithProcess(demo);
  try {
    process.exitCode = await demo.run(process.stdin);
  } catch (error) {
    // What fails because a signal is ending the demo is not worth a word.
    if (!interrupted()) throw error;
  } finally {
    await demo.end();
  }
}

/**
 * A signal ends the demo in order, a second one at once; whatever else ends it, it leaves nothing
 * behind. Returns what tells whether a signal has come.
 */
function endWithProcess(demo: Demo): () => boolean {
  let signals = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, async () => {
      signals += 1;
      if (signals === 1) await demo.end();
      process.exit(128 + constants.signals[signal]);
    });
  }
  process.once("exit", () => demo.endNow());
  // Nobody reads any more (`| head`): there is nobody left to show anything to.
  process.stdout.once("error", () => process.exit(1));
  return () => signals > 0;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const text = error instanceof OperatorError ? error.message : inspect(error);
  process.stderr.write(`gossipd demo: ${text}\n`);
  process.exitCode = 1;
});
