import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../support/programs.js";
import { waitUntil } from "../../traffic/support/waiting.js";
import { docker } from "./engine.js";

/** A Docker engine that the tests have started, because there was none. */
export class OwnEngine {
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(process: ChildProcess, folder: string) {
    this.#process = process;
    this.#folder = folder;
  }

  /** The reason is told if it cannot be. From now on `docker` talks to it. */
  static async start(): Promise<OwnEngine> {
    const program = findProgram("dockerd");
    if (program === undefined) {
      throw new Error("no Docker engine answers, and there is no dockerd: install docker.io");
    }
    if (process.getuid?.() !== 0) {
      throw new Error("no Docker engine answers, and only root can start one");
    }
    const folder = mkdtempSync(join(tmpdir(), "gossipd-docker-"));
    const socket = `unix://${folder}/docker.sock`;
    const log = join(folder, "log");
    const output = openSync(log, "w");
    const child = spawn(
      program,
      [
        ...["-H", socket, "--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")],
        ...["--pidfile", join(folder, "pid"), "--log-level", "warn"],
      ],
      { stdio: ["ignore", output, output], detached: true },
    );
    const engine = new OwnEngine(child, folder);
    process.env.DOCKER_HOST = socket;
    try {
      await waitUntil("the Docker engine answers", async () => {
        if (child.exitCode !== null) throw new Error("dockerd ended");
        return await docker("version").then(
          () => true,
          () => false,
        );
      });
    } catch (error) {
      const said = existsSync(log)
        ? readFileSync(log, "utf8").split("\n").slice(-15).join("\n")
        : "";
      await engine.stop();
      throw new Error(`dockerd cannot be started here:\n${said}`, { cause: error });
    }
    return engine;
  }

  /** Ends it, and forgets its images. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      const ended = new Promise((resolve) => this.#process.once("exit", resolve));
      this.#process.kill("SIGTERM");
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
