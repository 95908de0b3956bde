import type { Terminal } from "../../src/cli/command.js";

/** A terminal that keeps what is written to it. */
export class FakeTerminal implements Terminal {
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  stdout = "";
  stderr = "";
  /** What an interrupt of the user does. */
  interrupt: () => void = () => {};

  constructor(env: Readonly<Record<string, string | undefined>> = {}, program = "gossipd") {
    this.env = env;
    this.program = program;
  }

  out(text: string): void {
    this.stdout += text;
  }

  err(text: string): void {
    this.stderr += text;
  }

  onInterrupt(run: () => void): void {
    this.interrupt = run;
  }
}
