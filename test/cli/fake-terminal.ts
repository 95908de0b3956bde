import type { Screen, ScreenUser, Terminal } from "../../src/cli/command.js";

/** A terminal that keeps what is written to it. */
export class FakeTerminal implements Terminal {
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  errColumns: number | undefined;
  outColours: boolean | undefined;
  /** What can be drawn on; undefined: nothing can. */
  display: FakeScreen | undefined;
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

  screen(): Promise<Screen | undefined> {
    return Promise.resolve(this.display);
  }
}

/** A screen on which a test presses the keys. */
export class FakeScreen implements Screen {
  columns = 80;
  rows = 10;
  /** Undefined while nobody has it. */
  user: ScreenUser | undefined;

  open(user: ScreenUser): () => void {
    this.user = user;
    return () => {
      this.user = undefined;
    };
  }
}
