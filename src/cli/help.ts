import { Command as HelpPage, Option } from "commander";
import type { Command, OptionSpec } from "./command.js";

const width = 80;

/**
 * What `-h` prints for `command`. Commander declares and lays out the page; it does not parse,
 * since it knows neither `-flag=value` nor switches that only take a value after `=`, and reads
 * `-abc` as three flags. So it is only loaded here, where nobody waits for it.
 */
export function commandHelp(program: string, command: Command): string {
  const page = new HelpPage(`${program} ${command.name}`)
    .usage(command.usage)
    .description(command.about)
    .helpOption(false)
    .configureHelp({ helpWidth: width, optionTerm });
  for (const option of command.options) page.addOption(declare(option));
  const text = page.helpInformation();
  return command.epilogue === undefined ? text : `${text}\n${command.epilogue.trimEnd()}\n`;
}

function declare(option: OptionSpec): Option {
  const value = option.kind === "switch" ? "" : ` <${option.placeholder ?? "VALUE"}>`;
  const repeat = option.repeatable === true ? " May be given several times." : "";
  return new Option(`--${option.flag}${value}`, option.help + repeat);
}

/** Serf's users type one dash. */
function optionTerm(option: Option): string {
  return option.flags.slice(1).replace(/[<>]/g, "");
}
