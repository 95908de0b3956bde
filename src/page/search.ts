import type { MemberInfo } from "../observe/member-info.js";
import { type Standing, standingOf } from "./standing.js";

/** What the members are narrowed to: all words must fit, and the standing be one of those; none: any. */
export interface Search {
  readonly text: string;
  readonly standings: readonly Standing[];
}

export const everyone: Search = { text: "", standings: [] };

export function isNarrow({ text, standings }: Search): boolean {
  return standings.length > 0 || text.trim() !== "";
}

/** A test for one search; `role=web` asks for a tag, all other words occur in name, address or a tag. */
export function fits({ text, standings }: Search): (member: MemberInfo) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (member) => {
    if (standings.length > 0 && !standings.includes(standingOf(member))) return false;
    return words.every((word) => holds(member, word));
  };
}

function holds({ name, address, tags }: MemberInfo, word: string): boolean {
  const equals = word.indexOf("=");
  if (equals > 0) {
    const [key, value] = [word.slice(0, equals), word.slice(equals + 1)];
    return Object.entries(tags).some(
      ([name, tag]) => name.toLowerCase() === key && tag.toLowerCase().startsWith(value),
    );
  }
  if (name.toLowerCase().includes(word) || address.includes(word)) return true;
  return Object.entries(tags).some(([key, tag]) => `${key}=${tag}`.toLowerCase().includes(word));
}
