import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Entry } from "../observe/chronicle.js";
import { entriesAbout } from "../observe/entries-about.js";
import { ActivityStrip } from "./activity-strip.js";
import { ago, clockTime, shortened, shown } from "./format.js";
import { useNow } from "./hooks.js";
import { memo } from "./memo.js";
import { Sentence } from "./sentence.js";
import type { Change, Happening } from "./state.js";
import { type Part, type Topic, type Words, wordsOf } from "./words.js";

interface TimelineProps {
  readonly happenings: readonly Happening[];
  readonly changes: ReadonlyMap<string, Change>;
  readonly self: string;
  /** Only what is about this member; undefined: all. */
  readonly about: string | undefined;
  readonly clockAhead: number;
  readonly onChoose: (name: string | undefined) => void;
}

const atOnce = 80;

const topics: readonly { readonly topic: Topic; readonly title: string }[] = [
  { topic: "members", title: "Members" },
  { topic: "suspicions", title: "Suspicions" },
  { topic: "probes", title: "Probes" },
  { topic: "handlers", title: "Handlers" },
  { topic: "balancer", title: "Balancer" },
  { topic: "agent", title: "Agent" },
];

/** What happened and why, the newest first. */
export const Timeline = memo(function Timeline(props: TimelineProps): JSX.Element {
  const { happenings, changes, self, about, clockAhead, onChoose } = props;
  const [topic, setTopic] = useState<Topic>();
  const [everyStep, setEveryStep] = useState(false);
  const [most, setMost] = useState(atOnce);
  const now = Math.floor((useNow(5_000) + clockAhead) / 5_000) * 5_000;
  const related = useMemo(
    () => (about === undefined ? happenings : aboutMember(happenings, about)),
    [happenings, about],
  );
  const rows = useMemo(() => {
    const told = related.map((happening) => ({ happening, words: wordsOf(happening.deed, self) }));
    return told
      .filter(({ words }) => topic === undefined || words.topic === topic)
      .filter(({ words }) => everyStep || topic !== undefined || words.tone !== "quiet")
      .reverse();
  }, [related, topic, everyStep, self]);
  return (
    <section class="card timeline" aria-label="Time line">
      <header>
        <h2>Time line</h2>
        {about !== undefined && (
          <button type="button" class="about" title="Show all" onClick={() => onChoose(undefined)}>
            {shortened(shown(about), 24)} <span aria-hidden="true">✕</span>
          </button>
        )}
        <label class="steps">
          <input
            type="checkbox"
            checked={everyStep}
            onChange={(event) => setEveryStep(event.currentTarget.checked)}
          />
          every step
        </label>
      </header>
      <ActivityStrip happenings={related} now={now} />
      <fieldset class="topics">
        <legend class="hidden">What is shown</legend>
        {topics.map(({ topic: one, title }) => (
          <button
            key={one}
            type="button"
            aria-pressed={topic === one}
            onClick={() => setTopic(topic === one ? undefined : one)}
          >
            {title}
          </button>
        ))}
      </fieldset>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <ol tabIndex={0} aria-label="What happened, the newest first">
        {rows.slice(0, most).map(({ happening, words }, index) => (
          <Item
            key={happening.seq}
            happening={happening}
            words={words}
            note={noteOf(happening, changes, clockAhead)}
            day={dayBefore(rows[index - 1]?.happening, happening)}
            clockAhead={clockAhead}
            onChoose={onChoose}
          />
        ))}
        {rows.length === 0 && <li class="nothing">Nothing on record.</li>}
        {rows.length > most && (
          <li class="more">
            <button type="button" onClick={() => setMost(most + 4 * atOnce)}>
              Show {Math.min(4 * atOnce, rows.length - most)} older
            </button>
          </li>
        )}
      </ol>
    </section>
  );
});

function aboutMember(happenings: readonly Happening[], about: string): readonly Happening[] {
  // An agent newer than this page can tell of what names nobody that we would know.
  const known = happenings.filter(({ deed }) => "node" in deed || "nodes" in deed);
  return entriesAbout(known satisfies readonly Entry[], about);
}

/** What was seen to change, where the record says only that something did. */
function noteOf(
  { at, deed }: Happening,
  changes: ReadonlyMap<string, Change>,
  clockAhead: number,
): string {
  if (deed.kind !== "told" || deed.event !== "member-update" || deed.nodes.length !== 1) return "";
  const change = changes.get(deed.nodes[0] ?? "");
  if (change === undefined || Math.abs(change.at + clockAhead - at) > 15_000) return "";
  return change.words;
}

/** The day, where one ends. */
function dayBefore(newer: Happening | undefined, { at }: Happening): string {
  const day = new Date(at).toDateString();
  return newer !== undefined && new Date(newer.at).toDateString() !== day ? day : "";
}

interface ItemProps {
  readonly happening: Happening;
  readonly words: Words;
  readonly note: string;
  readonly day: string;
  readonly clockAhead: number;
  readonly onChoose: (name: string | undefined) => void;
}

const Item = memo(function Item(props: ItemProps): JSX.Element {
  const { happening, words, note, day, clockAhead, onChoose } = props;
  const { what, cause, tone } = words;
  const because: readonly Part[] = note === "" ? cause : [note];
  return (
    <>
      {day !== "" && <li class="day">{day}</li>}
      <li class={tone} data-kind={happening.deed.kind}>
        <time
          dateTime={new Date(happening.at).toISOString()}
          title={`${new Date(happening.at).toISOString()}, ${ago(Date.now() + clockAhead - happening.at)}`}
        >
          {clockTime(happening.at)}
        </time>
        <p>
          <Sentence parts={what} onChoose={onChoose} />
          {because.length > 0 && (
            <small>
              <Sentence parts={because} onChoose={onChoose} />
            </small>
          )}
        </p>
      </li>
    </>
  );
});
