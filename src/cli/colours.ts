const styles = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, cyan: 36 };
export type Style = keyof typeof styles;

/** Puts `text` into a style, or leaves it as it is where there are none. */
export type Paint = (text: string, ...wanted: readonly Style[]) => string;

/** True for a terminal that has colours, unless the user wants none (no-color.org). */
export function hasColours(
  isTerminal: boolean | undefined,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTerminal === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
}

export function painter(colours: boolean | undefined): Paint {
  if (colours !== true) return (text) => text;
  return (text, ...wanted) =>
    wanted.length === 0
      ? text
      : `\x1b[${wanted.map((style) => styles[style]).join(";")}m${text}\x1b[0m`;
}

/** How the status of a member is shown: what needs a look stands out. */
export function statusStyle(status: string): readonly Style[] {
  switch (status) {
    case "alive":
      return ["green"];
    case "failed":
      return ["red"];
    case "leaving":
    case "suspected":
      return ["yellow"];
    default:
      return ["dim"];
  }
}
