import { OperatorError } from "../../base/errors.js";
import { findBlocks } from "../marker.js";
import { expandWords } from "./config-words.js";
import { parseServerLines, type ServerLine } from "./server-lines.js";

/** A line of the file that says something. */
export interface Directive {
  /** From 1. */
  readonly line: number;
  /** At least one; quotes and variables are resolved. */
  readonly words: readonly string[];
}

export interface Section {
  /** `global`, `defaults`, `frontend`, `backend`, `listen` or another one. */
  readonly keyword: string;
  readonly name: string;
  /** That of its header, from 1. */
  readonly line: number;
  readonly directives: readonly Directive[];
  /** The `defaults` section that it inherits from. */
  readonly defaults: Section | undefined;
}

/** Where a pool lives in the file. */
export interface PoolPlace {
  readonly pool: string;
  readonly section: Section;
  readonly lines: readonly ServerLine[];
  /** The numbers of the lines that are its own, from 1. */
  readonly numbers: ReadonlySet<number>;
  /** Between markers: then all of the lines are ours. */
  readonly marked: boolean;
}

/** Whatever stands first on one of our lines and is one of these begins a section. */
const sectionKeywords: ReadonlySet<string> = new Set(
  `backend cache crt-store defaults fcgi-app frontend global http-errors listen log-forward log-profile
   mailers peers program resolvers ring traces userlist`.split(/\s+/),
);

/** Variables that a file can see; those of HAProxy's process may be others than ours. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * What concerns us of an HAProxy file: its sections and lines, read as HAProxy reads words. No full
 * parser: conditions (`.if`) are passed over, so that all branches count, and nothing is checked:
 * that is the checker's part.
 */
export class ConfigText {
  readonly text: string;
  readonly sections: readonly Section[];

  constructor(text: string, variables: Variables = process.env) {
    this.text = text;
    this.sections = readSections(text, variables);
  }

  /** The path of the runtime socket: the first one that lets us change something, or else the first. */
  get statsSocket(): string | undefined {
    const sockets = this.#global("stats")
      .filter(({ words }) => words[1] === "socket")
      .flatMap(({ words }) => {
        const path = unixPath(words[2] ?? "");
        return path === undefined ? [] : [{ path, level: words[words.indexOf("level") + 1] }];
      });
    return (sockets.find(({ level }) => level === "admin") ?? sockets[0])?.path;
  }

  /** Where HAProxy reads the state of servers when it starts; undefined: nowhere. */
  get stateFile(): string | undefined {
    const name = this.#global("server-state-file").at(-1)?.words[1];
    if (name === undefined || name.startsWith("/")) return name;
    const base = this.#global("server-state-base").at(-1)?.words[1];
    return base === undefined ? name : `${base}/${name}`;
  }

  /** Where a master writes its process id. */
  get pidFile(): string | undefined {
    return this.#global("pidfile").at(-1)?.words[1];
  }

  get maxconn(): number | undefined {
    const count = Number(this.#global("maxconn").at(-1)?.words[1]);
    return Number.isSafeInteger(count) ? count : undefined;
  }

  /** Every `bind` line, in the order of the file. */
  get binds(): readonly Directive[] {
    return this.sections
      .filter(({ keyword }) => keyword === "frontend" || keyword === "listen")
      .flatMap(({ directives }) => directives.filter(({ words }) => words[0] === "bind"));
  }

  /** Every section that can have servers. */
  get backends(): readonly Section[] {
    return this.sections.filter(({ keyword }) => keyword === "backend" || keyword === "listen");
  }

  /**
   * The servers of these pools and the sections that they stand in. A pool is between its markers, or,
   * in a file without them, all of the backend that is called like it. Throws OperatorError if it is
   * nowhere, or where no server can be.
   */
  places(pools: readonly string[], file: string): readonly PoolPlace[] {
    const hasMarkers = /^[ \t]*# gossipd begin\b/m.test(this.text);
    if (!hasMarkers) return pools.map((pool) => this.#namedPlace(pool, file));
    const places = findBlocks(this.text, pools, { file }).map(({ name, line, lines }) => ({
      pool: name,
      section: this.#sectionAt(line, name, file),
      lines: parseServerLines(lines),
      numbers: new Set(lines.map((_, index) => line + 1 + index)),
      marked: true,
    }));
    return places.sort((one, other) => pools.indexOf(one.pool) - pools.indexOf(other.pool));
  }

  #global(keyword: string): readonly Directive[] {
    return this.sections
      .filter((section) => section.keyword === "global")
      .flatMap(({ directives }) => directives.filter(({ words }) => words[0] === keyword));
  }

  #sectionAt(line: number, pool: string, file: string): Section {
    const section = this.sections.findLast((one) => one.line < line);
    if (section !== undefined && this.backends.includes(section)) return section;
    const where = section === undefined ? "before every section" : `in "${titleOf(section)}"`;
    throw new OperatorError(
      `${file}, line ${line}: the markers of the pool ${pool} stand ${where}: move them into a backend or listen section`,
    );
  }

