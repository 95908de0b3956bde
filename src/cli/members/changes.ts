import { formatAddress } from "../../base/address.js";
import { compareTexts } from "../../base/compare-texts.js";
import type { RpcMember } from "../../rpc/api.js";
import { sortedPairs } from "../output.js";

/** What became of one member between two lists. */
export interface MemberChange {
  readonly member: RpcMember;
  /** `gone`: it is not in the list any more, forgotten or not wanted. */
  readonly what: "new" | "changed" | "gone";
  /** In words: `alive -> failed`. */
  readonly words: string;
}

/** Sorted by name. */
export function memberChanges(
  before: readonly RpcMember[],
  after: readonly RpcMember[],
): MemberChange[] {
  const old = new Map(before.map((one) => [one.name, one]));
  const present = new Set(after.map(({ name }) => name));
  const changes: MemberChange[] = [];
  for (const member of after) {
    const known = old.get(member.name);
    if (known === undefined) {
      const words = `new, ${member.status} at ${addressOf(member)}`;
      changes.push({ member, what: "new", words });
      continue;
    }
    const words = differences(known, member).join(", ");
    if (words !== "") changes.push({ member, what: "changed", words });
  }
  for (const member of before) {
    if (present.has(member.name)) continue;
    changes.push({ member, what: "gone", words: `gone from the list, was ${member.status}` });
  }
  return changes.sort((one, other) => compareTexts(one.member.name, other.member.name));
}

function differences(before: RpcMember, after: RpcMember): string[] {
  const parts: string[] = [];
  const add = (one: string, other: string): void => {
    if (one !== other) parts.push(`${one} -> ${other}`);
  };
  add(before.status, after.status);
  add(addressOf(before), addressOf(after));
  const keys = new Map([...before.tags, ...after.tags]);
  for (const [key] of sortedPairs(keys)) {
    const [one, other] = [before.tags.get(key), after.tags.get(key)];
    if (one === other) continue;
    if (other === undefined) parts.push(`tag ${key}=${one} removed`);
    else if (one === undefined) parts.push(`tag ${key}=${other} added`);
    else parts.push(`tag ${key}=${one} -> ${other}`);
  }
  return parts;
}

function addressOf({ addr, port }: RpcMember): string {
  return formatAddress({ ip: addr, port });
}
