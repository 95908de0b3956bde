import type { Terminal } from "../../src/cli/command.js";

/** A terminal that keeps what is written to it. */
export class FakeTerminal implements Terminal {
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  errColumns: number | undefined;
  stdout = "";
  stderr = "";
  /** What an interrupt of the user does. */
  interrupt: () => void = () => {};
  /** How often somebody asked to be told of one. */
  interrupts = 0;

  constructor(env: Readonly<Record<string, string | undefined>> = {}, program = "gossipd") {
    this.env = env;
    this.program = program;
  }

  out(text: string | Uint8Array): void {
    this.stdout += typeof text === "string" ? text : Buffer.from(text).toString();
  }

  err(text: string): void {
    this.stderr += text;
  }

  onInterrupt(run: () => void): void {
    this.interrupt = run;
    this.interrupts += 1;
  }
}
