import type { Member } from "../../serf/events.js";
import type { FileChange } from "./folder-state.js";
import { made } from "./members-file.js";

/** Words that no script has of its own. */
const [first, second] = ["x7a", "x7b"];

/** The file that a glob of the hostile value meets. */
export const globbedName = "x7globbed";

/** The file that a hostile value makes if a shell runs it. */
const executedName = "x7executed";

/**
 * A tag's value as a hostile member could set it: blanks that a shell takes for the end of a word, a pattern
 * that it replaces by file names of `bait`, and commands that it runs if the value is evaluated.
 */
export function hostileValue(bait: string): string {
  const touch = `touch ${bait}/${executedName}`;
  return `${first}  ${second} ${bait}/* ;${touch}; $(${touch}) \`${touch}\``;
}

/** `members`, and beside them for each tag that they have one with a hostile value in it, and one more. */
export function withHostileMembers(members: readonly Member[], value: string): readonly Member[] {
  const [model = made("x7", [192, 0, 2, 7], {})] = members;
  const keys = new Set(members.flatMap(({ tags }) => [...tags.keys()]));
  const hostile = [...keys, "x7tag"].map((key, index) => ({
    ...model,
    name: `x7member${index}`,
    tags: new Map([...model.tags, [key, value]]),
  }));
  return [...members, ...hostile];
}

/** True if all that is new in a file tells that it was made of hostile members. */
export function bearsTraces({ after = "", before = "" }: FileChange): boolean {
  const old = new Set(before.split("\n"));
  const added = after.split("\n").filter((line) => line !== "" && !old.has(line));
  const traces = [first, second, "x7member"];
  return added.length > 0 && added.every((line) => traces.some((trace) => line.includes(trace)));
}

/** What a script did to a hostile value that none should. */
export interface Mishandling {
  readonly executed: boolean;
  readonly globbed: boolean;
  readonly split: boolean;
}

/** Looks for traces in all that a script wrote, and in the arguments of the commands that it called. */
export function findMishandling(
  value: string,
  texts: readonly string[],
  commands: readonly (readonly string[])[],
  baitFiles: readonly string[],
): Mishandling {
  const everything = [...texts, ...commands.flat()].map((text) => text.replaceAll(value, ""));
  // A script that takes blanks out or encodes them leaves something else behind the first word.
  const broken = new RegExp(`${first}(?=[\\s"',]|$)`, "m");
  return {
    executed: baitFiles.includes(executedName),
    globbed: everything.some((text) => text.includes(globbedName)),
    split: everything.some((text) => broken.test(text)),
  };
}
