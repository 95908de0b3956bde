import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { gossipdBin } from "../support/programs.js";
import { until } from "../support/wait.js";

/** The program on a terminal of its own, that script(1) makes; it ends with the test. */
export class Pty {
  /** All that came out of it. */
  output = "";
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;

  /** Runs gossipd with `args`; the shell around it notes the state of its terminal before and after. */
  static async start(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    size: { readonly columns: number; readonly rows: number },
  ): Promise<Pty> {
    const pty = new Pty(args, env, size);
    await until("the terminal is there", () => pty.#note("tty").includes("/dev/pts/"));
    return pty;
  }

  private constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    { columns, rows }: { readonly columns: number; readonly rows: number },
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), "gossipd-test-"));
    const run = join(this.#folder, "run");
    writeFileSync(
      run,
      `stty columns ${columns} rows ${rows}
cd "${this.#folder}"
stty -g > before
tty > tty
"${process.execPath}" "${gossipdBin}" ${args.map((word) => `'${word}'`).join(" ")}
echo $? > code
stty -g > after
`,
    );
    const { NO_COLOR: _, ...inherited } = process.env;
    this.#child = spawn("script", ["-qfc", `sh ${run}`, "/dev/null"], {
      env: { ...inherited, TERM: "xterm-256color", ...env },
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#exited = once(this.#child, "close");
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
    });
    onTestFinished(async () => {
      this.#child.kill("SIGKILL");
      await this.#exited;
      rmSync(this.#folder, { recursive: true });
    });
  }

  press(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  resize(columns: number, rows: number): void {
    const tty = this.#note("tty").trim();
    execFileSync("stty", ["-F", tty, "columns", String(columns), "rows", String(rows)]);
  }

  /** Sends a signal to the program itself. */
  signal(name: NodeJS.Signals): void {
    const tty = this.#note("tty").trim().replace("/dev/", "");
    const listed = execFileSync("ps", ["-t", tty, "-o", "pid=,args="], { encoding: "utf8" });
    const line = listed.split("\n").find((one) => one.includes(gossipdBin) && !one.includes("sh "));
    process.kill(Number(line?.trim().split(" ")[0]), name);
  }

  /** Waits for the program's end: its exit code, and whether its terminal is as it was before. */
  async ended(): Promise<{ readonly code: number; readonly restored: boolean }> {
    await this.#exited;
    return {
      code: Number(this.#note("code")),
      restored: this.#note("before") !== "" && this.#note("before") === this.#note("after"),
    };
  }

  #note(name: string): string {
    try {
      return readFileSync(join(this.#folder, name), "utf8");
    } catch {
      return "";
    }
  }
}
