import type { JSX } from "preact";
import type { Standing } from "./standing.js";

/**
 * The sign of a standing, around 0,0. Each has a form of its own, for those who do not tell the colours
 * apart.
 */
export function Glyph({ standing, radius }: { standing: Standing; radius: number }): JSX.Element {
  const inner = radius * 0.42;
  switch (standing) {
    case "failed":
      return (
        <g class="glyph failed">
          <circle r={radius} />
          <path
            d={`M${-inner},${-inner}L${inner},${inner}M${inner},${-inner}L${-inner},${inner}`}
          />
        </g>
      );
    case "suspected":
      return (
        <g class="glyph suspected">
          <circle class="halo" r={radius * 1.45} />
          <circle r={radius} />
          <path d={`M0,${-inner * 1.1}V${inner * 0.25}M0,${inner * 1.05}V${inner * 1.06}`} />
        </g>
      );
    case "leaving":
      return (
        <g class="glyph leaving">
          <circle r={radius} />
          <path d={`M0,${-radius}A${radius},${radius} 0 0 1 0,${radius}Z`} />
        </g>
      );
    case "left":
      return (
        <g class="glyph left">
          <circle r={radius - 0.75} />
        </g>
      );
    case "alive":
      return (
        <g class="glyph alive">
          <circle r={radius} />
        </g>
      );
  }
}

/** The sign in a line of text. */
export function StandingIcon({ standing }: { standing: Standing }): JSX.Element {
  return (
    <svg class="icon" viewBox="-10 -10 20 20" aria-hidden="true">
      <Glyph standing={standing} radius={6.5} />
    </svg>
  );
}
