import type { ReadStream } from "node:tty";
import type { Millis } from "../base/units.js";
import { Children } from "./children.js";
import { Cluster } from "./cluster.js";
import { Interactive } from "./interactive.js";
import { Load } from "./load.js";
import { startLoadBalancer } from "./load-balancers.js";
import { Loopback } from "./loopback.js";
import type { DemoOptions } from "./options.js";
import type { Phase } from "./phase.js";
import { summary, verdict } from "./report.js";
import type { Screen } from "./screen.js";
import { firstNodes, runScript, scriptedSteps } from "./script.js";
import { Stage } from "./stage.js";
import { statusLine } from "./status-line.js";
import type { Outcome } from "./tally.js";
import { Workshop } from "./workshop.js";
import { followFile, type LineChanges } from "./written-file.js";

/** How long the processes get to end by themselves. */
const endBound: Millis = 2_000;

/** How often the line at the bottom is brought up to date. */
const statusEvery: Millis = 500;

/** Twelve clients make a few hundred requests in a second: enough to notice, and a small load. */
const clients = { fresh: 6, kept: 6, pause: 30 } as const;

/** One run: everything is started, shown, and taken away again. */
export class Demo {
  readonly #options: DemoOptions;
  readonly #screen: Screen;
  readonly #children = new Children();
  #workshop: Workshop | undefined;
  #ending = false;
  /** What is to be undone, the last first. At most one for each part of the demo. */
  readonly #undo: (() => void)[] = [];

  constructor(options: DemoOptions, screen: Screen) {
    this.#options = options;
    this.#screen = screen;
  }

  /** Resolves with the exit code. Throws OperatorError if something does not start. */
  async run(input: ReadStream): Promise<number> {
    const { agent, proxy: wanted } = this.#options;
    const workshop = new Workshop(agent);
    this.#workshop = workshop;
    const loopback = await Loopback.open();
    if (!loopback.distinct) this.#tell("demo", "only 127.0.0.1 here: nodes differ by their ports");
    const ip = loopback.address(1);
    const [port, statusPort] = [await loopback.freePort(ip), await loopback.freePort(ip)];
    const children = this.#children;
    const listen = { ip, port, statusPort };
    const proxy = await startLoadBalancer(wanted, children, workshop, listen, this.#tell);
    this.#tell("balancer", `${proxy.title} is on http://${ip}:${port}`);
    this.#undo.push(followFile(proxy.written, (changes) => this.#tellChanges(changes)));
    const cluster = new Cluster({
      children,
      workshop,
      loopback,
      proxy,
      leaveSignal: agent === undefined ? "SIGTERM" : "SIGINT",
      killedReturn: agent === undefined,
      tell: this.#tell,
    });
    await cluster.startBalancerAgent();
    const stage = new Stage(cluster, proxy, this.#tell);
    this.#undo.push(() => stage.close());
    await stage.open(firstNodes);
    const onOutcome = (outcome: Outcome) => stage.handleOutcome(outcome);
    const load = new Load({ ip, port, ...clients, onOutcome });
    this.#undo.push(() => load.stop());
    load.start();
    const scripted = this.#options.script || !input.isTTY;
    await this.#play(cluster, stage, scripted ? undefined : input);
    await load.stop();
    const right = this.#conclude(stage.phases);
    return right || !scripted ? 0 : 1;
  }

  /** Ends all processes, and takes away what the demo made. */
  async end(): Promise<void> {
    this.#undoAll();
    await this.#children.endAll(endBound);
    this.#workshop?.remove();
  }

  /** The same without waiting, for a process that is about to exit. */
  endNow(): void {
    this.#undoAll();
    this.#children.killAll();
    this.#workshop?.remove();
  }

  #undoAll(): void {
    this.#ending = true;
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) undo();
  }

  async #play(cluster: Cluster, stage: Stage, input: ReadStream | undefined): Promise<void> {
    if (input === undefined && !this.#options.script) {
      this.#tell("demo", "no terminal to press keys on: this is what --script shows");
    }
    const interactive = input && new Interactive(cluster, stage, this.#screen);
    const show = () => this.#screen.status(statusLine(cluster, stage, interactive, this.#screen));
    const timer = setInterval(show, statusEvery);
    const clear = () => {
      clearInterval(timer);
      this.#screen.status([]);
    };
    this.#undo.push(clear);
    if (interactive) await interactive.run(input, (restore) => this.#undo.push(restore));
    else await runScript(stage, scriptedSteps(cluster.killedReturn), this.#tell);
    clear();
  }

  #conclude(phases: readonly Phase[]): boolean {
    const { right, lines } = verdict(phases);
    this.#screen.line("");
    for (const line of summary(phases)) this.#screen.line(line);
    this.#screen.line("");
    for (const line of lines) this.#screen.line(this.#screen.paint(line, right ? "green" : "red"));
    return right;
  }

  readonly #tell = (who: string, text: string): void => {
    // What the processes say when they are ended is not part of the show.
    if (!this.#ending) this.#screen.tell(who, text);
  };

  #tellChanges({ added, removed }: LineChanges): void {
    for (const line of removed) this.#tell("handler", this.#screen.paint(`- ${line}`, "red"));
    for (const line of added) this.#tell("handler", this.#screen.paint(`+ ${line}`, "green"));
  }
}
