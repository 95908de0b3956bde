import { OperatorError } from "../../base/errors.js";
import type { MemberFilter } from "../../rpc/api.js";
import { UsageError } from "../argv.js";
import type { Arguments, Command, Terminal } from "../command.js";
import { type MemberListing, membersJson, membersText, readMembers } from "../members/list.js";
import {
  filterOf,
  filterOptions,
  type MemberFormat,
  memberFormat,
  memberFormats,
  warnOfRole,
} from "../members/options.js";
import { askAgent, rpcOptions, withAgent } from "../rpc-options.js";

const epilogue = `Formats, all sorted by name:

  text      rows of name, address, status and tags (the default)
  json      an object as Serf prints it
  csv       name, ip, port, status, protocol and tags (RFC 4180; tags are a
            cell of JSON)
  hosts     lines for /etc/hosts of the members that are alive, or as -status
            says; names that are no host names, and those with a dot that
            do not lie under -domain, are left out with a warning
  env       assignments for a shell, eval "$(gossipd members -format env)":
            GOSSIPD_MEMBERS (how many), GOSSIPD_ADDRESSES, and of each member
            GOSSIPD_MEMBER_1_NAME, _IP, _PORT, _STATUS and _TAG_...
  template  what -template makes of members[]: name, address, ip, port, status
            and tags, in the language of LiquidJS:
            '{% for m in members %}{{ m.ip }} {{ m.name }}\\n{% endfor %}'
            A tag that not all have: {{ m.tags.role | default: "none" }}
            Values are escaped as in rows, but behind the filters json, shell
            (one word for a shell) and raw.

With -agree the exit code is 0 if all who answered see the same members, 1 if
not, and 2 if nobody else answered or the agent could not be asked.`;

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
    {
      flag: "format",
      kind: "text",
      placeholder: "FORMAT",
      value: memberFormats,
      help: "text (the default), json, csv, hosts, env or template; see below.",
    },
    {
      flag: "template",
      kind: "text",
      placeholder: "TEXT|@FILE",
      help: "The template of the format template, or the file that it is in.",
    },
    {
      flag: "domain",
      kind: "text",
      placeholder: "SUFFIX",
      help: "With the format hosts: also names with a dot, if they lie under this domain. Without it only names without a dot, as members choose their names themselves.",
    },
    ...filterOptions,
    {
      flag: "role",
      kind: "text",
      placeholder: "REGEXP",
      help: "The old form of -tag role=REGEXP.",
    },
    {
      flag: "agree",
      kind: "switch",
      help: "Ask all members what they see instead, and name those that see something else, and what. Agents of Serf do not answer. Formats: text and json.",
    },
    {
      flag: "watch",
      kind: "switch",
      help: "Go on and show changes as they happen: on a terminal in place until q or ctrl-c, otherwise a line for each change. Formats: text and json (a line of it for each change).",
    },
    ...rpcOptions,
  ],
  epilogue,
  run: async (args, terminal) => {
    if (args.switched("agree") === true) return await showAgreement(args, terminal);
    const role = args.text("role") ?? "";
    if (role !== "") warnOfRole(args, terminal);
    const { tags, ...filter } = filterOf(args);
    const wanted = { ...filter, tags: role === "" ? tags : new Map([...tags, ["role", role]]) };
    if (args.text("domain") !== undefined && memberFormat(args) !== "hosts")
      throw new UsageError("-domain goes with -format hosts.");
    if (args.switched("watch") === true) return await watch(wanted, args, terminal);
    const listing = await askAgent(args, terminal, "Error retrieving members", (agent) =>
      readMembers(agent, hostsFilter(wanted, args)),
    );
    await print(listing, memberFormat(args), args, terminal);
    return 0;
  },
};

/** Who is gone has no place in a table of hosts, unless asked for. */
function hostsFilter(filter: MemberFilter, args: Arguments): MemberFilter {
  return args.text("format") === "hosts" && filter.status === ""
    ? { ...filter, status: "alive" }
    : filter;
}

async function print(
  listing: MemberListing,
  format: MemberFormat,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  switch (format) {
    case "text":
      terminal.out(membersText(listing, args.switched("detailed") ?? false));
      break;
    case "json":
      terminal.out(membersJson(listing));
      break;
    case "csv": {
      const { membersCsv } = await import("../members/csv.js");
      terminal.out(membersCsv(listing.members));
      break;
    }
    case "hosts": {
      const { domainSuffix, membersHosts } = await import("../members/hosts.js");
      const domain = args.text("domain");
      const suffix = domain === undefined ? undefined : domainSuffix(domain);
      printWithWarnings(membersHosts(listing.members, suffix), terminal);
      break;
    }
    case "env": {
      const { membersEnv } = await import("../members/env.js");
      printWithWarnings(membersEnv(listing.members), terminal);
      break;
    }
    case "template": {
      const { memberTemplate } = await import("../members/template.js");
      const template = await memberTemplate(args.text("template"));
      terminal.out(template(listing.members));
      break;
    }
  }
}

function printWithWarnings(
  { text, warnings }: { readonly text: string; readonly warnings: readonly string[] },
  terminal: Terminal,
): void {
  for (const warning of warnings) terminal.err(`Warning: ${warning}\n`);
  terminal.out(text);
}

async function watch(filter: MemberFilter, args: Arguments, terminal: Terminal): Promise<number> {
  const format = textOrJson(args, "-watch");
  const { watchMembers } = await import("../members/watch.js");
  return await watchMembers(filter, format, args, terminal);
}

async function showAgreement(args: Arguments, terminal: Terminal): Promise<number> {
  const format = textOrJson(args, "-agree");
  if (args.switched("watch") === true)
    throw new UsageError("-agree and -watch do not go together.");
  const { findAgreement } = await import("../view/agreement.js");
  const { agreementJson, agreementText } = await import("../view/agreement-text.js");
  try {
    const found = await withAgent(args, terminal, (agent) => findAgreement(agent));
    terminal.out(format === "json" ? agreementJson(found) : agreementText(found));
    const isAlone = found.same.length === 1 && found.others.length === 0;
    if (isAlone && found.silent.length > 0) return 2;
    return found.agree ? 0 : 1;
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    terminal.out(`${thrown.message}\n`);
    return 2;
  }
}

function textOrJson(args: Arguments, flag: string): "text" | "json" {
  const format = memberFormat(args);
  if (format === "text" || format === "json") return format;
  throw new UsageError(`${flag} goes with -format text and json.`);
}
