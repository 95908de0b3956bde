import type { ComponentChildren, JSX } from "preact";
import type { MemberInfo } from "../observe/member-info.js";
import { Curve } from "./curve.js";
import { ago, counted, duration, shown, span } from "./format.js";
import { StandingIcon } from "./glyph.js";
import { useNow } from "./hooks.js";
import { Sentence } from "./sentence.js";
import { standingOf } from "./standing.js";
import type { Change } from "./state.js";
import { Tags } from "./tags.js";
import type { Part } from "./words.js";

interface DetailsProps {
  readonly member: MemberInfo;
  readonly isSelf: boolean;
  readonly health: number;
  readonly times: readonly number[];
  readonly change: Change | undefined;
  readonly clockAhead: number;
  readonly onChoose: (name: string | undefined) => void;
  readonly onTag: (tag: string) => void;
}

/** All that this agent knows of one member. */
export function MemberDetails(props: DetailsProps): JSX.Element {
  const { member, isSelf, health, times, change, clockAhead, onChoose, onTag } = props;
  const now = useNow();
  const { name, address, tags, rttMillis, lastRttMillis, lastAckedAt, lostProbes } = member;
  const { protocol, suspectedBy, suspectedSince } = member;
  const standing = standingOf(member);
  return (
    <section class="card details" aria-label={`Member ${shown(name)}`} data-details={name}>
      <header>
        <h2>
          <StandingIcon standing={standing} />
          <span class="clip" title={shown(name)}>
            {shown(name)}
          </span>
        </h2>
        <button
          type="button"
          class="quiet"
          aria-label="Close"
          title="Close (Esc)"
          onClick={() => onChoose(undefined)}
        >
          ✕
        </button>
      </header>
      <dl>
        <Fact title="Status">
          <span class={`standing ${standing}`}>{standing}</span>
          {suspectedBy.length > 0 && (
            <>
              {" by "}
              <Sentence parts={namesOf(suspectedBy)} onChoose={onChoose} />
              {suspectedSince !== null &&
                ` for ${span(now + clockAhead - Date.parse(suspectedSince))}`}
            </>
          )}
        </Fact>
        <Fact title="Address">
          <code>{address}</code>
        </Fact>
        {isSelf ? (
          <Fact title="Health">{health === 0 ? "good" : `score ${health}: late itself`}</Fact>
        ) : (
          <>
            <Fact title="Round trip">
              {lastRttMillis === null ? "not measured lately" : duration(lastRttMillis)}
              {rttMillis !== null && <small> estimated {duration(rttMillis)}</small>}
              <Curve times={times} />
            </Fact>
            <Fact title="Answered">
              {lastAckedAt === null
                ? "no ping of ours lately"
                : ago(now + clockAhead - Date.parse(lastAckedAt))}
              {lostProbes > 0 && (
                <span class="warn"> {counted(lostProbes, "probe")} of ours lost</span>
              )}
            </Fact>
          </>
        )}
        <Fact title="Tags">
          {Object.keys(tags).length === 0 ? "none" : <Tags tags={tags} onTag={onTag} />}
        </Fact>
        {change !== undefined && (
          <Fact title="Changed">
            {shown(change.words)} <small>{ago(now - change.at)}</small>
          </Fact>
        )}
        <Fact title="Protocol">
          {protocol.current}{" "}
          <small>
            of {protocol.min} to {protocol.max}
          </small>
        </Fact>
      </dl>
      {!isSelf && <WhyCommand name={name} />}
    </section>
  );
}

function Fact({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  return (
    <>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </>
  );
}

function namesOf(names: readonly string[]): readonly Part[] {
  return names.flatMap((member, index) => (index === 0 ? [{ member }] : [", ", { member }]));
}

/** The command that asks all members what they saw of this one; not for names that a shell could misread. */
function WhyCommand({ name }: { name: string }): JSX.Element | null {
  if (!/^[\w.-]+$/.test(name) || name.startsWith("-")) return null;
  const command = `gossipd why ${name}`;
  return (
    <p class="command">
      <code>{command}</code>
      <button
        type="button"
        class="quiet"
        onClick={() => void navigator.clipboard?.writeText(command)}
      >
        Copy
      </button>
    </p>
  );
}
