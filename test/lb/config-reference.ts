import {
  balancerKeys,
  dampingKeys,
  exclusiveKeys,
  governorKeys,
  guardKeys,
  poolKeys,
  probeKeys,
  proxyKeys,
  topKeys,
  virtualIpKeys,
} from "../../src/lb/config-keys.js";
import { type Key, keyName, type Shape } from "../../src/lb/decode.js";

/** The reference of all keys as Markdown: a table for each object. */
export function configReference(): string {
  return [
    table("The whole", "", topKeys, ["`balancers`", "required", "The proxies, one or more."]),
    table(
      "`virtual_ip`",
      "An address that one of several balancers has, elected by gossip.",
      virtualIpKeys,
    ),
    table("`balancers[]`", "One proxy with one configuration file.", balancerKeys, [
      "`kind`",
      "guessed",
      "`haproxy`, `nginx` or `command`; guessed from the name or the content of `config`, and `command` if there is `reload`.",
    ]),
    table("`balancers[]` of the kind `haproxy`", "", proxyKeys.haproxy),
    table("`balancers[]` of the kind `nginx`", "", proxyKeys.nginx),
    table(
      "`balancers[]` of the kind `command`",
      "Any other program: its file is checked and loaded by commands.",
      proxyKeys.command,
    ),
    table("`pools[]`", "Servers that share a block of the file.", poolKeys),
    table("`pools[].probe`", "", probeKeys),
    table("`pools[].exclusive`", "", exclusiveKeys),
    table("`governor`", "When changes are acted on.", governorKeys),
    table("`guard`", "What is never taken out.", guardKeys),
    table("`damping`", "How members that flap are held out.", dampingKeys),
  ].join("\n");
}

function table<T>(
  title: string,
  about: string,
  shape: Shape<T>,
  ...first: readonly string[][]
): string {
  const rows = Object.entries<Key<unknown>>(shape).map(([field, key]) => {
    const expects = key.kind.expects === "an object" ? "" : `; ${key.kind.expects}`;
    return [`\`${keyName(field, key)}\``, shownDefault(key), `${key.meaning}${note(expects)}`];
  });
  const all = [["key", "default", "meaning"], ["---", "---", "---"], ...first, ...rows];
  const lines = all.map(
    (row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
  );
  const intro = about === "" ? "" : `${about}\n\n`;
  return `### ${title}\n\n${intro}${lines.join("\n")}\n`;
}

/** What may stand there, in brackets. */
function note(expects: string): string {
  const text = expects.replace(/^; /, "");
  return text === "" ? "" : ` (${text})`;
}

function shownDefault({ fallback, shownDefault }: Key<unknown>): string {
  if (fallback === undefined) return "required";
  if (shownDefault === "{}") return "see below";
  return fallback() === undefined && shownDefault !== "false"
    ? shownDefault
    : `\`${shownDefault}\``;
}
