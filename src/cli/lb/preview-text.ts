import type { Preview } from "../../lb/load-balancer.js";
import type { Hold, Refusal } from "../../lb/model.js";
import { escapeControls, escapeWord } from "../output.js";

/** Whether a pass would write the file or do anything to the proxy. */
export function differs({ before, after, plan }: Preview): boolean {
  return before !== after || plan.steps.length > 0 || plan.reload !== undefined;
}

/** What a pass would do: to the file as a unified diff, to the proxy in words, and what it leaves. */
export async function previewText(preview: Preview): Promise<string> {
  const { balancer, desired, observation, plan } = preview;
  const lines = [
    ...(observation.trouble === undefined ? [] : [`proxy: ${observation.trouble}`]),
    ...plan.steps.map(({ words, urgent }) => `step: ${words}${urgent ? " (before the file)" : ""}`),
    ...(plan.reload === undefined ? [] : [`reload: ${plan.reload}`]),
    ...plan.waits.map((wait) => `waits: ${wait}`),
    ...desired.holds.map((hold) => `held: ${holdText(hold)}`),
    ...desired.refused.map((refusal) => `refused: ${refusalText(refusal)}`),
  ];
  const said = lines.map((line) => `${escapeWord(balancer)}: ${escapeControls(line)}\n`).join("");
  return `${await fileDifference(preview)}${said}`;
}

/** Empty if there is none. */
async function fileDifference({ file, before, after }: Preview): Promise<string> {
  if (before === after) return "";
  // Nobody else needs it.
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import("diff");
  const old = before === undefined ? "/dev/null" : file;
  return createTwoFilesPatch(old, file, before ?? "", after, "now", "wanted", {
    headerOptions: FILE_HEADERS_ONLY,
  });
}

export function holdText({ pool, kind, nodes, reason }: Omit<Hold, "until">): string {
  const whom = nodes.length === 0 ? "" : ` (${nodes.join(", ")})`;
  return `${pool}: ${kind}${whom}: ${reason}`;
}

export function refusalText({ pool, node, reason }: Refusal): string {
  return `${pool}: ${node}: ${reason}`;
}
