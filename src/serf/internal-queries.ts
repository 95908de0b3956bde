import type { Address } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Bytes } from "../base/units.js";
import {
  type ConflictMember,
  encodeSerfMessage,
  type QueryMessage,
} from "../wire/serf-messages.js";
import { decodeText } from "../wire/text.js";
import type { Member, MemberStatus } from "./events.js";
import type { KeyAnswers } from "./key-answers.js";
import type { Membership } from "./membership.js";

/** Names that begin so belong to Serf itself; such queries are never delivered. */
const internalPrefix = "_serf_";

/** What an answer is made of. */
export interface InternalKnowledge {
  readonly self: string;
  readonly membership: Membership;
  readonly log: Log;
  readonly keys: KeyAnswers;
  /** Where a member is that asks for itself, if we hold it elsewhere and were wrong. */
  readonly claimedAt: Address | undefined;
  /** What a response may have, in bytes. */
  readonly responseLimit: number;
  /** True if a response with this payload is not longer than that. */
  fits(payload: Bytes): boolean;
}

const statusNumbers: Readonly<Record<MemberStatus, number>> = {
  none: 0,
  alive: 1,
  leaving: 2,
  left: 3,
  failed: 4,
};

/** True if it asks where we hold a member whose name two claim. */
export function isConflictQuery(name: string): boolean {
  return name === `${internalPrefix}conflict`;
}

export function isInternal(name: string): boolean {
  return name.startsWith(internalPrefix);
}

/**
 * Throws {@link OperatorError} if an operator asks what only members ask each other; a ping without
 * payload is allowed.
 */
export function refuseInternal({ name, payload }: Pick<QueryMessage, "name" | "payload">): void {
  if (!isInternal(name)) return;
  const isPing = name === `${internalPrefix}ping`;
  // Serf 0.9.4 reads an empty payload as none.
  if (isPing && (payload === undefined || payload.length === 0)) return;
  throw new OperatorError(`Queries cannot contain the '${internalPrefix}' prefix`);
}

/** The payload of our answer to one of Serf's own queries; undefined if we have none. */
export function answerInternalQuery(
  query: QueryMessage,
  knowledge: InternalKnowledge,
): Bytes | undefined {
  const { keys, log } = knowledge;
  switch (query.name.slice(internalPrefix.length)) {
    case "ping":
      // The ack, which has been sent, is all that is asked for.
      return undefined;
    case "conflict":
      return answerConflict(query, knowledge);
    case "install-key":
      return keys.change("install", query.payload);
    case "use-key":
      return keys.change("use", query.payload);
    case "remove-key":
      return keys.change("remove", query.payload);
    case "list-keys":
      return keys.list(knowledge.responseLimit, (answer) => knowledge.fits(answer));
    default:
      log.debug({ query: query.name }, "internal query left to others");
      return undefined;
  }
}

/** Where we believe the member to be whose name two claim; those two are asked by others. */
function answerConflict(query: QueryMessage, knowledge: InternalKnowledge): Bytes | undefined {
  const { claimedAt, self, membership, log } = knowledge;
  const name = decodeText(query.payload ?? new Uint8Array(0));
  if (name === self) return undefined;
  log.debug({}, `Got conflict resolution query for '${name}'`);
  const member = membership.get(name);
  return encodeSerfMessage({
    kind: "conflict-response",
    member: member && conflictMember({ ...member, address: claimedAt ?? member.address }),
  });
}

function conflictMember(member: Member): ConflictMember {
  return {
    name: member.name,
    ip: member.address.ip,
    port: member.address.port,
    tags: member.tags,
    status: statusNumbers[member.status],
    protocolMin: member.protocol.min,
    protocolMax: member.protocol.max,
    protocolCur: member.protocol.current,
    delegateMin: member.delegate.min,
    delegateMax: member.delegate.max,
    delegateCur: member.delegate.current,
  };
}
