import type { JSX } from "preact";
import type { MemberInfo, SelfInfo } from "../observe/member-info.js";
import { duration, shown, span, thousands } from "./format.js";
import { StandingIcon } from "./glyph.js";
import { headlineOf } from "./headline.js";
import { useNow } from "./hooks.js";
import { countStandings, type Standing, standings } from "./standing.js";

interface OverviewProps {
  readonly self: SelfInfo;
  readonly members: readonly MemberInfo[];
  readonly differing: number;
  readonly clockAhead: number;
  readonly wanted: readonly Standing[];
  readonly onWant: (standing: Standing) => void;
}

/** Whether all is well, in one sentence; the counts; and how the agent itself fares. */
export function Overview(props: OverviewProps): JSX.Element {
  const { self, members, differing, clockAhead, wanted, onWant } = props;
  const counts = countStandings(members);
  const { tone, words } = headlineOf(self, counts, differing);
  return (
    <section class="overview" aria-label="Overview">
      <p class={`headline ${tone}`} role="status">
        {words}
      </p>
      <Vitals self={self} clockAhead={clockAhead} />
      <fieldset class="counts">
        <legend class="hidden">Show members by status</legend>
        {standings.map((standing) => (
          <button
            key={standing}
            type="button"
            class={counts[standing] === 0 ? "none" : standing}
            aria-pressed={wanted.includes(standing)}
            data-count={standing}
            onClick={() => onWant(standing)}
          >
            <span class="what">
              <StandingIcon standing={standing} />
              {standing}
            </span>
            <b>{thousands(counts[standing])}</b>
          </button>
        ))}
      </fieldset>
    </section>
  );
}

function Vitals({ self, clockAhead }: { self: SelfInfo; clockAhead: number }): JSX.Element {
  const now = useNow(10_000) + clockAhead;
  const { name, address, version, startedAt, settled, encrypted, health, isolated } = self;
  const { loopDelayMillis, rssBytes, handlers, profile } = self;
  return (
    <p class="vitals">
      <span>
        As <b>{shown(name)}</b> sees it
      </span>
      <span>
        <code>{address}</code>
      </span>
      {[
        `up ${span(now - Date.parse(startedAt))}`,
        settled ? "settled" : "not settled",
        ...(isolated ? ["hears nobody"] : []),
        health === 0 ? "in good health" : `health score ${health}`,
        `loop p99 ${duration(loopDelayMillis.p99)}`,
        `${Math.round(rssBytes / 1_000_000)} MB`,
        ...(handlers > 0 ? [`${handlers} ${handlers === 1 ? "handler" : "handlers"}`] : []),
        encrypted ? "encrypted" : "not encrypted",
        profile,
        `gossipd ${version}`,
      ].map((fact) => (
        <span key={fact}>{fact}</span>
      ))}
    </p>
  );
}
