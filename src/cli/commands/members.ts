import { formatAddress } from "../../base/address.js";
import { compareTexts } from "../../base/compare-texts.js";
import type { RpcMember } from "../../rpc/api.js";
import { parseTagPairs } from "../argv.js";
import type { Arguments, Command, Terminal } from "../command.js";
import { type HeldOut, heldOut, heldText } from "../lb/held-out.js";
import {
  escapeControls,
  escapeWord,
  formatOption,
  layOut,
  outputFormat,
  sortedPairs,
  toJson,
  toObject,
} from "../output.js";
import { askAgent, rpcOptions } from "../rpc-options.js";

const wholeMatch = "The pattern must match the whole text.";

export const membersCommand: Command = {
  name: "members",
  usage: "[options]",
  about:
    "Lists the members that the agent knows, sorted by name: name, address, status and tags. Control characters are escaped, and blanks in a name too, so that every member has one row and every row the same columns; the JSON form has them as they are. Members that a load balancer of the agent holds out, because they came and went too often, say so.",
  options: [
    {
      flag: "detailed",
      kind: "switch",
      help: "Add the protocol versions to the rows of the text format.",
    },
    formatOption,
    {
      flag: "name",
      kind: "text",
      placeholder: "REGEXP",
      help: `Only members whose name matches. ${wholeMatch}`,
    },
    {
      flag: "status",
      kind: "text",
      placeholder: "REGEXP",
      help: "Only members whose status (alive, leaving, left, failed) matches.",
    },
    {
      flag: "tag",
      kind: "text",
      placeholder: "KEY=REGEXP",
      repeatable: true,
      help: `Only members with a tag KEY that matches. ${wholeMatch}`,
    },
    {
      flag: "role",
      kind: "text",
      placeholder: "REGEXP",
      help: "The old form of -tag role=REGEXP.",
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    const role = args.text("role") ?? "";
    if (role !== "") warnOfRole(args, terminal);
    const tags = parseTagPairs(args.texts("tag"));
    if (role !== "") tags.set("role", role);
    const filter = { name: args.text("name") ?? "", status: args.text("status") ?? "", tags };
    const { found, held } = await askAgent(
      args,
      terminal,
      "Error retrieving members",
      async (agent) => ({ found: await agent.membersFiltered(filter), held: await heldOut(agent) }),
    );
    const members = found.toSorted((one, other) => compareTexts(one.name, other.name));
    if (outputFormat(args) === "json") terminal.out(membersJson(members, held));
    else terminal.out(membersText(members, held, args.switched("detailed") ?? false));
    return 0;
  },
};

/** Serf prints the warning in front of the JSON as well, where it breaks every parser. */
function warnOfRole(args: Arguments, terminal: Terminal): void {
  const warning = "Deprecation warning: 'Role' has been replaced with 'Tags'\n";
  if (args.text("format") === "json") terminal.err(warning);
  else terminal.out(warning);
}

function membersText(
  members: readonly RpcMember[],
  held: ReadonlyMap<string, readonly HeldOut[]>,
  detailed: boolean,
): string {
  const rows = members.map((member) => {
    const tags = sortedPairs(member.tags).map(([key, value]) => `${key}=${value}`);
    const row = [
      escapeWord(member.name),
      formatAddress({ ip: member.addr, port: member.port }),
      member.status,
      escapeControls(tags.join(",")),
    ];
    if (detailed) {
      row.push(
        `Protocol Version: ${member.delegateCur}`,
        `Available Protocol Range: [${member.delegateMin}, ${member.delegateMax}]`,
      );
    }
    const holds = held.get(member.name);
    if (holds !== undefined) row.push(escapeControls(heldText(holds)));
    return row;
  });
  return `${layOut(rows)}\n`;
}

function membersJson(
  members: readonly RpcMember[],
  held: ReadonlyMap<string, readonly HeldOut[]>,
): string {
  const list = members.map((member) => ({
    name: member.name,
    addr: formatAddress({ ip: member.addr, port: member.port }),
    port: member.port,
    tags: toObject(member.tags),
    status: member.status,
    protocol: { max: member.delegateMax, min: member.delegateMin, version: member.delegateCur },
    ...(held.has(member.name) ? { held: held.get(member.name) } : {}),
  }));
  return `${toJson({ members: list.length === 0 ? null : list })}\n`;
}
