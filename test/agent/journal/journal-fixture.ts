import { HandlerJournal, type JournalParts } from "../../../src/agent/journal/handler-journal.js";
import { handlerRun } from "../../../src/agent/journal/run-record.js";
import type { Told } from "../../../src/agent/journal/told.js";
import { keptLog } from "../handler-events.js";

/** A journal whose clock stands still unless it is moved. */
export function journalWith(parts: Partial<JournalParts> = {}) {
  const clock = { now: 0 };
  const log = keptLog();
  const journal = new HandlerJournal({
    log,
    now: () => clock.now,
    wallClock: () => Date.UTC(2030, 0, 1) + clock.now,
    ...parts,
  });
  return {
    clock,
    log,
    journal,
    begin: (script: string, told: Told, again = false) =>
      journal.begin(script, told, { attempt: 1, cause: "event", again }),
    end: (id: number, result: "ok" | "failed" | "stopped" = "ok", output = "") =>
      journal.end(id, {
        result,
        took: 12.4,
        failure: result === "ok" ? undefined : "exit status 1",
        exitStatus: result === "ok" ? 0 : 1,
        output: Buffer.from(output),
        isCut: false,
      }),
    runs: () => journal.runs().map(handlerRun),
    /** `script event nodes: result`, as short as a test reads it. */
    told: () =>
      journal
        .runs()
        .map(handlerRun)
        .map(
          ({ event, id, nodes, result, script }) =>
            `${id} ${script} ${event} ${nodes.join()}: ${result}`,
        ),
  };
}
