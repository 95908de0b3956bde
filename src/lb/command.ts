import { createHash } from "node:crypto";
import { formatHostPort } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Instant, Millis } from "../base/units.js";
import type { BalancerConfig, CommandConfig } from "./config.js";
import { replaceBlocks } from "./marker.js";
import type { Desired, Observation, Plan, ServedServer, Server } from "./model.js";
import type { Proxy, ProxyDeps } from "./proxy.js";
import { programFailure, runProgram } from "./run-program.js";
import { renderTemplate } from "./template.js";

/** What the last reload loaded. */
const key = "command";

export function openCommand(config: BalancerConfig, deps: ProxyDeps): Proxy {
  if (config.proxy.kind !== "command") {
    throw new OperatorError(`balancer ${config.name} has no commands but is ${config.proxy.kind}`);
  }
  return new CommandProxy(config, config.proxy, deps);
}

/**
 * Any program that reads a file: what it serves is what it was told to load last, as far as it does not
 * say otherwise when it is asked.
 */
class CommandProxy implements Proxy {
  readonly #config: BalancerConfig;
  readonly #command: CommandConfig;
  readonly #deps: ProxyDeps;

  constructor(config: BalancerConfig, command: CommandConfig, deps: ProxyDeps) {
    this.#config = config;
    this.#command = command;
    this.#deps = deps;
  }

  async observe(): Promise<Observation> {
    const at = this.#deps.now();
    const { confirm } = this.#command;
    const { version, servers } = readLoaded(this.#deps.notes.read(key));
    const known = { at, process: version ?? "", servers, lingering: 0, trouble: undefined };
    if (confirm === undefined || version === undefined) return known;
    try {
      await run(confirm, this.#config.reloadTimeout);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      // It was restarted, or serves something else: an answer as good as any, and it is told anew.
      this.#deps.log.debug({ reason: error.message }, "not confirmed");
      return { ...known, process: "", servers: [] };
    }
    return known;
  }

  async render(current: string | undefined, desired: Desired): Promise<string> {
    const { file, template } = this.#config;
    const lines = new Map(desired.pools.map(({ name, servers }) => [name, this.#lines(servers)]));
    if (template !== undefined) return renderTemplate({ template, desired, lines });
    if (current === undefined) {
      throw new OperatorError(`there is no file ${file}: make one with markers, or set template`);
    }
    return replaceBlocks(current, lines, { file });
  }

  shape(text: string): string {
    return text;
  }

  async check(staged: string): Promise<void> {
    const { check } = this.#command;
    if (check === undefined) return;
    const argv = check.map((word) => word.replaceAll("%f", () => staged));
    await run(argv, this.#config.checkTimeout);
  }

  plan(_now: Instant, _desired: Desired, text: string, observed: Observation): Plan {
    const reload =
      observed.process === versionOf(text) ? undefined : "the program was not told of this content";
    return { steps: [], reload, waits: [], lookAgain: undefined };
  }

  async perform(): Promise<void> {
    // It takes no commands: a plan for it has no steps.
  }

  async reload(desired: Desired, text: string): Promise<void> {
    const { reload, confirm } = this.#command;
    // From here on nobody knows what it serves, until it said that all went well.
    this.#deps.notes.write(key, undefined);
    await run(
      reload.map((word) => word.replaceAll("%f", () => this.#config.file)),
      this.#config.reloadTimeout,
    );
    if (confirm !== undefined) await run(confirm, this.#config.reloadTimeout);
    this.#deps.notes.write(key, { version: versionOf(text), servers: servedBy(desired) });
  }

  #lines(servers: readonly Server[]): readonly string[] {
    const { line, emptyLine } = this.#command;
    const lines = servers.filter(isListed).map((server) => fill(line, server));
    return lines.length > 0 || emptyLine === "" ? lines : [emptyLine];
  }
}

async function run(argv: readonly string[], timeout: Millis): Promise<void> {
  const failure = programFailure(argv, { timeout }, await runProgram(argv, { timeout }));
  if (failure !== undefined) throw new OperatorError(failure);
}

function isListed({ admission, weight }: Server): boolean {
  return admission === "ready" && weight > 0;
}

function fill(line: string, { node, ip, port, weight }: Server): string {
  const values: Readonly<Record<string, string>> = {
    n: node,
    a: ip,
    p: String(port),
    w: String(weight),
    h: formatHostPort(ip, port),
    "%": "%",
  };
  return line.replace(/%([napwh%])/g, (_, letter: string) => values[letter] ?? "");
}

function versionOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function servedBy({ pools }: Desired): readonly ServedServer[] {
  return pools.flatMap(({ name: pool, servers }) =>
    servers.filter(isListed).map(({ node, ip, port, weight }) => {
      const name = formatHostPort(ip, port);
      return { pool, name, node, ip, port, weight, state: "ready", up: true, inUse: 0 } as const;
    }),
  );
}

/** Notes may be of another version: what cannot be read costs one reload. */
function readLoaded(value: unknown): {
  readonly version: string | undefined;
  readonly servers: readonly ServedServer[];
} {
  const none = { version: undefined, servers: [] };
  if (typeof value !== "object" || value === null) return none;
  const { version, servers } = value as { version?: unknown; servers?: unknown };
  if (typeof version !== "string" || !Array.isArray(servers)) return none;
  return { version, servers: servers.filter(isServed) };
}

function isServed(value: unknown): value is ServedServer {
  if (typeof value !== "object" || value === null) return false;
  const { pool, name, node, ip, port } = value as Record<keyof ServedServer, unknown>;
  const words = [pool, name, node, ip].every((word) => typeof word === "string");
  return words && typeof port === "number";
}
