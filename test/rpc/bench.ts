import { onTestFinished } from "vitest";
import type { Log } from "../../src/base/log.js";
import type { RpcLimits } from "../../src/rpc/limits.js";
import { RpcServer } from "../../src/rpc/server.js";
import { RawClient } from "./raw-client.js";
import { ScriptedApi } from "./scripted-api.js";

/** A server over a {@link ScriptedApi} on a port of its own; it ends with the test. */
export class Bench {
  readonly api = new ScriptedApi();
  /** `level message {fields}`, without debug. */
  readonly logged: string[] = [];
  readonly server: RpcServer;
  port = 0;
  /** How many times the server said that a leave was answered. */
  left = 0;

  static async start(
    options: { authKey?: string; limits?: Partial<RpcLimits> } = {},
  ): Promise<Bench> {
    const bench = new Bench(options);
    bench.port = await bench.server.listen("127.0.0.1", 0);
    onTestFinished(() => bench.server.close());
    return bench;
  }

  constructor(options: { authKey?: string; limits?: Partial<RpcLimits> }) {
    const note = (level: string) => (fields: object, message: string) => {
      this.logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
    const log: Log = {
      trace: () => {},
      debug: () => {},
      info: note("info"),
      warn: note("warn"),
      error: note("error"),
    };
    this.server = new RpcServer(this.api, {
      authKey: options.authKey ?? "",
      log,
      limits: { flushTimeout: 200, ...options.limits },
      onLeft: () => {
        this.left += 1;
      },
    });
  }

  async client(options: { allowHalfOpen?: boolean } = {}): Promise<RawClient> {
    const client = await RawClient.connect(this.port, options);
    onTestFinished(() => client.destroy());
    return client;
  }

  /** The warnings so far. */
  get warnings(): string[] {
    return this.logged.filter((line) => line.startsWith("warn"));
  }
}
