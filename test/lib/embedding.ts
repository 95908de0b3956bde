import { onTestFinished } from "vitest";
// Loaded here so that the first test that starts an agent need not wait for it.
import "../../src/lib/embedded.js";
import { Agent, type AgentOptions } from "../../src/lib/index.js";
import { loopbackNet } from "../support/agents.js";

const ipOf = loopbackNet();
let lastHost = 0;

/** An address on which nobody else listens. */
export function freshIp(): string {
  lastHost += 1;
  return ipOf(lastHost);
}

/** Starts a member on an address of its own, which is stopped when the test is over. */
export async function embed(options: AgentOptions = {}): Promise<Agent> {
  const ip = freshIp();
  const agent = await Agent.start({ name: ip, bind: ip, profile: "local", ...options });
  onTestFinished(() => agent.stop());
  return agent;
}

/** Where others join `agent`. */
export function gossipOf({ self }: Agent): string {
  return `${self.address}:${self.port}`;
}
