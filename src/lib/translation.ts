import { formatIp } from "../base/address.js";
import type {
  MemberFilter as Patterns,
  RpcEvent,
  KeyReport as RpcKeyReport,
  RpcMember,
  Stats as Sections,
} from "../rpc/api.js";
import { pairsOf, textOf } from "./arguments.js";
import { isMemberEvent } from "./event-names.js";
import type { ClusterEvent } from "./events.js";
import { KeyError, type KeyReport } from "./keys.js";
import type { Member, MemberFilter, MemberStatus } from "./members.js";
import type { Payload } from "./payload.js";
import { recordOf } from "./records.js";
import type { Stats } from "./stats.js";

const statuses: ReadonlySet<string> = new Set<MemberStatus>(["alive", "leaving", "left", "failed"]);

export function memberOf({ name, addr, port, tags, status }: RpcMember): Member {
  const known = statuses.has(status) ? (status as MemberStatus) : "none";
  return { name, address: formatIp(addr), port, tags: recordOf(tags), status: known };
}

/** Throws {@link OperatorError} if something in it is no string. */
export function patternsOf({ name = "", status = "", tags = {} }: MemberFilter): Patterns {
  return {
    name: textOf("name", name),
    status: textOf("status", status),
    tags: pairsOf("tags", tags),
  };
}

export function statsOf(sections: Sections): Stats {
  return recordOf(new Map([...sections].map(([name, pairs]) => [name, recordOf(pairs)])));
}

/** `answer` is for queries. Undefined if `event` is of a kind that this version does not know. */
export function clusterEvent(
  event: RpcEvent,
  answer: (id: number, payload: Payload) => Promise<void>,
): ClusterEvent | undefined {
  switch (event.kind) {
    case "member": {
      if (!isMemberEvent(event.event)) return undefined;
      return { type: event.event, members: event.members.map(memberOf) };
    }
    case "user": {
      const { name, payload, ltime, coalesce } = event;
      return { type: "user", name, payload, ltime, coalesce };
    }
    case "query": {
      const { id, name, payload, ltime } = event;
      const respond = (response: Payload): Promise<void> => {
        const answered = answer(id, response);
        // Whoever waits for it hears of a failure all the same.
        answered.catch(() => {});
        return answered;
      };
      return { type: "query", name, payload, ltime, respond };
    }
  }
}

/** What became of a change of keys. Throws {@link KeyError} if it did not go well everywhere. */
export function keyReportOf({ messages, keys, error, ...counts }: RpcKeyReport): KeyReport {
  const report = { messages: recordOf(messages), keys: recordOf(keys), ...counts };
  if (error !== undefined) throw new KeyError(error, report);
  return report;
}

/** The failures of a join in one line; Serf lists them in several. */
export function joinFailure(error: string): string {
  const failures = Array.from(error.matchAll(/^\t\* (.*)$/gm), ([, failure]) => failure);
  return failures.length === 0 ? error.trim() : failures.join("; ");
}
