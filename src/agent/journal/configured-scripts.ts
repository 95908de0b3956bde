import { type AnyHandlerSpec, isStateSpec } from "../any-handler.js";
import { formatFilter } from "../handler-spec.js";

/** A script as it is configured, with all its filters. */
export interface ConfiguredScript {
  readonly script: string;
  readonly kind: "event" | "state";
  readonly filters: readonly string[];
  readonly retries: boolean;
  /** It hears of joins, leaves and failures, so that it can know who is here. */
  readonly hearsAll: boolean;
}

/** Each script once, in the order of the configuration; one that is told both events and lists is there twice. */
export function configuredScripts(specs: readonly AnyHandlerSpec[]): readonly ConfiguredScript[] {
  const groups = new Map<string, AnyHandlerSpec[]>();
  for (const spec of specs) {
    const key = `${isStateSpec(spec)} ${spec.script}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [spec]);
    else group.push(spec);
  }
  return [...groups.values()].map(configuredScript);
}

function configuredScript(specs: readonly AnyHandlerSpec[]): ConfiguredScript {
  const { script } = specs[0] as AnyHandlerSpec;
  const filters = [...new Set(specs.map(filterText))];
  const kind = specs.some(isStateSpec) ? "state" : "event";
  const kinds = new Set(specs.map((spec) => (isStateSpec(spec) ? "state" : spec.filter.kind)));
  return {
    script,
    kind,
    filters,
    retries: specs.some((spec) => isStateSpec(spec) || spec.retry === true),
    hearsAll:
      kinds.has("*") ||
      (["member-join", "member-leave", "member-failed"] as const).every((one) => kinds.has(one)),
  };
}

function filterText(spec: AnyHandlerSpec): string {
  if (isStateSpec(spec)) return spec.filter;
  return spec.retry === true ? `retry:${formatFilter(spec.filter)}` : formatFilter(spec.filter);
}
