import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { waitUntil } from "./waiting.js";

/** How much of a child's output is kept, characters; the newest. */
const keptOutput = 2_000_000;

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Whether it can be written to; see {@link Child.write}. */
  readonly stdin?: "ignore" | "pipe";
  /** Goes in front of the program, such as `ip netns exec NAME`; it must become the program. */
  readonly within?: readonly string[];
}

/** All that we started and that still runs. */
const running = new Set<ChildProcess>();

/** However we end, short of a SIGKILL: nothing outlives us. */
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A program that a test started; it can be killed, frozen and asked what it said. */
export class Child {
  readonly title: string;
  /** Resolves when it is gone, with how: `exit status 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>;
  readonly #process: ChildProcess;
  #said = "";
  #runs = true;

  constructor(
    title: string,
    command: readonly [string, ...string[]],
    { env = {}, cwd = tmpdir(), stdin = "ignore", within = [] }: ChildOptions = {},
  ) {
    this.title = title;
    const [program, ...args] = [...within, ...command];
    this.#process = spawn(program ?? "", args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [stdin, "pipe", "pipe"],
    });
    running.add(this.#process);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#said = (this.#said + text).slice(-keptOutput);
      });
    }
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#runs = false;
        running.delete(this.#process);
        resolve(how);
      };
      this.#process.once("error", ({ message }) => end(message));
      this.#process.once("exit", (code, signal) =>
        end(signal === null ? `exit status ${code}` : `signal ${signal}`),
      );
    });
  }

  get runs(): boolean {
    return this.#runs;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The newest of what it printed, on stdout and stderr. */
  get said(): string {
    return this.#said;
  }

  /** Waits until `ready`; fails at once if the program ends before. */
  async becomes(what: string, ready: () => boolean | Promise<boolean>): Promise<void> {
    await waitUntil(`${this.title} ${what}`, async () => {
      if (!this.#runs) throw new Error(`${this.title} ended:\n${this.#said}`);
      return await ready();
    });
  }

  write(text: string): void {
    this.#process.stdin?.write(text);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#runs) this.#process.kill(signal);
  }

  /** It stands still, as if its machine did, and keeps all that it holds. */
  freeze(): void {
    this.signal("SIGSTOP");
  }

  thaw(): void {
    this.signal("SIGCONT");
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /** SIGTERM, and SIGKILL if that did not end it within `grace` ms. Resolves with how it ended. */
  async stop(grace = 15_000): Promise<string> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), grace);
    const how = await this.ended;
    clearTimeout(timer);
    return how;
  }
}
