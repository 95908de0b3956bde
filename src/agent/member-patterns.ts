import { RE2JS } from "re2js";
import { OperatorError, reasonOf } from "../base/errors.js";
import type { MemberFilter } from "../rpc/api.js";
import type { Member } from "../serf/events.js";

/** Longer expressions are refused: what they compile to would outgrow their use. */
const maxExpressionLength = 4_096;

/**
 * What tells whether a member passes the filter of `members`. Each pattern stands between `^` and
 * `$`; by plain concatenation as in Serf, so that in `a|b` each side is anchored at one end only. An
 * empty pattern lets all pass, a missing tag is matched as the empty text.
 *
 * Throws {@link OperatorError} on a pattern that does not compile.
 */
export function memberPredicate(filter: MemberFilter): (member: Member) => boolean {
  const name = anchored("name", filter.name);
  const status = anchored("status", filter.status);
  const tags = Array.from(filter.tags, ([tag, text]) => ({ tag, test: anchored(tag, text) }));
  return (member) =>
    name(member.name) &&
    status(member.status) &&
    tags.every(({ tag, test }) => test(member.tags.get(tag) ?? ""));
}

function anchored(what: string, text: string): (value: string) => boolean {
  if (text === "") return () => true;
  if (text.length > maxExpressionLength) {
    throw new OperatorError(`Failed to compile regex for ${what}: too long`);
  }
  try {
    const pattern = RE2JS.compile(`^${text}$`);
    return (value) => pattern.test(value);
  } catch (error) {
    // The compiler throws nothing but its complaints about the pattern.
    const reason = reasonOf(error);
    throw new OperatorError(`Failed to compile regex for ${what}: ${reason}`, { cause: error });
  }
}
