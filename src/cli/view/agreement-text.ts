import type { ViewDifference } from "../../observe/view/view-difference.js";
import { escapeControls, escapeWord, layOut, toJson } from "../output.js";
import type { Agreement, OtherView } from "./agreement.js";

/** Differences that are shown of one view; JSON has all. */
const maxShown = 20;

export function agreementJson(agreement: Agreement): string {
  return `${toJson(agreement)}\n`;
}

/** Who sees the same, who does not and in what, and who was not heard. */
export function agreementText(agreement: Agreement): string {
  const { agree, digest, members, node, others, same, silent } = agreement;
  const answered = same.length + others.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const known = `${escapeWord(node)} knows ${counted(members, "member")}, view ${digest}`;
  const verdict = agree ? "agree" : "do not agree";
  const most = isMost(agreement) ? "" : `; most see it otherwise than ${escapeWord(node)}`;
  return [
    `${known}\n${answered} of ${answered + silent.length} answered and ${verdict}${agree ? "" : most}\n`,
    `same here:  ${namesOf(same)}\n`,
    ...others.map(otherText),
    silent.length === 0
      ? ""
      : `no answer:  ${namesOf(silent)} (agents of Serf never answer this)\n`,
  ].join("");
}

/** Whether no larger group sees something else than the agent that was asked. */
function isMost({ others, same }: Agreement): boolean {
  return others.every(({ nodes }) => nodes.length <= same.length);
}

function otherText({ nodes, differences, partial }: OtherView): string {
  const names = namesOf(nodes);
  if (differences === undefined) return `differs:    ${names}, in what was not found out\n`;
  if (differences.length === 0 && !partial)
    return `changing:   ${names}, what differed is the same by now\n`;
  const label =
    !partial && differences.every(({ remembered }) => remembered) ? "remembers:" : "differs:  ";
  const rows = differences
    .slice(0, maxShown)
    .map((one) => ["", escapeWord(one.member), escapeControls(wordsOf(one))]);
  const more = differences.length - rows.length;
  const least = partial ? "at least " : "";
  const rest = more > 0 || partial ? `  and ${least}${counted(more, "difference")} more\n` : "";
  return `${label}  ${names}\n${layOut(rows)}\n${rest}`;
}

function wordsOf({ what, here, there }: ViewDifference): string {
  if (what === "status") return `${there ?? "unknown"} there, ${here ?? "unknown"} here`;
  if (here === null || there === null) return `${what} differ`;
  return `${what} ${there || "none"} there, ${here || "none"} here`;
}

function namesOf(names: readonly string[]): string {
  return names.map(escapeWord).join(", ");
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
