import { hostname } from "node:os";
import { resolve } from "node:path";
import { OperatorError } from "../../base/errors.js";
import { type Millis, seconds } from "../../base/units.js";
import type { StateNews } from "../../handler/handler-input.js";
import type { Member, MemberEventKind, SerfEvent } from "../../serf/events.js";
import { parseTagPairs, UsageError } from "../argv.js";
import type { Arguments, Command, Terminal } from "../command.js";
import { formatOption, outputFormat, toJson } from "../output.js";
import type { BenchTask } from "./bench.js";
import { readMembers, sampleMembers } from "./members-file.js";

const defaultTimeout: Millis = seconds(60);

const memberKinds: readonly MemberEventKind[] = [
  "member-join",
  "member-leave",
  "member-failed",
  "member-update",
  "member-reap",
];

export const handlerTestCommand: Command = {
  name: "handlers test",
  usage: "[options] SCRIPT",
  about:
    "Tries a script out as the agent would run it: same environment, same standard input, same process. SCRIPT is a command line as in -event-handler, without filters. It is run for real, in the current folder, and its exit status, its output and the changes that it made to files there are shown. It is run once more with members whose tags hold blanks, patterns and commands, and the files in the current folder and those of -watch-dir that change during that run are put back: their content, up to 1 MiB each, and their mode. Left as they are, and named, are larger files and those that somebody changed after the script's end. Of files that others may have changed during the run a copy is kept in a folder that is named. Folders, and what it does elsewhere, stay. -hostile=false leaves that run out. Needs no agent. The exit code is 0 if the script succeeded and nothing is to be warned of, and 1 if not.",
  options: [
    {
      flag: "members",
      kind: "text",
      value: "path",
      placeholder: "FILE",
      help: "JSON file with the members that it is told of, as members -format json prints them. By default two web servers.",
    },
    {
      flag: "event",
      kind: "text",
      value: [...memberKinds, "state", "state+json", "user:NAME", "query:NAME"],
      placeholder: "KIND",
      help: "What it is run for: member-join (the default), member-leave, member-failed, member-update, member-reap, state, state+json, user:NAME or query:NAME.",
    },
    {
      flag: "payload",
      kind: "text",
      placeholder: "TEXT",
      help: "Payload of the user event or query.",
    },
    {
      flag: "node",
      kind: "text",
      placeholder: "NAME",
      help: "The agent's own name. Default: the name of this host.",
    },
    {
      flag: "tag",
      kind: "text",
      placeholder: "KEY=VALUE",
      repeatable: true,
      help: "A tag of the agent itself.",
    },
    {
      flag: "watch-dir",
      kind: "text",
      value: "path",
      placeholder: "DIR",
      repeatable: true,
      help: "Show changes to files in this folder, too.",
    },
    {
      flag: "timeout",
      kind: "duration",
      placeholder: "DURATION",
      help: "When the script is told to end, like handler_timeout. Default 60s.",
    },
    {
      flag: "hostile",
      kind: "switch",
      help: "Run it with hostile tags as well. Default true.",
    },
    {
      flag: "show",
      kind: "switch",
      help: "Only print the environment and the standard input that it would be given.",
    },
    formatOption,
  ],
  positionals: "path",
  mixed: true,
  run: async (args, terminal) => {
    const format = outputFormat(args);
    const task = taskOf(args, terminal);
    // What runs scripts is loaded by none of the other commands about handlers.
    const { givenTo, ownVariables, runBench } = await import("./bench.js");
    const { benchText, givenText, warningsOf } = await import("./bench-report.js");
    if (args.switched("show") === true) {
      const [environment, { stdin }] = [ownVariables(task), givenTo(task)];
      const shown = { environment, stdin: Buffer.from(stdin).toString("utf8") };
      terminal.out(format === "json" ? `${toJson(shown)}\n` : givenText(environment, stdin));
      return 0;
    }
    const report = await runBench(task);
    const warnings = warningsOf(report);
    if (format === "json") terminal.out(`${toJson({ ...report, warnings })}\n`);
    else terminal.out(await benchText(report, warnings));
    return warnings.length === 0 ? 0 : 1;
  },
};

function taskOf(args: Arguments, { env }: Terminal): BenchTask {
  const [script, ...others] = args.positionals;
  if (script === undefined || others.length > 0) {
    throw new UsageError("Give the script as one argument, in quotes if it has blanks.");
  }
  const file = args.text("members");
  const members = file === undefined ? sampleMembers : readMembers(file);
  const timeout = args.duration("timeout") ?? defaultTimeout;
  if (timeout <= 0) throw new UsageError("-timeout must be above 0.");
  const name = args.text("node") ?? hostname();
  const self = { ...(sampleMembers[0] as Member), name, tags: parseTagPairs(args.texts("tag")) };
  return {
    script,
    told: toldOf(args.text("event") ?? "member-join", args.text("payload") ?? "", members),
    self,
    environment: env,
    rpcAddress: "127.0.0.1:7373",
    folders: [...new Set([process.cwd(), ...args.texts("watch-dir").map((dir) => resolve(dir))])],
    timeout,
    hostile: args.switched("hostile") ?? true,
  };
}

function toldOf(event: string, payload: string, members: readonly Member[]): SerfEvent | StateNews {
  const sorted = members.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  if (event === "state" || event === "state+json") {
    const alive = sorted.filter(({ status }) => status === "alive");
    return { kind: "state", members: alive, json: event === "state+json" };
  }
  const [, kind, name] = /^(user|query):(.+)$/s.exec(event) ?? [];
  const message = { ltime: 1, name: name ?? "", payload: Buffer.from(payload) };
  if (kind === "user") return { kind, coalesce: false, ...message };
  if (kind === "query") {
    return { kind, id: 1, deadline: Number.POSITIVE_INFINITY, from: "", ...message };
  }
  const member = memberKinds.find((one) => one === event);
  if (member === undefined) {
    throw new OperatorError(
      `-event: there is no ${event}; it is one of ${memberKinds.join(", ")}, state, state+json, user:NAME and query:NAME`,
    );
  }
  if (sorted.length === 0)
    throw new OperatorError(`-members: a ${event} is of one member at least`);
  return { kind: member, members: sorted };
}
