import { OperatorError } from "../base/errors.js";
import { type Millis, seconds } from "../base/units.js";

/** When an application that ended by itself is started again. */
export type RestartPolicy =
  | { readonly kind: "no" }
  | { readonly kind: "on-failure"; readonly limit: number }
  | { readonly kind: "always" };

/** Reads `no`, `on-failure`, `on-failure:N` or `always`. Throws {@link OperatorError}. */
export function parseRestartPolicy(text: string): RestartPolicy {
  if (text === "no" || text === "always") return { kind: text };
  const [, limit] = /^on-failure(?::([1-9]\d{0,8}))?$/.exec(text) ?? [undefined, ""];
  if (limit === "") {
    throw new OperatorError(
      `-restart (restart): ${JSON.stringify(text)} is none of no, on-failure, on-failure:N and always`,
    );
  }
  return { kind: "on-failure", limit: limit === undefined ? Number.POSITIVE_INFINITY : +limit };
}

const shortestRest: Millis = 100;
const longestRest: Millis = seconds(30);

/** Who lived so long is taken to have been well: the next rest is the shortest again. */
const healthyLife: Millis = seconds(10);

/** How long an application rests before it is started again, if it is. */
export class Restarts {
  readonly #policy: RestartPolicy;
  /** Lives in a row that were short. */
  #short = 0;

  constructor(policy: RestartPolicy) {
    this.#policy = policy;
  }

  /** After a life of `life` that ended with `status`; undefined: it stays ended. */
  restAfter(life: Millis, status: number): Millis | undefined {
    const policy = this.#policy;
    if (life >= healthyLife) this.#short = 0;
    if (policy.kind === "no") return undefined;
    if (policy.kind === "on-failure" && (status === 0 || this.#short >= policy.limit)) {
      return undefined;
    }
    const rest = Math.min(longestRest, shortestRest * 2 ** Math.min(this.#short, 20));
    this.#short += 1;
    return rest;
  }
}
