import { readFile } from "node:fs/promises";
import { formatIp } from "../../base/address.js";
import { type Finding, Findings, operand, shellWord } from "../../examine/finding.js";
import { serversOf } from "../../lb/haproxy/config-servers.js";
import { ConfigText } from "../../lb/haproxy/config-text.js";
import type { RpcMember } from "../../rpc/api.js";

export interface KeptQuestion {
  readonly file: string;
  readonly members: readonly RpcMember[];
  readonly self: string;
  /** The value of the tag `role` of those who are to be servers; undefined: it is guessed. */
  readonly role: string | undefined;
  /** Command lines of the handlers. */
  readonly handlers: readonly string[];
}

/** Whether the file that a handler keeps has the members that are alive. Of HAProxy alone. */
export async function examineKept(question: KeptQuestion): Promise<readonly Finding[]> {
  const { file, handlers, members, self } = question;
  const findings = new Findings("pool-members", `members in ${file}`);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return [];
  const listed = new Set(serversOf(new ConfigText(text)).flatMap(({ ip }) => ip ?? []));
  const others = members.filter(({ name }) => name !== self);
  const inFile = others.filter(({ addr }) => listed.has(formatIp(addr)));
  const role = question.role ?? commonRole(inFile) ?? "web";
  const meant = others.filter(
    ({ status, tags }) => status === "alive" && tags.get("role") === role,
  );
  const missing = meant.filter(
    ({ addr, tags }) => !listed.has(formatIp(addr)) && (tags.get("state") ?? "ready") === "ready",
  );
  const [handler] = handlers;
  const byHand =
    handler === undefined
      ? []
      : [`by hand: SERF_EVENT=member-join SERF_RPC_ADDR=$ADDR sh -c ${operand(handler)}`];
  if (missing.length > 0) {
    findings.fail(
      `alive with role=${role}, but not in the file: ${missing
        .slice(0, 8)
        .map(({ name }) => name)
        .join(", ")}`,
      {
        cause:
          handler === undefined
            ? "the agent has no event handler that would write them"
            : "the handler was not run for them, failed, or writes another file",
        remedy:
          handler === undefined
            ? [`start the agent with: -event-handler '*=/path/to/handlers/haproxy.sh'`]
            : ["gossipd handlers, and gossipd handlers log, show its runs", ...byHand],
      },
    );
  }
  if (meant.length === 0) {
    const roles = [
      ...new Set(
        others.filter(({ status }) => status === "alive").map(({ tags }) => tags.get("role") ?? ""),
      ),
    ];
    findings.fail(`no member that is alive has the tag role=${role}`, {
      cause:
        roles.length === 0
          ? "the agent knows no other member that is alive"
          : `they have: ${roles.map((one) => `role=${one}`).join(", ")}`,
      remedy: [`on each web server: gossipd tags -set role=${shellWord(role)}`],
    });
  }
  const stale = inFile.filter(({ status }) => status === "failed" || status === "left");
  if (stale.length > 0) {
    findings.warn(
      `in the file, but not alive: ${stale
        .slice(0, 8)
        .map(({ name, status }) => `${name} (${status})`)
        .join(", ")}`,
      {
        remedy:
          handler === undefined ? [] : ["gossipd handlers log shows why they were not taken out"],
      },
    );
  }
  if (!findings.hasFaults) findings.ok(`all ${meant.length} with role=${role} are in it`);
  return findings.all;
}

function commonRole(members: readonly RpcMember[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { tags } of members) {
    const role = tags.get("role");
    if (role !== undefined) counts.set(role, (counts.get(role) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0];
}
