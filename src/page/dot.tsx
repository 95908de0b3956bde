import type { JSX } from "preact";
import { shown } from "./format.js";
import { Glyph } from "./glyph.js";
import { memo } from "./memo.js";
import type { Standing } from "./standing.js";

interface DotProps {
  readonly id: string;
  readonly name: string;
  readonly standing: Standing;
  readonly x: number;
  readonly y: number;
  readonly angle: number;
  readonly radius: number;
  readonly own: boolean;
  readonly chosen: boolean;
  readonly focused: boolean;
  readonly faded: boolean;
  readonly label: string;
  readonly note: string;
  readonly flat: boolean;
  readonly onChoose: (name: string) => void;
  readonly onPoint: (name: string | undefined) => void;
}

/** A member on the ring, with its name if there is room. */
export const Dot = memo(function Dot(props: DotProps): JSX.Element {
  const { id, name, standing, x, y, radius, own, chosen, focused, faded, onChoose, onPoint } =
    props;
  // The smaller the dots, the more must one that is not alive stand out.
  const size = standing === "alive" || standing === "left" ? radius : Math.max(radius, 5);
  return (
    <g
      id={id}
      role="option"
      aria-selected={chosen}
      aria-label={`${shown(name)}, ${standing}`}
      class={`dot${faded ? " faded" : ""}`}
      data-member={name}
      data-standing={standing}
      transform={`translate(${x.toFixed(2)},${y.toFixed(2)})`}
      onClick={(event: Event) => {
        event.stopPropagation();
        onChoose(name);
      }}
      onPointerEnter={() => onPoint(name)}
    >
      {own && <circle class="own" r={size + 4.5} />}
      {chosen && <circle class={`chosen${focused ? " focused" : ""}`} r={size + 5} />}
      <Glyph standing={standing} radius={size} />
      <circle class="reach" r={Math.max(radius + 2, 6)} />
      {props.label !== "" && <Label {...props} size={size} />}
    </g>
  );
});

function Label({ angle, size, label, note, flat, own }: DotProps & { size: number }): JSX.Element {
  const side = Math.sin(angle);
  const distance = size + (own ? 12 : 9);
  if (!flat) {
    const degrees = (angle * 180) / Math.PI - 90;
    const turned = side < -0.001;
    return (
      <text
        class="label"
        text-anchor={turned ? "end" : "start"}
        dominant-baseline="central"
        transform={`rotate(${(turned ? degrees + 180 : degrees).toFixed(2)})`}
        x={turned ? -distance : distance}
      >
        {label}
      </text>
    );
  }
  const upright = Math.abs(side) < 0.16;
  const anchor = upright ? "middle" : side > 0 ? "start" : "end";
  const lines = note === "" ? 0 : 7;
  const x = upright ? 0 : Math.sign(side) * distance;
  const up = Math.cos(angle);
  const y = upright ? -Math.sign(up) * (distance + 4 + lines) : -up * size * 0.7;
  return (
    <text class="label" text-anchor={anchor} dominant-baseline="central" x={x} y={y}>
      <tspan x={x} dy={-lines}>
        {label}
      </tspan>
      {note !== "" && (
        <tspan class="note" x={x} dy={15}>
          {note}
        </tspan>
      )}
    </text>
  );
}
