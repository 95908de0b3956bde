import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { OperatorError, reasonOf } from "../base/errors.js";
import { parseFirstJson } from "../base/json-value.js";
import { systemText } from "../base/system-texts.js";
import type { BalancerConfig, LbConfig, PoolConfig, ProxyConfig } from "./config.js";
import {
  balancerKeys,
  type CommonKeys,
  maxBalancers,
  type PoolKeys,
  type ProxyKind,
  proxyKeys,
  topKeys,
} from "./config-keys.js";
import {
  type Decoded,
  isWord,
  type Kind,
  keyNames,
  list,
  oneOf,
  Place,
  readShape,
  refuseUnknown,
  shown,
  wrong,
} from "./decode.js";
import { isObject, present } from "./json-object.js";
import { guessKind } from "./proxy-kind.js";

/** At most so many faults are told at once. */
const maxFaults = 50;

const kinds = Object.keys(proxyKeys) as ProxyKind[];

/** The key under which an agent's file has the same object. */
const section = "load_balancer";

/**
 * Reads the file of `-lb`: one JSON object, alone or as the section `load_balancer` of an agent's file.
 *
 * Throws {@link OperatorError}, a line for each fault.
 */
export function readLbConfig(path: string): LbConfig {
  const value = parse(path);
  const folder = dirname(resolve(path));
  const inside =
    isObject(value) && present(value, "balancers") === undefined
      ? present(value, section)
      : undefined;
  if (inside !== undefined) return decodeLbConfig(inside, `${path}: ${section}`, folder);
  return decodeLbConfig(value, path, folder);
}

function parse(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    const code = (thrown as { code?: unknown }).code;
    const reason = systemText(String(code)) ?? reasonOf(thrown);
    throw new OperatorError(`The load balancer's configuration ${path} cannot be read: ${reason}`, {
      cause: thrown,
    });
  }
  try {
    return parseFirstJson(text);
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    throw new OperatorError(`${path}: ${thrown.message}`, { cause: thrown });
  }
}

/**
 * What a JSON value says about the load balancer, with the defaults for all that it does not say.
 *
 * `where` stands in front of each fault; relative paths in it begin at `folder`. Throws
 * {@link OperatorError} that names every fault in a line of its own, with its path in the JSON.
 */
export function decodeLbConfig(value: unknown, where: string, folder = process.cwd()): LbConfig {
  const faults: string[] = [];
  const config = readConfig(value, new Place("", folder, faults));
  if (config !== wrong && faults.length === 0) return config;
  const lines = faults.slice(0, maxFaults).map((fault) => `${where}: ${fault}`);
  if (faults.length > maxFaults)
    lines.push(`${where}: and ${faults.length - maxFaults} faults more`);
  throw new OperatorError(lines.join("\n"));
}

function readConfig(value: unknown, place: Place): Decoded<LbConfig> {
  if (!isObject(value))
    return place.refuse(`${shown(value)} is no object, {"balancers": [...]} is one`);
  refuseUnknown(value, [...keyNames(topKeys), "balancers"], place);
  const top = readShape(topKeys, value, place);
  const given = present(value, "balancers");
  const balancersPlace = place.key("balancers");
  if (given === undefined)
    return balancersPlace.refuse("is missing; a list of one or more would be right");
  const balancers = list(balancerKind, 1, maxBalancers).read(given, balancersPlace);
  if (top === wrong || balancers === wrong) return wrong;
  if (top.settleTime > top.settleLimit) {
    return place.key("settle_time").refuse("is longer than settle_limit");
  }
  refuseDoubles(balancers, "name", balancersPlace);
  refuseDoubles(balancers, "file", balancersPlace);
  return { ...top, balancers };
}

/** Two balancers, or two pools of one, must not be called the same nor write the same file. */
function refuseDoubles<Field extends string>(
  items: readonly Readonly<Record<Field, string>>[],
  field: Field,
  place: Place,
): void {
  const first = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const earlier = first.get(item[field]);
    if (earlier === undefined) first.set(item[field], index);
    else {
      const key = field === "file" ? "config" : field;
      place
        .item(index)
        .key(key)
        .refuse(`${shown(item[field])} is that of ${place.item(earlier).path} as well`);
    }
  }
}

