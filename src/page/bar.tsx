import type { JSX } from "preact";
import { ConnectionState } from "./connection-state.js";
import { shown } from "./format.js";
import type { Connection } from "./state.js";
import { type Theme, useTheme } from "./theme.js";

interface BarProps {
  /** Of the agent; undefined: not known yet. */
  readonly name: string | undefined;
  readonly connection: Connection;
  readonly onRetry: () => void;
  readonly onLegend: () => void;
}

/** Whose page it is, and whether it is live. */
export function Bar({ name, connection, onRetry, onLegend }: BarProps): JSX.Element {
  const [theme, changeTheme] = useTheme();
  return (
    <div class="bar">
      <h1>
        <Mark />
        gossipd
        {name !== undefined && <span class="of clip">{shown(name)}</span>}
      </h1>
      <ConnectionState connection={connection} onRetry={onRetry} />
      <ThemeButton theme={theme} onChange={changeTheme} />
      <button
        type="button"
        class="round"
        aria-label="Legend and keys"
        title="Legend and keys (?)"
        onClick={onLegend}
      >
        ?
      </button>
    </div>
  );
}

function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="-12 -12 24 24" aria-hidden="true">
      <circle r="8" />
      {[0, 1, 2, 3, 4].map((index) => {
        const angle = (index * 2 * Math.PI) / 5;
        return (
          <circle
            key={index}
            class="bead"
            r="3"
            cx={Math.sin(angle) * 8}
            cy={-Math.cos(angle) * 8}
          />
        );
      })}
    </svg>
  );
}

const themeTitles = { system: "as the system", light: "light", dark: "dark" } as const;

function ThemeButton({ theme, onChange }: { theme: Theme; onChange: () => void }): JSX.Element {
  return (
    <button
      type="button"
      class="round"
      aria-label={`Light or dark: ${themeTitles[theme]}`}
      title={`Light or dark: ${themeTitles[theme]}`}
      onClick={onChange}
    >
      <svg class="icon" viewBox="-10 -10 20 20" aria-hidden="true">
        <circle class="moon" r="7" />
        <path class="moon-half" d="M0,-7A7,7 0 0 1 0,7Z" />
      </svg>
    </button>
  );
}
