/** `0.4 ms`, `12 ms`, `1.4 s`, `2 min 3 s`, `3 h 20 min`, `2 d 4 h`. */
export function duration(millis: number): string {
  if (!Number.isFinite(millis) || millis < 0) return "–";
  if (millis < 9.95) return `${trimmed(millis, 1)} ms`;
  if (millis < 999.5) return `${Math.round(millis)} ms`;
  const seconds = millis / 1_000;
  if (seconds < 9.95) return `${trimmed(seconds, 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return two(whole, 60, "min", "s");
  const minutes = Math.round(whole / 60);
  if (minutes < 24 * 60) return two(minutes, 60, "h", "min");
  return two(Math.round(minutes / 60), 24, "d", "h");
}

function two(count: number, per: number, large: string, small: string): string {
  const rest = count % per;
  const whole = `${Math.floor(count / per)} ${large}`;
  return rest === 0 ? whole : `${whole} ${rest} ${small}`;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** How long ago in one unit, as a reader says it: `now`, `12 s ago`, `3 min ago`. */
export function ago(millis: number): string {
  if (millis < 2_000) return "now";
  return `${span(millis)} ago`;
}

/** One unit, rounded down: `12 s`, `3 min`, `5 h`, `2 d`. */
export function span(millis: number): string {
  const seconds = Math.max(0, Math.floor(millis / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `14:03:07`, in the reader's own zone and always of 24 hours. */
export function clockTime(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** `1 member`, `1,000 members`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${thousands(count)} ${count === 1 ? one : many}`;
}

export function thousands(count: number): string {
  return count.toLocaleString("en");
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed(names: readonly string[], atMost = 3): string {
  if (names.length <= 1) return names.join("");
  const shown = names.length <= atMost ? names.slice(0, -1) : names.slice(0, atMost - 1);
  const rest = names.length - shown.length;
  return `${shown.join(", ")} and ${rest === 1 ? (names.at(-1) ?? "") : `${rest} more`}`;
}

/** Shortened in its middle, since the ends of a name tell most: `web-3…eu-1`. */
export function shortened(text: string, atMost: number): string {
  const letters = [...text];
  if (letters.length <= atMost) return text;
  const kept = atMost - 1;
  const head = Math.ceil(kept * 0.6);
  return `${letters.slice(0, head).join("")}…${letters.slice(letters.length - (kept - head)).join("")}`;
}

/**
 * Control characters and those that turn the direction of what follows, which a hostile name can hold, as
 * the sign for a character that cannot be shown.
 */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}
