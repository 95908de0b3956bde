import type { ReadStream } from "node:tty";
import { reasonOf } from "../base/errors.js";
import type { Millis } from "../base/units.js";
import type { Cluster, Step } from "./cluster.js";
import { readKeys } from "./keys.js";
import { formatSeconds } from "./report.js";
import type { Screen } from "./screen.js";
import { firstNodes } from "./script.js";
import type { Stage } from "./stage.js";
import { keyLines, readWish } from "./wish.js";

/** Steps that may wait for the one that is going on. */
const waitingLimit = 5;

/** How long the demo may wait for the step that is going on when the user has had enough. */
const quitBound: Millis = 1_000;

/** Does what the keys say, one step after the other, until the user quits. */
export class Interactive {
  #chosen: string | undefined;
  #added = firstNodes.length;
  #waiting = 0;
  #steps: Promise<void> = Promise.resolve();
  readonly #cluster: Cluster;
  readonly #stage: Stage;
  readonly #screen: Screen;

  constructor(cluster: Cluster, stage: Stage, screen: Screen) {
    this.#cluster = cluster;
    this.#stage = stage;
    this.#screen = screen;
  }

  /** The node that the next stop or kill is for. */
  get chosen(): string | undefined {
    const { running } = this.#cluster;
    return running.find((name) => name === this.#chosen) ?? running[0];
  }

  /** Resolves when the user quits. `onTerminal` gets what gives the terminal back, for an early end. */
  async run(input: ReadStream, onTerminal: (restore: () => void) => void): Promise<void> {
    this.#showKeys();
    await new Promise<void>((resolve) => {
      onTerminal(readKeys(input, (key) => this.#handle(key, resolve)));
    });
    await Promise.race([this.#steps, new Promise((resolve) => setTimeout(resolve, quitBound))]);
  }

  #handle(key: string, quit: () => void): void {
    const { running, gone } = this.#cluster;
    const nextName = `web${this.#added + 1}`;
    const wish = readWish(key, { running, gone, chosen: this.chosen, nextName });
    switch (wish?.kind) {
      case "quit":
        quit();
        break;
      case "help":
        this.#showKeys();
        break;
      case "choose":
        this.#chosen = wish.name;
        break;
      case "impossible":
        this.#screen.tell("you", `cannot: ${wish.why}`);
        break;
      case "step":
        this.#enqueue(wish.step);
        break;
    }
  }

  #showKeys(): void {
    for (const line of keyLines) this.#screen.tell("keys", line);
  }

  #enqueue(step: Step): void {
    if (this.#waiting >= waitingLimit) return;
    if (step.kind === "add") this.#added += 1;
    this.#waiting += 1;
    this.#screen.tell("you", `${step.kind} ${step.name}`);
    this.#steps = this.#steps.then(async () => {
      await this.#perform(step);
      this.#waiting -= 1;
    });
  }

  async #perform(step: Step): Promise<void> {
    // Keys that were pressed in a hurry may ask for a node that is gone by now.
    const { running, gone } = this.#cluster;
    const from = step.kind === "return" ? gone : running;
    if (step.kind !== "add" && !from.includes(step.name)) return;
    try {
      const phase = await this.#stage.perform(step);
      const { answered, lost } = phase.tally;
      const settled = `settled after ${formatSeconds(phase.settledAfter)}`;
      this.#screen.tell("clients", `${settled}: ${answered} answers, ${lost} requests lost`);
    } catch (error) {
      this.#screen.tell(step.name, reasonOf(error));
    }
  }
}
