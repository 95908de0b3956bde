import { maxNamed } from "../../observe/deed.js";
import type { SeenMembers } from "../../observe/handler-run.js";
import type { Member } from "../../serf/events.js";
import { isLoss, isPresence } from "./told.js";

/** Members that a script is remembered to know; as many as may wait for one. */
const maxPresent = 65_536;

/** Which members each script believes to be here, if it did with success what it was told. */
export class SeenBook {
  /** By script. Those that do not hear of both joins and losses have none. */
  readonly #present = new Map<string, Set<string>>();

  /** Keeps what is known of these scripts, and of no others. */
  watch(scripts: Iterable<string>): void {
    const watched = new Set(scripts);
    for (const script of this.#present.keys())
      if (!watched.has(script)) this.#present.delete(script);
    for (const script of watched)
      if (!this.#present.has(script)) this.#present.set(script, new Set());
  }

  /** What an earlier agent knew. */
  restore(script: string, names: readonly string[]): void {
    this.#present.set(script, new Set(names.slice(0, maxPresent)));
  }

  /** A run of an earlier agent ended well. */
  replay(script: string, event: string, names: readonly string[]): void {
    if (!this.#present.has(script)) this.#present.set(script, new Set());
    this.note(script, event, names);
  }

  /** A run of `script` ended well. */
  note(script: string, event: string, names: readonly string[]): void {
    const present = this.#present.get(script);
    if (present === undefined) return;
    for (const name of names) {
      if (isLoss(event)) present.delete(name);
      else if (isPresence(event) && present.size < maxPresent) present.add(name);
    }
  }

  /** By script, for the journal's file. */
  entries(): Iterable<[string, ReadonlySet<string>]> {
    return this.#present;
  }

  /** `members`: all, as they are; undefined while they are not all there is. */
  report(
    script: string,
    members: readonly Member[] | undefined,
    isQuiet: boolean,
  ): SeenMembers | null {
    const present = this.#present.get(script);
    if (present === undefined) return null;
    if (members === undefined || !isQuiet) return { present: present.size, gone: [], unknown: [] };
    const alive = new Set(
      members.filter(({ status }) => status === "alive").map(({ name }) => name),
    );
    return {
      present: present.size,
      gone: [...present].filter((name) => !alive.has(name)).slice(0, maxNamed),
      unknown: [...alive].filter((name) => !present.has(name)).slice(0, maxNamed),
    };
  }
}
