/** The first thing in a text that is not JSON. */
export interface JsonFault {
  readonly index: number;
  /** What may stand there. */
  readonly expected: string;
}

/** What comes next; a list or an object may end where its first part would stand. */
type Next = "value" | "item or end" | "key" | "key or end" | "colon" | "comma or end";

const blanks = /[ \t\r\n]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they may not stand in a string of JSON
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const word = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/**
 * Where the JSON value that begins at `start` goes wrong; undefined if it does not.
 *
 * The messages of `JSON.parse` quote what stands around a fault, which may be a key or a token; in
 * return some do not say where it is.
 */
export function findJsonFault(text: string, start: number): JsonFault | undefined {
  /** The closing bracket of each open list and object. */
  const open: string[] = [];
  let next: Next = "value";
  let index = start;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = index;
    const found = pattern.test(text);
    if (found) index = pattern.lastIndex;
    return found;
  };
  for (;;) {
    skip(blanks);
    const character = text[index];
    if (next.endsWith("end") && character !== undefined && character === open.at(-1)) {
      open.pop();
      index += 1;
      next = "comma or end";
    } else if (next === "value" || next === "item or end") {
      if (character === "{" || character === "[") {
        open.push(character === "{" ? "}" : "]");
        index += 1;
        next = character === "{" ? "key or end" : "item or end";
        continue;
      }
      if (!skip(string) && !skip(word)) return { index, expected: expectedFor(character) };
      next = "comma or end";
    } else if (next === "key" || next === "key or end") {
      if (!skip(string)) return { index, expected: "a key in double quotes" };
      next = "colon";
    } else if (next === "colon") {
      if (character !== ":") return { index, expected: "a colon" };
      index += 1;
      next = "value";
    } else {
      if (character !== ",") return { index, expected: `, or ${open.at(-1)}` };
      index += 1;
      next = open.at(-1) === "}" ? "key" : "value";
    }
    if (open.length === 0) return undefined;
  }
}

function expectedFor(character: string | undefined): string {
  if (character !== '"') return "a value";
  return 'a string on one line, in which a backslash stands before " \\ / b f n r t or u alone';
}
