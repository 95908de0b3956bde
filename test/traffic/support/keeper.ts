import { readFileSync } from "node:fs";
import { readLbConfig } from "#lb/config-file.js";
import { LoadBalancer } from "#lb/load-balancer.js";
import type { LbMember, View } from "#lb/model.js";

/**
 * The process `keeper.js CONFIG MEMBERS [DEATH]`: a load balancer without an agent. MEMBERS is a file of
 * JSON lines of members, read at the start and at SIGHUP; at the DEATH-th boundary between two steps after
 * the first SIGHUP the process kills itself, as a kill -9 at that moment would.
 */
const [config = "", members = "", death = "0"] = process.argv.slice(2);

let boundaries = 0;
let counts = false;

const quiet = (): void => {};
const say = (fields: unknown, message: string): void => {
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
};

const keeper = await LoadBalancer.open(readLbConfig(config), {
  log: { trace: quiet, debug: quiet, info: say, warn: say, error: say },
  now: () => performance.now(),
  wallClock: () => new Date().toISOString(),
  after: (delay, run) => {
    const timer = setTimeout(run, delay);
    return () => clearTimeout(timer);
  },
  checkpoint: (name) => {
    if (!counts) return;
    boundaries += 1;
    process.stderr.write(`boundary ${boundaries} ${name}\n`);
    if (String(boundaries) === death) process.kill(process.pid, "SIGKILL");
  },
});

function view(): View {
  const lines = readFileSync(members, "utf8").split("\n").filter(Boolean);
  const list = lines.map((line): LbMember => {
    const { name, ip, port } = JSON.parse(line);
    const tags = new Map([
      ["role", "web"],
      ["port", String(port)],
    ]);
    return { name, ip, tags, status: "alive", suspected: false };
  });
  return { self: "lb1", members: list, health: { isolated: false, awareness: 0 }, joined: true };
}

process.on("SIGHUP", () => {
  counts = true;
  keeper.update(view());
});
process.once("SIGTERM", () => {
  void keeper.stop().then(() => process.exit(0));
});
keeper.update(view());
process.stdout.write("keeps\n");
