import { OperatorError } from "../base/errors.js";

/** The state folder is another process's. */
export class StateInUseError extends OperatorError {
  /** undefined if that is not known. */
  readonly pid: number | undefined;

  constructor(message: string, pid: number | undefined) {
    super(message);
    this.pid = pid;
  }
}
