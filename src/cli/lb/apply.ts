import { formatDuration } from "../../base/duration.js";
import { seconds } from "../../base/units.js";
import type { BalancerStatus } from "../../lb/status.js";
import type { Command } from "../command.js";
import { escapeControls, escapeWord } from "../output.js";
import { rpcOptions, withAgent } from "../rpc-options.js";
import { LineLog } from "./line-log.js";
import { openBalancer } from "./open.js";
import { lbConfig, lbOption, orTrouble } from "./options.js";
import { holdText, refusalText } from "./preview-text.js";
import { readView } from "./view.js";

const defaultLimit = seconds(30);

export const applyCommand: Command = {
  name: "lb apply",
  usage: "[options]",
  about:
    "Brings the proxies in step with the members that the agent knows, once, and says what was done. It is meant for event handlers: it gives heed to no event but reads all members, so that an event that was lost or came twice does no harm, and passes at the same time follow each other. The exit code is 0 if the proxies confirmed that they serve what they should.",
  options: [
    lbOption,
    {
      flag: "timeout",
      kind: "duration",
      placeholder: "DURATION",
      help: `How long it may take, with the waiting for other passes; ${formatDuration(defaultLimit)} by default.`,
    },
    { flag: "q", kind: "switch", help: "Say nothing unless something is wrong." },
    ...rpcOptions,
  ],
  epilogue: `Behind an agent of Serf's or ours:

  -event-handler 'member-join,member-leave,member-failed,member-update,member-reap=gossipd lb apply -q -lb /etc/gossipd/lb.json'`,
  run: async (args, terminal) =>
    await orTrouble(terminal, 1, async () => {
      const config = await lbConfig(args, terminal);
      const limit = args.duration("timeout") ?? defaultLimit;
      const end = performance.now() + limit;
      const isQuiet = args.switched("q") ?? false;
      const log = new LineLog("warn", (line) => terminal.err(line));
      const balancer = await openBalancer(config, log, "keep", limit);
      try {
        // Only now: while this one waited, another pass may have seen newer members.
        const view = await withAgent(args, terminal, readView);
        const { ok, balancers } = await balancer.once(view, Math.max(0, end - performance.now()));
        for (const status of balancers) {
          if (!status.ok) terminal.err(passText(status));
          else if (!isQuiet) terminal.out(passText(status));
        }
        return ok ? 0 : 1;
      } finally {
        await balancer.stop();
      }
    }),
};

/** What a pass came to: a line, and one for each thing that is not as the members would have it. */
function passText({
  name,
  condition,
  reason,
  last,
  version,
  waits,
  holds,
  refused,
}: BalancerStatus): string {
  const how =
    last === null
      ? condition
      : `${last.result}, ${wayText(last.way)}, ${formatDuration(last.tookMillis)}`;
  const lines = [
    `${how}, version ${version ?? "unknown"}`,
    ...(reason === null ? [] : [`failed: ${reason}`]),
    ...waits.map((wait) => `waits: ${wait}`),
    ...holds.map((hold) => `held: ${holdText(hold)}`),
    ...refused.map((refusal) => `refused: ${refusalText(refusal)}`),
  ];
  return lines.map((line) => `${escapeWord(name)}: ${escapeControls(line)}\n`).join("");
}

function wayText(way: "none" | "runtime" | "reload"): string {
  switch (way) {
    case "none":
      return "the proxy was left alone";
    case "runtime":
      return "by the runtime socket";
    case "reload":
      return "by a reload";
  }
}
