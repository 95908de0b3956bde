import { OperatorError } from "../base/errors.js";
import type { Member } from "../serf/events.js";

/**
 * A handler that is told no events: whenever the list of those who are alive and match is another one,
 * it is told the whole of it. Nothing of the kind is in Serf.
 */
export interface StateHandlerSpec {
  /** As it was written, without the script: `state:role=web`. */
  readonly filter: string;
  /** All of them must be equal; none: every member. */
  readonly tags: ReadonlyMap<string, string>;
  /** The list comes as JSON instead of Serf's columns. */
  readonly json: boolean;
  /** A command line for the shell. */
  readonly script: string;
}

const form = "state[+json][:TAG=VALUE{,TAG=VALUE}]=SCRIPT";

/**
 * The handler of an `-event-handler` that begins with `state=`, `state:` or either with `+json`;
 * undefined if it begins with something else. A value ends at a comma or at an equals sign, after
 * which comes the script. Throws {@link OperatorError} if there is no script, or a tag without a value.
 */
export function parseStateSpec(text: string): StateHandlerSpec | undefined {
  const [head, format, mark] = /^state(\+json)?([:=])/.exec(text) ?? [];
  if (head === undefined) return undefined;
  const json = format !== undefined;
  const rest = text.slice(head.length);
  if (mark === "=") {
    if (rest.trim() === "") throw refused(text);
    return { filter: head.slice(0, -1), tags: new Map(), json, script: rest };
  }
  const tags = new Map<string, string>();
  let at = 0;
  for (;;) {
    const [term, key, value, end] = /^([^=,]+)=([^=,]*)([=,])/.exec(rest.slice(at)) ?? [];
    if (term === undefined || key === undefined || value === undefined) throw refused(text);
    if (tags.has(key)) throw refused(text);
    tags.set(key, value);
    at += term.length;
    if (end === "=") break;
  }
  const script = rest.slice(at);
  if (script.trim() === "") throw refused(text);
  return { filter: head + rest.slice(0, at - 1), tags, json, script };
}

/** The members that a handler is told of, in the order in which they were given. */
export function stateOf(
  { tags }: Pick<StateHandlerSpec, "tags">,
  members: readonly Member[],
): readonly Member[] {
  return members.filter(
    (member) =>
      member.status === "alive" &&
      [...tags].every(([key, value]) => member.tags.get(key) === value),
  );
}

function refused(text: string): OperatorError {
  return new OperatorError(`Invalid event script: '${text}' is not of the form ${form}`);
}
