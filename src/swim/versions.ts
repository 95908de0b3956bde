import { sameBytes } from "../base/address.js";
import type { Bytes } from "../base/units.js";
import type { RemoteState } from "../wire/swim-messages.js";

/** One member of either side of a push/pull. */
export interface Versioned {
  readonly name: string;
  readonly state: RemoteState;
  /** PMin, PMax, PCur, DMin, DMax, DCur; empty or cut short counts as zeros. */
  readonly versions: Bytes;
}

/** One of the two protocols: where its numbers stand and what the message calls it. */
interface Protocol {
  readonly first: 0 | 3;
  readonly title: string;
}

const protocols: readonly Protocol[] = [
  { first: 0, title: "protocol" },
  { first: 3, title: "delegate protocol" },
];

/**
 * Why two groups cannot become one: a member speaks a version that not all alive ones understand.
 * Undefined if they can. The member may be of any state (memberlist, verifyProtocol).
 */
export function findIncompatible(
  local: readonly Versioned[],
  remote: readonly Versioned[],
): string | undefined {
  const common = protocols.map((protocol) => commonRange(protocol, local, remote));
  for (const side of [remote, local]) {
    for (const member of side) {
      for (const [index, { first, title }] of protocols.entries()) {
        const { min, max } = common[index] as Range;
        const current = numberAt(member, first + 2);
        if (current >= min && current <= max) continue;
        return `Node '${member.name}' ${title} version (${current}) is incompatible: [${min}, ${max}]`;
      }
    }
  }
  return undefined;
}

/**
 * True if all of `remote` speak as all members here do: with `common` versions, which are undefined if
 * those differ. Then {@link findIncompatible} need not look at thousands that are all the same.
 */
export function speakAlike(
  common: Bytes | undefined,
  remote: readonly Pick<Versioned, "versions">[],
): boolean {
  if (common === undefined) return false;
  const one: Versioned = { name: "", state: "alive", versions: common };
  if (findIncompatible([one], []) !== undefined) return false;
  return remote.every(({ versions }) => sameBytes(versions, common));
}

interface Range {
  readonly min: number;
  readonly max: number;
}

/** What all members that are alive understand. */
function commonRange(
  { first }: Protocol,
  local: readonly Versioned[],
  remote: readonly Versioned[],
): Range {
  let min = 0;
  let max = 255;
  for (const side of [remote, local]) {
    for (const member of side) {
      if (member.state !== "alive" || member.versions.length < 6) continue;
      min = Math.max(min, numberAt(member, first));
      max = Math.min(max, numberAt(member, first + 1));
    }
  }
  return { min, max };
}

function numberAt({ versions }: Versioned, index: number): number {
  return versions.length < 6 ? 0 : (versions[index] as number);
}
