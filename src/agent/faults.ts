import { OperatorError } from "../base/errors.js";
import type { Source } from "./sources.js";

/**
 * Takes a fault in the configuration: it is thrown where the agent is to start, and kept where all
 * faults are to be listed; what is right is worked on with then. `from` says where the value came
 * from, if the message does not.
 */
export type Refuse = (fault: OperatorError, from?: readonly Source[]) => void;

export const refuseAtOnce: Refuse = (fault) => {
  throw fault;
};

/** What `step` comes to; if it throws an OperatorError that is handed to `refuse`. */
export function attempt<T>(
  refuse: Refuse,
  step: () => T,
  from?: () => readonly Source[],
): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    refuse(error, from?.());
    return undefined;
  }
}
