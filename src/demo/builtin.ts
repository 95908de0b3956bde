import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Children } from "./children.js";
import { ask, type Listen, type LoadBalancer, startBound } from "./load-balancer.js";
import { untilReady } from "./patience.js";
import { demoProgram, packageRoot, quote, type Workshop } from "./workshop.js";

/** Starts the built-in balancer as a process of its own. */
export async function startBuiltin(
  children: Children,
  workshop: Workshop,
  listen: Listen,
): Promise<LoadBalancer> {
  const { ip, port, statusPort } = listen;
  const list = workshop.file("backends");
  writeFileSync(list, "");
  const args = [demoProgram, "balancer", ip, String(port), String(statusPort), list];
  const child = children.start("built-in balancer", process.execPath, args);
  await untilReady(child, () => child.lastLines.includes("listening"), startBound);
  return {
    title: "The demo's own balancer",
    handler: {
      command: `*=${quote(join(packageRoot, "src", "demo", "builtin.sh"))}`,
      env: {
        BACKENDS: join(packageRoot, "handlers", "backends.sh"),
        BALANCER_LIST: list,
        BALANCER_PID: String(child.pid),
      },
    },
    written: list,
    served: async () => {
      const text = await ask(ip, statusPort, "/");
      return text?.split("\n").filter((line) => line !== "");
    },
  };
}
