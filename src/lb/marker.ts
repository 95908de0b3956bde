import { OperatorError } from "../base/errors.js";

/** The lines of a file between two marker lines: what gossipd owns of it. */
export interface Block {
  /** The pool's name, or that of another part. */
  readonly name: string;
  /** The number of the line with the begin marker, from 1. */
  readonly line: number;
  /** What stands before the begin marker on its line. */
  readonly indent: string;
  /** The lines in between, with their indentation, without line ends. */
  readonly lines: readonly string[];
}

export interface MarkerOptions {
  /** Named in errors. */
  readonly file?: string;
  /** Parts that need not be there, besides the pools. */
  readonly optional?: readonly string[];
}

/** The two lines that a file must have for a pool. */
export function markersOf(name: string): readonly [begin: string, end: string] {
  return [`# gossipd begin ${name}`, `# gossipd end ${name}`];
}

/**
 * The blocks of these pools, in the order of the file. If there is one pool, its markers may stand
 * without a name. Blocks of other names are foreign text. Throws OperatorError if a pool has none, or
 * markers do not come in pairs.
 */
export function findBlocks(
  text: string,
  pools: readonly string[],
  options: MarkerOptions = {},
): readonly Block[] {
  return locate(text, pools, options).map(({ name, begin, end, lines }) => ({
    name,
    line: begin + 1,
    indent: indentOf(lines[begin]),
    lines: lines.slice(begin + 1, end).map((line) => line.text),
  }));
}

/**
 * The text with new lines in the blocks of these pools and every other byte as it was. The lines come
 * without indentation and line ends: they get those of the begin marker's line. Throws as
 * {@link findBlocks}.
 */
export function replaceBlocks(
  text: string,
  blocks: ReadonlyMap<string, readonly string[]>,
  options: MarkerOptions = {},
): string {
  const optional = options.optional ?? [];
  const pools = [...blocks.keys()].filter((name) => !optional.includes(name));
  const parts: string[] = [];
  let kept = 0;
  for (const { name, begin, end, lines } of locate(text, pools, options)) {
    const content = blocks.get(name);
    if (content === undefined) continue;
    const indent = indentOf(lines[begin]);
    const lineEnd = lines[begin]?.end ?? "\n";
    parts.push(...lines.slice(kept, begin + 1).map((line) => line.text + line.end));
    for (const line of content) {
      refuseMarker(name, line);
      parts.push(line === "" ? lineEnd : `${indent}${line}${lineEnd}`);
    }
    kept = end;
  }
  const rest = splitLines(text).slice(kept);
  return [...parts, ...rest.map((line) => line.text + line.end)].join("");
}

interface Line {
  readonly text: string;
  /** `\n`, `\r\n`, or nothing at the end of the file. */
  readonly end: string;
}

interface Located {
  readonly name: string;
  /** Indices into {@link lines} of the two markers. */
  readonly begin: number;
  readonly end: number;
  readonly lines: readonly Line[];
}

function splitLines(text: string): readonly Line[] {
  const lines = text.matchAll(/([^\n]*?)(\r?\n|$)/g);
  return [...lines].flatMap(([whole, line = "", end = ""]) =>
    whole === "" ? [] : [{ text: line, end }],
  );
}

function indentOf(line: Line | undefined): string {
  return /^[ \t]*/.exec(line?.text ?? "")?.[0] ?? "";
}

interface Marker {
  readonly kind: "begin" | "end";
  /** Empty if it has none. */
  readonly name: string;
}

function markerOf(text: string): Marker | undefined {
  const [, kind, name = ""] =
    /^[ \t]*# gossipd (begin|end)(?:[ \t]+(\S+))?[ \t]*$/.exec(text) ?? [];
  return kind === "begin" || kind === "end" ? { kind, name } : undefined;
}

function locate(
  text: string,
  pools: readonly string[],
  { file = "the file", optional = [] }: MarkerOptions,
): readonly Located[] {
  const lines = splitLines(text);
  const found = new Map<string, Located>();
  let open: { readonly name: string; readonly index: number } | undefined;
  for (const [index, line] of lines.entries()) {
    const marker = markerOf(line.text);
    if (marker === undefined) continue;
    const fail = (words: string): never => {
      throw new OperatorError(`${file}, line ${index + 1}: ${words}`);
    };
    const [begin, end] = textsOf(marker.name);
    if (marker.kind === "begin") {
      if (open !== undefined) {
        const [, missing] = textsOf(open.name);
        fail(
          `${begin} stands inside the block that began on line ${open.index + 1}: ${missing} must come before it`,
        );
      }
      const before = found.get(marker.name);
      if (before !== undefined) {
        fail(
          `a second ${begin}, the first is on line ${before.begin + 1}: remove one of the blocks`,
        );
      }
      open = { name: marker.name, index };
    } else {
      if (open === undefined) fail(`${end} without ${begin} before it`);
      else if (open.name !== marker.name) {
        fail(
          `${end} does not end the block that began on line ${open.index + 1} with ${textsOf(open.name)[0]}`,
        );
      } else {
        found.set(marker.name, { name: marker.name, begin: open.index, end: index, lines });
        open = undefined;
      }
    }
  }
  if (open !== undefined) {
    const [begin, end] = textsOf(open.name);
    throw new OperatorError(`${file}, line ${open.index + 1}: ${begin} without ${end} after it`);
  }
  return pick(found, pools, optional, file);
}

function textsOf(name: string): readonly [begin: string, end: string] {
  const [begin, end] = markersOf(name);
  return [`"${begin.trim()}"`, `"${end.trim()}"`];
}

/** Those of the blocks that are asked for, in the order of the file. */
function pick(
  found: ReadonlyMap<string, Located>,
  pools: readonly string[],
  optional: readonly string[],
  file: string,
): readonly Located[] {
  const picked: Located[] = [];
  const missing: string[] = [];
  for (const name of pools) {
    const named = found.get(name);
    const plain = pools.length === 1 ? found.get("") : undefined;
    if (named !== undefined && plain !== undefined) {
      throw new OperatorError(
        `${file} has two blocks for the pool ${name}, on the lines ${named.begin + 1} and ${plain.begin + 1}, one of them without its name: remove one`,
      );
    }
    const block = named ?? plain;
    if (block === undefined) missing.push(name);
    else picked.push({ ...block, name });
  }
  if (missing.length > 0) {
    const pairs = missing.map((name) => textsOf(name).join(" and "));
    throw new OperatorError(
      `${file} has no place for the servers of ${missing.join(", ")}: add the lines ${pairs.join(", then ")} where they belong`,
    );
  }
  for (const name of optional) {
    const block = found.get(name);
    if (block !== undefined && !pools.includes(name)) picked.push(block);
  }
  return picked.sort((one, other) => one.begin - other.begin);
}

/** What is written must be found again, or the next change would hit foreign lines. */
function refuseMarker(name: string, line: string): void {
  if (!/[\r\n]/.test(line) && markerOf(line) === undefined) return;
  throw new OperatorError(
    `the lines for ${name} must each be one line and no marker: ${JSON.stringify(line.slice(0, 100))}`,
  );
}
