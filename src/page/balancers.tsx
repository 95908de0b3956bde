import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { BalancerStatus, LbStatus } from "../lb/status.js";
import { answers, countDiffering } from "./balance.js";
import { ago, shown, span } from "./format.js";
import { useNow } from "./hooks.js";
import { memo } from "./memo.js";
import { Notices } from "./notices.js";
import { Pool } from "./pool.js";

interface BalancersProps {
  readonly lb: LbStatus;
  readonly chosen: string | undefined;
  readonly clockAhead: number;
  readonly onChoose: (name: string | undefined) => void;
}

/** What the agent wants of each proxy beside what the proxy really serves. */
export const Balancers = memo(function Balancers(props: BalancersProps): JSX.Element {
  const { lb, chosen, clockAhead, onChoose } = props;
  return (
    <>
      {lb.balancers.map((balancer) => (
        <Balancer
          key={balancer.name}
          balancer={balancer}
          chosen={chosen}
          clockAhead={clockAhead}
          onChoose={onChoose}
        />
      ))}
    </>
  );
});

function Balancer({
  balancer,
  chosen,
  clockAhead,
  onChoose,
}: Omit<BalancersProps, "lb"> & { balancer: BalancerStatus }): JSX.Element {
  const [onlyDiffering, setOnlyDiffering] = useState(false);
  const now = useNow() + clockAhead;
  const known = answers(balancer);
  const differing = countDiffering(balancer.pools, known);
  const { name, kind, condition, since, dryRun, file, version, applied, appliedAt } = balancer;
  const tone = toneOf(balancer, differing);
  return (
    <section class="card balancer" aria-label={`Balancer ${shown(name)}`} data-balancer={name}>
      <header>
        <h2>
          Balancer {shown(name)} <small>{kind}</small>
        </h2>
        <span class={`pill ${tone}`} data-condition={condition}>
          {condition}
        </span>
        <span class="quiet-text">
          for {span(now - Date.parse(since))}
          {dryRun && " · dry run: nothing is written"}
        </span>
        <label class="steps">
          <input
            type="checkbox"
            checked={onlyDiffering}
            onChange={(event) => setOnlyDiffering(event.currentTarget.checked)}
          />
          differences only
        </label>
      </header>
      <p class="versions">
        {versionWords(version, applied)}
        {version !== null && version === applied && appliedAt !== null && (
          <span class="quiet-text"> confirmed {ago(now - Date.parse(appliedAt))}</span>
        )}
        <span class="quiet-text"> · {shown(file)}</span>
      </p>
      <Notices balancer={balancer} now={now} />
      {balancer.pools.map((pool) => (
        <Pool
          key={pool.name}
          pool={pool}
          known={known}
          onlyDiffering={onlyDiffering}
          chosen={chosen}
          now={now}
          onChoose={onChoose}
        />
      ))}
      {balancer.pools.length === 0 && <p class="nothing">No pools yet.</p>}
    </section>
  );
}

function toneOf({ ok, condition }: BalancerStatus, differing: number): string {
  if (!ok || condition === "failed") return "bad";
  if (differing > 0 || condition !== "in step") return "warn";
  return "good";
}

function versionWords(version: string | null, applied: string | null): JSX.Element {
  if (version === null) return <>Nothing is wanted yet.</>;
  if (version === applied) {
    return (
      <>
        Version <code>{version}</code> is wanted and served.
      </>
    );
  }
  return (
    <>
      Version <code>{version}</code> is wanted, <code>{applied ?? "none"}</code> was served wholly
      last.
    </>
  );
}
