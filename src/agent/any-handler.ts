import { OperatorError } from "../base/errors.js";
import { formatFilter, type HandlerSpec, parseHandlerSpec } from "./handler-spec.js";
import { parseStateSpec, type StateHandlerSpec } from "./state-spec.js";

/** A handler of events, or one of the state that they lead to. */
export type AnyHandlerSpec = HandlerSpec | StateHandlerSpec;

/** The handlers of one `-event-handler`. Throws OperatorError if it cannot be read. */
export function parseHandler(text: string): AnyHandlerSpec[] {
  if (/^retry:state(\+json)?[:=]/.test(text)) {
    throw new OperatorError(
      `Invalid event script: '${text}': a state handler always runs again until it succeeds, leave retry: out`,
    );
  }
  const state = parseStateSpec(text);
  return state === undefined ? parseHandlerSpec(text) : [state];
}

export function isStateSpec(spec: AnyHandlerSpec): spec is StateHandlerSpec {
  return "tags" in spec;
}

export function isEventSpec(spec: AnyHandlerSpec): spec is HandlerSpec {
  return !isStateSpec(spec);
}

/** Under which `info` lists its script: `member-join:`, `user:deploy`, `state:role=web`, `retry:member-join:`. */
export function handlerKey(spec: AnyHandlerSpec): string {
  if (isStateSpec(spec)) return spec.tags.size === 0 ? `${spec.filter}:` : spec.filter;
  const { filter } = spec;
  const key = filter.name === "" ? `${filter.kind}:` : formatFilter(filter);
  return spec.retry === true ? `retry:${key}` : key;
}
