import type { JSX } from "preact";
import { duration } from "./format.js";

const [width, height] = [120, 28];

/** Round-trip times since the page was opened, the newest at the right. */
export function Curve({ times }: { times: readonly number[] }): JSX.Element | null {
  if (times.length < 2) return null;
  const most = Math.max(...times);
  const step = width / (times.length - 1);
  const points = times.map((time, index): [number, number] => [
    index * step,
    height - 3 - (time / most) * (height - 8),
  ]);
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const [lastX, lastY] = points.at(-1) ?? [0, 0];
  return (
    <svg
      class="curve"
      width={width + 6}
      height={height}
      viewBox={`-3 0 ${width + 6} ${height}`}
      role="img"
      aria-label={`The last ${times.length} round trips, at most ${duration(most)}`}
    >
      <polygon points={`0,${height} ${line} ${width},${height}`} />
      <polyline points={line} />
      <circle cx={lastX} cy={lastY} r={2.5} />
    </svg>
  );
}
