import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BenchAgent, freshNet } from "../bench-agent.js";
import { kinds } from "../kinds.js";
import type { LoneScenario } from "../scenario.js";
import { pause, within } from "../waiting.js";

/** Events in each round. */
const events = 20;

/** From the request for an event until its handler runs, beside a shell that we start ourselves. */
export const handler: LoneScenario = {
  name: "handler",
  limit: 120_000,
  async run(rounds, note) {
    const folder = mkdtempSync(join(tmpdir(), "gossipd-bench-"));
    const bell = new Bell();
    const agents: BenchAgent[] = [];
    try {
      const port = await bell.listen();
      const script = join(folder, "ring.sh");
      // Bash opens the connection by itself: no further program takes part in what is measured.
      writeFileSync(script, `#!/bin/bash\n: > /dev/tcp/127.0.0.1/${port}\n`, { mode: 0o755 });
      const ip = freshNet();
      for (const kind of kinds) {
        const args = [`-event-handler=user:ring=${script}`];
        agents.push(await BenchAgent.start({ kind, name: "n1", ip: ip(1 + agents.length), args }));
      }
      await pause(1_000);
      for (let event = 0; event < events * rounds; event += 1) {
        const floor = await bell.after(async () => {
          spawn(script, { stdio: "ignore" });
        });
        note("floor", [{ figure: "handler", value: floor }]);
        for (const { kind, rpc } of agents) {
          const value = await bell.after(() => rpc.userEvent("ring", new Uint8Array(0), false));
          note(kind, [{ figure: "handler", value }]);
        }
      }
    } finally {
      for (const agent of agents) await agent.end();
      bell.close();
      rmSync(folder, { recursive: true });
    }
  },
};

/** Is rung by whoever connects. */
class Bell {
  readonly #server: Server = createServer((socket) => socket.destroy());

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    return address.port;
  }

  /** Milliseconds from the begin of `act` to the ring. */
  async after(act: () => Promise<void>): Promise<number> {
    const rung = once(this.#server, "connection").then(() => performance.now());
    const begin = performance.now();
    await act();
    const value = (await within("the handler", 10_000, rung)) - begin;
    // The next one should find the processor idle again.
    await pause(30);
    return value;
  }

  close(): void {
    this.#server.close();
  }
}
