import { checkConfig } from "../../agent/config-check.js";
import { type ListedOption, listSettings } from "../../agent/config-listing.js";
import { describeSource, type Source } from "../../agent/sources.js";
import { suggest } from "../../base/suggest.js";
import { UsageError } from "../argv.js";
import type { Command, OptionSpec, Subcommand } from "../command.js";
import { escapeControls, formatOption, layOut, outputFormat, toJson } from "../output.js";
import { agentOptions, applicationOptions, givenToAgent } from "./agent.js";

/** Those of `run`, too. */
const allOptions: readonly OptionSpec[] = [...agentOptions, ...applicationOptions];

const about =
  "Takes the flags of the agent and of run, reads the same files and environment variables, and starts nothing.";

const checkCommand: Command = {
  name: "config check",
  usage: "[agent options]",
  about:
    `Says whether an agent would start with this configuration. ${about} All that is wrong is ` +
    "listed, a line each, with the file, variable or flag that it came from. The exit code is 1 then.",
  options: allOptions,
  run: async (args, terminal) => {
    const { config, faults } = await checkConfig(givenToAgent(args, terminal));
    for (const line of [...config.warnings, ...faults]) terminal.out(`${escapeControls(line)}\n`);
    if (faults.length === 0) terminal.out("The configuration is valid.\n");
    return faults.length === 0 ? 0 : 1;
  },
};

const showCommand: Command = {
  name: "config show",
  usage: "[agent options] [-format=FORMAT]",
  about:
    `Prints each value that an agent would have and where it comes from: a default, a file, an ` +
    `environment variable or a flag. ${about} Of a list every item has a line, of the tags every key. ` +
    "Secrets are not shown. What is wrong is left out and listed on stderr as by check.",
  options: [...allOptions, formatOption],
  run: async (args, terminal) => {
    const format = outputFormat(args);
    const { config, faults } = await checkConfig(givenToAgent(args, terminal));
    for (const line of [...config.warnings, ...faults]) terminal.err(`${escapeControls(line)}\n`);
    const listed = listSettings(config);
    if (format === "json") terminal.out(`${toJson(Object.fromEntries(listed.map(asJson)))}\n`);
    else terminal.out(`${layOut(listed.flatMap(rowsOf))}\n`);
    return faults.length === 0 ? 0 : 1;
  },
};

const subcommands: readonly Subcommand[] = [
  { name: "check", summary: "Say what is wrong with a configuration", command: checkCommand },
  { name: "show", summary: "Print each value and where it came from", command: showCommand },
];

export const configCommand: Command = {
  name: "config",
  usage: "check|show [agent options]",
  about: `Checks or shows the configuration of an agent. ${about}`,
  options: [],
  subcommands,
  epilogue: `Commands:

${subcommands.map(({ name, summary }) => `  ${name.padEnd(6)} ${summary}`).join("\n")}`,
  run: async ({ positionals: [given] }) => {
    if (given === undefined) throw new UsageError("Say check or show.");
    const near = suggest(
      given,
      subcommands.map(({ name }) => name),
    );
    const hint = near === undefined ? "" : `, did you mean ${near}?`;
    throw new UsageError(`There is no config ${given}${hint}`);
  },
};

/** One line; of a list one for each item, of tags one for each key. */
function rowsOf({ name, origin, value }: ListedOption): string[][] {
  if (Array.isArray(value)) {
    const sources = origin as readonly Source[];
    if (value.length === 0) return [[name, "[]", "default"]];
    return value.map((item, index) => row(name, item, sources[index]));
  }
  if (origin instanceof Map) {
    const tags = Object.entries(value as Record<string, string>);
    if (tags.length === 0) return [[name, "{}", "default"]];
    return tags.map(([key, text]) => row(`${name}.${key}`, text, origin.get(key)));
  }
  return [row(name, value, origin as Source)];
}

function row(name: string, value: unknown, source: Source | undefined): string[] {
  const from = source === undefined ? "default" : describeSource(source);
  return [name, JSON.stringify(value), from].map(escapeControls);
}

/** A single value has a `source`, a list or the tags have `sources` of the same shape. */
function asJson({ name, origin, value }: ListedOption): [string, object] {
  if (Array.isArray(origin)) return [name, { value, sources: origin }];
  if (origin instanceof Map) return [name, { value, sources: Object.fromEntries(origin) }];
  return [name, { value, source: origin }];
}
