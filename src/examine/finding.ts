/**
 * What can be found wrong, from causes to what comes of them: of several faults the first in this order is
 * the likeliest root of the others.
 */
export const causalOrder = [
  "service",
  "application",
  "config",
  "ports",
  "agent",
  "restart",
  "seeds",
  "keys",
  "reach",
  "split",
  "members",
  "handler",
  "handler-runs",
  "proxy-program",
  "proxy-config",
  "proxy-files",
  "pool-members",
  "backend",
  "proxy-process",
  "reload",
  "balancer",
  "pool",
  "virtual-ip",
  "keepalived",
  "clock",
] as const;

export type CheckName = (typeof causalOrder)[number];

/** `skipped`: it could not be looked at, or there was nothing to look at. */
export type Result = "ok" | "warn" | "fail" | "skipped";

/** One thing that was checked. Texts may hold what others wrote: whoever prints them escapes them. */
export interface Finding {
  readonly check: CheckName;
  /** What was checked: `handler /etc/gossipd/haproxy.sh`. */
  readonly about: string;
  readonly result: Result;
  /** What was found, in one line. */
  readonly found: string;
  /** Why it is so; null if that is clear or unknown. */
  readonly cause: string | null;
  /** Commands to type and lines to change, each in a line of its own; empty if nothing is to be done. */
  readonly remedy: readonly string[];
}

type Details = { readonly cause?: string | undefined; readonly remedy?: readonly string[] };

/** Makes findings of one check about one thing. */
export class Findings {
  readonly all: Finding[] = [];
  readonly #check: CheckName;
  readonly #about: string;

  constructor(check: CheckName, about: string) {
    this.#check = check;
    this.#about = about;
  }

  ok(found: string): void {
    this.#add("ok", found, {});
  }

  warn(found: string, details: Details = {}): void {
    this.#add("warn", found, details);
  }

  fail(found: string, details: Details = {}): void {
    this.#add("fail", found, details);
  }

  skip(found: string, details: Details = {}): void {
    this.#add("skipped", found, details);
  }

  /** True if something is to be done. */
  get hasFaults(): boolean {
    return this.all.some(({ result }) => result === "fail" || result === "warn");
  }

  #add(result: Result, found: string, { cause, remedy = [] }: Details): void {
    const about = this.#about;
    this.all.push({ check: this.#check, about, result, found, cause: cause ?? null, remedy });
  }
}

/** A path as one word of a command line, which no command takes for a flag. */
export function pathWord(path: string): string {
  return shellWord(notFlag(path));
}

/** The same path, but not beginning with `-`. */
export function notFlag(path: string): string {
  return path.startsWith("-") ? `./${path}` : path;
}

/**
 * What a command is about, which stands behind its flags, for commands that let `--` end those, as ours do.
 * Members choose their names: one may be called `-prune`.
 */
export function operand(text: string): string {
  return text.startsWith("-") ? `-- ${shellWord(text)}` : shellWord(text);
}

/** `text` as one word of a command line; the command may take it for a flag. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
