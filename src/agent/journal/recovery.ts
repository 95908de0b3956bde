import { OperatorError } from "../../base/errors.js";
import type { Log } from "../../base/log.js";
import type { Member } from "../../serf/events.js";
import { type HandlerSpec, passes } from "../handler-spec.js";
import type { Repetition } from "../handlers.js";
import type { HandlerJournal } from "./handler-journal.js";
import { onceMore } from "./once-more.js";
import type { RunRecord } from "./run-record.js";

export interface RecoveryParts {
  readonly log: Log;
  readonly journal: HandlerJournal;
  /** All members, sorted by name; undefined while they are not all there is. */
  readonly members: () => readonly Member[] | undefined;
  readonly repeat: (repetition: Repetition) => Promise<unknown>;
}

/**
 * Runs again what an earlier agent left undone: once, when the members are known, for handlers that ask for
 * retries, and if it still holds. A new agent tells its handlers of all who are here as joins anyway; of who
 * was lost while a script ran or rested nobody would ever tell them.
 */
export class Recovery {
  readonly #parts: RecoveryParts;
  #isDone = false;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /** The members have changed, or may be believed from now on. */
  look(handlersNow: () => readonly HandlerSpec[]): void {
    if (this.#isDone) return;
    const members = this.#parts.members();
    if (members === undefined) return;
    this.#isDone = true;
    const handlers = handlersNow();
    for (const record of this.#parts.journal.takeUnfinished()) {
      void this.#recover(record, handlers, members);
    }
  }

  async #recover(
    record: RunRecord,
    handlers: readonly HandlerSpec[],
    members: readonly Member[],
  ): Promise<void> {
    const { journal, log, repeat } = this.#parts;
    const { event: kind, id, script: name } = record;
    const handler = handlers.find(({ retry, script }) => retry && journal.nameOf(script) === name);
    // Those who are here are told as joins, and each state handler is told the whole list.
    if (handler === undefined || kind === "state" || kind === "member-join") return;
    const again = onceMore(record, members);
    if ("refusal" in again) {
      log.info({ run: id, script: name, reason: again.refusal }, "run is not made up for");
      return;
    }
    const { event } = again;
    const { script } = handler;
    if (!handlers.some((one) => one.script === script && passes(one.filter, event))) return;
    log.info({ run: id, script: name, event: kind }, "run was left undone, runs again");
    try {
      await repeat({ script, event, cause: "recovery", of: id });
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      log.warn({ run: id, script: name, reason: error.message }, "run is not made up for");
    }
  }
}
