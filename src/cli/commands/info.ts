import type { Stats } from "../../rpc/api.js";
import type { Command } from "../command.js";
import {
  escapeControls,
  formatOption,
  outputFormat,
  sortedPairs,
  toJson,
  toObject,
} from "../output.js";
import { askAgent, rpcOptions } from "../rpc-options.js";

export const infoCommand: Command = {
  name: "info",
  usage: "[options]",
  about: "Prints what the agent says about itself: counters, clocks, queues, tags and handlers.",
  options: [formatOption, ...rpcOptions],
  run: async (args, terminal) => {
    const stats = await askAgent(args, terminal, "Error querying agent", (agent) => agent.stats());
    terminal.out(outputFormat(args) === "json" ? statsJson(stats) : statsText(stats));
    return 0;
  },
};

function statsText(stats: Stats): string {
  let text = "";
  for (const [section, pairs] of sortedPairs(stats)) {
    text += `${escapeControls(section)}:\n`;
    for (const [key, value] of sortedPairs(pairs)) {
      text += `\t${escapeControls(key)} = ${escapeControls(value)}\n`;
    }
  }
  return text;
}

function statsJson(stats: Stats): string {
  const sections = [...stats].map(([name, pairs]) => [name, toObject(pairs)] as const);
  return `${toJson(toObject(new Map(sections)))}\n`;
}
