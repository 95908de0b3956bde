import { formatIp } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { JoinResult, JoinTarget } from "../swim/join.js";
import { type ResolvedTargets, resolveTargets } from "./join-targets.js";

/** How a join went: it failed if nobody was contacted. */
export interface JoinOutcome {
  /** Addresses that were found and tried. */
  readonly tried: number;
  /** Addresses that answered, our own included. */
  readonly contacted: number;
  /** One line for each address that did not answer, or that could not be resolved. */
  readonly failures: readonly string[];
}

export interface JoinerParts {
  /** Of the component `agent`. */
  readonly log: Log;
  /** Stands in for a port that is not given. */
  readonly bindPort: number;
  /** Exchanges all with the targets. Rejects with OperatorError while leaving. */
  readonly contact: (targets: readonly JoinTarget[], replay: boolean) => Promise<JoinResult>;
}

/** Joins addresses as operators write them, looked up anew each time. */
export class Joiner {
  readonly #parts: JoinerParts;

  constructor(parts: JoinerParts) {
    this.#parts = parts;
  }

  /** Contacts all that is behind `addresses`. Rejects with OperatorError while leaving. */
  async join(addresses: readonly string[], replay: boolean): Promise<JoinOutcome> {
    const { log } = this.#parts;
    log.info({}, `joining: [${addresses.join(" ")}] replay: ${replay}`);
    const outcome = await this.contact(await this.lookUp(addresses), replay);
    if (outcome.contacted > 0) log.info({}, `joined: ${outcome.contacted} nodes`);
    if (outcome.failures.length > 0) log.warn({}, `error joining: ${oneLine(outcome.failures)}`);
    return outcome;
  }

  /** Who is behind `addresses` now, and which of them could not be resolved. */
  lookUp(addresses: readonly string[]): Promise<ResolvedTargets> {
    return resolveTargets(addresses, this.#parts.bindPort);
  }

  /** Contacts those who were found; what was not counts as a failure. */
  async contact({ targets, failures }: ResolvedTargets, replay: boolean): Promise<JoinOutcome> {
    const result = await this.#parts.contact(targets, replay);
    const silent = result.failures.map(
      ({ address, reason }) => `Failed to join ${formatIp(address.ip)}: ${reason}`,
    );
    return {
      tried: targets.length,
      contacted: result.contacted,
      failures: [...failures, ...silent],
    };
  }
}

/** Failures for a log line. */
export function oneLine(failures: readonly string[]): string {
  return failures.join("; ");
}

/** Failures as Serf's agent and client print them: a count, then a list. */
export function listed(failures: readonly string[]): string {
  const count = failures.length === 1 ? "1 error occurred:" : `${failures.length} errors occurred:`;
  return `${count}\n${failures.map((line) => `\t* ${line}\n`).join("")}\n`;
}