  #namedPlace(pool: string, file: string): PoolPlace {
    const section = this.backends.find(({ name }) => name === pool);
    if (section === undefined) {
      throw new OperatorError(
        `${file} has neither markers of the pool ${pool} nor a backend of that name: add the lines "# gossipd begin ${pool}" and "# gossipd end ${pool}" around its servers`,
      );
    }
    const all = this.text.split("\n");
    const numbers = section.directives
      .filter(({ words }) => words[0] === "server")
      .map(({ line }) => line);
    const lines = numbers.map((line) => (all[line - 1] ?? "").replace(/\r$/, ""));
    return {
      pool,
      section,
      lines: parseServerLines(lines),
      numbers: new Set(numbers),
      marked: false,
    };
  }
}

/** The last directive of a section that begins with these words, or of the defaults for it. */
export function settingOf(section: Section, ...keyword: string[]): Directive | undefined {
  const isIt = ({ words }: Directive): boolean =>
    keyword.every((word, index) => words[index] === word);
  const own = section.directives.findLast(isIt);
  return (
    own ?? (section.defaults === undefined ? undefined : settingOf(section.defaults, ...keyword))
  );
}

export function titleOf({ keyword, name }: Section): string {
  return `${keyword} ${name}`.trimEnd();
}

/** The path of an address of a UNIX socket in the file system; undefined if it is another one. */
function unixPath(address: string): string | undefined {
  const path = address.replace(/^unix@/, "");
  return path.startsWith("/") || path !== address ? path : undefined;
}

interface Draft {
  readonly keyword: string;
  readonly name: string;
  readonly line: number;
  readonly directives: Directive[];
  readonly defaults: Draft | undefined;
}

function readSections(text: string, variables: Variables): readonly Section[] {
  const sections: Draft[] = [];
  const known: Record<string, string | undefined> = { ...variables };
  for (const [index, line] of text.split("\n").entries()) {
    const words = expandWords(line, known);
    const [keyword, name = "", ...rest] = words;
    if (keyword === undefined) continue;
    if (sectionKeywords.has(keyword)) {
      const defaults = keyword === "defaults" ? undefined : defaultsOf(sections, rest);
      sections.push({ keyword, name, line: index + 1, directives: [], defaults });
      continue;
    }
    sections.at(-1)?.directives.push({ line: index + 1, words });
    if (sections.at(-1)?.keyword === "global") setVariable(words, known);
  }
  return sections;
}

/** The one that it names by `from`, or the last one before it. */
function defaultsOf(sections: readonly Draft[], rest: readonly string[]): Draft | undefined {
  const all = sections.filter(({ keyword }) => keyword === "defaults");
  const from = rest[0] === "from" ? rest[1] : undefined;
  return from === undefined ? all.at(-1) : all.findLast(({ name }) => name === from);
}

function setVariable(words: readonly string[], known: Record<string, string | undefined>): void {
  const [keyword, name = "", value = ""] = words;
  if (keyword === "setenv" || (keyword === "presetenv" && known[name] === undefined)) {
    known[name] = value;
  } else if (keyword === "unsetenv") {
    for (const one of words.slice(1)) known[one] = undefined;
  }
}
