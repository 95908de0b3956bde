import type { Given } from "../../agent/config.js";
import { type Option, options } from "../../agent/options.js";
import { runAgent } from "../../agent/run-agent.js";
import type { Arguments, Command, OptionKind, OptionSpec, Terminal } from "../command.js";
import { leavePidOne } from "../pid-one.js";

/** What may still be under way at the end, a name that is looked up for one, is not waited for. */
const exitLimit = 1_000;

/** The flags of the agent. */
export const agentOptions: readonly OptionSpec[] = options
  .filter(({ ofRun }) => ofRun !== true)
  .flatMap(flagsOf);

/** The flags that only an agent with an application has. */
export const applicationOptions: readonly OptionSpec[] = options
  .filter(({ ofRun }) => ofRun === true)
  .flatMap(flagsOf);

export const agentCommand: Command = {
  name: "agent",
  usage: "[options]",
  about:
    "Starts an agent and runs until it is told to stop. The agent is one member of the cluster: " +
    "it finds out who joins, leaves and fails, and runs event handlers.",
  options: agentOptions,
  epilogue: `Event handlers:

  SCRIPT is a shell command line that is run for every event, FILTER=SCRIPT one
  for events of some kinds: member-join, member-leave, member-failed,
  member-update, member-reap, user, query, or * for all, separated by commas;
  user:NAME and query:NAME choose one event or query by its name. The script
  finds the kind in SERF_EVENT and the data on its standard input.

  retry:FILTER=SCRIPT runs a script that failed again for the same event: after
  1s, then after rests that double up to 60s, ten times in all. What happens
  meanwhile waits and is merged; members that came or went since are left out,
  and a query is given up when nobody waits for its answer any more. With
  -handler-journal the next agent makes up for losses that one was told of which
  died. "handlers" shows how each fares, "handlers test" tries a script out. Not
  in Serf.

  state=SCRIPT is no event: the script is given the whole list of the members
  that are alive, at the start and whenever the list has changed, and again
  until it exits with 0; it never runs twice at once and never for a list that
  is out of date. state:TAG=VALUE,TAG=VALUE=SCRIPT lists members with these
  tags alone; with state+json in place of state the list is JSON. Not in Serf.

Configuration files:

  JSON objects. Every flag but -config-file and -config-dir has a key:
${wrapped(keysOfFlags())}
  and there are keys without a flag:
${keysAlone()}
  Those of "run" may stand there, too.

Environment variables:

  Every key can also be given as GOSSIPD_ and the key in upper case, with _ for
  each dot: GOSSIPD_NODE_NAME, GOSSIPD_MDNS_INTERFACE; GOSSIPD_CONFIG names
  files and directories. They are read after the files and before the flags. An
  empty one counts as none. A list is a JSON array or has an item on each line;
  commas separate addresses, too. Tags are KEY=VALUE separated by commas or
  newlines, or a JSON object. Handlers inherit the environment, but neither
  GOSSIPD_ENCRYPT_KEY nor GOSSIPD_RPC_AUTH nor GOSSIPD_HTTP_TOKEN.

  "config check" says what is wrong with a configuration, "config show" where
  each value comes from.`,
  run: async (args, terminal) => {
    leavePidOne((text) => terminal.err(text));
    const code = await runAgent(givenToAgent(args, terminal), terminal);
    setTimeout(() => process.exit(code), exitLimit).unref();
    return code;
  },
};

/** What an agent would be given by this command line. */
export function givenToAgent(args: Arguments, { env }: Terminal): Given {
  const flags = args.given.flatMap(({ flag, value }) => {
    const option = options.find((one) => one.flag === flag || one.alias?.flag === flag);
    if (option === undefined) return [];
    return { flag, value: option.kind === "integer" ? String(args.integer(flag)) : value };
  });
  return { flags, environment: env };
}

/** The flag of an option and its alias, if it has them. */
function flagsOf(option: Option): OptionSpec[] {
  const { alias, flag, help, kind, placeholder = "VALUE", value } = option;
  if (flag === undefined) return [];
  const shape = {
    kind: flagKind(option),
    placeholder,
    repeatable: kind === "list" || kind === "tags",
    ...(value === undefined ? {} : { value }),
  };
  const main = { ...shape, flag, help };
  return alias === undefined ? [main] : [main, { ...shape, flag: alias.flag, help: alias.help }];
}

function flagKind({ kind }: Option): OptionKind {
  if (kind === "switch" || kind === "toggle") return "switch";
  return kind === "integer" ? "integer" : "text";
}

function keysOfFlags(): string {
  const pairs = options.flatMap(({ flag, key, ofRun }) =>
    flag === undefined || key === undefined || ofRun === true ? [] : [`${key} (-${flag})`],
  );
  return `${pairs.join(", ")},`;
}

function keysAlone(): string {
  const alone = options.filter(({ flag, key }) => flag === undefined && key !== undefined);
  return alone.map(({ key, help }) => wrapped(`${key}: ${help}`)).join("\n");
}

/** `text` in lines of at most 80 characters, indented; the first a little less than the rest. */
function wrapped(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) as string;
    if (line !== "" && line.length + word.length > 72) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.map((line, index) => `    ${index === 0 ? "" : "  "}${line}`).join("\n");
}
