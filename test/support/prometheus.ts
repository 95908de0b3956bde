import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pause, until } from "./wait.js";

export interface PrometheusOptions {
  /** `ip:port` to listen on. */
  readonly address: string;
  /** `ip:port` of the agents that are scraped, all the time. */
  readonly targets: readonly string[];
  /** The text of a file of rules. */
  readonly rules: string;
}

/** One result of an instant query: its labels, and its value. */
export interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A real Prometheus that is in a hurry. */
export class Prometheus {
  readonly #address: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(address: string, child: ChildProcess, folder: string) {
    this.#address = address;
    this.#child = child;
    this.#folder = folder;
  }

  /** Resolves when it is ready. */
  static async start({ address, rules, targets }: PrometheusOptions): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "gossipd-prometheus-"));
    writeFileSync(join(folder, "rules.yml"), rules);
    const config = {
      global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
      rule_files: ["rules.yml"],
      scrape_configs: [{ job_name: "gossipd", static_configs: [{ targets }] }],
    };
    // JSON is YAML.
    writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
    const child = spawn(
      "prometheus",
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${address}`,
        "--log.level=error",
      ],
      { stdio: "ignore" },
    );
    const prometheus = new Prometheus(address, child, folder);
    await until("Prometheus is ready", async () => {
      if (child.exitCode !== null) throw new Error(`prometheus exited with ${child.exitCode}`);
      const answer = await fetch(`http://${address}/-/ready`).catch(() => undefined);
      return answer?.ok;
    });
    return prometheus;
  }

  /** What `expression` comes to now; a request that Prometheus refuses throws its words. */
  async query(expression: string): Promise<readonly Result[]> {
    const url = new URL(`http://${this.#address}/api/v1/query`);
    url.searchParams.set("query", expression);
    const answer = (await (await fetch(url)).json()) as {
      readonly error?: string;
      readonly data?: {
        readonly result: readonly {
          readonly metric: Readonly<Record<string, string>>;
          readonly value: readonly [number, string];
        }[];
      };
    };
    if (answer.data === undefined) throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** The alerts that fire: their names, of those about one agent with its address. */
  async firing(): Promise<readonly string[]> {
    const results = await this.query('ALERTS{alertstate="firing"}');
    return results
      .map(({ metric: { alertname, instance } }) => [alertname, instance].filter(Boolean).join(" "))
      .sort();
  }

  /** Ends it and removes what it wrote. */
  async end(): Promise<void> {
    const exited = once(this.#child, "exit");
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await Promise.race([exited, pause(5_000)]);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
