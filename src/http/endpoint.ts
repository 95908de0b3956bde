import type { HttpContext } from "./exchange.js";

/** One thing that clients can ask for. */
export interface Endpoint {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Throws {@link Refusal} or OperatorError. */
  readonly answer: (c: HttpContext) => Response | Promise<Response>;
}
