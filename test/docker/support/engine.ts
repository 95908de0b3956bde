import { type ExecFileException, execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** The image that is tested; `npm run test:docker` builds it from this tree. */
export const gossipdImage = process.env.GOSSIPD_IMAGE ?? "gossipd";

/** What stacks are built from (test/docker/stand-in.sh). */
export const baseImages = ["debian:bookworm-slim", "node:24-bookworm-slim"] as const;

export interface RunOptions {
  /** Working directory. */
  readonly cwd?: string;
  /** Beyond our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** ms; default 4 minutes. */
  readonly timeout?: number;
}

/** Runs a program and resolves with its stdout; rejects with what it said. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env, timeout = 240_000 }: RunOptions = {},
): Promise<string> {
  try {
    const { stdout } = await execute(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env },
      timeout,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    const { code, stdout, stderr } = error as ExecFileException & {
      stdout: string;
      stderr: string;
    };
    const said = `${stdout}${stderr}`.trim().split("\n").slice(-25).join("\n");
    throw new Error(`${program} ${args.join(" ")}: exit status ${String(code)}\n${said}`, {
      cause: error,
    });
  }
}

/** `docker ARGS...` */
export async function docker(...args: string[]): Promise<string> {
  return (await run("docker", args)).trim();
}

let composeProgram: Promise<readonly [string, ...string[]]> | undefined;

/** `docker compose` where the plugin is, else Debian's `docker-compose`. */
export function findCompose(): Promise<readonly [string, ...string[]]> {
  composeProgram ??= docker("compose", "version").then(
    () => ["docker", "compose"] as const,
    () => ["docker-compose"] as const,
  );
  return composeProgram;
}
