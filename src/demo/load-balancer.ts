import { request } from "node:http";
import type { Millis } from "../base/units.js";

/** How long a proxy may take to start, and to answer a question about itself. */
export const startBound: Millis = 10_000;
const answerBound: Millis = 1_000;

/** Where a proxy listens. */
export interface Listen {
  readonly ip: string;
  /** For the users of the web nodes. */
  readonly port: number;
  /** For the demo: what does it serve? */
  readonly statusPort: number;
}

/** A load balancer that the demo started, and how to have it follow the cluster. */
export interface LoadBalancer {
  /** `HAProxy 2.6.12`. */
  readonly title: string;
  /** The event handler for the agent beside it, and the environment that the handler needs. */
  readonly handler: { readonly command: string; readonly env: Readonly<Record<string, string>> };
  /** The file that the handler writes. */
  readonly written: string;
  /**
   * The `ip:port` of each backend that it really serves, as the running process tells; undefined if
   * it does not answer, which is normal while it reloads.
   */
  served(): Promise<readonly string[] | undefined>;
}

/** The body of `GET path`, on a connection of its own; undefined if there is no answer in time. */
export function ask(ip: string, port: number, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host: ip, port, path, agent: false, timeout: answerBound });
    asked.once("timeout", () => asked.destroy());
    asked.once("error", () => resolve(undefined));
    asked.once("close", () => resolve(undefined));
    asked.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => resolve(response.statusCode === 200 ? text : undefined));
    });
    asked.end();
  });
}
