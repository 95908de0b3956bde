import { setTimeout as sleep } from "node:timers/promises";
import type { Millis } from "../base/units.js";
import type { Step } from "./cluster.js";
import { type Stage, titleOf } from "./stage.js";

/** How long the balancer is watched after each change, to see that its view stays right. */
const watchFor: Millis = 2_500;

/** The web nodes at the start. */
export const firstNodes = ["web1", "web2", "web3"] as const;

/**
 * What happens in a scripted run. A node that was killed returns as well if the agents are our own:
 * Serf gives its name to another address only once it has forgotten the old one, a minute or so later.
 */
export function scriptedSteps(killedReturn: boolean): readonly Step[] {
  const steps: Step[] = [
    { kind: "add", name: "web4" },
    { kind: "stop", name: "web2" },
    { kind: "kill", name: "web3" },
    { kind: "return", name: "web2" },
  ];
  return killedReturn ? [...steps, { kind: "return", name: "web3" }] : steps;
}

/** Carries out `steps` one after the other, for as long as the balancer follows. */
export async function runScript(
  stage: Stage,
  steps: readonly Step[],
  tell: (who: string, text: string) => void,
): Promise<void> {
  await sleep(watchFor);
  for (const step of steps) {
    if (stage.phases.at(-1)?.settledAfter === undefined) return;
    tell("script", titleOf(step));
    const { tally } = await stage.perform(step);
    await sleep(watchFor);
    tell("clients", `${tally.answered} answers, ${tally.lost} requests lost`);
  }
}
