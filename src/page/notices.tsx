import type { ComponentChildren, JSX } from "preact";
import type { BalancerStatus } from "../lb/status.js";
import { counted, listed, shortened, shown, span } from "./format.js";

/** What keeps what is served from being what the members say. */
export function Notices({
  balancer,
  now,
}: {
  balancer: BalancerStatus;
  now: number;
}): JSX.Element | null {
  const { reason, next, waits, holds, damped, refused, lingering, condition } = balancer;
  const notices: JSX.Element[] = [];
  if (reason !== null)
    notices.push(
      <Notice tone="bad" title="Problem">
        {shown(reason)}
      </Notice>,
    );
  if (next !== null && condition !== "in step") {
    const when = next.at === null ? "" : `, in ${span(Date.parse(next.at) - now)}`;
    notices.push(
      <Notice tone="info" title="Next">
        {shown(next.what)}
        {when}; waits for {shown(next.waitsFor)}
      </Notice>,
    );
  }
  for (const wait of waits.slice(0, mostNotices)) {
    notices.push(
      <Notice tone="info" title="Waits">
        {shown(wait)}
      </Notice>,
    );
  }
  for (const { pool, kind, nodes, reason: why, until } of holds.slice(0, mostNotices)) {
    notices.push(
      <Notice tone="warn" title="Held">
        {shown(pool)}, {kind}: {shown(why)} ({shown(listed(nodes))})
        {until !== null && `, for ${span(Date.parse(until) - now)}`}
      </Notice>,
    );
  }
  for (const { node, until } of damped.slice(0, mostNotices)) {
    if (until === null) continue;
    notices.push(
      <Notice tone="warn" title="Damped">
        {shown(node)} comes and goes: held out for {span(Date.parse(until) - now)}
      </Notice>,
    );
  }
  for (const { pool, node, reason: why } of refused.slice(0, mostNotices)) {
    notices.push(
      <Notice tone="warn" title="Refused">
        {shortened(shown(node), 60)} in {shown(pool)}: {shown(why)}
      </Notice>,
    );
  }
  if (lingering > 0) {
    notices.push(
      <Notice tone="info" title="Old ones">
        {counted(lingering, "process", "processes")} of earlier configurations still serve their
        last connections
      </Notice>,
    );
  }
  return notices.length === 0 ? null : <ul class="notices">{notices}</ul>;
}

const mostNotices = 8;

function Notice({
  tone,
  title,
  children,
}: {
  tone: string;
  title: string;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <li class={tone}>
      <b>{title}</b> <span>{children}</span>
    </li>
  );
}
