import { type Millis, seconds } from "../base/units.js";
import { type Check, parseChecks } from "../supervise/checks.js";
import { parseRestartPolicy } from "../supervise/restart-policy.js";
import { parseStopSignal } from "../supervise/stop-signal.js";
import type { SupervisorRule } from "../supervise/supervisor.js";
import type { Settings } from "./settings.js";

/** Docker kills after 10 s. A drain takes 6 s at most by default, and the leave after all 2 s as a rule. */
const timeToEnd: Millis = seconds(7);

/** However long the drain took. */
const leastStopTime: Millis = seconds(1);

/** What `run` makes of the settings. Throws OperatorError. */
export function supervisorRule(settings: Settings): {
  readonly rule: SupervisorRule;
  readonly checks: readonly Check[];
  readonly stopSignal: NodeJS.Signals;
} {
  const checks = parseChecks(settings);
  const rule: SupervisorRule = {
    restart: parseRestartPolicy(settings.restart),
    isChecked: checks.length > 0,
    interval: settings.checkInterval,
    rise: settings.checkRise,
    fall: settings.checkFall,
  };
  return { rule, checks, stopSignal: parseStopSignal(settings.stopSignal) };
}

/** How long the application gets to end by itself, `spent` after we were told to end. */
export function stopTime({ stopTimeout }: Pick<Settings, "stopTimeout">, spent: Millis): Millis {
  return stopTimeout > 0 ? stopTimeout : Math.max(leastStopTime, timeToEnd - spent);
}
