import { OperatorError } from "../../base/errors.js";
import { UsageError } from "../argv.js";
import type { Command, Entry } from "../command.js";
import { bashScript } from "../completion/bash.js";
import { fishScript } from "../completion/fish.js";
import { type Outline, outlineOf } from "../completion/outline.js";
import { zshScript } from "../completion/zsh.js";

const scripts: Readonly<Record<string, (outline: Outline) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};
const shells = Object.keys(scripts);

const epilogue = `To enable it, once for the shell at hand or for every new one:

  bash   source <(gossipd completion bash)
         (in ~/.bashrc; or, with the package bash-completion, put the script
         into ~/.local/share/bash-completion/completions/gossipd)
  zsh    source <(gossipd completion zsh)
         gossipd completion zsh > "\${fpath[1]}/_gossipd"
         (both after compinit, which ~/.zshrc has to run)
  fish   gossipd completion fish | source
         gossipd completion fish > ~/.config/fish/completions/gossipd.fish`;

/** Of all the commands that are given, this one included. */
export function completionCommand(entries: readonly Entry[]): Command {
  return {
    name: "completion",
    usage: "bash|zsh|fish",
    about:
      "Prints a script that makes a shell complete commands, flags, the values of some flags, files, " +
      "and the names of members where one is expected.",
    options: [],
    positionals: shells,
    epilogue,
    run: async ({ positionals: [shell] }, terminal) => {
      if (shell === undefined) throw new UsageError("Say bash, zsh or fish.");
      const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
      if (script === undefined)
        throw new OperatorError(
          `There is no completion for ${JSON.stringify(shell)}, but for bash, zsh and fish.`,
        );
      terminal.out(script(await outlineOf(terminal.program, entries)));
      return 0;
    },
  };
}
