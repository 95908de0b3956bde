import { benchCodec } from "./codec.js";
import { benchLb, lbUsage } from "./lb/run.js";
import { benchLifeguard, lifeguardUsage } from "./lifeguard/run.js";
import { benchObserve, observeUsage } from "./observe.js";
import { benchPeers } from "./peers/run.js";
import { benchSimulator, runSimulator } from "./simulator.js";
import { benchStorm, stormUsage } from "./storm/run.js";

const usage = `usage: npm run bench -- codec
       npm run bench -- simulator
       npm run bench -- peers [--only NAME,...] [--agents 10,50] [--rounds N] [--json FILE] [--markdown]
${observeUsage}${lbUsage}${stormUsage}${lifeguardUsage}`;

const [what = "", ...args] = process.argv.slice(2);
switch (what) {
  case "codec":
    process.stdout.write(`Node.js ${process.version}, medians of runs in turns\n`);
    await benchCodec();
    break;
  case "lb":
    await benchLb(args);
    break;
  case "lifeguard":
    await benchLifeguard(args);
    break;
  case "storm":
    process.stdout.write(
      `npm run bench -- storm ${args.join(" ")} (Node.js ${process.version})\n\n`,
    );
    benchStorm(args);
    break;
  case "observe":
    await benchObserve(args);
    process.exit(0);
    break;
  case "peers":
    process.exit(await benchPeers(args));
    break;
  case "simulator":
    await benchSimulator();
    break;
  // A child of the above.
  case "simulator-run":
    runSimulator(args[0] ?? "");
    break;
  default:
    process.stderr.write(usage);
    process.exit(1);
}
