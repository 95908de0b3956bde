import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { answers, countDiffering } from "./balance.js";
import { Balancers } from "./balancers.js";
import { Bar } from "./bar.js";
import { shown } from "./format.js";
import { headlineOf } from "./headline.js";
import { Legend } from "./legend.js";
import { MemberDetails } from "./member-details.js";
import { MembersCard } from "./members-card.js";
import { Overview } from "./overview.js";
import { everyone, fits, isNarrow, type Search } from "./search.js";
import { countStandings, type Standing, standingOf } from "./standing.js";
import type { PageState } from "./state.js";
import type { Store } from "./store.js";
import { Timeline } from "./timeline.js";

export function App({ store, onRetry }: { store: Store; onRetry: () => void }): JSX.Element {
  const [state, setState] = useState<PageState>(store.state);
  useEffect(() => store.listen(() => setState(store.state)), [store]);
  const [chosen, setChosen] = useState<string>();
  const [search, setSearch] = useState<Search>(everyone);
  const [legend, setLegend] = useState(false);
  const box = useRef<HTMLInputElement>(null);

  const { self, lb, connection, clockAhead } = state;
  const members = useMemo(() => [...state.members.values()], [state.members]);
  const found = useMemo(
    () => (isNarrow(search) ? members.filter(fits(search)) : undefined),
    [members, search],
  );
  const differing =
    lb?.balancers.reduce((sum, one) => sum + countDiffering(one.pools, answers(one)), 0) ?? 0;
  const member = chosen === undefined ? undefined : state.members.get(chosen);

  const choose = useCallback((name: string | undefined) => setChosen(name), []);
  const searchTag = useCallback((text: string) => setSearch({ text, standings: [] }), []);
  const want = (standing: Standing) =>
    setSearch(({ text, standings }) => ({
      text,
      standings: standings.includes(standing)
        ? standings.filter((one) => one !== standing)
        : [...standings, standing],
    }));

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || legend) return;
    const typing = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
    if (event.key === "Escape") {
      if (typing) box.current?.blur();
      if (chosen !== undefined && !typing) setChosen(undefined);
      else setSearch(everyone);
    } else if (!typing && event.key === "/") {
      event.preventDefault();
      box.current?.focus();
      box.current?.select();
    } else if (!typing && event.key === "?") {
      setLegend(true);
    }
  };
  const keys = useRef(onKeyDown);
  keys.current = onKeyDown;
  useEffect(() => {
    const listener = (event: KeyboardEvent) => keys.current(event);
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, []);

  useEffect(() => {
    if (self === undefined) return;
    const { tone } = headlineOf(self, countStandings(members), differing);
    const sign = { good: "", warn: "! ", bad: "✕ " }[tone];
    document.title = `${sign}${shown(self.name)} · gossipd`;
  }, [self, members, differing]);

  return (
    <>
      <Bar
        name={self?.name}
        connection={connection}
        onRetry={onRetry}
        onLegend={() => setLegend(true)}
      />
      {self === undefined ? (
        <main class="waiting">
          <p>
            {connection.kind === "lost"
              ? `The agent does not answer: ${connection.reason}.`
              : "Asking the agent…"}
          </p>
        </main>
      ) : (
        <main class={connection.kind === "lost" ? "stale" : ""}>
          <Overview
            self={self}
            members={members}
            differing={differing}
            clockAhead={clockAhead}
            wanted={search.standings}
            onWant={want}
          />
          <div class="columns">
            <MembersCard
              members={members}
              found={found}
              self={self.name}
              chosen={chosen}
              clockAhead={clockAhead}
              search={search}
              box={box}
              onSearch={setSearch}
              onTag={searchTag}
              onChoose={choose}
            />
            <div class="side">
              {member !== undefined && (
                <MemberDetails
                  member={member}
                  isSelf={member.name === self.name}
                  health={self.health}
                  times={state.times.get(member.name) ?? []}
                  change={state.changes.get(member.name)}
                  clockAhead={clockAhead}
                  onChoose={choose}
                  onTag={searchTag}
                />
              )}
              <Timeline
                happenings={state.happenings}
                changes={state.changes}
                self={self.name}
                about={chosen}
                clockAhead={clockAhead}
                onChoose={choose}
              />
            </div>
          </div>
          {lb !== undefined && (
            <Balancers lb={lb} chosen={chosen} clockAhead={clockAhead} onChoose={choose} />
          )}
        </main>
      )}
      <p class="hidden" role="status">
        {member !== undefined && `${shown(member.name)}, ${standingOf(member)}`}
      </p>
      {legend && <Legend onClose={() => setLegend(false)} />}
    </>
  );
}
