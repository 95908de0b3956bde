import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { StandingIcon } from "./glyph.js";
import { type Standing, standings } from "./standing.js";

const meanings: Readonly<Record<Standing, string>> = {
  alive: "answers pings, its own or by the word of others",
  suspected: "did not answer; it has some seconds to refute before it counts as failed",
  leaving: "said that it leaves, and tells the others",
  left: "left on purpose",
  failed: "did not answer and did not refute; tried again for a day",
};

const keys: readonly (readonly [string, string])[] = [
  ["/", "search: name, address or tag, as role=web"],
  ["← → ↑ ↓", "choose a member, on the ring and in the list"],
  ["Home End", "the first and the last one"],
  ["Tab", "from part to part"],
  ["Esc", "close, or end the search"],
  ["?", "this legend"],
];

/** What the signs mean, and the keys. */
export function Legend({ onClose }: { onClose: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes a dialog
    <dialog
      ref={dialog}
      aria-labelledby="legend"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <header>
        <h2 id="legend">Legend</h2>
        <button
          type="button"
          class="quiet"
          aria-label="Close"
          onClick={() => dialog.current?.close()}
        >
          ✕
        </button>
      </header>
      <dl class="signs">
        {standings.map((standing) => (
          <>
            <dt>
              <StandingIcon standing={standing} /> {standing}
            </dt>
            <dd>{meanings[standing]}</dd>
          </>
        ))}
        <dt>
          <svg class="icon wide" viewBox="-16 -10 32 20" aria-hidden="true">
            <path class="bow" d="M-14,4Q0,-8 9,2" />
            <path class="bow-head" d="M13,6L4.5,4.5L10,-1Z" />
          </svg>
          arrow
        </dt>
        <dd>from a member that suspects to the one that it suspects</dd>
        <dt>
          <svg class="icon" viewBox="-10 -10 20 20" aria-hidden="true">
            <circle class="own" r={8.5} />
            <circle class="own-inner" r={5} />
          </svg>
          circled
        </dt>
        <dd>this agent, as which the page sees the cluster</dd>
      </dl>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <>
            <dt>
              {key.split(" ").map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
    </dialog>
  );
}
