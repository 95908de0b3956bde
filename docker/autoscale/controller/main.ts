import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { Agent, OperatorError } from "gossipd";
import { createApi } from "./api.ts";
import { type Config, parseConfig } from "./config.ts";
import { ConfigError } from "./config-reader.ts";
import { agentPort, Controller } from "./controller.ts";
import { Docker } from "./docker.ts";
import { EventLog } from "./event-log.ts";

/** `node main.ts CONFIG`, or `node main.ts -check CONFIG` to see only whether the file is right. */
async function main(args: readonly string[]): Promise<void> {
  const isCheck = args[0] === "-check";
  const file = args[isCheck ? 1 : 0] ?? "/etc/autoscale/autoscale.json";
  const config = parseConfig(readFileSync(file, "utf8"), file);
  if (!isCheck) await run(config);
}

async function run(config: Config): Promise<void> {
  const tell = (line: string): void => void process.stdout.write(`${line}\n`);
  const docker = new Docker(config.dockerSocket);
  const surroundings = await docker.surroundings(hostname());
  const agent = await Agent.start({
    name: "controller",
    tags: { role: "controller" },
    retryJoin: config.join,
    retryInterval: 1_000,
    encryptKey: process.env.GOSSIPD_ENCRYPT_KEY,
    // For `gossipd members` and `gossipd health` in this container, and for Prometheus.
    rpcAddr: "127.0.0.1:7373",
    httpAddr: [`0.0.0.0:${agentPort}`],
    logLevel: "warn",
    log: tell,
  });
  const controller = new Controller({
    config,
    docker,
    surroundings,
    agent,
    events: new EventLog(tell),
  });
  const { host, port } = config.listen;
  const api = createApi(controller).listen(port, host);
  api.once("error", (error) => fail(new OperatorError(`${host}:${port}: ${error.message}`)));
  // The pool goes on without a controller, so that one can be replaced while requests are served.
  const end = (): void => {
    api.close();
    void controller
      .end()
      .then(() => agent.leave())
      .then(() => process.exit(0), fail);
  };
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  await controller.run();
}

function fail(error: unknown): never {
  const isPlain =
    error instanceof OperatorError ||
    error instanceof ConfigError ||
    (error as { code?: unknown }).code === "ENOENT";
  process.stderr.write(`${isPlain ? (error as Error).message : (error as Error).stack}\n`);
  process.exit(1);
}

await main(process.argv.slice(2)).catch(fail);
