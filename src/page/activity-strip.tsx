import type { JSX } from "preact";
import { slotsOf, spanOf } from "./activity.js";
import { clockTime, counted, span as spanWords } from "./format.js";
import { memo } from "./memo.js";
import type { Happening } from "./state.js";
import type { Tone } from "./words.js";

const count = 60;
const height = 34;
const tones: readonly Tone[] = ["bad", "warn", "good", "info", "quiet"];

/** How much happened when, the newest at the right. `now`: by the agent's clock. */
export const ActivityStrip = memo(function ActivityStrip({
  happenings,
  now,
}: {
  happenings: readonly Happening[];
  now: number;
}): JSX.Element {
  const span = spanOf(happenings, now);
  const slots = slotsOf(happenings, now, span, count);
  const most = Math.max(4, ...slots.map(({ total }) => total));
  return (
    <figure class="activity">
      <svg
        viewBox={`0 0 ${count} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${counted(happenings.length, "entry", "entries")} in the last ${spanWords(span)}`}
      >
        {slots.map(({ from, counts, total }, index) => {
          let y = height;
          return (
            <g key={from}>
              {total > 0 && (
                <title>{`${clockTime(from)}: ${counted(total, "entry", "entries")}`}</title>
              )}
              <rect class="empty" x={index + 0.1} y={height - 1} width={0.8} height={1} />
              {tones.map((tone) => {
                if (counts[tone] === 0) return null;
                // Square roots, or a thousand joins would leave nothing to see of one failure.
                const part = (counts[tone] / total) * Math.sqrt(total / most) * (height - 2);
                y -= Math.max(part, 2);
                return (
                  <rect
                    key={tone}
                    class={tone}
                    x={index + 0.1}
                    y={y}
                    width={0.8}
                    height={Math.max(part, 2)}
                  />
                );
              })}
            </g>
          );
        })}
      </svg>
      <figcaption>
        <span>{spanWords(span)} ago</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
});
