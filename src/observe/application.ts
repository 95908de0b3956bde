/** What an agent asks to learn whether its application can take requests. */
export interface ApplicationCheck {
  readonly kind: "tcp" | "http" | "exec";
  /** `127.0.0.1:8081`, `http://127.0.0.1:8081/health`, `test -e /run/ready`. */
  readonly target: string;
}

/** The application that an agent runs, and how it fares. */
export interface ApplicationState {
  /** Its program and arguments. */
  readonly command: readonly string[];
  /** Where it is started. */
  readonly folder: string;
  /** `waiting`: it has ended, or could not be started, and is started again. `ended`: it is not. */
  readonly phase: "running" | "waiting" | "ended";
  /** Of its process; null while there is none. */
  readonly pid: number | null;
  /** When it is started again after it has ended. */
  readonly restart: "no" | "on-failure" | "always";
  /** How often it was. */
  readonly restarts: number;
  /** How it ended last: `exit status 1`, `signal SIGKILL`, or why it was not started; null: it never did. */
  readonly lastEnd: string | null;
  /** Milliseconds until it is started again; null unless it is waited for. */
  readonly nextStart: number | null;
  readonly checks: readonly ApplicationCheck[];
  /** Whether they pass; without any, whether it runs. */
  readonly isReady: boolean;
  /** What they found last, in one line; null: nothing, or they were not tried yet. */
  readonly complaint: string | null;
}

/** One fault of an application, as its agent tells others: for people, in words. */
export interface ApplicationFault {
  readonly about: string;
  readonly found: string;
  readonly cause: string | null;
  /** Commands to type on its machine; each a line. */
  readonly remedy: readonly string[];
}

/** What an agent tells others of its application; the command line itself is not among it. */
export interface ApplicationReport {
  /** How many faults there are. */
  readonly count: number;
  /** As many as an answer has room for, from the one on that was asked for. */
  readonly faults: readonly ApplicationFault[];
}
