import { causalOrder, type Finding } from "../../examine/finding.js";
import { escapeControls, toJson } from "../output.js";

/** `unable`: no fault was found, but not all could be looked at. */
type Verdict = "well" | "faults" | "unable";

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** Checks that were cut off: nothing can be said of what they would have found. */
  readonly cutOff: readonly string[];
}

const exitCodes: Readonly<Record<Verdict, number>> = { well: 0, faults: 1, unable: 2 };

function verdictOf({ findings, cutOff }: Diagnosis): Verdict {
  if (findings.some(({ result }) => result === "fail")) return "faults";
  return cutOff.length > 0 ? "unable" : "well";
}

export function exitCodeOf(diagnosis: Diagnosis): number {
  return exitCodes[verdictOf(diagnosis)];
}

/** Faults first, from causes to what comes of them; then what may be one, what is well, what was left out. */
function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const results = ["fail", "warn", "ok", "skipped"];
  return findings.toSorted(
    (one, other) =>
      results.indexOf(one.result) - results.indexOf(other.result) ||
      causalOrder.indexOf(one.check) - causalOrder.indexOf(other.check),
  );
}

export function diagnosisJson(diagnosis: Diagnosis): string {
  const { cutOff, findings } = diagnosis;
  const verdict = verdictOf(diagnosis);
  return `${toJson({ verdict, cutOff, findings: inOrder(findings) })}\n`;
}

/** For people: what clients of the balancer see, then each fault with its cause and what to do about it. */
export function diagnosisText(diagnosis: Diagnosis, verbose: boolean): string {
  const findings = inOrder(diagnosis.findings);
  const of = (result: Finding["result"]): readonly Finding[] =>
    findings.filter((one) => one.result === result);
  const faults = of("fail");
  // A pool without servers is what is seen, not why: it has a place of its own, unless it is all there is.
  const roots = faults.filter(({ check }) => check !== "pool");
  const symptoms = roots.length === 0 ? [] : faults.filter(({ check }) => check === "pool");
  const causes = roots.length === 0 ? faults : roots;
  const lines: string[] = [];
  for (const { about, found } of symptoms) lines.push(`${about}: ${found}`);
  if (symptoms.length > 0) lines.push("");
  if (causes.length > 0) {
    const first = causes.length === 1 ? "" : ", the likeliest cause of the others first";
    lines.push(`${counted(causes.length, "fault")}${first}:`, "");
    for (const [index, finding] of causes.entries()) lines.push(...block(finding, index + 1), "");
  }
  const warnings = of("warn");
  if (warnings.length > 0) {
    lines.push("To be looked at:", "");
    for (const finding of warnings) lines.push(...block(finding, undefined), "");
  }
  for (const check of diagnosis.cutOff) lines.push(`Not finished in time: ${check}`);
  if (verbose) {
    for (const { about, found } of of("ok")) lines.push(`well     ${about}: ${found}`);
    for (const { about, found } of of("skipped")) lines.push(`skipped  ${about}: ${found}`);
  }
  lines.push(summary(diagnosis, of("ok").length, of("skipped").length, verbose));
  return `${lines.map(escapeControls).join("\n")}\n`;
}

function block({ about, found, cause, remedy }: Finding, number: number | undefined): string[] {
  const mark = number === undefined ? "-" : `${number}.`;
  const lead = " ".repeat(mark.length + 1);
  const lines = [`${mark} ${about}: ${found}`];
  if (cause !== null) lines.push(`${lead}cause:  ${cause}`);
  for (const [index, step] of remedy.entries()) {
    lines.push(`${lead}${index === 0 ? "remedy:" : "       "} ${step}`);
  }
  return lines;
}

function summary(diagnosis: Diagnosis, well: number, skipped: number, verbose: boolean): string {
  const verdict = verdictOf(diagnosis);
  const more = verbose || well + skipped === 0 ? "" : "; -verbose lists them";
  const rest = `${counted(well, "check")} well, ${skipped} skipped${more}.`;
  if (verdict === "well") return `No fault found: ${rest}`;
  return verdict === "unable" ? `Unable to tell: ${rest}` : rest;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
