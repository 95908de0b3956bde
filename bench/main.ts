import { benchCodec } from "./codec.js";
import { benchProcesses } from "./processes.js";

const [what = "all", rounds = "15"] = process.argv.slice(2);
if (!["all", "codec", "processes"].includes(what)) {
  process.stderr.write(`bench: ${what} is not one of all, codec, processes\n`);
  process.exit(1);
}
process.stdout.write(`Node.js ${process.version}, medians of runs in turns\n`);
if (what !== "processes") await benchCodec();
if (what !== "codec") await benchProcesses(Number(rounds));
