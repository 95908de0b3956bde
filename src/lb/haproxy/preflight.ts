import { OperatorError } from "../../base/errors.js";
import { formOf, notAmong } from "./binds.js";
import type { ConfigText, Directive } from "./config-text.js";

/**
 * Refuses a text that listens elsewhere than the one that is loaded now: members never change that, so
 * it is a mistake in a template, and a costly one (loadbalancer.md 1.2).
 */
export function refuseBindChanges(next: ConfigText, live: ConfigText, file: string): void {
  const added = notAmong(next.binds, live.binds.map(formOf));
  const removed = notAmong(live.binds, next.binds.map(formOf));
  const [change] = [
    ...added.map((bind) => `line ${bind.line}: ${quote(bind)} is new`),
    ...removed.map((bind) => `${quote(bind)} is gone`),
  ];
  if (change === undefined) return;
  throw new OperatorError(
    `${file}, ${change}: bind lines are not changed unless "allow_bind_changes" is true`,
  );
}

function quote(bind: Directive): string {
  return JSON.stringify(formOf(bind).slice(0, 120));
}
