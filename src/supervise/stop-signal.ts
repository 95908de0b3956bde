import { constants } from "node:os";
import { OperatorError } from "../base/errors.js";

/** Reads `TERM`, `SIGTERM` or `15`. Throws {@link OperatorError}. */
export function parseStopSignal(text: string): NodeJS.Signals {
  const upper = text.toUpperCase();
  const wanted = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  for (const [name, number] of Object.entries(constants.signals)) {
    if (name === wanted || String(number) === text) return name as NodeJS.Signals;
  }
  throw new OperatorError(
    `-stop-signal (stop_signal): there is no signal ${JSON.stringify(text)}; TERM, QUIT or INT are some`,
  );
}