const balancerKind: Kind<BalancerConfig> = {
  expects:
    'an object such as {"config": "/etc/haproxy/haproxy.cfg", "pools": [{"members": "role=web"}]}',
  read: (value, place) => {
    if (!isObject(value)) return place.refuse(`${shown(value)} is no object`);
    const common = readShape(balancerKeys, value, place);
    const kind = kindOf(value, common, place);
    if (kind === wrong) {
      const all = kinds.flatMap((one) => keyNames<unknown>(proxyKeys[one]));
      refuseUnknown(value, ["kind", ...keyNames(balancerKeys), ...all], place);
      return wrong;
    }
    refuseForeign(value, kind, place);
    const proxy = readProxy(kind, value, place);
    return common === wrong || proxy === wrong ? wrong : balancerOf(common, proxy, place);
  },
  write: () => ({}),
};

/** As it is said, or by the command that reloads, or by the file. */
function kindOf(
  value: Readonly<Record<string, unknown>>,
  common: Decoded<CommonKeys>,
  place: Place,
): Decoded<ProxyKind> {
  const given = present(value, "kind");
  if (given !== undefined) return oneOf(...kinds).read(given, place.key("kind"));
  if (present(value, "reload") !== undefined) return "command";
  const file = present(value, "config");
  if (typeof file !== "string") return wrong;
  const guessed = guessKind(common === wrong ? resolve(place.folder, file) : common.file);
  const choice = kinds.map((kind) => `"${kind}"`).join(", ");
  return (
    guessed ??
    place
      .key("kind")
      .refuse(
        `is missing, and ${shown(file)} does not tell by name or content; one of ${choice} would be right`,
      )
  );
}

/** Keys that are none, or none of this kind. */
function refuseForeign(
  value: Readonly<Record<string, unknown>>,
  kind: ProxyKind,
  place: Place,
): void {
  const own = ["kind", ...keyNames(balancerKeys), ...keyNames<unknown>(proxyKeys[kind])];
  const rest: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) {
    const owners = kinds.filter((other) => keyNames<unknown>(proxyKeys[other]).includes(key));
    if (own.includes(key) || owners.length === 0) rest[key] = one;
    else if (one !== null)
      place.key(key).refuse(`is for the kind ${owners.join(" and ")}, this one is ${kind}`);
  }
  refuseUnknown(rest, own, place);
}

function readProxy(
  kind: ProxyKind,
  value: Readonly<Record<string, unknown>>,
  place: Place,
): Decoded<ProxyConfig> {
  switch (kind) {
    case "haproxy":
      return withKind("haproxy", readShape(proxyKeys.haproxy, value, place));
    case "nginx":
      return withKind("nginx", readShape(proxyKeys.nginx, value, place));
    case "command":
      return withKind("command", readShape(proxyKeys.command, value, place));
  }
}

function withKind<Name extends ProxyKind, T extends object>(
  kind: Name,
  fields: Decoded<T>,
): Decoded<T & { kind: Name }> {
  return fields === wrong ? wrong : { ...fields, kind };
}

function balancerOf(common: CommonKeys, proxy: ProxyConfig, place: Place): Decoded<BalancerConfig> {
  const { governor, damping } = common;
  const poolsPlace = place.key("pools");
  const pools = common.pools.map((pool, index) => poolOf(pool, poolsPlace.item(index)));
  if (governor.quiet > governor.maxDelay) {
    place.key("governor").key("quiet").refuse("is longer than max_delay");
  }
  if (damping !== undefined) {
    const { reuse, suppress, ceiling } = damping;
    const at = place.key("damping");
    if (reuse >= suppress) at.key("reuse").refuse(`${reuse} is not below suppress, ${suppress}`);
    if (suppress > ceiling) at.key("suppress").refuse(`${suppress} is above ceiling, ${ceiling}`);
  }
  if (!pools.every((pool) => pool !== wrong)) return wrong;
  refuseDoubles(pools as PoolConfig[], "name", poolsPlace);
  return { ...common, name: common.name ?? proxy.kind, proxy, pools: pools as PoolConfig[] };
}

function poolOf(pool: PoolKeys, place: Place): Decoded<PoolConfig> {
  const { probe } = pool;
  const name = pool.name ?? nameOf(pool);
  if (name === undefined) {
    return place
      .key("name")
      .refuse(
        `is missing, and members ${shown(pool.select.text)} gives none; a word would be right`,
      );
  }
  const path = probe?.type === "tcp" ? undefined : probe?.path;
  return {
    ...pool,
    name,
    probe: probe && { path, timeout: probe.timeout, tries: probe.tries },
  };
}

/** The first value that members are selected by, or else the first tag. */
function nameOf({ select }: PoolKeys): string | undefined {
  const terms = select.terms.filter(({ negated }) => !negated);
  const values = terms.flatMap(({ tag, values }) => [...(values ?? [tag])]);
  return values.find(isWord);
}
